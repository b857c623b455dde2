/**
 * Views: objects that look like a record and read and write its bytes.
 *
 * A view of a record holds the typed arrays of a block and a byte offset, which is all that moving it changes. A struct or
 * an array nested in it gets a view of its own, made when it is first asked for and kept by the view that it is part of, with which it
 * moves:
 *
 * ```text
 * record view   _b  typed arrays of the block      part or array   _r   the view that it is part of
 *               _o  byte offset of the record                      _at  byte offset within that
 *               _n0 … its parts, once they were asked for         _b, _o  getters: _r._b, _r._o + _at
 * ```
 *
 * @module
 */
import { showAs } from "../messages/show.ts";
import {
  ArrayView,
  type ArrayViewClass,
  defineScalarArray,
  defineStructArray,
  type FieldView,
  type NoSpread,
  type Part,
  type PartViewClass,
  plainValue,
} from "./array_view.ts";
import { debugArrayViewClass, debugPartClass, debugViewClass } from "./debug_view.ts";
import { type Frame, itemsWriter, type Writer, writerOf, writeScalarError } from "./record.ts";
import { Accessors, type Bound, type Compile, SCALARS } from "./scalars.ts";
import {
  type AnyStruct,
  type ArrayType,
  elementBytes,
  type Fields,
  type Infer,
  scalarOf,
  Struct,
} from "./schema.ts";
import type { TypedArrays } from "./typed_arrays.ts";

export { isDebugView } from "./debug_view.ts";

/**
 * A record as an object: its fields read and write the record's bytes.
 *
 * A nested struct is a view as well, and so is an array ({@linkcode ArrayView}); both follow the view that they came
 * from when it is moved. Assigning a whole struct or array copies it in; TypeScript, which cannot type a setter of its own for a
 * computed name, wants `view.color.copyFrom([…])` in the place of `view.color = […]`, and `view.next = NULL_HANDLE` in that of
 * `view.next = null`, lest a link read as one that may be null. A view is not checked after it was made: kept
 * past its record's `free`, it reads whatever is there; in debug mode it throws {@linkcode StaleHandleError}.
 *
 * The fields are no properties of the view's own, so `{ ...view }` has none of them: TypeScript refuses it ({@linkcode NoSpread}), and in
 * debug mode it throws, as `structuredClone` does; copy `view.toJSON()` instead. `JSON.stringify` takes a view, and writes integers of
 * 64 bits as decimal strings. In debug mode a view is sealed: what is written to a name that is no field throws in strict code.
 *
 * @typeParam S The struct type, or the plain fields it is made of.
 */
export type View<S extends AnyStruct | Fields> = S extends Struct<infer F>
  ? { -readonly [K in keyof F]: FieldView<F[K], S> } & RecordMethods<S> & NoSpread
  : S extends Fields ? View<Struct<S>>
  : never;

/** Key of what views have in types alone. */
export declare const viewed: unique symbol;

/**
 * What a view of a record has beside its fields.
 *
 * @typeParam S The struct type.
 */
export interface RecordMethods<S extends AnyStruct> {
  /** Never there: the compiler infers the struct by it. */
  readonly [viewed]?: Viewed<S> | undefined; // which keeps the errors of the compiler short
  /**
   * Copies the record out for JSON: `JSON.stringify` calls it so, with a key.
   *
   * @param key Where the record goes; makes no other difference than to be there.
   * @returns A plain object of what JSON can hold. It has no integers of 64 bits, so they are decimal strings; `BigInt(text)` makes one
   * what a field takes again.
   */
  toJSON(key: string): unknown;
  /**
   * Copies the record out.
   *
   * @returns A plain object of plain values, as `Infer` says: integers of 64 bits are bigints.
   */
  toJSON(): Infer<S>;
}

/**
 * Names a struct to the compiler; no value has it. All of them pass for each other, so that a view is still one of any struct with
 * the same fields.
 *
 * @typeParam _S The struct type.
 */
export interface Viewed<_S> {
  /** So that it is no empty type, which everything would pass for. */
  readonly is: "view";
}

/** A view from the inside. */
export interface RecordView extends Bound {
  _b: TypedArrays;
  _o: number;
  /** Its struct, on the prototype of a view of a whole record. */
  readonly _s?: AnyStruct;
}

/** A view of a whole record, which also knows its struct, on its prototype. */
export interface StructView extends RecordView {
  /** What it is a view of. */
  readonly _s: AnyStruct;
}

/** Makes views of one struct. */
export type RecordViewClass = new (arrays: TypedArrays, offset: number) => StructView;

/** What is compiled for a struct. */
export interface StructCode {
  /** Class of its views. */
  readonly View: RecordViewClass;
  /** Writes plain values to its records. */
  readonly write: Writer;
}

/**
 * @param struct A struct.
 * @param compile Makes the classes and functions.
 * @param isDebug Whether its views check at each access that the record is still there.
 * @returns Its views and its writer.
 */
export function structCode(struct: AnyStruct, compile: Compile, isDebug: boolean): StructCode {
  const code = new Definitions(compile, isDebug);
  const View = code.recordViewClass(struct);
  return { View, write: writerOf(struct, compile, code.writers, code.accessors) };
}

/** For a struct that is written whole: errors say the field that it is. */
class WholeFrame implements Frame {
  readonly name: string;
  readonly outer = undefined;

  constructor(name: string) {
    this.name = name;
  }

  resume(_target: unknown, _handle: number, view: Bound): number {
    return view._b === undefined ? 0 : 1; // in debug mode a view whose record is gone throws when asked
  }
}

/** In the place of the value that an array is a field of, where it is written alone. */
const NO_FIELDS = {};

/** Makes the classes that the view of one struct needs. */
class Definitions {
  readonly accessors: Accessors;
  /** By struct; filled as they are needed. */
  readonly writers = new Map<AnyStruct, Writer>();
  private readonly compile: Compile;
  private readonly isDebug: boolean;

  constructor(compile: Compile, isDebug: boolean) {
    this.compile = compile;
    this.isDebug = isDebug;
    this.accessors = new Accessors(compile);
  }

  recordViewClass(struct: AnyStruct): RecordViewClass {
    const Plain = this.compile(defineRecordView, hasParts(struct)) as RecordViewClass; // _s comes next
    Object.defineProperty(Plain.prototype, "_s", { value: struct });
    this.#define(Plain.prototype, struct, this.accessors);
    return this.isDebug ? debugViewClass(Plain, struct.name, partCount(struct)) : Plain;
  }

  #partViewClass(struct: AnyStruct): PartViewClass {
    const Part = this.compile(definePartView);
    // Accessors of their own, since what one text learns of a view it would lose again to a part.
    this.#define(Part.prototype, struct, new Accessors(this.compile));
    return this.isDebug ? debugPartClass(Part, struct.name, partCount(struct)) : Part;
  }

  #arrayViewClass(name: string, type: ArrayType): ArrayViewClass {
    const Plain = this.#plainArrayViewClass(name, type);
    return this.isDebug ? debugArrayViewClass(Plain, name) : Plain;
  }

  #plainArrayViewClass(name: string, type: ArrayType): ArrayViewClass {
    const { compile, writers } = this;
    const { element, length } = type;
    const stride = elementBytes(element);
    let copy: ReturnType<typeof itemsWriter> | undefined; // few arrays are ever copied into
    const copyFrom = (values: unknown, view: Bound) => {
      copy ??= itemsWriter(
        name,
        type,
        0,
        (view) => view as Bound & ArrayView, // which copyFrom() is called on
        // In debug mode a view whose record is gone throws when it is asked for `_b`.
        (_init, _seen, view) => view._b === undefined ? 0 : 1,
        compile,
        writers,
      );
      copy(values, NO_FIELDS, 0, view, undefined, 0, undefined);
    };
    if (element instanceof Struct) {
      const frames: WholeFrame[] = []; // by index, as they are needed
      const write = (value: unknown, view: Bound, i: number) =>
        this.#writeWhole(element, value, view, frames[i] ??= new WholeFrame(`${name}[${i}]`));
      const help = { indexError, write, copyFrom };
      return compile(
        defineStructArray,
        ArrayView,
        this.#partViewClass(element),
        length,
        stride,
        help,
      );
    }
    const scalar = scalarOf(element);
    const { array, fits, decode } = SCALARS[scalar];
    const valueError = (i: number, value: unknown) =>
      writeScalarError(scalar, value, `${name}[${i}]`, undefined);
    const elements = { length, array, shift: 31 - Math.clz32(stride), decode, fits };
    return compile(defineScalarArray, ArrayView, elements, { indexError, valueError, copyFrom });
  }

  /** Gives a prototype an accessor for each field. */
  #define(prototype: object, struct: AnyStruct, accessors: Accessors): void {
    Object.defineProperty(prototype, "_of", { value: struct }); // for writers, which need not check what a view has
    Object.defineProperty(prototype, "toJSON", {
      value(this: object, key?: string) {
        return plainValues(struct, this, key);
      },
    });
    showAs(prototype, (view) => isUnbound(view) ? "[view of nothing]" : plainValues(struct, view));
    let parts = 0;
    for (const [name, { type, offset }] of Object.entries(struct.fields)) {
      const accessor = typeof type === "string" || "target" in type
        ? accessors.of(scalarOf(type), offset, name)
        : this.#partAccessor(name, type, offset, parts++);
      Object.defineProperty(prototype, name, { ...accessor, enumerable: true });
    }
  }

  #partAccessor(name: string, type: Struct | ArrayType, offset: number, index: number): object {
    const isStruct = type instanceof Struct;
    const Part = isStruct ? this.#partViewClass(type) : this.#arrayViewClass(name, type);
    const frame = new WholeFrame(name);
    const write = isStruct
      ? (value: unknown, part: object) => this.#writeWhole(type, value, part as Bound, frame)
      : (value: unknown, part: object) => (part as ArrayView).copyFrom(value as never);
    // As a property's name it is one string everywhere, which compiled code compares it as; a new one is not.
    const [key] = Object.keys({ [`_n${index}`]: 0 });
    return this.compile(definePartAccessor, Part, offset, key, write);
  }

  /** Writes a value to a struct that a view stands on. */
  #writeWhole(struct: AnyStruct, value: unknown, view: Bound, frame: Frame): void {
    writerOf(struct, this.compile, this.writers)(value, 0, view, undefined, 0, frame);
  }
}

// -- texts that are compiled anew for each struct: nothing in them is free but their parameters --

function defineRecordView(
  hasParts: boolean,
): new (arrays: TypedArrays, offset: number) => RecordView {
  if (!hasParts) {
    return class View {
      declare _b: TypedArrays;
      declare _o: number;
      constructor(arrays: TypedArrays, offset: number) {
        this._b = arrays;
        this._o = offset;
      }
    };
  }
  return class View {
    declare _b: TypedArrays;
    declare _o: number;
    // The first parts. A view with more gets the others as they are asked for.
    declare _n0: Part | undefined;
    declare _n1: Part | undefined;
    declare _n2: Part | undefined;
    declare _n3: Part | undefined;
    constructor(arrays: TypedArrays, offset: number) {
      this._b = arrays;
      this._o = offset;
      this._n0 = undefined;
      this._n1 = undefined;
      this._n2 = undefined;
      this._n3 = undefined;
    }
  };
}

function definePartView(): PartViewClass {
  return class Part {
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

/** A view that keeps views of its parts, by `_n` and a number. */
type Whole = Bound & Record<string, Part | undefined>;

function definePartAccessor(
  PartView: new (root: Bound, at: number) => Part,
  offset: number,
  key: string,
  write: (value: unknown, part: object) => void,
): object {
  return {
    get(this: Whole) {
      let part = this[key];
      if (part === undefined) {
        part = new PartView(this, offset);
        this[key] = part;
      }
      // What it has already: after a store the compiler knows what it would have to load for each access.
      part._r = this;
      part._at = offset;
      return part;
    },
    set(this: Whole, value: unknown) {
      let part = this[key];
      if (part === undefined) {
        part = new PartView(this, offset);
        this[key] = part;
      }
      write(value, part);
    },
  };
}

// -- the same for all --

function hasParts(struct: AnyStruct): boolean {
  return partCount(struct) > 0;
}

/** How many fields are structs or arrays, so that a view has views of them. */
function partCount(struct: AnyStruct): number {
  return Object.values(struct.fields).filter(({ type }) =>
    typeof type === "object" && !("target" in type)
  ).length;
}

/** The values of a record, read through a view of it; for JSON where there is a key. */
function plainValues(struct: AnyStruct, view: object, key?: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(struct.fields)) {
    values[name] = plainValue((view as Readonly<Record<string, unknown>>)[name], key);
  }
  return values;
}

function indexError(i: unknown, length: number): RangeError {
  return new RangeError(
    `Cannot reach element ${String(i)}: the array has elements 0 to ${length - 1}`,
  );
}

/**
 * @param view Any value.
 * @returns The view of the whole record that it is, or is a part of; `undefined` for anything else.
 */
export function rootOf(view: unknown): RecordView | undefined {
  if (typeof view !== "object" || view === null) return undefined;
  // Only views have these names: a part the first, a record the second.
  let root: object = view;
  while ("_r" in root) root = root._r as object;
  return "_b" in root ? root as RecordView : undefined;
}

/**
 * @param view Any value.
 * @returns The struct whose records it can be moved over; `undefined` for what is no view of a whole record.
 */
export function structOf(view: unknown): AnyStruct | undefined {
  return typeof view === "object" && view !== null ? (view as Partial<StructView>)._s : undefined;
}

function isUnbound(view: unknown): boolean {
  return rootOf(view)?._b.u8.length === 0;
}

showAs<ArrayView>(
  ArrayView.prototype,
  (view) => isUnbound(view) ? "[view of nothing]" : view.toArray(),
);
