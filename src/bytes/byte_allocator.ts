/**
 * `ByteAllocator`: the common API of the allocators that allocate bytes by address.
 *
 * @module
 */
import { type AddressSpace, Extent, NO_EXTENT } from "./address_space.ts";
import { checkAlign, checkPositive } from "./checks.ts";
import { RUNS_NO_USER_CODE, type TracedCalls } from "../slab/call_stack.ts";
import type { DebugMode } from "../slab/debug_mode.ts";
import { noteOwn } from "../slab/own_functions.ts";
import { compilerForStruct } from "../slab/own_code.ts";
import { detachedError } from "../slab/slab_errors.ts";
import type { Target } from "../struct/record.ts";
import type { Bound } from "../struct/scalars.ts";
import { byteSummary, showAs, showValue } from "../messages/show.ts";
import {
  inUnits,
  type RecordView,
  rootOf,
  type StructCode,
  structCode,
  type View,
} from "../struct/view.ts";
import { DisposedError, InvalidAddressError } from "../errors.ts";
import type { MemoryRegion, MemoryResource } from "../memory/resource.ts";
import {
  type AnyStruct,
  elementBytes,
  type Init,
  type ScalarType,
  Struct,
} from "../struct/schema.ts";

/**
 * Options of all byte allocators; each may be left out.
 *
 * @category Byte allocators
 */
export interface ByteAllocatorOptions {
  /** Shown in errors. @default {"arena", "stack" or "heap"} */
  readonly name?: string | undefined;
  /** Where the memory comes from. @default {heapMemory} */
  readonly memory?: MemoryResource | undefined;
  /**
   * {@linkcode debug}, so that views throw after their memory was freed, `dispose` throws when
   * something is live, and freed bytes are overwritten with `0xDD`. An arena does not count its
   * allocations, so it reports no leaks, and it fills freed bytes with zeros as always. Up to 32
   * debug allocators have different addresses, so that errors can name the one that an address
   * belongs to. Debug mode takes 4 more bytes for each byte, and time at each access.
   * @default {false}
   */
  readonly debug?: DebugMode | false | undefined;
}

/**
 * Statistics of all byte allocators.
 *
 * @category Byte allocators
 */
export interface ByteAllocatorStats {
  /** Bytes taken from the memory resource. */
  byteLength: number;
  /** Bytes of them that are allocated. */
  usedBytes: number;
}

/**
 * The typed array for each scalar type; a `bool` takes 1 byte, a `ref` 4.
 *
 * @category Byte allocators
 */
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

const ARRAY_CLASSES: Readonly<Record<ScalarType, ArrayClass | undefined>> =
  /* @__PURE__ */ (() => ({
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
  }))();

/**
 * What `Arena`, `StackAllocator` and `FreeListAllocator` have in common: allocations by address,
 * and views of records and typed arrays over them.
 *
 * An address is a positive integer below 2^32; 0 is null. An alignment is a power of two up to
 * 4096. It holds for the address and for the offset in the buffer, so for a pointer in a wasm
 * module too. New memory is zeroed. A call that throws changes nothing.
 *
 * Which one to use: an {@linkcode Arena} if everything is freed at once; a
 * {@linkcode StackAllocator} if the newest is always freed first and the size is bounded; a
 * {@linkcode FreeListAllocator} if anything can be freed at any time. If all records are of one
 * struct, a `Pool` is better than a `FreeListAllocator` in every respect.
 *
 * @category Byte allocators
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
   * Its memory, by address.
   *
   * @ignore
   */
  protected readonly _space: AddressSpace;
  /** @ignore */
  protected readonly _debug: DebugMode | undefined;
  /**
   * Whether it was disposed.
   *
   * @ignore
   */
  protected _isDisposed = false;

  /**
   * Creates the common part of an allocator.
   *
   * @param name Shown in errors.
   * @param space Its memory.
   * @param debug Debug mode, if it is on.
   */
  protected constructor(name: string, space: AddressSpace, debug: DebugMode | undefined) {
    this._debug = debug;
    this.name = name;
    this._space = space;
    noteOwn(ByteAllocator.prototype, NewRecords.prototype);
    showAs<ByteAllocator>(ByteAllocator.prototype, (it) => it._summary());
  }

  // -- allocating --

  /**
   * Allocates zeroed bytes.
   *
   * @param byteLength Bytes, a positive integer.
   * @param align Power of two up to 4096 that the address is a multiple of, 8 by default.
   * @returns Their address.
   * @throws {RangeError} when `byteLength` is no positive integer, or `align` no such power of two.
   * @throws {OutOfMemoryError} when there is no room.
   * @throws {DisposedError} after `dispose`.
   */
  abstract alloc(byteLength: number, align?: number): number;

  /**
   * Allocates a zeroed record and writes its fields, in the time of {@linkcode alloc}.
   *
   * @typeParam S Struct type, inferred.
   * @param struct Struct of the record.
   * @param init Fields to set; those left out stay zero.
   * @returns Its address.
   * @throws {TypeError} when `struct` is no struct, or `init` has an unknown field or a value of
   * the wrong type.
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
   * Allocates a zeroed record and binds a view to it. It is for loops that create thousands: it
   * allocates nothing on the JavaScript heap and looks up no field by name.
   *
   * @param cursor A view of a record, from {@linkcode cursor}.
   * @returns Address of the new record.
   * @throws {TypeError} when it is no such view.
   * @throws {OutOfMemoryError} when there is no room; the view stays bound as it was.
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
    const { size, align } = view._s!; // checked above
    const address = this.alloc(size, align);
    const extent = this._space.find(address);
    extent.bind(view, address - extent.base);
    return address;
  }

  /**
   * Allocates a zeroed typed array in the allocator's memory.
   *
   * @typeParam T Scalar type, inferred.
   * @param type Type of its elements.
   * @param length Number of elements, a positive integer.
   * @returns The array; {@linkcode addressOf} returns its address.
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

  // -- views and arrays --

  /**
   * Returns a new view of a record, in O(1).
   *
   * @typeParam S Struct type, inferred.
   * @param address Address of the record.
   * @param struct Struct of the record.
   * @returns The view, safe to keep beside others.
   * @throws {InvalidAddressError} when the address has too few allocated bytes, or is not aligned.
   * @throws {TypeError} when `struct` is no struct.
   * @throws {DisposedError} after `dispose`.
   */
  view<S extends AnyStruct>(address: number, struct: S): View<S> {
    this._checkStruct("view", struct);
    this._checkAttached("view");
    const extent = this._check("view", address, struct.size, struct.align);
    const { View } = codeOf(struct, this._debug);
    return asView<S>(new View(extent, inUnits(View, address - extent.base)));
  }

  /**
   * Creates an unbound view, which {@linkcode seek} and {@linkcode allocAt} bind to records.
   *
   * @typeParam S Struct type, inferred.
   * @param struct Struct of the records.
   * @returns The view. Its fields read as zero until it is bound.
   * @throws {TypeError} when `struct` is no struct.
   * @throws {DisposedError} after `dispose`.
   */
  cursor<S extends AnyStruct>(struct: S): View<S> {
    this._checkAlive();
    this._checkStruct("cursor", struct);
    return asView<S>(new (codeOf(struct, this._debug).View)(NO_EXTENT, 0));
  }

  /**
   * Binds a view to a record, in O(1), without allocating.
   *
   * @typeParam V Type of the view, inferred.
   * @param cursor A view of a record.
   * @param address Address of a record of the view's struct.
   * @returns The view.
   * @throws {InvalidAddressError} when the address has too few allocated bytes, or is not aligned;
   * the view stays bound as it was.
   * @throws {TypeError} when it is no view of a record.
   * @throws {DisposedError} after `dispose`.
   */
  seek<V extends object>(cursor: V, address: number): V {
    const view = this._checkCursor("seek", cursor);
    this._checkAttached("seek");
    const { size, align } = view._s!; // checked above
    const extent = this._check("seek", address, size, align);
    extent.bind(view, address - extent.base);
    return cursor;
  }

  /**
   * Returns a typed array over allocated memory, in O(1).
   *
   * @typeParam T Scalar type, inferred.
   * @param address Address of the first element.
   * @param type Type of the elements.
   * @param length Number of elements, a positive integer.
   * @returns The array; nothing is copied.
   * @throws {InvalidAddressError} when the address has too few allocated bytes, or is not aligned.
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
   * Returns allocated bytes, in O(1).
   *
   * @param address Address of the first byte.
   * @param byteLength Bytes, a positive integer.
   * @returns The bytes; nothing is copied.
   * @throws {InvalidAddressError} when the address has too few allocated bytes.
   * @throws {RangeError} when `byteLength` is no positive integer.
   * @throws {DisposedError} after `dispose`.
   */
  bytes(address: number, byteLength: number): Uint8Array {
    this._checkAlive();
    checkPositive(this._space.label, "bytes", "size", byteLength);
    this._checkAttached("bytes");
    this._check("bytes", address, byteLength, 1);
    return this._arrayAt(address, "u8", byteLength);
  }

  /**
   * Returns the address of a view, in O(1), or of a typed array, in O(blocks).
   *
   * @param view A view of this allocator, or a typed array over its memory, which in a stack or a
   * heap starts where an allocation does. A nested view has the address of its whole record.
   * @returns The address.
   * @throws {InvalidAddressError} when the memory was freed, or no allocation starts there.
   * @throws {StaleHandleError} for a view in debug mode, when its memory was freed.
   * @throws {TypeError} when it is neither, is not of this allocator, or is unbound.
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
    const verb = "addressOf";
    if (ArrayBuffer.isView(view)) {
      const address = this._space.locate(view.buffer, view.byteOffset);
      if (address === 0) throw this._foreignError(verb);
      this._check(verb, address, view.byteLength, 1);
      return address;
    }
    const root = rootOf(view);
    if (root?._s === undefined || !(root._b instanceof Extent)) throw this._foreignError(verb);
    const address = root._b.base + (root._o << root._u);
    if (root._b === NO_EXTENT || this._space.find(address) !== root._b) {
      throw this._foreignError(verb);
    }
    this._check(verb, address, root._s.size, 1);
    return address;
  }

  // -- memory --

  /**
   * Restores the allocator after the buffer under its regions was replaced by a longer one, as a
   * `WebAssembly.Memory` does when it grows, in O(blocks). Addresses and views stay valid; typed
   * arrays have to be fetched again.
   *
   * @throws {DisposedError} after `dispose`.
   */
  rebind(): void {
    this._checkAlive();
    this._space.rebind();
  }

  /**
   * Frees all allocations, and keeps memory for the next round. Views and arrays from before are
   * invalid.
   *
   * @throws {DisposedError} after `dispose`.
   */
  abstract reset(): void;

  /**
   * Returns statistics of the allocator.
   *
   * @param out An object to fill instead of a new one.
   * @returns `out`, or a new object.
   * @throws {DisposedError} after `dispose`.
   */
  abstract stats(out?: Partial<ByteAllocatorStats>): ByteAllocatorStats;

  /**
   * Releases all memory. Any later call throws {@linkcode DisposedError}; disposing twice is
   * harmless.
   *
   * @throws {Error} when its memory resource calls it back.
   */
  dispose(): void {
    this._checkIdle("dispose of");
    this._isDisposed = true;
    this._space.unmapAll();
  }

  /** Calls {@linkcode dispose}, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** One line for `console.log`. */
  private _summary(): string {
    if (this._space === undefined) return "[prototype]"; // `this` is the prototype of a class
    const { label, extents } = this._space;
    return byteSummary(label, this._isDisposed ? undefined : this.stats(), extents.length);
  }

  // -- checks --

  /**
   * Finds the extent of a range of bytes, all of which must be allocated.
   *
   * @ignore
   */
  protected abstract _check(
    verb: string,
    address: number,
    byteLength: number,
    align: number,
  ): Extent;

  /**
   * Checks that an address is a number: a bigint or a symbol cannot even be compared with one.
   *
   * @ignore
   */
  protected _checkNumber(verb: string, address: number): void {
    if (typeof address === "number") return;
    this._checkAlive();
    throw this._addressError(verb, address, "");
  }

  /**
   * Reads the values of a record, then allocates it and writes them.
   *
   * @ignore
   */
  protected _allocWith<S extends AnyStruct>(struct: S, init: Init<S>): number {
    this._checkStruct("allocRecord", struct);
    const { write, scratch } = codeOf(struct, this._debug);
    return write(init, 0, scratch, this._target, 0, undefined);
  }

  /** Allocates the records that have values. */
  private _target: Target = new NewRecords(this);

  /**
   * In debug mode, records where each call of the program came from.
   *
   * @param own Prototype of the allocator's class.
   * @ignore
   */
  protected _traceCalls(own: object): void {
    if (this._debug === undefined) return;
    this._debug.traceCalls(this, TRACED, own);
    this._target = new TracedRecords(this, this._debug);
  }

  /**
   * Checks a size and an alignment, and that the memory is attached.
   *
   * @ignore
   */
  protected _checkRequest(verb: string, byteLength: number, align: number): void {
    this._checkAlive();
    checkPositive(this._space.label, verb, "size", byteLength);
    checkAlign(this._space.label, verb, align);
    this._checkAttached(verb);
  }

  /**
   * Checks that the allocator was not disposed.
   *
   * @ignore
   */
  protected _checkAlive(): void {
    if (!this._isDisposed) return;
    throw new DisposedError(`Cannot use ${this._space.label}: it was disposed of`, this.name);
  }

  /**
   * Checks that this is not a call by the memory resource in the middle of a change.
   *
   * @ignore
   */
  protected _checkIdle(verb: string): void {
    if (!this._space.isCalling || this._isDisposed) return;
    throw new Error(`Cannot ${verb} ${this._space.label}: its memory resource is being called`);
  }

  /**
   * Checks that the memory was not detached.
   *
   * @ignore
   */
  protected _checkAttached(verb: string): void {
    if (this._space.isDetached) {
      throw detachedError(`${verb} in ${this._space.label}`, "its memory");
    }
  }

  /**
   * Checks that a value is a struct.
   *
   * @ignore
   */
  protected _checkStruct(verb: string, struct: AnyStruct): void {
    if (struct instanceof Struct) return;
    throw new TypeError(
      `Cannot ${verb} in ${this._space.label}: ${showValue(struct)} is no struct`,
    );
  }

  /**
   * Checks that a value is a view of a whole record.
   *
   * @ignore
   */
  protected _checkCursor(verb: string, cursor: object): RecordView {
    const view = cursor as RecordView;
    if (view?._s !== undefined) return view;
    throw this._cursorError(verb);
  }

  /**
   * The error for a value that is no view of a whole record.
   *
   * @ignore
   */
  protected _cursorError(verb: string): TypeError {
    return new TypeError(
      `Cannot ${verb} in ${this._space.label}: the argument is no view of a record`,
    );
  }

  /**
   * Checks the type and the length of a typed array, and that the memory is attached.
   *
   * @ignore
   */
  protected _checkArray(verb: string, type: ScalarType, length: number): void {
    this._checkAlive();
    const isName = typeof type === "string" && Object.hasOwn(ARRAY_CLASSES, type);
    if (!isName || ARRAY_CLASSES[type] === undefined) {
      throw new TypeError(
        `Cannot ${verb} in ${this._space.label}: ${
          showValue(type)
        } is no scalar type of this engine`,
      );
    }
    checkPositive(this._space.label, verb, "length", length);
    this._checkAttached(verb);
  }

  /**
   * The error for an address.
   *
   * @ignore
   */
  protected _addressError(verb: string, address: number, problem: string): Error {
    const owner = this._space.keeper?.ownerOf(address);
    const what = !Number.isInteger(address) || address < 0
      ? `${showValue(address)} is no address`
      : address === 0
      ? "address 0 is the null address"
      : `address ${address} ${owner === undefined ? problem : `is one of ${owner}`}`;
    return new InvalidAddressError(
      `Cannot ${verb} in ${this._space.label}: ${what}`,
      this.name,
      address,
    );
  }

  /**
   * The error for a region that is not allocated.
   *
   * @ignore
   */
  protected _regionError(region: MemoryRegion): InvalidAddressError {
    const { byteLength, byteOffset } = region ?? {}; // a JavaScript caller may pass null
    return new InvalidAddressError(
      `Cannot release in ${this._space.label}: the region of ${byteLength} bytes at byte ${byteOffset} ` +
        "was not allocated by it, or was released already",
      this.name,
      byteOffset,
    );
  }

  /** The error for a value that is no view or array of this allocator. */
  private _foreignError(verb: string): TypeError {
    const { label } = this._space;
    return new TypeError(
      `Cannot ${verb} in ${label}: the argument is no view or array of it, or is unbound`,
    );
  }

  /** Returns a typed array over allocated memory. The arguments were checked. */
  private _arrayAt<T extends ScalarType>(
    address: number,
    type: T,
    length: number,
  ): ScalarArrays[T] {
    const { u8, base } = this._space.find(address);
    const ArrayClass = ARRAY_CLASSES[type]!; // checked by _checkArray
    // The cast holds: the table has the class of `ScalarArrays[T]` for each type.
    return new ArrayClass(u8.buffer, u8.byteOffset + (address - base), length) as ScalarArrays[T];
  }
}

/** The calls that debug mode traces. */
const TRACED: TracedCalls = {
  alloc: RUNS_NO_USER_CODE,
  allocRecord: ([, init]) => init === undefined,
  allocAt: RUNS_NO_USER_CODE,
  allocArray: RUNS_NO_USER_CODE,
  allocate: RUNS_NO_USER_CODE,
  realloc: RUNS_NO_USER_CODE,
};

/** Allocates the records of an allocator for a compiled writer. */
class NewRecords implements Target {
  private readonly allocator: ByteAllocator;

  constructor(allocator: ByteAllocator) {
    this.allocator = allocator;
  }

  bindTo(view: Bound): number {
    this.allocator["_checkAttached"]("allocRecord"); // protected, but in the same file
    return this.allocator.allocAt(view);
  }
}

/** The same in debug mode. */
class TracedRecords extends NewRecords {
  private readonly debug: DebugMode;

  constructor(allocator: ByteAllocator, debug: DebugMode) {
    super(allocator);
    this.debug = debug;
  }

  override bindTo(view: Bound): number {
    return this.debug.keepOrigin(() => super.bindTo(view));
  }
}

/** The code that is compiled for a struct, and a view that records are written through. */
interface RecordCode extends StructCode {
  readonly scratch: RecordView;
}

const plainCodes = new WeakMap<AnyStruct, RecordCode>();
const debugCodes = new WeakMap<AnyStruct, RecordCode>();

function codeOf(struct: AnyStruct, debug: DebugMode | undefined): RecordCode {
  const codes = debug ? debugCodes : plainCodes;
  let code = codes.get(struct);
  if (code === undefined) {
    const compile = compilerForStruct(struct, !debug);
    const made = structCode(struct, compile, debug?.views);
    code = { ...made, scratch: new made.View(NO_EXTENT, 0) };
    codes.set(struct, code);
  }
  return code;
}

/** Types a view by its fields, as users see it, and no longer by its state. */
function asView<S extends AnyStruct>(view: RecordView): View<S> {
  return view as unknown as View<S>;
}
