/**
 * Every error class of the module. A message is one sentence that says what cannot be done and why;
 * the properties carry its numbers. Only this module creates these errors.
 *
 * @module
 */

/**
 * The numbers behind a {@linkcode StaleHandleError}.
 *
 * @category Errors
 */
export interface StaleHandleDetails {
  /** Name of the pool that was called. */
  readonly pool: string;
  /** The handle as it was passed in. */
  readonly handle: number;
  /** Chunk index in the handle; -1 when the value is not a handle. */
  readonly index: number;
  /** Generation in the handle; -1 when the value is not a handle. */
  readonly generation: number;
  /** Generation of the chunk now; -1 when the pool has no such chunk. */
  readonly chunkGeneration: number;
}

/**
 * A struct is not valid, or it does not fit the pool, the token or the language it is used for.
 *
 * @category Errors
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
  /** Name of the wrong field, `""` when the whole struct is wrong. */
  readonly field: string;

  /**
   * Creates the error.
   *
   * @param message What cannot be done and why.
   * @param struct Name of the struct, `""` when it has none.
   * @param field Name of the wrong field, `""` when the whole struct is wrong.
   */
  constructor(message: string, struct: string, field: string) {
    super(message);
    this.struct = struct;
    this.field = field;
  }
}

/**
 * A pool cannot grow: every chunk up to `maxChunks` is live or, with wide handles, retired.
 *
 * Free records, or create the pool with a larger `maxChunks`. `tryAlloc` returns `undefined`
 * instead.
 *
 * @category Errors
 */
export class PoolExhaustedError extends RangeError {
  /** `"PoolExhaustedError"`, also in minified code. */
  override readonly name = "PoolExhaustedError";
  /** Name of the pool. */
  readonly pool: string;
  /** Number of live records. */
  readonly size: number;
  /** Largest number of chunks that the pool may have. */
  readonly maxChunks: number;

  /**
   * Creates the error.
   *
   * @param message What cannot be done and why.
   * @param pool Name of the pool.
   * @param size Number of live records.
   * @param maxChunks Largest number of chunks that the pool may have.
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
 * The call that threw changed nothing. `has`, `tryGet` and `tryFree` do not throw.
 *
 * @category Errors
 */
export class StaleHandleError extends Error implements StaleHandleDetails {
  /** `"StaleHandleError"`, also in minified code. */
  override readonly name = "StaleHandleError";
  /** Name of the pool that was called. */
  readonly pool: string;
  /** The handle as it was passed in. */
  readonly handle: number;
  /** Chunk index in the handle; -1 when the value is not a handle. */
  readonly index: number;
  /** Generation in the handle; -1 when the value is not a handle. */
  readonly generation: number;
  /** Generation of the chunk now; -1 when the pool has no such chunk. */
  readonly chunkGeneration: number;

  /**
   * Creates the error.
   *
   * @param message What cannot be done and why.
   * @param details The properties.
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
 * A record has another struct than the one given, or a struct is not among a pool's `types`.
 *
 * The call that threw changed nothing.
 *
 * @category Errors
 */
export class TypeMismatchError extends TypeError {
  /** `"TypeMismatchError"`, also in minified code. */
  override readonly name = "TypeMismatchError";
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the struct that was given, `""` when it has none. */
  readonly struct: string;
  /** Name of the record's struct, `""` when it has none or there is no record. */
  readonly actual: string;

  /**
   * Creates the error.
   *
   * @param message What cannot be done and why.
   * @param pool Name of the pool.
   * @param struct Name of the struct that was given.
   * @param actual Name of the record's struct.
   */
  constructor(message: string, pool: string, struct: string, actual: string) {
    super(message);
    this.pool = pool;
    this.struct = struct;
    this.actual = actual;
  }
}

/**
 * There is no memory for a block or an allocation. The pool or allocator is unchanged and can still
 * be used.
 *
 * @category Errors
 */
export class OutOfMemoryError extends RangeError {
  /** `"OutOfMemoryError"`, also in minified code. */
  override readonly name = "OutOfMemoryError";
  /** Number of bytes requested. */
  readonly byteLength: number;

  /**
   * Creates the error.
   *
   * @param message What cannot be done and why.
   * @param byteLength Number of bytes requested.
   * @param options `cause`: the engine's own error.
   */
  constructor(message: string, byteLength: number, options?: ErrorOptions) {
    super(message, options);
    this.byteLength = byteLength;
  }
}

/**
 * An address is misaligned or not allocated in this allocator, or a region is not allocated in this
 * memory resource.
 *
 * The call that threw changed nothing.
 *
 * @category Errors
 */
export class InvalidAddressError extends RangeError {
  /** `"InvalidAddressError"`, also in minified code. */
  override readonly name = "InvalidAddressError";
  /** Name of the allocator or resource. */
  readonly pool: string;
  /** The address as it was passed in; for a region, its byte offset. */
  readonly address: number;

  /**
   * Creates the error.
   *
   * @param message What cannot be done and why.
   * @param pool Name of the allocator or resource.
   * @param address The address as it was passed in; for a region, its byte offset.
   */
  constructor(message: string, pool: string, address: number) {
    super(message);
    this.pool = pool;
    this.address = address;
  }
}

/**
 * A stack can free only its newest allocation. The call that threw changed nothing.
 *
 * Free in the reverse order of `alloc`, or use a `FreeListAllocator`, which frees in any order.
 *
 * @category Errors
 */
export class LifoOrderError extends Error {
  /** `"LifoOrderError"`, also in minified code. */
  override readonly name = "LifoOrderError";
  /** Name of the allocator. */
  readonly pool: string;
  /** The address as it was passed in. */
  readonly address: number;
  /** Address of the newest allocation. */
  readonly newest: number;

  /**
   * Creates the error.
   *
   * @param message What cannot be done and why.
   * @param pool Name of the allocator.
   * @param address The address as it was passed in.
   * @param newest Address of the newest allocation.
   */
  constructor(message: string, pool: string, address: number, newest: number) {
    super(message);
    this.pool = pool;
    this.address = address;
    this.newest = newest;
  }
}

/**
 * A pool was used after its `dispose()`.
 *
 * @category Errors
 */
export class DisposedError extends Error {
  /** `"DisposedError"`, also in minified code. */
  override readonly name = "DisposedError";
  /** Name of the pool. */
  readonly pool: string;

  /**
   * Creates the error.
   *
   * @param message What cannot be done and why.
   * @param pool Name of the pool.
   */
  constructor(message: string, pool: string) {
    super(message);
    this.pool = pool;
  }
}

/**
 * A record or an allocation that was still live when its pool or allocator was disposed of.
 *
 * @category Errors
 */
export interface Leak {
  /** Its handle or address. */
  readonly handle: number;
  /** Where it was allocated: one stack frame a line, without the frames of this module. */
  readonly stack: string;
}

/**
 * A pool or allocator in debug mode was disposed of while something in it was live. Its memory was
 * given back nevertheless.
 *
 * @category Errors
 */
export class LeakError extends Error {
  /** `"LeakError"`, also in minified code. */
  override readonly name = "LeakError";
  /** Name of the pool or allocator. */
  readonly pool: string;
  /** Everything that was live; the message shows the first few. */
  readonly leaks: readonly Leak[];

  /**
   * Creates the error.
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
 * Bytes cannot be restored or loaded: they are truncated, changed, of another layout, or no
 * snapshot.
 *
 * The call that threw changed nothing.
 *
 * @category Errors
 */
export class SnapshotError extends Error {
  /** `"SnapshotError"`, also in minified code. */
  override readonly name = "SnapshotError";
  /** Name of the pool or arena. */
  readonly pool: string;
  /** Offset in the bytes at which the fault was found. */
  readonly byteOffset: number;

  /**
   * Creates the error.
   *
   * @param message What is wrong, and the numbers.
   * @param pool Name of the pool or arena.
   * @param byteOffset Offset in the bytes at which the fault was found.
   */
  constructor(message: string, pool: string, byteOffset: number) {
    super(message);
    this.pool = pool;
    this.byteOffset = byteOffset;
  }
}

/**
 * The metadata of a pool is inconsistent. Only `validate` throws it. The cause is a fault in this
 * module, or a write from outside to the memory of a block: a freed chunk holds a link of the free
 * list in its first bytes.
 *
 * @category Errors
 */
export class InvariantError extends Error {
  /** `"InvariantError"`, also in minified code. */
  override readonly name = "InvariantError";
  /** Name of the pool. */
  readonly pool: string;
  /** Index of the wrong block, -1 when the whole pool is wrong. */
  readonly block: number;

  /**
   * Creates the error.
   *
   * @param message Which invariant is broken, and the numbers.
   * @param pool Name of the pool.
   * @param block Index of the wrong block, -1 when the whole pool is wrong.
   */
  constructor(message: string, pool: string, block: number) {
    super(message);
    this.pool = pool;
    this.block = block;
  }
}
