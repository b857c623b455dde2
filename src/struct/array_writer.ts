/**
 * Writers of array fields, which are part of the chain of a record's writer; see `record.ts`.
 *
 * The elements of a scalar array are read and checked before the next link is called, and written
 * after it. An array of structs is a chain through its elements.
 *
 * @module
 */
import { showValue } from "../messages/show.ts";
import { ArrayView } from "./array_view.ts";
import {
  type ArrayWriting,
  fieldsOf,
  type Frame,
  type Link,
  type Target,
  type Writer,
  writerOf,
  type Writers,
} from "./record.ts";
import { hasFields, type Path, pathOf, scalarError, type Values } from "./record_errors.ts";
import {
  type Bound,
  type Compile,
  type Place,
  placeOf,
  type Scalar,
  SCALARS,
  shiftOf,
} from "./scalars.ts";
import {
  type AnyStruct,
  type ArrayType,
  type FieldType,
  scalarOf,
  type ScalarType,
  Struct,
} from "./schema.ts";

/** Makes the link of an array field. */
export const arrayLink: ArrayWriting["arrayLink"] = (
  name,
  type,
  unit,
  offset,
  next,
  compile,
  made,
) => {
  const arrayOf = (view: Bound) => (view as unknown as Record<string, ArrayView>)[name];
  const write = itemsWriter(name, type, unit, offset, arrayOf, next, compile, made);
  return compile(defineArrayLink, name, next, write);
};

/** Writes the elements of an array field, and then calls the next link. */
type ItemsWriter = (value: unknown, ...rest: Parameters<Link>) => number;

/**
 * Makes the writer of an array field, which writes the first elements from an array-like object.
 *
 * @param name Name of the field.
 * @param type Its type.
 * @param unit Base-2 logarithm of the unit of the view's offset in bytes.
 * @param offset Byte offset of the array in the record or part.
 * @param arrayOf Finds the array's view in the view of the record or part.
 * @param next Called once all elements are read and checked.
 * @param compile Calls the definition.
 * @param made As for {@linkcode writerOf}.
 * @returns The writer.
 */
export function itemsWriter(
  name: string,
  type: ArrayType,
  unit: number,
  offset: number,
  arrayOf: (view: Bound) => ArrayView,
  next: Link,
  compile: Compile,
  made: Writers,
): ItemsWriter {
  const { element, length } = type;
  if (element instanceof Struct) {
    const write = writerOf(element, compile, made);
    return isShort(made.struct)
      ? chainedItems(name, length, write, arrayOf, next)
      : copiedItems(name, type, write, arrayOf, next);
  }
  const scalar = scalarOf(element);
  const { array, fits } = SCALARS[scalar];
  const help = { listOf, isView, lengthError, scalarError };
  return compile(
    defineScalarItems,
    name,
    scalar,
    fits,
    array,
    placeOf(unit, shiftOf(scalar), offset),
    length,
    next,
    help,
  );
}

// -- texts that are compiled again for each field: they refer only to parameters and globals --

function defineArrayLink(name: string, next: Link, write: ItemsWriter): Link {
  return function link(init, seen, view, target, handle, outer) {
    const value = init[name];
    return value === undefined
      ? next(init, seen, view, target, handle, outer)
      : write(value, init, seen + 1, view, target, handle, outer);
  };
}

function defineScalarItems(
  name: string,
  type: ScalarType,
  fits: (value: unknown) => boolean,
  array: Scalar["array"],
  place: Place,
  length: number,
  next: Link,
  help: {
    listOf(value: unknown): List;
    isView(list: List): boolean;
    lengthError(value: unknown, got: unknown, length: number, name: string, outer?: Frame): Error;
    scalarError(type: ScalarType, value: unknown, name: string, outer?: Frame): Error;
  },
): ItemsWriter {
  const at = place.at;
  const up = place.up;
  const down = place.down;
  // One list serves all calls except nested ones, as with the frame of a nested struct.
  const spare: unknown[][] = [];
  return function write(value, init, seen, view, target, handle, outer) {
    const items = help.listOf(value);
    const count = items.length;
    if (typeof count !== "number" || !(count <= length)) {
      throw help.lengthError(value, count, length, name, outer);
    }
    const isView = help.isView(items);
    const values = spare.pop() || [];
    for (let i = 0; i < count; i++) {
      const item = isView ? (items as ArrayView).get(i) : (items as ArrayLike<unknown>)[i];
      if (!fits(item)) {
        throw help.scalarError(type, item, name + "[" + i + "]", outer);
      }
      values[i] = item;
    }
    const done = next(init, seen, view, target, handle, outer);
    if (done !== 0) {
      const to = view._b[array] as { [i: number]: unknown };
      const first = (view._o << up) + at >> down;
      for (let i = 0; i < count; i++) to[first + i] = values[i];
    }
    spare.push(values);
    return done;
  };
}

// -- shared by all fields --

/** Largest depth of calls for a chain through the elements of all arrays of a record. */
const MAX_DEPTH = 2048;

/** Largest depth of calls that writing a value takes. */
function depthOf(type: FieldType): number {
  if (typeof type === "string" || "target" in type) return 1;
  if (!(type instanceof Struct)) {
    return type.element instanceof Struct ? type.length * depthOf(type.element) : 1;
  }
  const fields = Object.values(type.fields);
  return fields.reduce((sum, field) => sum + depthOf(field.type), 3);
}

/** Whether a chain through the elements of all arrays of a record is short enough for the stack. */
function isShort(struct: AnyStruct): boolean {
  return depthOf(struct) <= MAX_DEPTH;
}

const NO_FIELDS: Values = {};

/** The frame of an array: `resume` continues with its next element. */
class ItemsFrame implements Frame {
  /** The next spare frame, while this one is spare. */
  spare: ItemsFrame | undefined = undefined;
  outer: Frame | undefined = undefined;
  private readonly array: string;
  private readonly write: Writer;
  private readonly arrayOf: (view: Bound) => ArrayView;
  private readonly next: Link;
  private items = NO_LIST;
  private count = 0;
  /** Index of the element that is being read. */
  private at = 0;
  private init = NO_FIELDS;
  private seen = 0;
  private view: Bound | undefined = undefined;

  constructor(array: string, write: Writer, arrayOf: (view: Bound) => ArrayView, next: Link) {
    this.array = array;
    this.write = write;
    this.arrayOf = arrayOf;
    this.next = next;
  }

  get name(): string {
    return `${this.array}[${this.at}]`;
  }

  begin(items: List, count: number, init: Values, seen: number, view: Bound, outer?: Frame): void {
    this.items = items;
    this.count = count;
    this.at = -1;
    this.init = init;
    this.seen = seen;
    this.view = view;
    this.outer = outer;
  }

  resume(target: Target | undefined, handle: number): number {
    const view = this.view!; // set from begin() to end()
    const i = ++this.at;
    if (i >= this.count) return this.next(this.init, this.seen, view, target, handle, this.outer);
    const element = this.arrayOf(view).get(i) as unknown as Bound; // a view
    return this.write(itemOf(this.items, i), 0, element, target, handle, this);
  }

  /** Releases the values of the caller. */
  end(spare: ItemsFrame | undefined): void {
    this.items = NO_LIST;
    this.init = NO_FIELDS;
    this.view = undefined;
    this.outer = undefined;
    this.spare = spare;
  }
}

/** Makes a writer that is a chain through all elements. */
function chainedItems(
  name: string,
  length: number,
  write: Writer,
  arrayOf: (view: Bound) => ArrayView,
  next: Link,
): ItemsWriter {
  let spare: ItemsFrame | undefined;
  return (value, init, seen, view, target, handle, outer) => {
    const items = listOf(value);
    const count = lengthOf(items, value, length, name, outer);
    const frame = spare ?? new ItemsFrame(name, write, arrayOf, next);
    spare = frame.spare;
    frame.begin(items, count, init, seen, view, outer);
    const done = frame.resume(target, handle);
    frame.end(spare);
    spare = frame;
    return done;
  };
}

/**
 * Makes a writer for arrays that are too long for a chain. It copies the elements first, so that no
 * code of the user runs between the check of the first and the writing of the last.
 */
function copiedItems(
  name: string,
  { element, length }: ArrayType,
  write: Writer,
  arrayOf: (view: Bound) => ArrayView,
  next: Link,
): ItemsWriter {
  return (value, init, seen, view, target, handle, outer) => {
    const items = listOf(value);
    const count = lengthOf(items, value, length, name, outer);
    const elements = arrayOf(view);
    const copies: unknown[] = [];
    for (let i = 0; i < count; i++) {
      copies.push(copyOf(element, itemOf(items, i)));
      const frame = { name: `${name}[${i}]`, outer, resume: () => 0 }; // checks without writing
      write(copies[i], 0, elements.get(0) as unknown as Bound, undefined, 0, frame);
    }
    const done = next(init, seen, view, target, handle, outer);
    if (done !== 0) {
      for (let i = 0; i < count; i++) {
        write(copies[i], 0, elements.get(i) as unknown as Bound, undefined, 0, undefined);
      }
    }
    return done;
  };
}

/**
 * Copies a plain value deeply, reading each part once. The writer throws later on parts that do not
 * fit.
 */
function copyOf(type: FieldType, value: unknown): unknown {
  if (typeof value !== "object" || value === null || typeof type === "string") return value;
  if (type instanceof Struct) {
    if (!hasFields(type, value as Values)) return value;
    const copy = fieldsOf(type, value as Values);
    for (const [name, field] of Object.entries(type.fields)) {
      copy[name] = copyOf(field.type, copy[name]);
    }
    return copy;
  }
  if (type.kind === "ref") return value;
  const items = listOf(value);
  const copy: { length: unknown; [i: number]: unknown } = { length: items.length };
  if (typeof copy.length !== "number" || !(copy.length <= type.length)) return copy;
  for (let i = 0; i < copy.length; i++) copy[i] = copyOf(type.element, itemOf(items, i));
  return copy;
}

/** A value for an array field. */
type List = ArrayLike<unknown> | ArrayView;

/** Stands for a value that is not a list: no array has this length. */
const NO_LIST: List = { length: NaN };

function listOf(value: unknown): List {
  return typeof value !== "object" || value === null ? NO_LIST : value as List;
}

function isView(list: List): list is ArrayView {
  return list instanceof ArrayView;
}

function itemOf(list: List, i: number): unknown {
  return isView(list) ? list.get(i) : list[i];
}

/** Returns the number of elements to write; reads `length` once. */
function lengthOf(
  items: List,
  value: unknown,
  length: number,
  name: string,
  outer: Frame | undefined,
): number {
  const count: unknown = items.length;
  if (typeof count === "number" && count <= length) return count;
  throw lengthError(value, count, length, name, outer);
}

/** Creates the error for a list that has no length, or too many elements. */
function lengthError(
  value: unknown,
  got: unknown,
  length: number,
  name: string,
  outer: Path | undefined,
): Error {
  const path = pathOf(name, outer);
  return typeof got === "number" && got > length
    ? new RangeError(`Cannot write field "${path}": it has ${length} elements, got ${got}`)
    : new TypeError(`Cannot write field "${path}": it must be array-like, got ${showValue(value)}`);
}
