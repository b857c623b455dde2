/**
 * Typed links: where the records of a struct have them, at any depth.
 *
 * @module
 */
import { type AnyStruct, elementBytes, type FieldType, type RefType, Struct } from "./schema.ts";
import type { ScalarType } from "./scalars.ts";

/** Bytes of a link. */
export const LINK_BYTES = 4;

/** What a link holds is less. */
export const LINK_RANGE: number = 2 ** 32;

/** A typed link in the records of a struct. */
export interface Link {
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Struct of the record that it leads to. */
  readonly target: AnyStruct;
}

/**
 * @param struct A struct.
 * @returns Its typed links, those of nested structs and each element of an array included. `"self"` is the struct that has the field.
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
 * @param structs What the records are that there may be.
 * @returns Those of them that links in such records lead to.
 */
export function linkTargets(structs: Iterable<AnyStruct>): ReadonlySet<AnyStruct> {
  const known = new Set(structs);
  const targets = [...known].flatMap((struct) => linksOf(struct).map(({ target }) => target));
  return new Set(targets.filter((target) => known.has(target)));
}

/**
 * @param struct A struct.
 * @returns For each byte of a record 1 where a field has it, and 0 where it is padding.
 */
export function fieldBytes(struct: AnyStruct): Uint8Array {
  const bytes = new Uint8Array(struct.size);
  visitLeaves(struct, 0, (type, offset, count) => {
    bytes.fill(1, offset, offset + count * elementBytes(type));
  });
  return bytes;
}

/** Gets the type of scalars or links in a row, where they start, how many there are, and the struct that has the field. */
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
