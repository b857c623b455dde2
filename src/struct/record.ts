/**
 * Writers: from plain values to the bytes of a record.
 *
 * A writer is a chain with one link for each field. A link reads its field's value once and checks it, calls the next link, and
 * writes the value after that one has returned. So every value is read and checked before the first is written, and none is kept
 * anywhere but in the links' own variables:
 *
 * ```text
 * x: read, check → y: read, check → end: no unknown names; the record is taken or found
 *                                 ← y: write
 *                ← x: write
 * ```
 *
 * User code (getters) runs on the way to the end only. Where the end throws, nothing has changed.
 *
 * @module
 */
import {
  type Accessor,
  Accessors,
  type Bound,
  type Compile,
  refError,
  type Scalar,
  SCALARS,
} from "./scalars.ts";
import {
  type AnyStruct,
  type ArrayType,
  elementBytes,
  type FieldType,
  scalarOf,
  type ScalarType,
  Struct,
} from "./schema.ts";
import { nearestName } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import { ArrayView } from "./array_view.ts";

/** What records are taken from, or found in, once their values are known. */
export interface Target {
  /**
   * Moves a view to the record that is to be written.
   *
   * @param view The view.
   * @param handle Its handle; 0 for a new record.
   * @returns Its handle; 0 when there is no room for a new one, and nothing is written.
   */
  bindTo(view: Bound, handle: number): number;
}

/**
 * Writes the fields that a value names; those left out stay as they are.
 *
 * @param init The value.
 * @param seen Fields of it that were found so far; 0 to begin with.
 * @param view Stands on the record, or will once `target` has moved it.
 * @param target Where the record is; `undefined` where the view stands on it.
 * @param handle What {@linkcode Target.bindTo} is called with.
 * @param outer The value that this one is a field of; `undefined` when it is whole.
 * @returns The handle, or 1 without a target; 0 when there was no room.
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
type Link = (
  init: Fields,
  seen: number,
  view: Bound,
  target: Target | undefined,
  handle: number,
  outer: Frame | undefined,
) => number;

/** The fields of a plain value that nothing is known about yet. */
type Fields = Readonly<Record<string, unknown>>;

/** Where the writing of a nested value goes on when that has been read, and what errors say of it. */
export interface Frame {
  /** Name of the field. */
  readonly name: string;
  /** The value that it is a field of. */
  readonly outer: Frame | undefined;
  /** @param view Stands on the nested value. */
  resume(target: Target | undefined, handle: number, view: Bound): number;
}

/** The fields of a view, as links reach them. */
type Parts = Bound & Readonly<Record<string, Bound>>;

/**
 * Makes the writers of a struct and of those nested in it.
 *
 * @param struct The struct.
 * @param compile Makes each link.
 * @param made Writers made so far; those of nested structs are added.
 * @param accessors Those that the struct's views have.
 * @returns The writer.
 */
export function writerOf(
  struct: AnyStruct,
  compile: Compile,
  made: Map<AnyStruct, Writer>,
  accessors?: Accessors,
): Writer {
  let writer = made.get(struct);
  if (writer === undefined) {
    // A nested struct has accessors of its own, as what one text learns of views it would lose again to their parts.
    const own = accessors ?? new Accessors(compile);
    let next: Link = compile(defineEnd, struct, checkNames);
    const scalars: ScalarField[] = [];
    for (const [name, { type, offset }] of Object.entries(struct.fields).reverse()) {
      const isScalar = typeof type === "string" || "target" in type;
      if (scalars.length === 4 || !isScalar) next = scalarLink(scalars, next, compile);
      if (isScalar) scalars.unshift(scalarField(name, scalarOf(type), offset, own));
      else next = linkOf(name, type, offset, next, compile, made);
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

/** What a link is to know of a scalar field. */
interface ScalarField {
  readonly name: string;
  readonly type: ScalarType;
  readonly fits: (value: unknown) => boolean;
  readonly put: Accessor<Bound, unknown>["set"];
}

function scalarField(
  name: string,
  type: ScalarType,
  offset: number,
  accessors: Accessors,
): ScalarField {
  const { set: put } = accessors.of(type, offset, name);
  return { name, type, fits: SCALARS[type].fits, put };
}

/** Puts the fields that were gathered before the next link. */
function scalarLink(fields: ScalarField[], next: Link, compile: Compile): Link {
  const own = fields.splice(0);
  return own.length === 0 ? next : compile(defineScalarLink, own, next, writeScalarError);
}

function linkOf(
  name: string,
  type: Struct | ArrayType,
  offset: number,
  next: Link,
  compile: Compile,
  made: Map<AnyStruct, Writer>,
): Link {
  if (type instanceof Struct) {
    return compile(defineStructLink, name, next, writerOf(type, compile, made));
  }
  const arrayOf = (view: Bound) => (view as unknown as Record<string, ArrayView>)[name];
  const write = itemsWriter(name, type, offset, arrayOf, next, compile, made);
  return compile(defineArrayLink, name, next, write);
}

/** Writes the elements of an array field, and then calls the next link. */
export type ItemsWriter = (value: unknown, ...rest: Parameters<Link>) => number;

/**
 * @param name Name of the field.
 * @param type Its type.
 * @param offset Byte offset of the first within what the view stands on.
 * @param arrayOf Finds the array's view, given that one.
 * @param next Called once all elements are read and checked.
 * @param compile Makes it.
 * @param made As for {@linkcode writerOf}.
 * @returns What writes the first elements from anything array-like.
 */
export function itemsWriter(
  name: string,
  type: ArrayType,
  offset: number,
  arrayOf: (view: Bound) => ArrayView,
  next: Link,
  compile: Compile,
  made: Map<AnyStruct, Writer>,
): ItemsWriter {
  const { element, length } = type;
  if (element instanceof Struct) {
    return structItemsWriter(name, type, writerOf(element, compile, made), arrayOf, next);
  }
  const scalar = scalarOf(element);
  const { array, fits } = SCALARS[scalar];
  const shift = 31 - Math.clz32(elementBytes(element));
  const help = { listOf, isView, lengthError, scalarError: writeScalarError };
  return compile(
    defineScalarItems,
    name,
    scalar,
    fits,
    array,
    offset,
    shift,
    length,
    next,
    help,
  );
}

// -- texts that are compiled anew for each field: nothing in them is free but their parameters --

function defineStart(
  struct: AnyStruct,
  next: Link,
  notObjectError: (struct: AnyStruct, init: unknown, outer: Frame | undefined) => Error,
): Writer {
  return function start(init, seen, view, target, handle, outer) {
    if (typeof init !== "object" || init === null) throw notObjectError(struct, init, outer);
    return next(init as Fields, seen, view, target, handle, outer);
  };
}

function defineEnd(
  struct: AnyStruct,
  checkNames: (struct: AnyStruct, init: Fields, outer: Frame | undefined) => void,
): Link {
  return function end(init, seen, view, target, handle, outer) {
    if (init.constructor === Object) {
      // As many names as there were fields: then those are the fields.
      for (const _name in init) seen--;
      if (seen !== 0) checkNames(struct, init, outer);
    } else if (init._of !== struct) checkNames(struct, init, outer); // neither a literal nor a view of the struct
    if (outer !== undefined) return outer.resume(target, handle, view);
    if (target !== undefined) return target.bindTo(view, handle);
    return view._b === undefined ? 0 : 1; // in debug mode a view whose record is gone throws when asked
  };
}

/**
 * Up to four fields, each written out: one text for each field would cost more to compile, and to call.
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
    declare init: Fields | undefined;
    declare seen: number;
    declare view: Bound | undefined;
    declare outer: Frame | undefined;
    /** The next one that is spare, while this one is. */
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
      // Both are there from its link's call to the end of that.
      return next(this.init!, this.seen, this.view!, target, handle, this.outer);
    }
  }
  // One frame serves all calls but those in the middle of another: a getter's, or where two fields are of one struct that has
  // this one.
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
  offset: number,
  shift: number,
  length: number,
  next: Link,
  help: {
    listOf(value: unknown): List;
    isView(list: List): boolean;
    lengthError(value: unknown, got: unknown, length: number, name: string, outer?: Frame): Error;
    scalarError(type: ScalarType, value: unknown, name: string, outer?: Frame): Error;
  },
): ItemsWriter {
  // As with the frame of a nested struct: one list serves all calls but nested ones.
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
      const at = view._o + offset >> shift;
      for (let i = 0; i < count; i++) to[at + i] = values[i];
    }
    spare.push(values);
    return done;
  };
}

// -- what few records have, and errors: the same for all --

/** Calls within each other that a chain through the elements of an array may take. */
const MAX_DEPTH = 256;

/** How many calls it takes to write a value, at the most. */
function depthOf(type: FieldType): number {
  if (typeof type === "string" || "target" in type) return 1;
  if (!(type instanceof Struct)) return type.length * depthOf(type.element);
  const fields = Object.values(type.fields);
  return fields.reduce((sum, field) => sum + depthOf(field.type), 3);
}

function structItemsWriter(
  name: string,
  type: ArrayType,
  write: Writer,
  arrayOf: (view: Bound) => ArrayView,
  next: Link,
): ItemsWriter {
  return depthOf(type) <= MAX_DEPTH
    ? chainedItems(name, type.length, write, arrayOf, next)
    : copiedItems(name, type, write, arrayOf, next);
}

/** Where the writing of an array goes on when one of its elements has been read. */
class ItemsFrame implements Frame {
  /** The next one that is spare, while this one is. */
  spare: ItemsFrame | undefined = undefined;
  outer: Frame | undefined = undefined;
  private readonly array: string;
  private readonly write: Writer;
  private readonly arrayOf: (view: Bound) => ArrayView;
  private readonly next: Link;
  private items = NO_LIST;
  private count = 0;
  /** The element that is being read. */
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

  begin(items: List, count: number, init: Fields, seen: number, view: Bound, outer?: Frame): void {
    this.items = items;
    this.count = count;
    this.at = -1;
    this.init = init;
    this.seen = seen;
    this.view = view;
    this.outer = outer;
  }

  resume(target: Target | undefined, handle: number): number {
    const view = this.view!; // there from begin() to end()
    const i = ++this.at;
    if (i >= this.count) return this.next(this.init, this.seen, view, target, handle, this.outer);
    const element = this.arrayOf(view).get(i) as unknown as Bound; // a view
    return this.write(itemOf(this.items, i), 0, element, target, handle, this);
  }

  /** Lets go of the user's values. */
  end(spare: ItemsFrame | undefined): void {
    this.items = NO_LIST;
    this.init = NO_FIELDS;
    this.view = undefined;
    this.outer = undefined;
    this.spare = spare;
  }
}

/** A chain through all elements. */
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
 * Where a chain would be too deep the elements are copied first, so that nothing of the user's runs between the check of the first
 * and the writing of the last.
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
      const frame = { name: `${name}[${i}]`, outer, resume: () => 0 }; // checked, and not written
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

/** A deep copy of a plain value, each part of it read once; what does not fit the type is left for the writer to refuse. */
function copyOf(type: FieldType, value: unknown): unknown {
  if (typeof value !== "object" || value === null || typeof type === "string") return value;
  if (type instanceof Struct) {
    const copy = fieldsOf(type, value as Fields);
    if (copy === value) return value;
    for (const [name, field] of Object.entries(type.fields)) {
      if (copy[name] !== undefined) copy[name] = copyOf(field.type, copy[name]);
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

/** For a struct with a field that is named like something that every object has. */
function ownFieldsOnly(struct: AnyStruct, write: Writer): Writer {
  return (init, seen, view, target, handle, outer) => {
    const isObject = typeof init === "object" && init !== null;
    if (isObject && !holdsFields(struct, init as Fields)) {
      throw notObjectError(struct, init, outer);
    }
    const own = isObject ? fieldsOf(struct, init as Fields) : init;
    return write(own, seen, view, target, handle, outer);
  };
}

/** The fields of a plain value, each read once; of other names there is no value. */
function fieldsOf(struct: AnyStruct, value: Fields): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null);
  if (!holdsFields(struct, value)) return value; // which the writer refuses
  const isOfView = isRecordView(value);
  for (const name in value) {
    if (!isOfView || name.charCodeAt(0) !== UNDERSCORE) fields[name] = undefined;
  }
  for (const name of Object.keys(struct.fields)) {
    const field = value[name];
    if (field !== INHERITED[name]) fields[name] = field;
  }
  return fields;
}

/** What every object has: a field may be named like that, as `valueOf` for instance, and be left out all the same. */
const INHERITED = Object.prototype as unknown as Fields;

/** What the elements of an array field are read from. */
type List = ArrayLike<unknown> | ArrayView;

const NO_LIST: List = { length: NaN };
const NO_FIELDS: Fields = {};

/** Of no list the length is no number that any array has. */
function listOf(value: unknown): List {
  return typeof value !== "object" || value === null ? NO_LIST : value as List;
}

function isView(list: List): list is ArrayView {
  return list instanceof ArrayView;
}

function itemOf(list: List, i: number): unknown {
  return isView(list) ? list.get(i) : list[i];
}

/** How many elements there are to write: the length is asked for once. */
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

function lengthError(
  value: unknown,
  got: unknown,
  length: number,
  name: string,
  outer: Frame | undefined,
): Error {
  const path = pathOf(name, outer);
  return typeof got === "number" && got > length
    ? new RangeError(`Cannot write field "${path}": it has ${length} elements, got ${got}`)
    : new TypeError(`Cannot write field "${path}": it must be array-like, got ${showValue(value)}`);
}

/** Throws where a value has a name that is no field, also one whose value is undefined, and where it is no value of fields at all. */
function checkNames(struct: AnyStruct, init: Fields, outer: Frame | undefined): void {
  let isEmpty = true;
  for (const name in init) {
    isEmpty = false;
    if (!Object.hasOwn(struct.fields, name)) checkName(struct, init, name, outer);
  }
  if (isEmpty && !holdsFields(struct, init)) throw notObjectError(struct, init, outer);
}

/** Passes over the state of a view, and refuses any other name that is no field. */
function checkName(
  struct: AnyStruct,
  init: Fields,
  name: string,
  outer: Frame | undefined,
): void {
  if (isList(init)) throw notObjectError(struct, init, outer);
  if (name.charCodeAt(0) === UNDERSCORE) {
    if (isRecordView(init)) return;
    if (hasViewState(init)) throw spreadError(struct, outer);
  }
  throw nameError(struct, name, outer);
}

const UNDERSCORE = 95;

function isList(value: object): boolean {
  return Array.isArray(value) || value instanceof ArrayView;
}

/** A view passes for a plain value: its own state, which no field can be named like, is passed over. */
function isRecordView(value: Fields): boolean {
  return value._of instanceof Struct && !Object.hasOwn(value, "_of");
}

/** Whether a plain value has what a view keeps its state under, of debug mode and of a part as well. */
function hasViewState(value: Fields): boolean {
  return "_b" in value || "_r" in value || "_arrays" in value;
}

/**
 * Whether something is a value of fields: not so arrays, and objects such as a `Map` or a `Promise` that have none of them and are no plain
 * object of any realm.
 */
function holdsFields(struct: AnyStruct, value: Fields): boolean {
  if (isList(value)) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return true;
  for (const _name in value) return true; // another name is to be refused by that
  return Object.keys(struct.fields).some((name) =>
    name in value && (!(name in INHERITED) || value[name] !== INHERITED[name])
  );
}

/** What an object is, as far as it tells. */
function titleOf(value: object): string {
  if (isList(value)) return "an array";
  const { constructor } = value;
  return typeof constructor === "function" && constructor.name !== ""
    ? `a ${constructor.name}`
    : "an object";
}

function nameError(struct: AnyStruct, name: string, outer: Frame | undefined): TypeError {
  const known = Object.keys(struct.fields);
  const meant = nearestName(name, known);
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return new TypeError(
    `Cannot write ${placeName(struct, outer)}: it has no field "${name}", it has ${
      known.join(", ")
    }${hint}`,
  );
}

function spreadError(struct: AnyStruct, outer: Frame | undefined): TypeError {
  return new TypeError(
    `Cannot write ${
      placeName(struct, outer)
    }: a view was spread, which copies its state and none of its fields; use { ...view.toJSON() }`,
  );
}

function notObjectError(struct: AnyStruct, init: unknown, outer: Frame | undefined): TypeError {
  return new TypeError(
    `Cannot write ${placeName(struct, outer)}: it must be an object${
      typeof init === "object" && init !== null
        ? ` of fields, got ${titleOf(init)}`
        : `, got ${showValue(init)}`
    }`,
  );
}

/**
 * @param type Type of the scalar.
 * @param value What does not fit it.
 * @param name Name of the field.
 * @param outer The value that it is a field of.
 * @returns The error for it.
 */
export function writeScalarError(
  type: ScalarType,
  value: unknown,
  name: string,
  outer: Frame | undefined,
): Error {
  const path = pathOf(name, outer);
  return type === "ref" && typeof value === "number"
    ? refError(value, path)
    : typeError(type, value, path);
}

function typeError(type: ScalarType, value: unknown, path: string): TypeError {
  const primitive = type === "bool"
    ? "boolean"
    : type === "i64" || type === "u64"
    ? "bigint"
    : type === "ref"
    ? "number or null"
    : "number";
  return new TypeError(
    `Cannot write field "${path}": ${type} must be a ${primitive}, got ${showValue(value)}`,
  );
}

/** The names that lead to a field, joined. */
function pathOf(name: string, outer: Frame | undefined): string {
  return outer === undefined ? name : `${pathOf(outer.name, outer.outer)}.${name}`;
}

function placeName(struct: AnyStruct, outer: Frame | undefined): string {
  const title = struct.name === "" ? "struct" : `struct "${struct.name}"`;
  return outer === undefined ? title : `${title} at "${pathOf(outer.name, outer.outer)}"`;
}
