/**
 * `ByteAllocator`: the one face of the allocators that give out bytes by address.
 *
 * @module
 */
import { type AddressSpace, Extent, NOWHERE } from "./address_space.ts";
import { checkAlign, checkCount } from "./checks.ts";
import {
  keepOrigin,
  noteOwn,
  RUNS_NO_USER_CODE,
  traceCalls,
  type TracedCalls,
} from "../slab/call_stack.ts";
import { compilerForStruct } from "../slab/own_code.ts";
import { detachedError } from "../slab/slab_errors.ts";
import type { Target } from "../struct/record.ts";
import type { Bound } from "../struct/scalars.ts";
import { byteSummary, showAs, showValue } from "../messages/show.ts";
import { type RecordView, rootOf, type StructCode, structCode, type View } from "../struct/view.ts";
import { DisposedError, InvalidAddressError } from "../errors.ts";
import type { MemoryResource } from "../memory/resource.ts";
import {
  type AnyStruct,
  elementBytes,
  type Init,
  type ScalarType,
  Struct,
} from "../struct/schema.ts";

/** Options of every byte allocator; each may be left out. */
export interface ByteAllocatorOptions {
  /** Shown in errors. @default {"arena", "stack" or "heap"} */
  readonly name?: string;
  /** Where the memory comes from. @default {heapMemory} */
  readonly memory?: MemoryResource;
  /**
   * Whether views throw when they are used past what they look at, `dispose` throws where something is live (but of an arena,
   * whose allocations are not counted), and what was freed is overwritten with `0xDD`. An arena does not do that: what it
   * takes back it fills with zeros, as it must be when it is given out again. The addresses of debug allocators are
   * told apart, up to 32 of them. It takes 4 bytes more for each byte, and time at each access. @default {false}
   */
  readonly debug?: boolean;
}

/** The figures that every byte allocator has. */
export interface ByteAllocatorStats {
  /** Bytes taken from the memory resource. */
  byteLength: number;
  /** Bytes of them that are given out. */
  usedBytes: number;
}

/** The typed array for each scalar type; a `bool` is a byte, a `ref` 4 of them. */
export interface ScalarArrays {
  /** Signed bytes. */
  i8: Int8Array;
  /** Bytes. */
  u8: Uint8Array;
  /** Bytes, 0 for `false`. */
  bool: Uint8Array;
  /** Signed integers of 2 bytes. */
  i16: Int16Array;
  /** Integers of 2 bytes. */
  u16: Uint16Array;
  /** Floats of 2 bytes. */
  f16: Float16Array;
  /** Signed integers of 4 bytes. */
  i32: Int32Array;
  /** Integers of 4 bytes. */
  u32: Uint32Array;
  /** Handles, in 4 bytes each. */
  ref: Uint32Array;
  /** Floats of 4 bytes. */
  f32: Float32Array;
  /** Floats of 8 bytes. */
  f64: Float64Array;
  /** Signed integers of 8 bytes. */
  i64: BigInt64Array;
  /** Integers of 8 bytes. */
  u64: BigUint64Array;
}

type ArrayClass = new (
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
) => ArrayBufferView;

const ARRAY_CLASSES: Readonly<Record<ScalarType, ArrayClass | undefined>> = {
  i8: Int8Array,
  u8: Uint8Array,
  bool: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  f16: "Float16Array" in globalThis ? Float16Array : undefined,
  i32: Int32Array,
  u32: Uint32Array,
  ref: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
};

/**
 * What `Arena`, `StackAllocator` and `FreeListAllocator` have in common: bytes by address, with records and typed
 * arrays laid over them.
 *
 * An address is a positive integer below 2^32, and 0 is null. An alignment is a power of two up to 4096, and holds of
 * the address as of the offset in the buffer, and so of a pointer in a wasm module too. New memory is zeroed. A call
 * that throws changed nothing.
 *
 * Which one: an {@linkcode Arena} where everything goes at once, a {@linkcode StackAllocator} where the last comes
 * first to go and the size is bounded, a {@linkcode FreeListAllocator} where anything goes at any time; and a `Pool`, which
 * beats that one in every respect, where all records are of one struct.
 *
 * @example Usage
 * ```ts
 * import { Arena, type ByteAllocator, FreeListAllocator, StackAllocator } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * function sumOfSquares(memory: ByteAllocator, n: number): number {
 *   const squares = memory.allocArray("f64", n);
 *   for (let i = 0; i < n; i++) squares[i] = i * i;
 *   return squares.reduce((sum, it) => sum + it);
 * }
 *
 * for (const memory of [new Arena(), new StackAllocator(), new FreeListAllocator()]) {
 *   assertEquals(sumOfSquares(memory, 10), 285);
 *   memory.dispose();
 * }
 * ```
 */
export abstract class ByteAllocator implements Disposable {
  /** Shown in errors. */
  readonly name: string;
  /**
   * Where its addresses lead.
   *
   * @internal
   */
  protected readonly _space: AddressSpace;
  /**
   * Whether it was disposed of.
   *
   * @internal
   */
  protected _isDisposed = false;

  /**
   * Takes the common parts; the allocators of this module do so.
   *
   * @param name Shown in errors.
   * @param space Where addresses lead.
   */
  protected constructor(name: string, space: AddressSpace) {
    this.name = name;
    this._space = space;
  }

  // -- allocating --

  /**
   * Allocates bytes, zeroed.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that the address is a multiple of, 8 unless told.
   * @returns Their address.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when there is no room.
   * @throws {DisposedError} after `dispose`.
   */
  abstract alloc(byteLength: number, align?: number): number;

  /**
   * Allocates a record, zeroed, and writes its fields, in the time of {@linkcode alloc}.
   *
   * @typeParam S Struct type, inferred.
   * @param struct What the record is.
   * @param init Fields to set; those left out stay zero.
   * @returns Its address.
   * @throws {TypeError} when `struct` is no struct, or `init` names an unknown field or a value does not fit its type.
   * @throws {OutOfMemoryError} when there is no room.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Arena, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Vec2 = struct({ x: "f32", y: "f32" });
   * using arena = new Arena();
   * const a = arena.allocRecord(Vec2, { x: 3 });
   * assertEquals(arena.view(a, Vec2).toJSON(), { x: 3, y: 0 });
   * ```
   */
  allocRecord<S extends AnyStruct>(struct: S, init?: Init<S>): number {
    this._checkStruct("allocRecord", struct);
    if (init === undefined) return this.alloc(struct.size, struct.align);
    return this._allocWith(struct, init);
  }

  /**
   * Allocates a record, zeroed, and moves a view to it: for the loops that make thousands. Nothing is allocated on the
   * JavaScript heap, and no field is looked up by name.
   *
   * @param cursor A view of a record: what {@linkcode cursor} gave.
   * @returns Address of the new record.
   * @throws {TypeError} when it is no such view.
   * @throws {OutOfMemoryError} when there is no room; the view stays where it is.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Arena, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Node = struct({ value: "u32", next: "u32" });
   * using arena = new Arena();
   * const node = arena.cursor(Node);
   * let head = 0;
   * for (let value = 0; value < 10; value++) {
   *   const address = arena.allocAt(node);
   *   node.value = value;
   *   node.next = head;
   *   head = address;
   * }
   * assertEquals(arena.seek(node, arena.seek(node, head).next).value, 8);
   * ```
   */
  allocAt(cursor: object): number {
    const view = this._checkCursor("allocAt", cursor);
    const { size, align } = view._s!; // as _checkCursor has seen
    const address = this.alloc(size, align);
    const extent = this._space.find(address);
    extent.bind(view, address - extent.base);
    return address;
  }

  /**
   * Allocates a typed array in the allocator's own memory, zeroed.
   *
   * @typeParam T Scalar type, inferred.
   * @param type What its elements are.
   * @param length How many, a positive integer.
   * @returns The array; {@linkcode addressOf} tells its address.
   * @throws {RangeError} when `length` is no positive integer.
   * @throws {TypeError} when `type` is no scalar type of this engine.
   * @throws {OutOfMemoryError} when there is no room.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Arena } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using arena = new Arena();
   * const weights = arena.allocArray("f32", 256);
   * weights.fill(0.5);
   * assertEquals(weights.reduce((sum, it) => sum + it), 128);
   * ```
   */
  allocArray<T extends ScalarType>(type: T, length: number): ScalarArrays[T] {
    this._checkArray("allocArray", type, length);
    const bytes = elementBytes(type);
    return this._arrayAt(this.alloc(bytes * length, bytes), type, length);
  }

  // -- looking at memory --

  /**
   * Views a record, in O(1). The view is its own object, safe to keep beside others.
   *
   * @typeParam S Struct type, inferred.
   * @param address Address that holds such a record.
   * @param struct What the record is.
   * @returns A view of it.
   * @throws {InvalidAddressError} when the address does not hold so many bytes, or is not aligned for them.
   * @throws {TypeError} when `struct` is no struct.
   * @throws {DisposedError} after `dispose`.
   */
  view<S extends AnyStruct>(address: number, struct: S): View<S> {
    this._checkStruct("view", struct);
    this._checkAttached("view");
    const extent = this._check("view", address, struct.size, struct.align);
    return asView<S>(
      new (codeOf(struct, this._space.isDebug).View)(extent, address - extent.base),
    );
  }

  /**
   * Makes a view that {@linkcode seek} and {@linkcode allocAt} move from record to record.
   *
   * @typeParam S Struct type, inferred.
   * @param struct What the records are.
   * @returns A view that stands nowhere yet: its fields read as nothing.
   * @throws {TypeError} when `struct` is no struct.
   * @throws {DisposedError} after `dispose`.
   */
  cursor<S extends AnyStruct>(struct: S): View<S> {
    this._checkAlive();
    this._checkStruct("make a cursor", struct);
    return asView<S>(new (codeOf(struct, this._space.isDebug).View)(NOWHERE, 0));
  }

  /**
   * Moves a view to a record, in O(1), allocating nothing.
   *
   * @typeParam V Type of the view, inferred.
   * @param cursor A view of a record.
   * @param address Address that holds a record of that view's struct.
   * @returns The view.
   * @throws {InvalidAddressError} when the address does not hold so many bytes, or is not aligned for them; the view
   * stays where it is.
   * @throws {TypeError} when it is no view of a record.
   * @throws {DisposedError} after `dispose`.
   */
  seek<V extends object>(cursor: V, address: number): V {
    const view = this._checkCursor("seek", cursor);
    this._checkAttached("seek");
    const { size, align } = view._s!; // as _checkCursor has seen
    const extent = this._check("seek", address, size, align);
    extent.bind(view, address - extent.base);
    return cursor;
  }

  /**
   * Lays a typed array over what an address holds, in O(1).
   *
   * @typeParam T Scalar type, inferred.
   * @param address Address that holds such elements.
   * @param type What they are.
   * @param length How many, a positive integer.
   * @returns The array, nothing copied.
   * @throws {InvalidAddressError} when the address does not hold so many bytes, or is not aligned for them.
   * @throws {RangeError} when `length` is no positive integer.
   * @throws {TypeError} when `type` is no scalar type of this engine.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Arena } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * using arena = new Arena();
   * const a = arena.alloc(24, 8);
   * arena.array(a, "u32", 6)[5] = 7;
   * assertEquals(arena.bytes(a, 24)[20], 7);
   * ```
   */
  array<T extends ScalarType>(address: number, type: T, length: number): ScalarArrays[T] {
    this._checkArray("array", type, length);
    const bytes = elementBytes(type);
    this._check("array", address, bytes * length, bytes);
    return this._arrayAt(address, type, length);
  }

  /**
   * Shows the bytes that an address holds, in O(1).
   *
   * @param address Address that holds so many bytes.
   * @param byteLength How many, a positive integer.
   * @returns The bytes, nothing copied.
   * @throws {InvalidAddressError} when the address does not hold so many bytes.
   * @throws {RangeError} when `byteLength` is no positive integer.
   * @throws {DisposedError} after `dispose`.
   */
  bytes(address: number, byteLength: number): Uint8Array {
    this._checkAlive();
    checkCount(this._space.label, "bytes", "size", byteLength);
    this._checkAttached("bytes");
    this._check("bytes", address, byteLength, 1);
    return this._arrayAt(address, "u8", byteLength);
  }

  /**
   * Tells the address of what a view or a typed array of this allocator stands on; of a view in O(1), of an array in
   * O(blocks).
   *
   * @param view A view, of which a nested one counts as the whole record, or a typed array.
   * @returns The address.
   * @throws {InvalidAddressError} when what is there was given back.
   * @throws {StaleHandleError} for a view in debug mode, when what was there was given back.
   * @throws {TypeError} when it is neither, not of this allocator, or stands nowhere.
   * @throws {DisposedError} after `dispose`.
   *
   * @example Usage
   * ```ts
   * import { Arena, struct } from "@slabs/pool";
   * import { assertEquals } from "@std/assert";
   *
   * const Vec2 = struct({ x: "f32", y: "f32" });
   * using arena = new Arena();
   * const address = arena.allocRecord(Vec2);
   * assertEquals(arena.addressOf(arena.view(address, Vec2)), address);
   * ```
   */
  addressOf(view: object): number {
    this._checkAlive();
    const verb = "tell an address";
    if (ArrayBuffer.isView(view)) {
      const address = this._space.locate(view.buffer, view.byteOffset);
      if (address === 0) throw this._foreignError(verb);
      this._check(verb, address, view.byteLength, 1);
      return address;
    }
    const root = rootOf(view);
    if (root?._s === undefined || !(root._b instanceof Extent)) throw this._foreignError(verb);
    const address = root._b.base + root._o;
    if (root._b === NOWHERE || this._space.find(address) !== root._b) {
      throw this._foreignError(verb);
    }
    this._check(verb, address, root._s.size, 1);
    return address;
  }

  // -- memory --

  /**
   * Makes the allocator whole again after somebody replaced the buffer under its regions by a longer one, as a
   * `WebAssembly.Memory` does when it grows. Addresses and views stay valid; typed arrays are to be laid anew.
   *
   * Takes O(blocks).
   *
   * @throws {DisposedError} after `dispose`.
   */
  rebind(): void {
    this._checkAlive();
    this._space.rebind();
  }

  /**
   * Takes back everything that was given out, and keeps memory for the next round. Views and arrays from before are invalid.
   *
   * @throws {DisposedError} after `dispose`.
   */
  abstract reset(): void;

  /**
   * Tells the figures of the allocator.
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   */
  abstract stats(out?: Partial<ByteAllocatorStats>): ByteAllocatorStats;

  /** Gives all memory back. Any later call throws {@linkcode DisposedError}; disposing twice is harmless. */
  dispose(): void {
    this._isDisposed = true;
    this._space.unmountAll();
  }

  /** Does what {@linkcode dispose} does, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  static {
    showAs<ByteAllocator>(this.prototype, (it) => it._summary());
  }

  /** One line for who prints it. */
  private _summary(): string {
    if (this._space === undefined) return "[prototype]"; // that of a class of allocators
    const { label, extents } = this._space;
    return byteSummary(label, this._isDisposed ? undefined : this.stats(), extents.length);
  }

  // -- checks --

  /**
   * Finds the memory of a range of bytes, all of which must be given out.
   *
   * @internal
   */
  protected abstract _check(
    verb: string,
    address: number,
    byteLength: number,
    align: number,
  ): Extent;

  /**
   * Allocates a record and writes to it, once its values are known.
   *
   * @internal
   */
  protected _allocWith<S extends AnyStruct>(struct: S, init: Init<S>): number {
    this._checkStruct("allocRecord", struct);
    const { write, scratch } = codeOf(struct, this._space.isDebug);
    return write(init, 0, scratch, this._target, 0, undefined);
  }

  /** Where new records come from that have values. */
  private _target: Target = new NewRecords(this);

  /**
   * Debug mode: notes where each call of the program's came from.
   *
   * @param own Prototype of the allocator's class.
   * @internal
   */
  protected _traceCalls(own: object): void {
    traceCalls(this, TRACED, own);
    this._target = new TracedRecords(this);
  }

  /**
   * Refuses a size or an alignment, and memory that is not there.
   *
   * @internal
   */
  protected _checkRequest(verb: string, byteLength: number, align: number): void {
    this._checkAlive();
    checkCount(this._space.label, verb, "size", byteLength);
    checkAlign(this._space.label, verb, align);
    this._checkAttached(verb);
  }

  /**
   * Refuses everything after `dispose`.
   *
   * @internal
   */
  protected _checkAlive(): void {
    if (!this._isDisposed) return;
    throw new DisposedError(`Cannot use ${this._space.label}: it was disposed of`, this.name);
  }

  /**
   * Refuses to use memory that somebody has detached.
   *
   * @internal
   */
  protected _checkAttached(verb: string): void {
    if (this._space.isDetached) {
      throw detachedError(`${verb} in ${this._space.label}`, "its memory");
    }
  }

  /**
   * Refuses what is no struct.
   *
   * @internal
   */
  protected _checkStruct(verb: string, struct: AnyStruct): void {
    if (struct instanceof Struct) return;
    throw new TypeError(
      `Cannot ${verb} in ${this._space.label}: ${showValue(struct)} is no struct`,
    );
  }

  /**
   * Refuses what is no view of a whole record.
   *
   * @internal
   */
  protected _checkCursor(verb: string, cursor: object): RecordView {
    const view = cursor as RecordView;
    if (view?._s !== undefined) return view;
    throw this._cursorError(verb);
  }

  /**
   * The error for what is no view of a whole record.
   *
   * @internal
   */
  protected _cursorError(verb: string): TypeError {
    return new TypeError(
      `Cannot ${verb} in ${this._space.label}: the argument is no view of a record`,
    );
  }

  /**
   * Refuses what makes no typed array.
   *
   * @internal
   */
  protected _checkArray(verb: string, type: ScalarType, length: number): void {
    this._checkAlive();
    if (!Object.hasOwn(ARRAY_CLASSES, type) || ARRAY_CLASSES[type] === undefined) {
      throw new TypeError(
        `Cannot ${verb} in ${this._space.label}: ${
          showValue(type)
        } is no scalar type of this engine`,
      );
    }
    checkCount(this._space.label, verb, "length", length);
    this._checkAttached(verb);
  }

  /**
   * The error for an address.
   *
   * @internal
   */
  protected _addressError(verb: string, address: number, problem: string): Error {
    const what = !Number.isInteger(address) || address < 0
      ? `${showValue(address)} is no address`
      : address === 0
      ? "address 0 is the null address"
      : `address ${address} ${this._problemOf(address) ?? problem}`;
    return new InvalidAddressError(
      `Cannot ${verb} in ${this._space.label}: ${what}`,
      this.name,
      address,
    );
  }

  /** What debug mode knows of an address. */
  private _problemOf(address: number): string | undefined {
    const owner = this._space.ownerOf(address);
    return owner === undefined ? undefined : `is one of ${owner}`;
  }

  /** The error for what is no view or array of this allocator. */
  private _foreignError(verb: string): TypeError {
    const { label } = this._space;
    return new TypeError(
      `Cannot ${verb} in ${label}: the argument is no view or array of it, or stands nowhere`,
    );
  }

  /** Lays a checked array over memory that is given out. */
  private _arrayAt<T extends ScalarType>(
    address: number,
    type: T,
    length: number,
  ): ScalarArrays[T] {
    const { u8, base } = this._space.find(address);
    const ArrayClass = ARRAY_CLASSES[type]!; // as _checkArray has seen
    // Which array it is follows from the type, as the table has it and the compiler does not see.
    return new ArrayClass(u8.buffer, u8.byteOffset + (address - base), length) as ScalarArrays[T];
  }
}

noteOwn(ByteAllocator.prototype);

/** What debug mode traces. */
const TRACED: TracedCalls = {
  alloc: RUNS_NO_USER_CODE,
  allocRecord: ([, init]) => init === undefined,
  allocAt: RUNS_NO_USER_CODE,
  allocArray: RUNS_NO_USER_CODE,
  allocate: RUNS_NO_USER_CODE,
  realloc: RUNS_NO_USER_CODE,
};

/** The new records of an allocator. */
class NewRecords implements Target {
  private readonly allocator: ByteAllocator;

  constructor(allocator: ByteAllocator) {
    this.allocator = allocator;
  }

  bindTo(view: Bound): number {
    this.allocator["_checkAttached"]("allocRecord"); // of the same file
    return this.allocator.allocAt(view);
  }
}

noteOwn(NewRecords.prototype);

/** The same in debug mode. */
class TracedRecords extends NewRecords {
  override bindTo(view: Bound): number {
    return keepOrigin(() => super.bindTo(view));
  }
}

// A view is typed by its fields for the user and by its state in here; both are true of the same object.
/** What is compiled for the records of a struct in byte allocators, and a view that they are written through. */
interface RecordCode extends StructCode {
  readonly scratch: RecordView;
}

const plainCodes = new WeakMap<AnyStruct, RecordCode>();
const debugCodes = new WeakMap<AnyStruct, RecordCode>();

function codeOf(struct: AnyStruct, isDebug: boolean): RecordCode {
  const codes = isDebug ? debugCodes : plainCodes;
  let code = codes.get(struct);
  if (code === undefined) {
    const compile = compilerForStruct(struct, !isDebug);
    const made = structCode(struct, compile, isDebug);
    code = { ...made, scratch: new made.View(NOWHERE, 0) };
    codes.set(struct, code);
  }
  return code;
}

function asView<S extends AnyStruct>(view: RecordView): View<S> {
  return view as unknown as View<S>;
}
