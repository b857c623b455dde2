/**
 * Views: objects that look like a record and read and write its bytes.
 *
 * Each struct gets two classes. A `RecordView` stands on lanes and a byte offset, which is all that moving it
 * changes. A `PartView`, of a struct nested in a record, stands on the view it came from, and so moves with it.
 *
 * The accessors are closures, one function literal for each way of reading bytes. They run as fast as generated
 * code: the compiler knows the closure from the class, and takes its constants out of it.
 *
 * @module
 */
import { type Lanes, readScalar, type Standing } from "./_lanes.ts";
import { checkRef, putSlot, readRecord, slotOf } from "./_record.ts";
import { showAs } from "./_show.ts";
import {
  type AnyStruct,
  type ArrayType,
  elementBytes,
  type ElementType,
  type Field,
  type FieldType,
  type Infer,
  type InitOf,
  type RefType,
  scalarOf,
  type ScalarType,
  Struct,
  type ValueOf,
} from "./schema.ts";

/** What the field of a view reads as. */
export type FieldView<T extends FieldType> = T extends ArrayType<infer E> ? ArrayView<E>
  : T extends Struct<infer F> ? { -readonly [K in keyof F]: FieldView<F[K]> }
  : ValueOf<T>;

/**
 * A record as an object: its fields read and write the record's bytes.
 *
 * A nested struct is a view as well, and so is an array ({@linkcode ArrayView}); both follow the view that they came
 * from when it is moved. Assigning a whole struct or array copies it in; TypeScript, which cannot type a setter of its own for a
 * computed name, wants `view.color.copyFrom([…])` in the place of `view.color = […]`. A view is not checked after it was made: kept
 * past its record's `free`, it reads whatever is there; in debug mode it throws {@linkcode StaleHandleError}.
 *
 * @typeParam S The struct type.
 */
export type View<S extends AnyStruct> = S extends Struct<infer F>
  ? { -readonly [K in keyof F]: FieldView<F[K]> } & {
    /**
     * Copies the record out.
     *
     * @returns A plain object of plain values, as `Infer` says.
     */
    toJSON(): Infer<S>;
  }
  : never;

/** A view from the inside. */
export interface RecordView extends Standing {
  /** Its struct; on the prototype. */
  readonly _s?: AnyStruct;
}

/** What an iteration calls with each record. */
export type Visit = (view: RecordView, handle: number) => void;

/**
 * @param view A view.
 * @returns Byte offset of the record that it stands on.
 */
export function offsetOf(view: RecordView): number {
  return view._o << view._shift;
}

/** A view of a whole record, which also knows its struct, on its prototype. */
export interface StructView extends RecordView {
  /** What it is a view of. */
  readonly _s: AnyStruct;
}

/** Makes views of one struct. */
export type RecordViewClass = new (lanes: Lanes, offset: number) => StructView;

/** A view inside a record, from the inside. */
interface PartView {
  /** The view of the whole record. */
  readonly _r: RecordView;
  /** Offset within the record, in units of 2^{@linkcode shiftOf} bytes of the part's struct. */
  readonly _at: number;
}

type PartViewClass = new (root: RecordView, at: number) => PartView;

/** What every view of a struct has on its prototype. */
interface ViewPrototype {
  toJSON(): unknown;
}

interface Accessor<V> {
  get(this: V): unknown;
  // Whatever the field's type asks for: the public type of the view says what that is.
  set(this: V, value: never): void;
}

const recordClasses = new WeakMap<AnyStruct, RecordViewClass>();
const debugClasses = new WeakMap<AnyStruct, RecordViewClass>();
const partClasses = new WeakMap<AnyStruct, PartViewClass>();

/**
 * @param struct A struct.
 * @param debug Whether its views shall check at each access that the record is still there.
 * @returns The class of its views, made when first asked for.
 */
export function recordViewClass(struct: AnyStruct, debug = false): RecordViewClass {
  const classes = debug ? debugClasses : recordClasses;
  let View = classes.get(struct);
  if (View === undefined) {
    View = debug ? debugView() : plainView();
    define(View.prototype, struct, recordAccessors(struct), function (this: RecordView) {
      return readRecord(this._b, offsetOf(this), struct);
    });
    Object.defineProperty(View.prototype, "_s", { value: struct });
    Object.defineProperty(View.prototype, "_shift", { value: shiftOf(struct) });
    classes.set(struct, View);
  }
  return View;
}

function plainView(): RecordViewClass {
  return class {
    declare readonly _s: AnyStruct;
    declare readonly _shift: number;
    _b: Lanes;
    // Four fields that nobody uses. V8 takes a store to a field of one object for a store to what lies as far from the start of any other
    // that it knows less of, as the variables are that a callback captures. So what is stored for each record of a walk lies
    // behind the first four of those, which then stay in registers: a pass over records takes a quarter less.
    _gap1 = 0;
    _gap2 = 0;
    _gap3 = 0;
    _gap4 = 0;
    _o: number;
    constructor(lanes: Lanes, offset: number) {
      this._b = lanes;
      this._o = offset >> this._shift;
    }
  };
}

/**
 * Every accessor, and those of nested views and arrays, reaches the bytes through `_b`: so that is where a record that
 * is gone is noticed. Whoever moves a view sets `_b` and then `_o`, which is when it notes whose life it is.
 */
function debugView(): RecordViewClass {
  return class {
    declare readonly _s: AnyStruct;
    declare readonly _shift: number;
    #lanes: Lanes;
    #at = 0;
    #life = 0;

    constructor(lanes: Lanes, offset: number) {
      this.#lanes = lanes;
      this._o = offset >> this._shift;
    }

    get _b(): Lanes {
      const lanes = this.#lanes;
      const offset = offsetOf(this);
      const life = lanes.lifeAt(offset, this._s.size);
      if (life !== this.#life) throw lanes.deadError(offset, this.#life);
      return lanes;
    }

    set _b(lanes: Lanes) {
      this.#lanes = lanes;
    }

    get _o(): number {
      return this.#at;
    }

    set _o(offset: number) {
      this.#at = offset;
      this.#life = this.#lanes.lifeAt(offsetOf(this), this._s.size);
    }
  };
}

function partViewClass(struct: AnyStruct): PartViewClass {
  let made = partClasses.get(struct);
  if (made === undefined) {
    const shift = shiftOf(struct);
    made = class {
      readonly _r: RecordView;
      readonly _at: number;
      constructor(root: RecordView, at: number) {
        this._r = root;
        this._at = at >> shift;
      }
    };
    define(made.prototype, struct, partAccessors(struct), function (this: PartView) {
      return readRecord(this._r._b, offsetOf(this._r) + (this._at << shift), struct);
    });
    partClasses.set(struct, made);
  }
  return made;
}

/**
 * @param view Any value.
 * @returns The view of the whole record that it is, or is a part of; `undefined` for anything else.
 */
export function rootOf(view: unknown): RecordView | undefined {
  if (typeof view !== "object" || view === null) return undefined;
  // Only views have these names, and every view has one of them.
  const { _r: root = view } = view as Partial<PartView>;
  return "_b" in root ? root as RecordView : undefined;
}

/**
 * @param view Any value.
 * @returns The struct whose records it can be moved over; `undefined` for what is no view of a whole record.
 */
export function structOf(view: unknown): AnyStruct | undefined {
  return typeof view === "object" && view !== null ? (view as Partial<StructView>)._s : undefined;
}

/** How a view prints that has no memory to read from. */
const NOTHING = "[view of nothing]";

function isNowhere(view: unknown): boolean {
  return rootOf(view)?._b.u8.length === 0;
}

function define<V>(
  prototype: object,
  struct: AnyStruct,
  accessor: AccessorOf<V>,
  toJSON: (this: V) => unknown,
): void {
  Object.defineProperty(prototype, "toJSON", { value: toJSON });
  showAs(prototype, (view) => isNowhere(view) ? NOTHING : toJSON.call(view as V)); // whose prototype it is
  for (const [name, field] of Object.entries(struct.fields)) {
    Object.defineProperty(prototype, name, { ...accessor(name, field), enumerable: true });
  }
}

/** Makes the accessor of a field. */
type AccessorOf<V> = (name: string, field: Field) => Accessor<V>;

function recordAccessors(struct: AnyStruct): AccessorOf<RecordView> {
  const scalars = shiftOf(struct) > 0 ? recordScalars : shortRecordScalars;
  return (name, { type, offset }) => {
    if (typeof type === "string" || "target" in type) {
      return scalarAccessor(scalars, name, type, offset);
    }
    const slot = slotOf(name, type, offset);
    const set = function (this: RecordView, value: unknown) {
      putSlot(this._b, offsetOf(this), slot, value);
    };
    if (type instanceof Struct) {
      const Part = partViewClass(type);
      return {
        get() {
          return new Part(this, offset);
        },
        set,
      };
    }
    return {
      get() {
        return new ArrayView(this, offset, type);
      },
      set,
    };
  };
}

function partAccessors(struct: AnyStruct): AccessorOf<PartView> {
  const shift = shiftOf(struct);
  const scalars = shift > 0 ? partScalars : shortPartScalars;
  return (name, { type, offset }) => {
    if (typeof type === "string" || "target" in type) {
      return scalarAccessor(scalars, name, type, offset);
    }
    const slot = slotOf(name, type, offset);
    const set = function (this: PartView, value: unknown) {
      putSlot(this._r._b, offsetOf(this._r) + (this._at << shift), slot, value);
    };
    if (type instanceof Struct) {
      const Part = partViewClass(type);
      return {
        get() {
          return new Part(this._r, (this._at << shift) + offset);
        },
        set,
      };
    }
    return {
      get() {
        return new ArrayView(this._r, (this._at << shift) + offset, type);
      },
      set,
    };
  };
}

function scalarAccessor<V>(
  scalars: Partial<Scalars<V, ScalarType>>,
  name: string,
  type: ScalarType | RefType,
  offset: number,
): Accessor<V> {
  const scalar = scalarOf(type);
  // Whatever a struct has a field of is in the table for structs of its alignment.
  return scalars[scalar]!(offset / elementBytes(scalar), name);
}

/** What view offsets of a struct's records are shifted by to be bytes. */
function shiftOf({ align }: AnyStruct): number {
  return align >= 4 ? 2 : 0;
}

/** Accessors of scalars, each made for an offset, counted in scalars of its type, and, to name it in errors, the field. */
type Scalars<V, T extends ScalarType> = Readonly<
  Record<T, (at: number, name: string) => Accessor<V>>
>;

/** The scalars of structs whose records are counted off in bytes. */
type Short = "u8" | "i8" | "bool" | "u16" | "i16" | "f16";

// Each is short, which matters more than it seems: a function of up to 30 bytes is always compiled into where it is called, a longer
// one as long as the caller stays short itself, and a number handed to one that is not may be boxed.

// deno-fmt-ignore: one literal a line, so that the tables can be compared at a glance.
const recordScalars: Scalars<RecordView, ScalarType> = {
  u8: (at) => ({ get() { return this._b.u8[(this._o << 2) + at]; }, set(v: number) { this._b.u8[(this._o << 2) + at] = v; } }),
  i8: (at) => ({ get() { return this._b.u8[(this._o << 2) + at] << 24 >> 24; }, set(v: number) { this._b.u8[(this._o << 2) + at] = v; } }),
  bool: (at) => ({ get() { return this._b.u8[(this._o << 2) + at] !== 0; }, set(v: boolean) { this._b.u8[(this._o << 2) + at] = v ? 1 : 0; } }),
  u16: (at) => ({ get() { return this._b.u16[(this._o << 1) + at]; }, set(v: number) { this._b.u16[(this._o << 1) + at] = v; } }),
  i16: (at) => ({ get() { return this._b.u16[(this._o << 1) + at] << 16 >> 16; }, set(v: number) { this._b.u16[(this._o << 1) + at] = v; } }),
  f16: (at) => ({ get() { return this._b.f16[(this._o << 1) + at]; }, set(v: number) { this._b.f16[(this._o << 1) + at] = v; } }),
  i32: (at) => ({ get() { return this._b.i32[this._o + at]; }, set(v: number) { this._b.i32[this._o + at] = v; } }),
  u32: (at) => ({ get() { return this._b.i32[this._o + at] >>> 0; }, set(v: number) { this._b.i32[this._o + at] = v; } }),
  f32: (at) => ({ get() { return this._b.f32[this._o + at]; }, set(v: number) { this._b.f32[this._o + at] = v; } }),
  f64: (at) => ({ get() { return this._b.f64[(this._o >> 1) + at]; }, set(v: number) { this._b.f64[(this._o >> 1) + at] = v; } }),
  i64: (at) => ({ get() { return this._b.i64[(this._o >> 1) + at]; }, set(v: bigint) { this._b.i64[(this._o >> 1) + at] = v; } }),
  u64: (at) => ({ get() { return BigInt.asUintN(64, this._b.i64[(this._o >> 1) + at]); }, set(v: bigint) { this._b.i64[(this._o >> 1) + at] = v; } }),
  ref: (at, name) => ({ get() { return this._b.i32[this._o + at] >>> 0; }, set(v: number) { this._b.i32[this._o + at] = checkRef(v, name); } }),
};

// deno-fmt-ignore: as above.
const shortRecordScalars: Scalars<RecordView, Short> = {
  u8: (at) => ({ get() { return this._b.u8[this._o + at]; }, set(v: number) { this._b.u8[this._o + at] = v; } }),
  i8: (at) => ({ get() { return this._b.u8[this._o + at] << 24 >> 24; }, set(v: number) { this._b.u8[this._o + at] = v; } }),
  bool: (at) => ({ get() { return this._b.u8[this._o + at] !== 0; }, set(v: boolean) { this._b.u8[this._o + at] = v ? 1 : 0; } }),
  u16: (at) => ({ get() { return this._b.u16[(this._o >> 1) + at]; }, set(v: number) { this._b.u16[(this._o >> 1) + at] = v; } }),
  i16: (at) => ({ get() { return this._b.u16[(this._o >> 1) + at] << 16 >> 16; }, set(v: number) { this._b.u16[(this._o >> 1) + at] = v; } }),
  f16: (at) => ({ get() { return this._b.f16[(this._o >> 1) + at]; }, set(v: number) { this._b.f16[(this._o >> 1) + at] = v; } }),
};

// deno-fmt-ignore: as above.
const partScalars: Scalars<PartView, ScalarType> = {
  u8: (at) => ({ get() { const r = this._r; return r._b.u8[(r._o + this._at << 2) + at]; }, set(v: number) { const r = this._r; r._b.u8[(r._o + this._at << 2) + at] = v; } }),
  i8: (at) => ({ get() { const r = this._r; return r._b.u8[(r._o + this._at << 2) + at] << 24 >> 24; }, set(v: number) { const r = this._r; r._b.u8[(r._o + this._at << 2) + at] = v; } }),
  bool: (at) => ({ get() { const r = this._r; return r._b.u8[(r._o + this._at << 2) + at] !== 0; }, set(v: boolean) { const r = this._r; r._b.u8[(r._o + this._at << 2) + at] = v ? 1 : 0; } }),
  u16: (at) => ({ get() { const r = this._r; return r._b.u16[(r._o + this._at << 1) + at]; }, set(v: number) { const r = this._r; r._b.u16[(r._o + this._at << 1) + at] = v; } }),
  i16: (at) => ({ get() { const r = this._r; return r._b.u16[(r._o + this._at << 1) + at] << 16 >> 16; }, set(v: number) { const r = this._r; r._b.u16[(r._o + this._at << 1) + at] = v; } }),
  f16: (at) => ({ get() { const r = this._r; return r._b.f16[(r._o + this._at << 1) + at]; }, set(v: number) { const r = this._r; r._b.f16[(r._o + this._at << 1) + at] = v; } }),
  i32: (at) => ({ get() { const r = this._r; return r._b.i32[r._o + this._at + at]; }, set(v: number) { const r = this._r; r._b.i32[r._o + this._at + at] = v; } }),
  u32: (at) => ({ get() { const r = this._r; return r._b.i32[r._o + this._at + at] >>> 0; }, set(v: number) { const r = this._r; r._b.i32[r._o + this._at + at] = v; } }),
  f32: (at) => ({ get() { const r = this._r; return r._b.f32[r._o + this._at + at]; }, set(v: number) { const r = this._r; r._b.f32[r._o + this._at + at] = v; } }),
  f64: (at) => ({ get() { const r = this._r; return r._b.f64[(r._o + this._at >> 1) + at]; }, set(v: number) { const r = this._r; r._b.f64[(r._o + this._at >> 1) + at] = v; } }),
  i64: (at) => ({ get() { const r = this._r; return r._b.i64[(r._o + this._at >> 1) + at]; }, set(v: bigint) { const r = this._r; r._b.i64[(r._o + this._at >> 1) + at] = v; } }),
  u64: (at) => ({ get() { const r = this._r; return BigInt.asUintN(64, r._b.i64[(r._o + this._at >> 1) + at]); }, set(v: bigint) { const r = this._r; r._b.i64[(r._o + this._at >> 1) + at] = v; } }),
  ref: (at, name) => ({ get() { const r = this._r; return r._b.i32[r._o + this._at + at] >>> 0; }, set(v: number) { const r = this._r; r._b.i32[r._o + this._at + at] = checkRef(v, name); } }),
};

// deno-fmt-ignore: as above. Such a part may be in a record of either kind.
const shortPartScalars: Scalars<PartView, Short> = {
  u8: (at) => ({ get() { const r = this._r; return r._b.u8[(r._o << r._shift) + this._at + at]; }, set(v: number) { const r = this._r; r._b.u8[(r._o << r._shift) + this._at + at] = v; } }),
  i8: (at) => ({ get() { const r = this._r; return r._b.u8[(r._o << r._shift) + this._at + at] << 24 >> 24; }, set(v: number) { const r = this._r; r._b.u8[(r._o << r._shift) + this._at + at] = v; } }),
  bool: (at) => ({ get() { const r = this._r; return r._b.u8[(r._o << r._shift) + this._at + at] !== 0; }, set(v: boolean) { const r = this._r; r._b.u8[(r._o << r._shift) + this._at + at] = v ? 1 : 0; } }),
  u16: (at) => ({ get() { const r = this._r; return r._b.u16[((r._o << r._shift) + this._at >> 1) + at]; }, set(v: number) { const r = this._r; r._b.u16[((r._o << r._shift) + this._at >> 1) + at] = v; } }),
  i16: (at) => ({ get() { const r = this._r; return r._b.u16[((r._o << r._shift) + this._at >> 1) + at] << 16 >> 16; }, set(v: number) { const r = this._r; r._b.u16[((r._o << r._shift) + this._at >> 1) + at] = v; } }),
  f16: (at) => ({ get() { const r = this._r; return r._b.f16[((r._o << r._shift) + this._at >> 1) + at]; }, set(v: number) { const r = this._r; r._b.f16[((r._o << r._shift) + this._at >> 1) + at] = v; } }),
};

/**
 * An array field of a record. Comes from a view, and follows it when it is moved.
 *
 * @typeParam E Type of an element.
 */
export class ArrayView<E extends ElementType = ElementType> {
  /** How many elements. */
  readonly length: number;
  /** The view of the whole record. */
  private readonly _r: RecordView;
  /** Byte offset within the record. */
  private readonly _at: number;
  /** Element type and length. */
  private readonly _type: ArrayType<E>;

  /**
   * Creates the view; the accessor of the field does so.
   *
   * @param root The view of the whole record.
   * @param at Byte offset within it.
   * @param type Type of the field.
   */
  constructor(root: RecordView, at: number, type: ArrayType<E>) {
    this._r = root;
    this._at = at;
    this._type = type;
    this.length = type.length;
  }

  /**
   * Reads an element, in O(1).
   *
   * @param i Which, from 0.
   * @returns Its value; for an array of structs a view of it.
   * @throws {RangeError} when there is no such element.
   */
  get(i: number): FieldView<E> {
    const { element } = this._type;
    const at = this.#offset(i);
    // The public type is computed from E, which the compiler does not see through.
    return (element instanceof Struct
      ? new (partViewClass(element))(this._r, at)
      : readScalar(this._r._b, scalarOf(element), offsetOf(this._r) + at)) as FieldView<E>;
  }

  /**
   * Writes an element, in O(1); a struct is copied in, whole or in part.
   *
   * @param i Which, from 0.
   * @param value Its new value.
   * @throws {RangeError} when there is no such element.
   * @throws {TypeError} when the value does not fit the type; nothing is written then.
   */
  set(i: number, value: InitOf<E>): void {
    const { element } = this._type;
    putSlot(this._r._b, offsetOf(this._r), slotOf(`[${i}]`, element, this.#offset(i)), value);
  }

  /**
   * Writes the first elements, in O(n).
   *
   * @param values Anything array-like, at most `length` long.
   * @throws {RangeError} when it is longer.
   * @throws {TypeError} when a value does not fit the type; nothing is written then.
   */
  copyFrom(values: ArrayLike<InitOf<E>>): void {
    putSlot(this._r._b, offsetOf(this._r), slotOf("[]", this._type, this._at), values);
  }

  /**
   * Copies the elements out, in O(n).
   *
   * @returns A plain array of plain values.
   */
  toArray(): ValueOf<E>[] {
    const { element } = this._type;
    const { _b: lanes } = this._r;
    const start = offsetOf(this._r);
    const values = Array.from({ length: this.length }, (_, i) => {
      const at = start + this.#offset(i);
      return element instanceof Struct
        ? readRecord(lanes, at, element)
        : readScalar(lanes, scalarOf(element), at);
    });
    return values as ValueOf<E>[]; // as in get()
  }

  /**
   * So that `JSON.stringify` writes an array.
   *
   * @returns What {@linkcode toArray} does.
   */
  toJSON(): ValueOf<E>[] {
    return this.toArray();
  }

  /**
   * Walks the elements in order; for the hottest loops count with `get(i)`.
   *
   * @returns An iterator of what {@linkcode get} gives.
   */
  *[Symbol.iterator](): IterableIterator<FieldView<E>> {
    for (let i = 0; i < this.length; i++) yield this.get(i);
  }

  #offset(i: number): number {
    if (!(i >= 0 && i < this.length) || !Number.isInteger(i)) {
      throw new RangeError(
        `Cannot reach element ${i}: the array has elements 0 to ${this.length - 1}`,
      );
    }
    return this._at + i * elementBytes(this._type.element);
  }
}

showAs<ArrayView>(ArrayView.prototype, (view) => isNowhere(view) ? NOTHING : view.toArray());
