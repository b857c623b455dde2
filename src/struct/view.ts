/**
 * Views: objects whose fields read and write the bytes of a record.
 *
 * A view of a record holds the typed arrays of a block and an offset; binding it to another record
 * changes only these. A nested struct or array has a view of its own, a part, which the outer view
 * keeps: the first four are made with it, others on first use. A part finds its bytes through the
 * outer view:
 *
 * ```text
 * record view   _b  typed arrays of the block      part or array   _r  the outer view
 *               _o  offset of the record                           _b  getter: _r._b
 *               _n0 … its parts                                   _o  getter: _r._o + at
 * ```
 *
 * Offsets count units, which are as wide as most fields of the struct. A part has the unit of its
 * own struct, and its `_o` converts that of the outer view.
 *
 * @module
 */
import { showAs } from "../messages/show.ts";
import {
  type ArrayView,
  type ArrayViewClass,
  type ElementViewClass,
  type FieldView,
  type NoSpread,
  type Part,
  type PartViewClass,
  plainValue,
} from "./array_view.ts";
import type { DebugViews } from "./debug_view.ts";
import {
  type ArrayWriting,
  type CodedArray,
  type Frame,
  type Writer,
  writerOf,
  Writers,
} from "./record.ts";
import { Accessors, type Arrays, type Bound, type Compile, placeOf, shiftOf } from "./scalars.ts";
import {
  type AnyStruct,
  type ArrayType,
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

/**
 * The code of arrays. `array()` puts it into the types that it makes, so that bundles of programs
 * without arrays do not have it.
 */
export interface ArrayCode extends ArrayWriting {
  /**
   * Makes the class of the views of an array field.
   *
   * @param name Name of the field.
   * @param type Its type.
   * @param of Defines the classes of the struct that has the field.
   * @returns The class.
   */
  viewClass(name: string, type: ArrayType, of: Definitions): ArrayViewClass;
}

/** The frame of a nested struct that is written through its view: it names the field in errors. */
export class WholeFrame implements Frame {
  readonly name: string;
  readonly outer = undefined;

  constructor(name: string) {
    this.name = name;
  }

  resume(_target: unknown, _handle: number, view: Bound): number {
    return view._b === undefined ? 0 : 1; // in debug mode the getter throws on a freed record
  }
}

/** Class of the views of a field. */
type AnyPartClass = PartViewClass | ArrayViewClass;

/** Defines the classes that the view of one struct needs. */
export class Definitions {
  readonly accessors: Accessors;
  readonly writers: Writers;
  readonly compile: Compile;
  private readonly debugViews: DebugViews | undefined;

  constructor(struct: AnyStruct, compile: Compile, debugViews: DebugViews | undefined) {
    this.compile = compile;
    this.debugViews = debugViews;
    this.accessors = new Accessors(compile, unitOf(struct));
    this.writers = new Writers(struct);
  }

  recordViewClass(struct: AnyStruct): RecordViewClass {
    const { accessors, parts } = this.#fieldsOf(struct, this.accessors);
    const [A, B, C, D] = parts;
    const Plain = this.compile(defineRecordView, parts.length, A, B, C, D) as RecordViewClass;
    // With these it is a RecordViewClass.
    Object.defineProperties(Plain.prototype, {
      _s: { value: struct },
      _u: { value: this.accessors.unit },
    });
    addMembers(Plain.prototype, struct, accessors);
    return this.debugViews?.whole(Plain, struct.name, parts.length) as RecordViewClass ?? Plain;
  }

  /**
   * Makes the class of the views of a nested struct, or of the elements of an array of structs.
   *
   * @typeParam V The class.
   * @param struct The struct.
   * @param define The text of the class.
   * @returns The class.
   */
  partViewClass<V extends PartViewClass | ElementViewClass>(
    struct: AnyStruct,
    define: (
      parts: number,
      A: AnyPartClass,
      B: AnyPartClass,
      C: AnyPartClass,
      D: AnyPartClass,
    ) => V,
  ): V {
    const { accessors, parts } = this.#fieldsOf(struct);
    const [A, B, C, D] = parts;
    const Plain = this.compile(define, parts.length, A, B, C, D);
    addMembers(Plain.prototype, struct, accessors);
    return this.debugViews?.part(Plain, struct.name, parts.length) ?? Plain;
  }

  #arrayViewClass(name: string, type: ArrayType): ArrayViewClass {
    const Plain = (type as CodedArray<ArrayCode>)._code.viewClass(name, type, this);
    return this.debugViews?.array(Plain, name) ?? Plain;
  }

  /**
   * Makes the accessors of a struct, and the classes of its parts.
   *
   * @param accessors Accessors to use; by default new ones, for a part. Code that serves both views
   * and parts would be polymorphic.
   */
  #fieldsOf(struct: AnyStruct, accessors = new Accessors(this.compile, unitOf(struct))): {
    readonly accessors: PropertyDescriptorMap;
    readonly parts: readonly AnyPartClass[];
  } {
    const made: PropertyDescriptorMap = {};
    const parts: AnyPartClass[] = [];
    for (const [name, { type, offset }] of Object.entries(struct.fields)) {
      const accessor = typeof type === "string" || "target" in type
        ? accessors.of(scalarOf(type), offset, name)
        : this.#partAccessor(name, type, offset, accessors.unit, parts);
      made[name] = { ...accessor, enumerable: true }; // no name starts with _, as __proto__ does
    }
    return { accessors: made, parts };
  }

  /** Makes the accessor of a part, whose class becomes one more of `parts`. */
  #partAccessor(
    name: string,
    type: Struct | ArrayType,
    offset: number,
    outer: number,
    parts: AnyPartClass[],
  ): object {
    const isStruct = type instanceof Struct;
    const Part = isStruct
      ? this.partViewClass(type, definePartView)
      : this.#arrayViewClass(name, type);
    const { at, up, down } = placeOf(outer, isStruct ? unitOf(type) : unitOfArray(type), offset);
    Object.defineProperties(Part.prototype, this.compile(definePlace, at, up, down));
    const frame = new WholeFrame(name);
    const write = isStruct
      ? (value: unknown, part: Part) => this.writeWhole(type, value, part, frame)
      : (value: unknown, part: Part) => (part as unknown as ArrayView).copyFrom(value as never);
    // The name of a property is an internalized string, which compiled code compares by identity.
    const [key] = Object.keys({ [`_n${parts.length}`]: 0 });
    parts.push(Part);
    const makePart = (outer: OuterView) => outer[key] = new Part(outer);
    return this.compile(definePartAccessor, key, makePart, write);
  }

  /**
   * Writes a value to the struct that a view is bound to.
   *
   * @param struct The struct.
   * @param value The value.
   * @param view The view.
   * @param frame Names the field in errors.
   */
  writeWhole(struct: AnyStruct, value: unknown, view: Bound, frame: Frame): void {
    writerOf(struct, this.compile, this.writers)(value, 0, view, undefined, 0, frame);
  }
}

// -- texts that are compiled again for each struct: they refer only to parameters and globals --

/**
 * The constructor makes the first parts: V8 inlines the constructors of classes that it knows, and
 * leaves out the parts that are not used. A part made on first use would need a call in each loop
 * that reads it. After a call V8 has to load all fields again: 6 to 10 ns a record instead of 2.5.
 */
function defineRecordView(
  parts: number,
  A: AnyPartClass,
  B: AnyPartClass,
  C: AnyPartClass,
  D: AnyPartClass,
): new (arrays: TypedArrays, offset: number) => RecordView {
  return class View {
    declare _b: TypedArrays;
    declare _o: number;
    declare readonly _u: number;
    declare _n0: Part;
    declare _n1: Part;
    declare _n2: Part;
    declare _n3: Part;
    constructor(arrays: TypedArrays, offset: number) {
      this._b = arrays;
      this._o = offset;
      if (parts > 0) this._n0 = new A(this);
      if (parts > 1) this._n1 = new B(this);
      if (parts > 2) this._n2 = new C(this);
      if (parts > 3) this._n3 = new D(this);
    }
  };
}

/** The parts as in {@linkcode defineRecordView}. */
function definePartView(
  parts: number,
  A: AnyPartClass,
  B: AnyPartClass,
  C: AnyPartClass,
  D: AnyPartClass,
): PartViewClass {
  return class PartView {
    declare _b: Arrays;
    declare _o: number;
    declare _r: Bound;
    declare _n0: Part;
    declare _n1: Part;
    declare _n2: Part;
    declare _n3: Part;
    constructor(root: Bound) {
      this._r = root;
      if (parts > 0) this._n0 = new A(this);
      if (parts > 1) this._n1 = new B(this);
      if (parts > 2) this._n2 = new C(this);
      if (parts > 3) this._n3 = new D(this);
    }
  };
}

/** How the view of a field finds its bytes through the outer view. */
const definePlace = (at: number, up: number, down: number): PropertyDescriptorMap => ({
  _b: {
    get(this: Part) {
      return this._r._b;
    },
  },
  _o: {
    get(this: Part) {
      return (this._r._o << up) + at >> down;
    },
  },
});

/** A view with the views of its parts in `_n0`, `_n1` and so on. */
type OuterView = Bound & Record<string, Part | undefined>;

/** The accessor of a part. Its view is in the property `key`; a later part's once it was used. */
const definePartAccessor = (
  key: string,
  makePart: (outer: OuterView) => Part,
  write: (value: unknown, part: Part) => void,
): object => ({
  get(this: OuterView) {
    return this[key] ?? makePart(this);
  },
  set(this: OuterView, value: unknown) {
    write(value, this[key] ?? makePart(this));
  },
});

// -- shared by all structs --

/**
 * @param type An array type.
 * @returns Unit of the view of an array: an element of a scalar, or the unit of the elements'
 * struct.
 */
export function unitOfArray({ element }: ArrayType): number {
  return element instanceof Struct ? unitOf(element) : shiftOf(scalarOf(element));
}

/** Adds the accessors and methods of a struct to a prototype. */
function addMembers(prototype: object, struct: AnyStruct, accessors: PropertyDescriptorMap): void {
  Object.defineProperties(prototype, {
    // Writers do not check the names of a value that has it.
    _of: { value: struct },
    toJSON: {
      value(this: object, key?: string) {
        return plainValues(struct, this, key);
      },
    },
    ...accessors,
  });
  showAs(prototype, (view) => isUnbound(view) ? "[unbound view]" : plainValues(struct, view));
}

/** Copies a record to a plain object through its view; for JSON when there is a key. */
function plainValues(struct: AnyStruct, view: object, key?: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(struct.fields)) {
    values[name] = plainValue((view as Readonly<Record<string, unknown>>)[name], key);
  }
  return values;
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

/**
 * @param view Any value.
 * @returns Whether it is a view, or part of one, that is bound to no memory.
 */
export function isUnbound(view: unknown): boolean {
  return rootOf(view)?._b.u8.length === 0;
}
