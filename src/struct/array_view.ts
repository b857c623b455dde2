/**
 * Views of array fields.
 *
 * @module
 */
import type { Arrays, Bound } from "./scalars.ts";
import type {
  AnyStruct,
  ArrayType,
  ElementType,
  FieldType,
  InitOf,
  ItemsOf,
  RefType,
  Struct,
  ValueOf,
} from "./schema.ts";

/**
 * Has TypeScript refuse `{ ...view }` and `{ x, ...rest } = view`, as TS2698 and TS2700. Those copy an object's own properties, and the
 * fields of a view are accessors that it inherits. `{ ...view.toJSON() }` has them, and `view.toJSON().pos` those of a part.
 *
 * A type can be spread only if each member of the union that it is can be, and `true` cannot. A view is no boolean all the same, and
 * passes for none; it is the other member, `object`, for which a plain value passes as well. It is `true`, since that is truthy: `void`
 * does the same, but `if (view)`, `view?.hp` and `view !== undefined` would leave nothing of it.
 *
 * Tell a view from a handle by `typeof it === "number"`: after `typeof it === "object"` the compiler takes it for possible in the `else`.
 * No interface extends such a type; `type ShipView = View<typeof Ship>` gives it a name.
 */
export type NoSpread = object | true;

/**
 * What the field of a view reads as.
 *
 * @typeParam T The field's type.
 * @typeParam Self The struct that has the field, for links to its own kind.
 */
export type FieldView<T extends FieldType, Self = unknown> = T extends ArrayType<infer E>
  ? ArrayView<E extends RefType<"self"> ? Self extends AnyStruct ? RefType<Self> : E : E> & NoSpread
  : T extends Struct<infer F> ? { -readonly [K in keyof F]: FieldView<F[K], T> } & NoSpread
  : ValueOf<T, Self>;

/**
 * An array field of a record. Comes from a view, and follows it when it is moved.
 *
 * @typeParam E Type of an element.
 */
export abstract class ArrayView<E extends ElementType = ElementType> {
  /** How many elements. */
  abstract readonly length: number;

  /**
   * Reads an element, in O(1).
   *
   * @param i Which, from 0.
   * @returns Its value; for an array of structs a view of it, the same one each time.
   * @throws {RangeError} when there is no such element.
   */
  abstract get(i: number): FieldView<E>;

  /**
   * Writes an element, in O(1); a struct is copied in, whole or in part.
   *
   * @param i Which, from 0.
   * @param value Its new value.
   * @throws {RangeError} when there is no such element.
   * @throws {TypeError} when the value does not fit the type; nothing is written then.
   */
  abstract set(i: number, value: InitOf<E>): void;

  /**
   * Writes the first elements, in O(n).
   *
   * @param values Anything array-like, or another view of an array, at most `length` long.
   * @throws {RangeError} when it is longer.
   * @throws {TypeError} when a value does not fit the type; nothing is written then.
   */
  abstract copyFrom(values: ItemsOf<InitOf<E>>): void;

  /**
   * Copies the elements out, in O(n).
   *
   * @returns A plain array of plain values.
   */
  toArray(): ValueOf<E>[] {
    return this.toJSON();
  }

  /**
   * Copies the elements out for JSON: `JSON.stringify` calls it so, with a key.
   *
   * @param key Where the array goes; makes no other difference than to be there.
   * @returns A plain array of what JSON can hold. It has no integers of 64 bits, so they are decimal strings.
   */
  toJSON(key: string): unknown[];
  /**
   * Copies the elements out, in O(n).
   *
   * @returns What {@linkcode toArray} does.
   */
  toJSON(): ValueOf<E>[];
  toJSON(key?: string): unknown[] {
    const values: unknown[] = [];
    for (let i = 0; i < this.length; i++) values.push(plainValue(this.get(i), key));
    return values;
  }

  /**
   * Iterates over the elements in order.
   *
   * @returns An iterator of what {@linkcode get} gives.
   */
  [Symbol.iterator](): IterableIterator<FieldView<E>> {
    return new ElementIterator(this);
  }
}

/** It is its own result, so that nothing is allocated on the way. */
class ElementIterator<E extends ElementType> implements IterableIterator<FieldView<E>> {
  done = false;
  value: FieldView<E> = undefined as unknown as FieldView<E>; // nobody reads it before next()
  readonly #array: ArrayView<E>;
  #next = 0;

  constructor(array: ArrayView<E>) {
    this.#array = array;
  }

  next(): this {
    if (this.#next < this.#array.length) this.value = this.#array.get(this.#next++);
    else this.done = true;
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** A view of something within another view. */
export interface Part extends Bound {
  /** The view that it is part of. */
  _r: Bound;
  /** Byte offset within that. */
  _at: number;
}

/** Makes views of a struct within another view. */
export type PartViewClass = new (root: Bound, at: number) => Part;

/** Makes array views of one field. */
export type ArrayViewClass = new (root: Bound, at: number) => ArrayView & Part;

/**
 * @param value What a field of a view or an element reads as.
 * @param key Where it goes in JSON; `undefined` where it does not go there.
 * @returns The plain value: of a part its own, and of a bigint in JSON its decimal digits.
 */
export function plainValue(value: unknown, key: string | undefined): unknown {
  if (typeof value === "object") return (value as { toJSON(key?: string): unknown }).toJSON(key); // a part
  return typeof value === "bigint" && key !== undefined ? String(value) : value;
}

/** What is to be known of an array of scalars. */
export interface ScalarArray {
  /** How many elements. */
  readonly length: number;
  /** The typed array that they are in, and log2 of the bytes of one. */
  readonly array: keyof Arrays;
  readonly shift: number;
  /** Makes a value of what the typed array holds. */
  readonly decode: (raw: never) => unknown;
  /** Tells whether a value can be an element. */
  readonly fits: (value: unknown) => boolean;
}

/**
 * Makes the class of the views of an array of scalars. Its text is compiled anew for each field, so nothing in it is free
 * but its parameters.
 *
 * @param Base {@linkcode ArrayView}.
 * @param elements What the elements are.
 * @param help What is not done here.
 * @returns The class.
 */
export function defineScalarArray(
  Base: typeof ArrayView,
  elements: ScalarArray,
  help: {
    indexError(i: unknown, length: number): Error;
    valueError(i: number, value: unknown): Error;
    copyFrom(values: unknown, view: Bound): void;
  },
): ArrayViewClass {
  const length = elements.length;
  const array = elements.array;
  const shift = elements.shift;
  const decode = elements.decode as (raw: unknown) => unknown; // of what that array holds
  const fits = elements.fits;

  /** Out of line, so that the methods are short enough to be inlined. */
  function fail(i: number, value?: unknown): never {
    throw i >>> 0 !== i || i >= length ? help.indexError(i, length) : help.valueError(i, value);
  }

  return class Elements extends Base {
    declare _r: Bound;
    declare _at: number;
    constructor(root: Bound, at: number) {
      super();
      this._r = root;
      this._at = at;
    }
    get _b() {
      return this._r._b;
    }
    get _o() {
      return this._r._o + this._at;
    }
    override get length() {
      return length;
    }
    override get(i: number) {
      if (i >>> 0 !== i || i >= length) fail(i);
      const root = this._r;
      return decode(root._b[array][(root._o + this._at >> shift) + i]) as never; // as the field's type says
    }
    override set(i: number, value: unknown) {
      if (i >>> 0 !== i || i >= length || !fits(value)) fail(i, value);
      const root = this._r;
      (root._b[array] as { [at: number]: unknown })[(root._o + this._at >> shift) + i] = value;
    }
    override copyFrom(values: unknown) {
      help.copyFrom(values, this);
    }
  };
}

/**
 * As {@linkcode defineScalarArray}, of an array of structs.
 *
 * @param Base {@linkcode ArrayView}.
 * @param Element Class of the elements' views.
 * @param length How many elements.
 * @param stride Bytes from one to the next.
 * @param help What is not done here.
 * @returns The class.
 */
export function defineStructArray(
  Base: typeof ArrayView,
  Element: new (root: Bound, at: number) => Part,
  length: number,
  stride: number,
  help: {
    indexError(i: unknown, length: number): Error;
    write(value: unknown, view: Bound, i: number): void;
    copyFrom(values: unknown, view: Bound): void;
  },
): ArrayViewClass {
  return class Elements extends Base {
    declare _r: Bound;
    declare _at: number;
    /** Views of the elements that were looked at. */
    declare _n: (Part | undefined)[];
    constructor(root: Bound, at: number) {
      super();
      this._r = root;
      this._at = at;
      this._n = [];
    }
    get _b() {
      return this._r._b;
    }
    get _o() {
      return this._r._o + this._at;
    }
    override get length() {
      return length;
    }
    override get(i: number) {
      if (i >>> 0 !== i || i >= length) throw help.indexError(i, length);
      let view = i < this._n.length ? this._n[i] : undefined;
      if (view === undefined) {
        view = new Element(this, i * stride);
        this._n[i] = view;
      }
      // What it has already: see the parts of a view.
      view._r = this;
      view._at = i * stride;
      return view as never; // as the field's type says
    }
    override set(i: number, value: unknown) {
      help.write(value, this.get(i), i);
    }
    override copyFrom(values: unknown) {
      help.copyFrom(values, this);
    }
  };
}
