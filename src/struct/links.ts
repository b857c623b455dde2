/**
 * Where the records of a struct have fields, padding and typed links, at any depth.
 *
 * @module
 */
import { type AnyStruct, elementBytes, type FieldType, type RefType, Struct } from "./schema.ts";
import type { ScalarType } from "./scalars.ts";

/** Size of a link in bytes. */
export const LINK_BYTES = 4;

/** A link holds an integer from 0 to below this. */
export const LINK_RANGE = 0x1_0000_0000;

/** A typed link in the records of a struct. */
export interface Link {
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Struct of the record that it names. */
  readonly target: AnyStruct;
}

/**
 * Finds the typed links of a struct, including those of nested structs and of each array element.
 *
 * @param struct A struct.
 * @returns The links. The target of a `"self"` link is the struct that has the field.
 */
export function linksOf(struct: AnyStruct): Link[] {
  const links: Link[] = [];
  visitLeaves(struct, 0, (type, offset, count, self) => {
    if (typeof type === "string") return;
    const target = type.target === "self" ? self : type.target;
    for (let i = 0; i < count; i++) links.push({ offset: offset + i * LINK_BYTES, target });
  });
  return links;
}

/**
 * Finds the structs that typed links of the same structs refer to.
 *
 * @param structs The structs.
 * @returns Those of them that are targets.
 */
export function linkTargets(structs: Iterable<AnyStruct>): ReadonlySet<AnyStruct> {
  const known = new Set(structs);
  const targets = [...known].flatMap((struct) => linksOf(struct).map(({ target }) => target));
  return new Set(targets.filter((target) => known.has(target)));
}

/**
 * Maps the bytes of a record.
 *
 * @param struct A struct.
 * @returns For each byte 1 when it belongs to a field, and 0 when it is padding.
 */
export function fieldBytes(struct: AnyStruct): Uint8Array {
  const bytes = new Uint8Array(struct.size);
  visitLeaves(struct, 0, (type, offset, count) => {
    bytes.fill(1, offset, offset + count * elementBytes(type));
  });
  return bytes;
}

/**
 * Receives consecutive scalars or links: their type, offset and number, and the struct with the
 * field.
 */
type Visit = (
  type: ScalarType | RefType,
  offset: number,
  count: number,
  self: AnyStruct,
) => void;

function visitLeaves(struct: AnyStruct, at: number, visit: Visit): void {
  for (const { type, offset } of Object.values(struct.fields)) {
    visitField(type, 1, at + offset, struct, visit);
  }
}

function visitField(
  type: FieldType,
  count: number,
  at: number,
  self: AnyStruct,
  visit: Visit,
): void {
  if (type instanceof Struct) {
    for (let i = 0; i < count; i++) visitLeaves(type, at + i * type.size, visit);
  } else if (typeof type === "object" && type.kind === "array") {
    visitField(type.element, type.length, at, self, visit);
  } else visit(type, at, count, self);
}
