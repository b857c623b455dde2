/**
 * Whole records against plain values: checking, writing and reading, field by field.
 *
 * Checking comes first and writes nothing, so that a bad value leaves the record as it was. It is done twice where it
 * fails: once fast, to know, and once slowly, to say where. Both walk the value's own keys, which usually come in the
 * order of the fields, so that the next field is guessed before it is looked up.
 *
 * @module
 */
import { type Lanes, readScalar, writeScalar } from "./_lanes.ts";
import {
  type AnyStruct,
  elementBytes,
  type Field,
  type FieldType,
  scalarOf,
  type ScalarType,
  Struct,
} from "./schema.ts";

/** What is to be known about a field to check and write it, worked out once. */
export interface Slot {
  readonly name: string;
  readonly type: FieldType;
  /** Position among the slots of its struct. */
  readonly index: number;
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** How a scalar is stored; undefined for a struct or an array. */
  readonly scalar: ScalarType | undefined;
  /** What `typeof` says of a value for it. */
  readonly primitive: string;
  /** The fields of a struct, or of each element of an array of structs. */
  readonly plan: Plan | undefined;
  /** The elements of an array, as a slot of their own; undefined for anything else. */
  readonly element: Slot | undefined;
  /** Elements of an array, 1 for anything else, and bytes from one to the next. */
  readonly length: number;
  readonly stride: number;
}

/** The slots of a struct in declared order, and by name. */
interface Plan {
  readonly slots: readonly Slot[];
  readonly byName: ReadonlyMap<string, Slot>;
}

const plans = new WeakMap<AnyStruct, Plan>();

/** What a scalar may be written from. */
const PRIMITIVE_OF: Readonly<Record<ScalarType, "number" | "bigint" | "boolean">> = {
  i8: "number",
  u8: "number",
  i16: "number",
  u16: "number",
  i32: "number",
  u32: "number",
  f16: "number",
  f32: "number",
  f64: "number",
  i64: "bigint",
  u64: "bigint",
  bool: "boolean",
  ref: "number",
};

/**
 * Checks that a value can be written to a record, naming the field where it cannot.
 *
 * @param struct Struct of the record.
 * @param init A plain object with any of its fields; `undefined` counts as left out.
 * @throws {TypeError} when a field is unknown or its value has the wrong type.
 * @throws {RangeError} when an array is too long or a link is no handle of 32 bits.
 */
export function checkRecord(struct: AnyStruct, init: unknown): void {
  if (!fitsRecord(planOf(struct), init)) explainRecord(struct, init, "");
}

/**
 * Writes the named fields of a checked value; those left out stay as they are.
 *
 * @param lanes Lanes over the memory.
 * @param at Byte offset of the record.
 * @param struct Struct of the record.
 * @param init A value that {@linkcode checkRecord} let pass.
 */
export function writeRecord(lanes: Lanes, at: number, struct: AnyStruct, init: object): void {
  writeSlots(lanes, at, planOf(struct), init);
}

/**
 * Checks a value for one field and writes it.
 *
 * @param lanes Lanes over the memory.
 * @param at Byte offset of the record.
 * @param slot The field.
 * @param value Value for it.
 * @throws {TypeError | RangeError} as {@linkcode checkRecord} does; nothing is written then.
 */
export function putSlot(lanes: Lanes, at: number, slot: Slot, value: unknown): void {
  if (!fits(slot, value)) explain(slot, value, slot.name);
  writeSlot(lanes, at, slot, value);
}

/**
 * @param name Name of the field, for errors.
 * @param type Its type.
 * @param offset Bytes from the start of the record.
 * @param index Position among the fields.
 * @returns Its slot.
 */
export function slotOf(name: string, type: FieldType, offset: number, index = 0): Slot {
  const common = { name, type, index, offset, element: undefined, length: 1, stride: 0 };
  if (type instanceof Struct) {
    return { ...common, scalar: undefined, primitive: "object", plan: planOf(type) };
  }
  if (typeof type === "string" || type.kind === "ref") {
    const scalar = scalarOf(type);
    return { ...common, scalar, primitive: PRIMITIVE_OF[scalar], plan: undefined };
  }
  const { element, length } = type;
  return {
    ...common,
    scalar: undefined,
    primitive: "object",
    plan: undefined,
    element: slotOf(name, element, 0),
    length,
    stride: elementBytes(element),
  };
}

function planOf(struct: AnyStruct): Plan {
  let plan = plans.get(struct);
  if (plan === undefined) {
    const slots = Object.entries(struct.fields).map(([name, { type, offset }], i) =>
      slotOf(name, type, offset, i)
    );
    plan = { slots, byName: new Map(slots.map((slot) => [slot.name, slot])) };
    plans.set(struct, plan);
  }
  return plan;
}

/** The slot of a key: the guess if it is that, else by name; undefined when there is none. */
function find({ slots, byName }: Plan, guess: number, name: string): Slot | undefined {
  return guess < slots.length && slots[guess].name === name ? slots[guess] : byName.get(name);
}

function fitsRecord(plan: Plan, init: unknown): boolean {
  if (typeof init !== "object" || init === null) return false;
  let guess = 0;
  for (const name in init) {
    const slot = find(plan, guess, name);
    if (slot === undefined) {
      if (isViewState(name)) continue;
      return false;
    }
    guess = slot.index + 1;
    // Keys of an object whose type is not known any better.
    const value = (init as Record<string, unknown>)[name];
    if (value !== undefined && !fits(slot, value)) return false;
  }
  return true;
}

function fits(slot: Slot, value: unknown): boolean {
  // deno-lint-ignore valid-typeof -- it comes from PRIMITIVE_OF
  if (typeof value !== slot.primitive) return false;
  if (slot.scalar !== undefined) return slot.scalar !== "ref" || isRef(value as number);
  if (slot.element === undefined) return fitsRecord(slot.plan!, value); // neither scalar nor array: a struct
  const items = itemsOf(value);
  if (items === undefined || items.length > slot.length) return false;
  for (let i = 0; i < items.length; i++) {
    if (!fits(slot.element, items[i])) return false;
  }
  return true;
}

function writeSlots(lanes: Lanes, at: number, plan: Plan, init: object): void {
  let guess = 0;
  for (const name in init) {
    const slot = find(plan, guess, name);
    if (slot === undefined) continue;
    guess = slot.index + 1;
    const value = (init as Record<string, unknown>)[name];
    if (value !== undefined) writeSlot(lanes, at, slot, value);
  }
}

function writeSlot(lanes: Lanes, at: number, slot: Slot, value: unknown): void {
  const start = at + slot.offset;
  // The casts state what fits() has established.
  if (slot.scalar !== undefined) return writeScalar(lanes, slot.scalar, start, value as number);
  if (slot.element === undefined) return writeSlots(lanes, start, slot.plan!, value as object);
  const items = itemsOf(value)!;
  for (let i = 0; i < items.length; i++) {
    writeSlot(lanes, start + i * slot.stride, slot.element, items[i]);
  }
}

/**
 * Reads a record.
 *
 * @param lanes Lanes over the memory.
 * @param at Byte offset of the record.
 * @param struct Struct of the record.
 * @returns A plain object of plain values.
 */
export function readRecord(lanes: Lanes, at: number, struct: AnyStruct): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(struct.fields)) {
    record[name] = readField(lanes, at, field);
  }
  return record;
}

function readField(lanes: Lanes, at: number, { type, offset, length }: Field): unknown {
  const start = at + offset;
  if (type instanceof Struct) return readRecord(lanes, start, type);
  if (typeof type === "string" || type.kind === "ref") {
    return readScalar(lanes, scalarOf(type), start);
  }
  const { element } = type;
  const stride = elementBytes(element);
  return Array.from(
    { length },
    (_, i) =>
      element instanceof Struct
        ? readRecord(lanes, start + i * stride, element)
        : readScalar(lanes, scalarOf(element), start + i * stride),
  );
}

/** Throws for the first fault of a value that does not fit a record. */
function explainRecord(struct: AnyStruct, init: unknown, path: string): void {
  if (typeof init !== "object" || init === null) {
    throw new TypeError(
      `Cannot write ${placeName(struct, path)}: it must be an object, got ${show(init)}`,
    );
  }
  // As fitsRecord walks: a view, which passes for a plain value, has its fields on its prototype.
  for (const name in init) {
    const value = (init as Record<string, unknown>)[name];
    if (isViewState(name) || value === undefined) continue;
    const slot = planOf(struct).byName.get(name);
    if (slot === undefined) {
      const known = Object.keys(struct.fields).join(", ");
      throw new TypeError(
        `Cannot write ${placeName(struct, path)}: it has no field "${name}", it has ${known}`,
      );
    }
    explain(slot, value, path + name);
  }
}

function explain(slot: Slot, value: unknown, path: string): void {
  const { type, element, length } = slot;
  if (type instanceof Struct) return explainRecord(type, value, path + ".");
  if (element === undefined) return explainScalar(slot, value, path);
  const items = itemsOf(value);
  if (items === undefined) {
    throw new TypeError(`Cannot write field "${path}": it must be array-like, got ${show(value)}`);
  }
  if (items.length > length) {
    throw new RangeError(
      `Cannot write field "${path}": it has ${length} elements, got ${items.length}`,
    );
  }
  for (let i = 0; i < items.length; i++) explain(element, items[i], `${path}[${i}]`);
}

function explainScalar({ scalar, primitive }: Slot, value: unknown, path: string): void {
  // deno-lint-ignore valid-typeof -- it comes from PRIMITIVE_OF
  if (typeof value !== primitive) {
    throw new TypeError(
      `Cannot write field "${path}": ${scalar} must be a ${primitive}, got ${show(value)}`,
    );
  }
  if (scalar === "ref") checkRef(value as number, path);
}

/** A link holds an integer of 32 bits. */
function isRef(value: number): boolean {
  return value >>> 0 === value;
}

/**
 * @param value Handle for a link.
 * @param path Name of the field, with those that lead to it.
 * @returns The handle.
 * @throws {RangeError} when it is not an integer of 32 bits, as no wide handle of 2^32 or more is.
 */
export function checkRef(value: number, path: string): number {
  if (!isRef(value)) {
    throw new RangeError(
      `Cannot write field "${path}": a ref holds a handle below 2^32, got ${value}; a wide handle fits in an f64`,
    );
  }
  return value;
}

/** A view passes for a plain value: its own state, which no field can be named like, is passed over. */
function isViewState(name: string): boolean {
  return name.charCodeAt(0) === 95; // "_"
}

/** The elements of an array, a typed array or the view of an array field. */
function itemsOf(value: unknown): ArrayLike<unknown> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if ("toArray" in value && typeof value.toArray === "function") return value.toArray();
  return "length" in value && typeof value.length === "number"
    ? value as ArrayLike<unknown>
    : undefined;
}

function placeName(struct: AnyStruct, path: string): string {
  const title = struct.name === "" ? "struct" : `struct "${struct.name}"`;
  return path === "" ? title : `${title} at "${path.slice(0, -1)}"`;
}

function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
