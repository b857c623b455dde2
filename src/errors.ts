/**
 * Every error class of the module. Each says in one sentence what was refused and why, and carries the
 * numbers of that sentence as properties.
 *
 * @module
 */

/** The numbers behind a {@linkcode StaleHandleError}. */
export interface StaleHandleDetails {
  /** Name of the pool that refused the handle. */
  readonly pool: string;
  /** The handle as it was passed in. */
  readonly handle: number;
  /** Chunk index that the handle names; -1 when the value is no handle at all. */
  readonly index: number;
  /** Generation that the handle names; -1 when the value is no handle at all. */
  readonly generation: number;
  /** Generation that the chunk is at now; -1 when the pool has no such chunk. */
  readonly chunkGeneration: number;
}

/**
 * A struct definition was refused: an unknown type, an empty schema, a bad array length, a bad field name.
 *
 * @example Usage
 * ```ts
 * import { SchemaError, struct } from "@slabs/pool";
 * import { assertThrows } from "@std/assert";
 *
 * // deno-lint-ignore no-explicit-any
 * assertThrows(() => struct({ hp: "u17" as any }), SchemaError, 'field "hp" has unknown type "u17"');
 * ```
 */
export class SchemaError extends TypeError {
  /** `"SchemaError"`, also in minified code. */
  override readonly name = "SchemaError";
  /** Name of the struct, `""` when it has none. */
  readonly struct: string;
  /** The field at fault, `""` when it is the struct as a whole. */
  readonly field: string;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What was refused and why.
   * @param struct Name of the struct, `""` when it has none.
   * @param field The field at fault, `""` when it is the struct as a whole.
   */
  constructor(message: string, struct: string, field: string) {
    super(message);
    this.struct = struct;
    this.field = field;
  }
}

/**
 * A pool cannot grow any further: every chunk up to `maxChunks` is live (or, with wide handles, retired).
 *
 * Free records, or create the pool with a larger `maxChunks`. `tryAlloc` gives `undefined` instead.
 */
export class PoolExhaustedError extends RangeError {
  /** `"PoolExhaustedError"`, also in minified code. */
  override readonly name = "PoolExhaustedError";
  /** Name of the pool. */
  readonly pool: string;
  /** Records that are live. */
  readonly size: number;
  /** Chunks that the pool may have at the most. */
  readonly maxChunks: number;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What was refused and why.
   * @param pool Name of the pool.
   * @param size Records that are live.
   * @param maxChunks Chunks that the pool may have at the most.
   */
  constructor(message: string, pool: string, size: number, maxChunks: number) {
    super(message);
    this.pool = pool;
    this.size = size;
    this.maxChunks = maxChunks;
  }
}

/**
 * A handle names no live record: it was freed, is null, is forged, or belongs to another pool.
 *
 * The call that threw changed nothing. `has`, `tryGet` and `tryFree` ask without throwing.
 */
export class StaleHandleError extends Error implements StaleHandleDetails {
  /** `"StaleHandleError"`, also in minified code. */
  override readonly name = "StaleHandleError";
  /** Name of the pool that refused the handle. */
  readonly pool: string;
  /** The handle as it was passed in. */
  readonly handle: number;
  /** Chunk index that the handle names; -1 when the value is no handle at all. */
  readonly index: number;
  /** Generation that the handle names; -1 when the value is no handle at all. */
  readonly generation: number;
  /** Generation that the chunk is at now; -1 when the pool has no such chunk. */
  readonly chunkGeneration: number;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What was refused and why.
   * @param details The numbers behind it.
   */
  constructor(message: string, details: StaleHandleDetails) {
    super(message);
    this.pool = details.pool;
    this.handle = details.handle;
    this.index = details.index;
    this.generation = details.generation;
    this.chunkGeneration = details.chunkGeneration;
  }
}

/**
 * A record was asked for as a struct that it is not, or a struct was stored that is not among a pool's `types`.
 *
 * The call that threw changed nothing.
 */
export class TypeMismatchError extends TypeError {
  /** `"TypeMismatchError"`, also in minified code. */
  override readonly name = "TypeMismatchError";
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the struct that was asked for, `""` when it has none. */
  readonly struct: string;
  /** Name of the struct that the record is of, `""` when it has none or when there is no record. */
  readonly actual: string;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What was refused and why.
   * @param pool Name of the pool.
   * @param struct Name of the struct that was asked for.
   * @param actual Name of the struct that the record is of.
   */
  constructor(message: string, pool: string, struct: string, actual: string) {
    super(message);
    this.pool = pool;
    this.struct = struct;
    this.actual = actual;
  }
}

/** Memory for a block was asked for and not given. The pool that asked is as it was, and still usable. */
export class OutOfMemoryError extends RangeError {
  /** `"OutOfMemoryError"`, also in minified code. */
  override readonly name = "OutOfMemoryError";
  /** Bytes that were asked for. */
  readonly byteLength: number;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What was refused and why.
   * @param byteLength Bytes that were asked for.
   * @param options The engine's own error as `cause`.
   */
  constructor(message: string, byteLength: number, options?: ErrorOptions) {
    super(message, options);
    this.byteLength = byteLength;
  }
}

/**
 * An address is not one that the allocator gave out and has not taken back, or a region is not one that a memory
 * resource has lent. The call that threw changed nothing.
 */
export class InvalidAddressError extends RangeError {
  /** `"InvalidAddressError"`, also in minified code. */
  override readonly name = "InvalidAddressError";
  /** Name of the allocator or resource. */
  readonly pool: string;
  /** The address as it was passed in; of a region its byte offset. */
  readonly address: number;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What was refused and why.
   * @param pool Name of the allocator or resource.
   * @param address The address as it was passed in; of a region its byte offset.
   */
  constructor(message: string, pool: string, address: number) {
    super(message);
    this.pool = pool;
    this.address = address;
  }
}

/**
 * A stack was asked to free an allocation that is not its newest. The call that threw changed nothing.
 *
 * Free in the reverse order of `alloc`; what goes in any order belongs in a `FreeListAllocator`.
 */
export class LifoOrderError extends Error {
  /** `"LifoOrderError"`, also in minified code. */
  override readonly name = "LifoOrderError";
  /** Name of the allocator. */
  readonly pool: string;
  /** Address that was to be freed. */
  readonly address: number;
  /** Address of the newest allocation, the only one that can be freed. */
  readonly newest: number;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What was refused and why.
   * @param pool Name of the allocator.
   * @param address Address that was to be freed.
   * @param newest Address of the newest allocation.
   */
  constructor(message: string, pool: string, address: number, newest: number) {
    super(message);
    this.pool = pool;
    this.address = address;
    this.newest = newest;
  }
}

/** A pool was used after its `dispose()`. */
export class DisposedError extends Error {
  /** `"DisposedError"`, also in minified code. */
  override readonly name = "DisposedError";
  /** Name of the pool. */
  readonly pool: string;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What was refused and why.
   * @param pool Name of the pool.
   */
  constructor(message: string, pool: string) {
    super(message);
    this.pool = pool;
  }
}

/** A record or an allocation that was still there when its pool or allocator was disposed of, in debug mode. */
export interface Leak {
  /** Its handle or address. */
  readonly handle: number;
  /** Where it was allocated: the frames of the stack, one a line, those of this module left out. */
  readonly stack: string;
}

/**
 * A pool or allocator in debug mode was disposed of while something in it was live. The memory was given back all the same.
 */
export class LeakError extends Error {
  /** `"LeakError"`, also in minified code. */
  override readonly name = "LeakError";
  /** Name of the pool or allocator. */
  readonly pool: string;
  /** Everything that was live; the message shows the first few. */
  readonly leaks: readonly Leak[];

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What was found.
   * @param pool Name of the pool or allocator.
   * @param leaks Everything that was live.
   */
  constructor(message: string, pool: string, leaks: readonly Leak[]) {
    super(message);
    this.pool = pool;
    this.leaks = leaks;
  }
}

/**
 * Bytes are no snapshot that a pool or arena can go back to: they are cut, changed, of another layout, or something else.
 *
 * The call that threw changed nothing.
 */
export class SnapshotError extends Error {
  /** `"SnapshotError"`, also in minified code. */
  override readonly name = "SnapshotError";
  /** Name of the pool or arena. */
  readonly pool: string;
  /** Where in the bytes it shows. */
  readonly byteOffset: number;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message What is wrong, and the numbers.
   * @param pool Name of the pool or arena.
   * @param byteOffset Where in the bytes it shows.
   */
  constructor(message: string, pool: string, byteOffset: number) {
    super(message);
    this.pool = pool;
    this.byteOffset = byteOffset;
  }
}

/**
 * The books of a pool do not balance. Thrown by `validate` alone; it means a fault in this module, or memory
 * of a block overwritten from outside (a freed chunk holds a link of the free list in its first bytes).
 */
export class InvariantError extends Error {
  /** `"InvariantError"`, also in minified code. */
  override readonly name = "InvariantError";
  /** Name of the pool. */
  readonly pool: string;
  /** Index of the block where it shows, -1 when it is the pool as a whole. */
  readonly block: number;

  /**
   * Creates the error; this module alone does so.
   *
   * @param message Which invariant is broken, and the numbers.
   * @param pool Name of the pool.
   * @param block Index of the block where it shows, -1 when it is the pool as a whole.
   */
  constructor(message: string, pool: string, block: number) {
    super(message);
    this.pool = pool;
    this.block = block;
  }
}
