/**
 * Views: objects whose fields read and write the bytes of a record.
 *
 * A view of a record holds the typed arrays of a block and a byte offset; binding it to another
 * record changes only these. A nested struct or array has a view of its own, a part, which is
 * created on first use and kept by the outer view. A part finds its bytes through the outer view:
 *
 * ```text
 * record view   _b  typed arrays of the block      part or array   _r   the outer view
 *               _o  offset of the record                           _at  offset in that
 *               _n0 … parts, once they were used                  _b, _o  getters: _r._b, _r._o + _at
 * ```
 *
 * Offsets count units: the bytes of the width that most fields of the struct have, which is a power
 * of two. A part has the unit of its own struct, and its `_o` converts that of the outer view.
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
import type { DebugViews } from "./debug_view.ts";
import { type Frame, itemsWriter, type Writer, writerOf } from "./record.ts";
import { scalarError } from "./record_errors.ts";
import {
  Accessors,
  type Arrays,
  type Bound,
  type Compile,
  placeOf,
  SCALARS,
  shiftOf,
} from "./scalars.ts";
import {
  type AnyStruct,
  type ArrayType,
  elementBytes,
  type Fields,
  type Infer,
  scalarOf,
  Struct,
  unitOf,
} from "./schema.ts";
import type { Movable, TypedArrays } from "./typed_arrays.ts";

export { isDebugView } from "./debug_view.ts";

/**
 * A record as an object: its fields read and write the record's bytes.
 *
 * A nested struct is a view as well, and so is an array ({@linkcode ArrayView}); both stay bound to
 * the same record as the outer view. Assigning a whole struct or array copies its fields or
 * elements. TypeScript has no setters with a type of their own for computed names, so there write
 * `view.color.copyFrom([…])` for `view.color = […]`, and `view.next = NULL_HANDLE` for
 * `view.next = null`. A view is checked only when it is created: used after its record was freed,
 * it reads whatever is there; in debug mode it throws {@linkcode StaleHandleError}.
 *
 * The fields are not own properties, so `{ ...view }` copies none of them: it is an error of
 * TypeScript ({@linkcode NoSpread}), and throws in debug mode, as `structuredClone` does; copy
 * `view.toJSON()` instead. `JSON.stringify` takes a view, and writes integers of 64 bits as decimal
 * strings. In debug mode a view is sealed: writing a property that is no field throws in strict
 * code.
 *
 * @category Structs and views
 * @typeParam S The struct type, or its plain fields.
 */
export type View<S extends AnyStruct | Fields> = S extends Struct<infer F>
  ? { -readonly [K in keyof F]: FieldView<F[K], S> } & RecordMethods<S> & NoSpread
  : S extends Fields ? View<Struct<S>>
  : never;

/**
 * Key of a property that views have only in types.
 *
 * @category Structs and views
 * @internal
 */
export declare const viewed: unique symbol;

/**
 * The members of a view of a record that are not fields.
 *
 * @category Structs and views
 * @typeParam S The struct type.
 */
export interface RecordMethods<S extends AnyStruct> {
  /** Exists only in types: the compiler infers the struct from it, and its errors stay short. */
  readonly [viewed]?: Viewed<S> | undefined;
  /**
   * Copies the record to a plain object for JSON. `JSON.stringify` calls it with a key.
   *
   * @param key The property's name; only whether there is one matters.
   * @returns An object of values for JSON: integers of 64 bits, which it does not have, are decimal
   * strings; `BigInt(text)` converts one back.
   */
  toJSON(key: string): unknown;
  /**
   * Copies the record to a plain object.
   *
   * @returns An object of the type `Infer`: integers of 64 bits are bigints.
   */
  toJSON(): Infer<S>;
}

/**
 * Names a struct to the compiler. No value has it. These types are assignable to each other, so
 * that a view is assignable to one of any struct with the same fields.
 *
 * @category Structs and views
 * @internal
 * @typeParam _S The struct type.
 */
export interface Viewed<_S> {
  /** Without it this would be an empty type, to which every value is assignable. */
  readonly is: "view";
}

/** A view as the engine uses it. */
export interface RecordView extends Movable {
  /** Its struct, on the prototype of a view of a whole record; a part has none. */
  readonly _s?: AnyStruct;
}

/** A view of a whole record, which has its struct on its prototype. */
interface StructView extends RecordView {
  /** Its struct. */
  readonly _s: AnyStruct;
}

/** Class of the views of one struct. */
export interface RecordViewClass {
  /** @param offset In units. */
  new (arrays: TypedArrays, offset: number): StructView;
  readonly prototype: StructView;
}

/**
 * @param View A class of views.
 * @param bytes A byte offset, or the distance of two records.
 * @returns It in units of the class.
 */
export function inUnits(View: RecordViewClass, bytes: number): number {
  return bytes >> View.prototype._u;
}

/** The code that is compiled for a struct. */
export interface StructCode {
  /** Class of its views. */
  readonly View: RecordViewClass;
  /** Writes plain values to its records. */
  readonly write: Writer;
}

/**
 * Compiles the code of a struct.
 *
 * @param struct A struct.
 * @param compile Calls the definitions of the classes and functions.
 * @param debugViews The classes of debug mode, whose views check at each access that the record is
 * live.
 * @returns The class of its views, and its writer.
 */
export function structCode(
  struct: AnyStruct,
  compile: Compile,
  debugViews?: DebugViews,
): StructCode {
  const code = new Definitions(struct, compile, debugViews);
  const View = code.recordViewClass(struct);
  return { View, write: writerOf(struct, compile, code.writers, code.accessors) };
}

/** The frame of a nested struct that is written through its view: it names the field in errors. */
class WholeFrame implements Frame {
  readonly name: string;
  readonly outer = undefined;

  constructor(name: string) {
    this.name = name;
  }

  resume(_target: unknown, _handle: number, view: Bound): number {
    return view._b === undefined ? 0 : 1; // in debug mode the getter throws on a freed record
  }
}

/** Stands for the outer value of an array that is written alone. */
const NO_FIELDS = {};

/** Defines the classes that the view of one struct needs. */
class Definitions {
  readonly accessors: Accessors;
  /** By struct, created when they are first needed. */
  readonly writers = new Map<AnyStruct, Writer>();
  private readonly compile: Compile;
  private readonly debugViews: DebugViews | undefined;

  constructor(struct: AnyStruct, compile: Compile, debugViews: DebugViews | undefined) {
    this.compile = compile;
    this.debugViews = debugViews;
    this.accessors = new Accessors(compile, unitOf(struct));
  }

  recordViewClass(struct: AnyStruct): RecordViewClass {
    const Plain = this.compile(defineRecordView, hasParts(struct)) as RecordViewClass;
    // These complete the type.
    Object.defineProperty(Plain.prototype, "_s", { value: struct });
    Object.defineProperty(Plain.prototype, "_u", { value: unitOf(struct) });
    this.#define(Plain.prototype, struct, this.accessors);
    return this.debugViews?.whole(Plain, struct.name, partCount(struct)) as RecordViewClass ??
      Plain;
  }

  /** @param outer Unit of the outer view. */
  #partViewClass(struct: AnyStruct, outer: number): PartViewClass {
    const unit = unitOf(struct);
    const Part = this.compile(definePartView);
    this.#definePlace(Part.prototype, unit, outer);
    // Accessors of their own: a text that serves views and parts would be polymorphic.
    this.#define(Part.prototype, struct, new Accessors(this.compile, unit));
    return this.debugViews?.part(Part, struct.name, partCount(struct)) ?? Part;
  }

  /** @param outer Unit of the outer view. */
  #arrayViewClass(name: string, type: ArrayType, outer: number): ArrayViewClass {
    const Plain = this.#plainArrayViewClass(name, type);
    this.#definePlace(Plain.prototype, unitOfArray(type), outer);
    return this.debugViews?.array(Plain, name) ?? Plain;
  }

  /** Adds to a class of parts how they find their bytes through the outer view. */
  #definePlace(prototype: object, unit: number, outer: number): void {
    const { up, down } = placeOf(outer, unit, 0);
    Object.defineProperties(prototype, this.compile(definePlace, up, down));
  }

  #plainArrayViewClass(name: string, type: ArrayType): ArrayViewClass {
    showAs<ArrayView>(
      ArrayView.prototype,
      (view) => isUnbound(view) ? "[unbound view]" : view.toArray(),
    );
    const { compile, writers } = this;
    const { element, length } = type;
    const unit = unitOfArray(type);
    let copy: ReturnType<typeof itemsWriter> | undefined; // made on first use: few arrays need it
    const copyFrom = (values: unknown, view: Bound) => {
      copy ??= itemsWriter(
        name,
        type,
        unit,
        0,
        (view) => view as Bound & ArrayView, // copyFrom() is called on it
        // In debug mode the getter of `_b` throws on a freed record.
        (_init, _seen, view) => view._b === undefined ? 0 : 1,
        compile,
        writers,
      );
      copy(values, NO_FIELDS, 0, view, undefined, 0, undefined);
    };
    if (element instanceof Struct) {
      const frames: WholeFrame[] = []; // by index, created on first use
      const write = (value: unknown, view: Bound, i: number) =>
        this.#writeWhole(element, value, view, frames[i] ??= new WholeFrame(`${name}[${i}]`));
      const help = { indexError, write, copyFrom };
      return compile(
        defineStructArray,
        ArrayView,
        this.#partViewClass(element, unit),
        length,
        elementBytes(element) >> unit,
        help,
      );
    }
    const scalar = scalarOf(element);
    const { array, fits, decode } = SCALARS[scalar];
    const valueError = (i: number, value: unknown) =>
      scalarError(scalar, value, `${name}[${i}]`, undefined);
    const elements = { length, array, decode, fits };
    return compile(defineScalarArray, ArrayView, elements, { indexError, valueError, copyFrom });
  }

  /** Adds the accessors and methods of a struct to a prototype. */
  #define(prototype: object, struct: AnyStruct, accessors: Accessors): void {
    // Writers do not check the names of a value that has it.
    Object.defineProperty(prototype, "_of", { value: struct });
    Object.defineProperty(prototype, "toJSON", {
      value(this: object, key?: string) {
        return plainValues(struct, this, key);
      },
    });
    showAs(prototype, (view) => isUnbound(view) ? "[unbound view]" : plainValues(struct, view));
    let parts = 0;
    for (const [name, { type, offset }] of Object.entries(struct.fields)) {
      const accessor = typeof type === "string" || "target" in type
        ? accessors.of(scalarOf(type), offset, name)
        : this.#partAccessor(name, type, offset, parts++, accessors.unit);
      Object.defineProperty(prototype, name, { ...accessor, enumerable: true });
    }
  }

  #partAccessor(
    name: string,
    type: Struct | ArrayType,
    offset: number,
    index: number,
    outer: number,
  ): object {
    const isStruct = type instanceof Struct;
    const unit = isStruct ? unitOf(type) : unitOfArray(type);
    const Part = isStruct
      ? this.#partViewClass(type, outer)
      : this.#arrayViewClass(name, type, outer);
    const frame = new WholeFrame(name);
    const write = isStruct
      ? (value: unknown, part: object) => this.#writeWhole(type, value, part as Bound, frame)
      : (value: unknown, part: object) => (part as ArrayView).copyFrom(value as never);
    // The name of a property is an internalized string, which compiled code compares by identity.
    const [key] = Object.keys({ [`_n${index}`]: 0 });
    return this.compile(definePartAccessor, Part, placeOf(outer, unit, offset).at, key, write);
  }

  /** Writes a value to the struct that a view is bound to. */
  #writeWhole(struct: AnyStruct, value: unknown, view: Bound, frame: Frame): void {
    writerOf(struct, this.compile, this.writers)(value, 0, view, undefined, 0, frame);
  }
}

// -- texts that are compiled again for each struct: they refer only to parameters and globals --

function defineRecordView(
  hasParts: boolean,
): new (arrays: TypedArrays, offset: number) => RecordView {
  if (!hasParts) {
    return class View {
      declare _b: TypedArrays;
      declare _o: number;
      declare readonly _u: number;
      constructor(arrays: TypedArrays, offset: number) {
        this._b = arrays;
        this._o = offset;
      }
    };
  }
  return class View {
    declare _b: TypedArrays;
    declare _o: number;
    declare readonly _u: number;
    // The first parts. The properties of further ones are added on first use.
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
    declare _b: Arrays;
    declare _o: number;
    declare _r: Bound;
    declare _at: number;
    constructor(root: Bound, at: number) {
      this._r = root;
      this._at = at;
    }
  };
}

/** An arrow function, so that the shifts are literals in its text, as those of accessors. */
const definePlace = (up: number, down: number): PropertyDescriptorMap => ({
  _b: {
    get(this: Part) {
      return this._r._b;
    },
  },
  _o: {
    get(this: Part) {
      return (this._r._o << up) + this._at >> down;
    },
  },
});

/** A view with the views of its parts in `_n0`, `_n1` and so on. */
type OuterView = Bound & Record<string, Part | undefined>;

function definePartAccessor(
  PartView: new (root: Bound, at: number) => Part,
  offset: number,
  key: string,
  write: (value: unknown, part: object) => void,
): object {
  return {
    get(this: OuterView) {
      let part = this[key];
      if (part === undefined) {
        part = new PartView(this, offset);
        this[key] = part;
      }
      // The values do not change: after the stores the compiler knows them, and loads them no more.
      part._r = this;
      part._at = offset;
      return part;
    },
    set(this: OuterView, value: unknown) {
      let part = this[key];
      if (part === undefined) {
        part = new PartView(this, offset);
        this[key] = part;
      }
      write(value, part);
    },
  };
}

// -- shared by all structs --

/** Unit of the view of an array: an element of a scalar, or the unit of the elements' struct. */
function unitOfArray({ element }: ArrayType): number {
  return element instanceof Struct ? unitOf(element) : shiftOf(scalarOf(element));
}

function hasParts(struct: AnyStruct): boolean {
  return partCount(struct) > 0;
}

/** Number of fields that are structs or arrays, which have views of their own. */
function partCount(struct: AnyStruct): number {
  return Object.values(struct.fields).filter(({ type }) =>
    typeof type === "object" && !("target" in type)
  ).length;
}

/** Copies a record to a plain object through its view; for JSON when there is a key. */
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
 * Finds the view of a whole record.
 *
 * @param view Any value.
 * @returns The value when it is such a view, the outermost view when it is a part; otherwise
 * `undefined`.
 */
export function rootOf(view: unknown): RecordView | undefined {
  if (typeof view !== "object" || view === null) return undefined;
  // Only views have these properties: a part `_r`, a view of a record `_b`.
  let root: object = view;
  while ("_r" in root) root = root._r as object;
  return "_b" in root ? root as RecordView : undefined;
}

/**
 * Finds the struct of a view.
 *
 * @param view Any value.
 * @returns The struct when it is a view of a whole record; otherwise `undefined`.
 */
export function structOf(view: unknown): AnyStruct | undefined {
  return typeof view === "object" && view !== null ? (view as Partial<StructView>)._s : undefined;
}

function isUnbound(view: unknown): boolean {
  return rootOf(view)?._b.u8.length === 0;
}
