/**
 * The checks and errors of plain values that cannot be written to a record.
 *
 * @module
 */
import { nearestName } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import { refError, SCALARS } from "./scalars.ts";
import { type AnyStruct, type ArrayType, type ScalarType, Struct } from "./schema.ts";

/** A plain object whose properties are not checked yet. */
export type Values = Readonly<Record<string, unknown>>;

/** The path to a nested value: the name of its field, and the value that has the field. */
export interface Path {
  /** Name of the field. */
  readonly name: string;
  /** Path of the value that has the field; `undefined` when it is the whole record. */
  readonly outer: Path | undefined;
}

/** What every object inherits. A field may have such a name, like `valueOf`. */
export const INHERITED = /* @__PURE__ */ Object.getPrototypeOf({}) as unknown as Values;

/** Character code of `_`, with which the names of a view's state start. */
export const UNDERSCORE = 95;

/**
 * Checks that every property of a value is a field, also one that is undefined, and that it is an
 * object of fields.
 *
 * @param struct The struct.
 * @param init The value.
 * @param outer Path of the value.
 * @throws {TypeError} when a property is no field, or the value has no fields.
 */
export function checkNames(struct: AnyStruct, init: Values, outer: Path | undefined): void {
  for (const name in init) {
    if (isOfAll(init, name) || Object.hasOwn(struct.fields, name)) continue;
    checkName(struct, init, name, outer);
  }
  if (!hasFields(struct, init)) throw notObjectError(struct, init, outer);
}

/**
 * @param value An object.
 * @param name The name of a property that it has.
 * @returns Whether a program has given it to all objects, by way of `Object.prototype`.
 */
export function isOfAll(value: object, name: string): boolean {
  return name in INHERITED && !Object.hasOwn(value, name);
}

/** Throws on a name that is no field, except a name of a view's state. */
function checkName(
  struct: AnyStruct,
  init: Values,
  name: string,
  outer: Path | undefined,
): void {
  if (isList(init)) throw notObjectError(struct, init, outer);
  if (name.charCodeAt(0) === UNDERSCORE) {
    if (isRecordView(init)) return;
    if (hasViewState(init)) throw spreadError(struct, outer);
  }
  throw nameError(struct, name, outer);
}

function isList(value: object): boolean {
  return Array.isArray(value) || isArrayView(value as Values);
}

/** Whether a value is a view of an array. */
function isArrayView(value: Values): boolean {
  return (value._of as Partial<ArrayType> | undefined)?.kind === "array" &&
    !Object.hasOwn(value, "_of");
}

/**
 * Whether a value is a view of a record or of a part, which can be written like a plain object.
 *
 * @param value The value.
 * @returns Whether it is one.
 */
export function isRecordView(value: Values): boolean {
  return value._of instanceof Struct && !Object.hasOwn(value, "_of");
}

/** Whether a plain object has the state of a view, also of a part or of debug mode. */
function hasViewState(value: Values): boolean {
  return "_b" in value || "_r" in value || "_arrays" in value;
}

/**
 * Whether a value can be written to a struct: a plain object of any realm, or an object with
 * fields. An array cannot, nor can an object such as a `Map` or a `Promise` that has none of the
 * fields.
 *
 * @param struct The struct.
 * @param value The value.
 * @returns Whether it can be written.
 */
export function hasFields(struct: AnyStruct, value: Values): boolean {
  if (isList(value)) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return true;
  // An unknown name counts too: checkNames() throws on it later.
  for (const name in value) if (!isOfAll(value, name)) return true;
  return Object.keys(struct.fields).some((name) =>
    name in value && (!(name in INHERITED) || value[name] !== INHERITED[name])
  );
}

/** Describes an object by its class. */
function describe(value: object): string {
  if (isList(value)) return "an array";
  const { constructor } = value;
  return typeof constructor === "function" && constructor.name !== ""
    ? `a ${constructor.name}`
    : "an object";
}

function nameError(struct: AnyStruct, name: string, outer: Path | undefined): TypeError {
  const known = Object.keys(struct.fields);
  const meant = nearestName(name, known);
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return new TypeError(
    `Cannot write ${titleAt(struct, outer)}: it has no field "${name}", it has ${
      known.join(", ")
    }${hint}`,
  );
}

function spreadError(struct: AnyStruct, outer: Path | undefined): TypeError {
  return new TypeError(
    `Cannot write ${
      titleAt(struct, outer)
    }: a view was spread, which copies its state and none of its fields; use { ...view.toJSON() }`,
  );
}

/**
 * Creates the error for a value that is not an object of fields.
 *
 * @param struct The struct.
 * @param init The value.
 * @param outer Path of the value.
 * @returns The error.
 */
export function notObjectError(
  struct: AnyStruct,
  init: unknown,
  outer: Path | undefined,
): TypeError {
  return new TypeError(
    `Cannot write ${titleAt(struct, outer)}: it must be an object${
      typeof init === "object" && init !== null
        ? ` of fields, got ${describe(init)}`
        : `, got ${showValue(init)}`
    }`,
  );
}

/**
 * Creates the error for a value that is not of a scalar's type.
 *
 * @param type The type.
 * @param value The value.
 * @param name Name of the field.
 * @param outer Path of the value that has the field.
 * @returns The error.
 */
export function scalarError(
  type: ScalarType,
  value: unknown,
  name: string,
  outer: Path | undefined,
): Error {
  const path = pathOf(name, outer);
  if (type === "ref" && typeof value === "number") return refError(value, path);
  const { primitive } = SCALARS[type];
  return new TypeError(
    `Cannot write field "${path}": ${type} must be a ${primitive}, got ${showValue(value)}`,
  );
}

/**
 * Joins the names of the fields that lead to a field.
 *
 * @param name Name of the field.
 * @param outer Path of the value that has the field.
 * @returns The names with dots between them.
 */
export function pathOf(name: string, outer: Path | undefined): string {
  return outer === undefined ? name : `${pathOf(outer.name, outer.outer)}.${name}`;
}

function titleAt(struct: AnyStruct, outer: Path | undefined): string {
  const title = struct.name === "" ? "struct" : `struct "${struct.name}"`;
  return outer === undefined ? title : `${title} at "${pathOf(outer.name, outer.outer)}"`;
}
