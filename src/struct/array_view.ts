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
 * Makes `{ ...view }` and `{ x, ...rest } = view` errors of the compiler (TS2698, TS2700). They
 * copy own properties, but the fields of a view are inherited accessors. Use
 * `{ ...view.toJSON() }`, or `view.toJSON().pos` for a part.
 *
 * A union can be spread only when each of its members can be, and `true` cannot. A view is still
 * not assignable to a boolean, and plain values are assignable to it, because of the other member,
 * `object`. The member is `true` and not `void`, since `if (view)`, `view?.hp` and
 * `view !== undefined` narrow a type by truthiness.
 *
 * To distinguish a view from a handle, test `typeof it === "number"`: with `typeof it === "object"`
 * the compiler keeps the view in the `else` branch. An interface cannot extend such a type; use
 * `type ShipView = View<typeof Ship>`.
 *
 * @category Structs and views
 */
export type NoSpread = object | true;

/**
 * The type of a field of a view.
 *
 * @category Structs and views
 * @typeParam T The field's type.
 * @typeParam Self The struct that has the field, for `ref("self")`.
 */
export type FieldView<T extends FieldType, Self = unknown> = T extends ArrayType<infer E>
  ? ArrayView<E extends RefType<"self"> ? Self extends AnyStruct ? RefType<Self> : E : E> & NoSpread
  : T extends Struct<infer F> ? { -readonly [K in keyof F]: FieldView<F[K], T> } & NoSpread
  : ValueOf<T, Self>;

/**
 * An iterator whose `next()` allocates nothing: it returns the same object each time, with the next
 * `value`. At the end the last value stays there, so its type is known only once `done` was tested.
 *
 * @category Structs and views
 * @typeParam T What it yields.
 */
// `IterableIterator<T, unknown>` says the same, but has one parameter before TypeScript 5.6.
export interface ReusedIterator<T> extends IterableIterator<T> {
  /** Moves to the next value. */
  next(): IteratorResult<T, unknown>;
  /** Returns itself. */
  [Symbol.iterator](): ReusedIterator<T>;
}

/**
 * The view of an array field. It belongs to the view of a record, and is always bound to the same
 * record.
 *
 * @category Structs and views
 * @typeParam E Type of an element.
 */
export abstract class ArrayView<E extends ElementType = ElementType> {
  /** Number of elements. */
  abstract readonly length: number;

  /**
   * Reads an element, in O(1).
   *
   * @param i Index of the element, from 0.
   * @returns Its value; in an array of structs a view of it, the same object each time.
   * @throws {RangeError} when there is no such element.
   */
  abstract get(i: number): FieldView<E>;

  /**
   * Writes an element, in O(1); of a struct the fields that the value has.
   *
   * @param i Index of the element, from 0.
   * @param value Its new value.
   * @throws {RangeError} when there is no such element.
   * @throws {TypeError} when the value is not of the type; nothing is written then.
   */
  abstract set(i: number, value: InitOf<E>): void;

  /**
   * Writes the first elements, in O(n).
   *
   * @param values An array-like object, or a view of an array, of at most `length` elements.
   * @throws {RangeError} when it is longer.
   * @throws {TypeError} when a value is not of the type; nothing is written then.
   */
  abstract copyFrom(values: ItemsOf<InitOf<E>>): void;

  /**
   * Copies the elements to a new array, in O(n).
   *
   * @returns An array of plain values.
   */
  toArray(): ValueOf<E>[] {
    return this.toJSON();
  }

  /**
   * Copies the elements to a new array for JSON, in O(n). `JSON.stringify` calls it with a key.
   *
   * @param key The property's name; only whether there is one matters.
   * @returns An array of values for JSON: integers of 64 bits, which it does not have, are decimal
   * strings.
   */
  toJSON(key: string): unknown[];
  /**
   * Copies the elements to a new array, in O(n).
   *
   * @returns The same as {@linkcode toArray}.
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
   * @returns An iterator of the results of {@linkcode get}.
   */
  [Symbol.iterator](): ReusedIterator<FieldView<E>> {
    return new ElementIterator(this);
  }
}

/** An iterator that is its own result, so that `next()` allocates nothing. */
class ElementIterator<E extends ElementType> implements ReusedIterator<FieldView<E>> {
  done = false;
  value: FieldView<E> = undefined as unknown as FieldView<E>; // not read before next()
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

/** A view of a struct or an array inside another view. */
export interface Part extends Bound {
  /** The view that it is part of. */
  _r: Bound;
}

/** A view of an element of an array of structs. */
export interface ElementPart extends Part {
  /** Offset in the view of the array, which has the same unit. */
  _at: number;
}

/** Class of the views of a nested struct. */
export type PartViewClass = new (root: Bound) => Part;

/** Class of the views of the elements of an array of structs. */
export type ElementViewClass = new (root: Bound, at: number) => ElementPart;

/** Class of the views of an array field. */
export type ArrayViewClass = new (root: Bound) => ArrayView & Part;

/**
 * Converts a field or an element of a view to a plain value.
 *
 * @param value The field or element: a scalar, or a view of a part.
 * @param key Name of the property in JSON; `undefined` when it is not for JSON.
 * @returns The plain value; in JSON a bigint is a string of its decimal digits.
 */
export function plainValue(value: unknown, key: string | undefined): unknown {
  // A view of a part is the only object.
  if (typeof value === "object") return (value as { toJSON(key?: string): unknown }).toJSON(key);
  return typeof value === "bigint" && key !== undefined ? String(value) : value;
}

/** The elements of an array of scalars. */
export interface ScalarArray {
  /** Number of elements. */
  readonly length: number;
  /** The typed array that holds them. */
  readonly array: keyof Arrays;
  /** Converts an element of the typed array to a value. */
  readonly decode: (raw: never) => unknown;
  /** Whether a value can be an element. */
  readonly fits: (value: unknown) => boolean;
}

/**
 * Defines the class of the views of an array of scalars. Its text is compiled again for each field,
 * so it may refer only to its parameters and globals.
 *
 * @param elements The elements.
 * @param help Functions that are the same for all arrays.
 * @returns The class.
 */
export function defineScalarArray(
  elements: ScalarArray,
  help: {
    indexError(i: unknown, length: number): Error;
    valueError(i: number, value: unknown): Error;
    copyFrom(values: unknown, view: Bound): void;
  },
): ArrayViewClass {
  const length = elements.length;
  const array = elements.array;
  const decode = elements.decode as (raw: unknown) => unknown; // elements of that array
  const fits = elements.fits;

  /** Not inline, so that the methods are short enough for the engine to inline them. */
  function fail(i: number, value?: unknown): never {
    throw i >>> 0 !== i || i >= length ? help.indexError(i, length) : help.valueError(i, value);
  }

  return class Elements {
    declare _b: Arrays;
    declare _o: number;
    declare _r: Bound;
    constructor(root: Bound) {
      this._r = root;
    }
    get length() {
      return length;
    }
    get(i: number) {
      if (i >>> 0 !== i || i >= length) fail(i);
      return decode(this._b[array][this._o + i]);
    }
    set(i: number, value: unknown) {
      if (i >>> 0 !== i || i >= length || !fits(value)) fail(i, value);
      (this._b[array] as { [at: number]: unknown })[this._o + i] = value;
    }
    copyFrom(values: unknown) {
      help.copyFrom(values, this);
    }
  } as unknown as ArrayViewClass; // it inherits the rest
}

/**
 * Defines the class of the views of an array of structs, as {@linkcode defineScalarArray} does.
 *
 * @param Element Class of the elements' views.
 * @param length Number of elements.
 * @param stride Size of an element in units of its struct.
 * @param help Functions that are the same for all arrays.
 * @returns The class.
 */
export function defineStructArray(
  Element: ElementViewClass,
  length: number,
  stride: number,
  help: {
    indexError(i: unknown, length: number): Error;
    write(value: unknown, view: Bound, i: number): void;
    copyFrom(values: unknown, view: Bound): void;
  },
): ArrayViewClass {
  return class Elements {
    declare _b: Arrays;
    declare _o: number;
    declare _r: Bound;
    /** Views of elements by index, created when they are first used. */
    declare _n: (ElementPart | undefined)[];
    constructor(root: Bound) {
      this._r = root;
      this._n = [];
    }
    get length() {
      return length;
    }
    get(i: number) {
      if (i >>> 0 !== i || i >= length) throw help.indexError(i, length);
      let view = i < this._n.length ? this._n[i] : undefined;
      if (view === undefined) {
        view = new Element(this, i * stride);
        this._n[i] = view;
      }
      // These stores change nothing; after them V8 knows both values, and need not load them.
      view._r = this;
      view._at = i * stride;
      return view;
    }
    set(i: number, value: unknown) {
      help.write(value, this.get(i), i);
    }
    copyFrom(values: unknown) {
      help.copyFrom(values, this);
    }
  } as unknown as ArrayViewClass; // it inherits the rest
}

/**
 * Defines the class of the views of the elements of an array of structs, as
 * {@linkcode defineScalarArray} does.
 *
 * @returns The class.
 */
export function defineElementView(): ElementViewClass {
  return class Element {
    declare _r: Bound;
    declare _at: number;
    constructor(root: Bound, at: number) {
      this._r = root;
      this._at = at;
    }
    get _b() {
      return this._r._b;
    }
    get _o() {
      return this._r._o + this._at;
    }
  };
}
