/**
 * Writers, which write plain values to the bytes of a record.
 *
 * A writer is a chain with a link for each field. A link reads the value of its field once and
 * checks it, calls the next link, and then writes the value. So every value is read and checked
 * before the first is written, and values are kept only in local variables of the links:
 *
 * ```text
 * x: read, check → y: read, check → end: check the names; allocate or find the record
 *                                 ← y: write
 *                ← x: write
 * ```
 *
 * User code (getters) runs only before the end of the chain. When the end throws, nothing has
 * changed.
 *
 * @module
 */
import { type Accessor, Accessors, type Bound, type Compile, SCALARS } from "./scalars.ts";
import {
  type AnyStruct,
  type ArrayType,
  scalarOf,
  type ScalarType,
  Struct,
  unitOf,
} from "./schema.ts";
import {
  checkNames,
  hasFields,
  INHERITED,
  isOfAll,
  isRecordView,
  notObjectError,
  type Path,
  scalarError,
  UNDERSCORE,
  type Values,
} from "./record_errors.ts";

/** Allocates or finds the record, once all values are checked. */
export interface Target {
  /**
   * Binds a view to the record that is to be written.
   *
   * @param view The view.
   * @param handle Handle of the record; 0 to allocate one.
   * @returns Handle of the record; 0 when none can be allocated, then nothing is written.
   */
  bindTo(view: Bound, handle: number): number;
}

/**
 * Writes the fields that a value has; other fields do not change.
 *
 * @param init The value.
 * @param seen Number of its fields that were found so far; at first 0.
 * @param view A view that is bound to the record, or that `target` will bind.
 * @param target Binds the view; `undefined` when the view is bound already.
 * @param handle Argument for {@linkcode Target.bindTo}.
 * @param outer Frame of the value that this one is nested in; `undefined` when it is the whole
 * record.
 * @returns The handle, or 1 without a target; 0 when no record could be allocated.
 */
export type Writer = (
  init: unknown,
  seen: number,
  view: Bound,
  target: Target | undefined,
  handle: number,
  outer: Frame | undefined,
) => number;

/** A writer whose value is known to be an object. */
export type Link = (
  init: Values,
  seen: number,
  view: Bound,
  target: Target | undefined,
  handle: number,
  outer: Frame | undefined,
) => number;

/**
 * A nested value that is being written: how the chain continues after it, and its path for errors.
 */
export interface Frame extends Path {
  readonly outer: Frame | undefined;
  /**
   * Calls the rest of the chain.
   *
   * @param target As for {@linkcode Writer}.
   * @param handle As for {@linkcode Writer}.
   * @param view Bound to the nested value.
   * @returns As {@linkcode Writer} does.
   */
  resume(target: Target | undefined, handle: number, view: Bound): number;
}

/** The writers of a record and its parts by struct, made when they are first needed. */
export class Writers extends Map<AnyStruct, Writer> {
  /** The struct of the record. */
  readonly struct: AnyStruct;

  /** @param struct The struct of the record. */
  constructor(struct: AnyStruct) {
    super();
    this.struct = struct;
  }
}

/** An array type as `array()` makes it: with the code of arrays, see `array.ts`. */
export interface CodedArray<C> extends ArrayType {
  readonly _code: C;
}

/** The code that writes array fields. */
export interface ArrayWriting {
  /**
   * Makes the link of an array field.
   *
   * @param name Name of the field.
   * @param type Its type.
   * @param unit Base-2 logarithm of the unit of the view's offset in bytes.
   * @param offset Byte offset of the array in the record or part.
   * @param next The next link.
   * @param compile Calls the definition.
   * @param made As for {@linkcode writerOf}.
   * @returns The link.
   */
  arrayLink(
    name: string,
    type: ArrayType,
    unit: number,
    offset: number,
    next: Link,
    compile: Compile,
    made: Writers,
  ): Link;
}

/** The parts of a view by field. */
type Parts = Bound & Readonly<Record<string, Bound>>;

/**
 * Makes the writers of a struct and of the structs nested in it.
 *
 * @param struct The struct.
 * @param compile Calls the definition of each link.
 * @param made Writers made so far, by struct; the new ones are added.
 * @param accessors The accessors of the struct's views.
 * @returns The writer.
 */
export function writerOf(
  struct: AnyStruct,
  compile: Compile,
  made: Writers,
  accessors?: Accessors,
): Writer {
  let writer = made.get(struct);
  if (writer === undefined) {
    // A nested struct has accessors of its own: texts that serve views and parts would be
    // polymorphic.
    const own = accessors ?? new Accessors(compile, unitOf(struct));
    let next: Link = compile(defineEnd, struct, checkNames);
    const scalars: ScalarField[] = [];
    for (const [name, { type, offset }] of Object.entries(struct.fields).reverse()) {
      const isScalar = typeof type === "string" || "target" in type;
      if (scalars.length === 4 || !isScalar) next = scalarLink(scalars, next, compile);
      if (isScalar) {
        const scalar = scalarOf(type);
        const { set: put } = own.of(scalar, offset, name);
        scalars.unshift({ name, type: scalar, fits: SCALARS[scalar].fits, put });
      } else if (type instanceof Struct) {
        next = compile(defineStructLink, name, next, writerOf(type, compile, made));
      } else {
        const { arrayLink } = (type as CodedArray<ArrayWriting>)._code;
        next = arrayLink(name, type, own.unit, offset, next, compile, made);
      }
    }
    next = scalarLink(scalars, next, compile);
    writer = compile(defineStart, struct, next, notObjectError);
    if (Object.keys(struct.fields).some((name) => name in INHERITED)) {
      writer = ownFieldsOnly(struct, writer);
    }
    made.set(struct, writer);
  }
  return writer;
}

/** A scalar field, as its link needs it. */
interface ScalarField {
  readonly name: string;
  readonly type: ScalarType;
  readonly fits: (value: unknown) => boolean;
  readonly put: Accessor<Bound, unknown>["set"];
}

/** Makes a link of the fields that were collected, before the next link. */
function scalarLink(fields: ScalarField[], next: Link, compile: Compile): Link {
  const own = fields.splice(0);
  return own.length === 0 ? next : compile(defineScalarLink, own, next, scalarError);
}

// -- texts that are compiled again for each field: they refer only to parameters and globals --

function defineStart(
  struct: AnyStruct,
  next: Link,
  notObjectError: (struct: AnyStruct, init: unknown, outer: Frame | undefined) => Error,
): Writer {
  return function start(init, seen, view, target, handle, outer) {
    if (typeof init !== "object" || init === null) throw notObjectError(struct, init, outer);
    return next(init as Values, seen, view, target, handle, outer);
  };
}

function defineEnd(
  struct: AnyStruct,
  checkNames: (struct: AnyStruct, init: Values, outer: Frame | undefined) => void,
): Link {
  return function end(init, seen, view, target, handle, outer) {
    if (init.constructor === Object) {
      // If there are as many names as fields were found, every name is a field.
      for (const _name in init) seen--;
      if (seen !== 0) checkNames(struct, init, outer);
    } else if (init._of !== struct) checkNames(struct, init, outer); // not a view of it either
    if (outer !== undefined) return outer.resume(target, handle, view);
    if (target !== undefined) return target.bindTo(view, handle);
    return view._b === undefined ? 0 : 1; // in debug mode the getter throws on a freed record
  };
}

/**
 * Defines the link of one to four fields. A link for each field would take longer to compile and to
 * call.
 */
function defineScalarLink(
  fields: readonly ScalarField[],
  next: Link,
  scalarError: (type: ScalarType, value: unknown, name: string, outer?: Frame) => Error,
): Link {
  const count = fields.length;
  const a = fields[0];
  const b = fields[1] || a;
  const c = fields[2] || a;
  const d = fields[3] || a;
  const nameA = a.name, fitsA = a.fits, putA = a.put;
  const nameB = b.name, fitsB = b.fits, putB = b.put;
  const nameC = c.name, fitsC = c.fits, putC = c.put;
  const nameD = d.name, fitsD = d.fits, putD = d.put;
  return function link(init, seen, view, target, handle, outer) {
    const valueA = init[nameA];
    if (valueA !== undefined) {
      if (!fitsA(valueA)) throw scalarError(a.type, valueA, nameA, outer);
      seen++;
    }
    let valueB, valueC, valueD;
    if (count > 1) {
      valueB = init[nameB];
      if (valueB !== undefined) {
        if (!fitsB(valueB)) throw scalarError(b.type, valueB, nameB, outer);
        seen++;
      }
    }
    if (count > 2) {
      valueC = init[nameC];
      if (valueC !== undefined) {
        if (!fitsC(valueC)) throw scalarError(c.type, valueC, nameC, outer);
        seen++;
      }
    }
    if (count > 3) {
      valueD = init[nameD];
      if (valueD !== undefined) {
        if (!fitsD(valueD)) throw scalarError(d.type, valueD, nameD, outer);
        seen++;
      }
    }
    const done = next(init, seen, view, target, handle, outer);
    if (done !== 0) {
      if (valueA !== undefined) putA.call(view, valueA);
      if (valueB !== undefined) putB.call(view, valueB);
      if (valueC !== undefined) putC.call(view, valueC);
      if (valueD !== undefined) putD.call(view, valueD);
    }
    return done;
  };
}

function defineStructLink(name: string, next: Link, write: Writer): Link {
  class StructFrame {
    declare name: string;
    declare init: Values | undefined;
    declare seen: number;
    declare view: Bound | undefined;
    declare outer: Frame | undefined;
    /** The next spare frame, while this one is spare. */
    declare spare: StructFrame | undefined;
    constructor() {
      this.name = name;
      this.init = undefined;
      this.seen = 0;
      this.view = undefined;
      this.outer = undefined;
      this.spare = undefined;
    }
    resume(target: Target | undefined, handle: number): number {
      // Both are set while the link runs.
      return next(this.init!, this.seen, this.view!, target, handle, this.outer);
    }
  }
  // One frame serves all calls except nested ones, which come from a getter, or from a struct that
  // has two fields of the struct with this link.
  let spare: StructFrame | undefined = undefined;
  return function link(init, seen, view, target, handle, outer) {
    const value = init[name];
    if (value === undefined) return next(init, seen, view, target, handle, outer);
    const frame: StructFrame = spare === undefined ? new StructFrame() : spare;
    spare = frame.spare;
    frame.init = init;
    frame.seen = seen + 1;
    frame.view = view;
    frame.outer = outer;
    const done = write(value, 0, (view as Parts)[name], target, handle, frame);
    frame.init = undefined;
    frame.view = undefined;
    frame.outer = undefined;
    frame.spare = spare;
    spare = frame;
    return done;
  };
}

// -- the rest is shared by all fields: few records need it --

/** Wraps the writer of a struct with a field that is named like an inherited property. */
function ownFieldsOnly(struct: AnyStruct, write: Writer): Writer {
  return (init, seen, view, target, handle, outer) => {
    if (typeof init === "object" && init !== null) {
      if (!hasFields(struct, init as Values)) throw notObjectError(struct, init, outer);
      init = fieldsOf(struct, init as Values);
    }
    return write(init, seen, view, target, handle, outer);
  };
}

/**
 * Copies the fields of a plain value, reading each once; other properties become undefined.
 *
 * @param struct The struct.
 * @param value The value.
 * @returns The copy, which inherits nothing.
 */
export function fieldsOf(struct: AnyStruct, value: Values): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null);
  const isOfView = isRecordView(value);
  for (const name in value) {
    if (isOfAll(value, name) || isOfView && name.charCodeAt(0) === UNDERSCORE) continue;
    fields[name] = undefined;
  }
  for (const name of Object.keys(struct.fields)) {
    const field = value[name];
    if (field !== INHERITED[name]) fields[name] = field;
  }
  return fields;
}
