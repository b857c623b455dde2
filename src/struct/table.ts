/**
 * Prints a struct: its layout as a table, and its name in sentences.
 *
 * @module
 */
import type { ScalarType } from "./scalars.ts";

/**
 * A struct, as far as it is printed. This file cannot import `Struct`: `schema.ts` imports this
 * file.
 */
export interface Printable {
  readonly name: string;
  readonly size: number;
  readonly align: number;
  readonly fields: { readonly [name: string]: PrintableField };
}

/** A field. */
export interface PrintableField {
  readonly type: PrintableType;
  readonly offset: number;
  readonly size: number;
}

type PrintableElement = ScalarType | PrintableLink | Printable;
/** The type of a field. */
export type PrintableType = PrintableElement | PrintableList;

/** The type of a link. */
export interface PrintableLink {
  readonly kind: "ref";
  readonly target: Printable | "self";
}

interface PrintableList {
  readonly kind: "array";
  readonly element: PrintableElement;
  readonly length: number;
}

/**
 * Prints the layout as a table.
 *
 * @param struct A struct.
 * @returns The table: fields and padding, one a line, in the order of their bytes.
 */
export function toTable(struct: Printable): string {
  const { name, size, align } = struct;
  const rows: string[][] = [["offset", "size", "type", "field"]];
  let end = 0, padding = size;
  const addRow = (to: number, type: string, field: string) => {
    if (to > end) rows.push([`${end}`, `${to - end}`, type, field]);
    end = to;
  };
  for (const [field, { type, offset, size }] of byOffset(struct)) {
    addRow(offset, "·", "(padding)");
    addRow(offset + size, typeName(type, name), field);
    padding -= size;
  }
  addRow(size, "·", "(padding)");
  const typeWidth = Math.max(...rows.map(([, , type]) => type.length));
  return [
    `${`struct ${name}`.trimEnd()}: size ${size}, align ${align}, padding ${padding}`,
    ...rows.map(([offset, size, type, field]) =>
      `${offset.padStart(6)}  ${size.padStart(4)}  ${type.padEnd(typeWidth)}  ${field}`
    ),
  ].join("\n");
}

/**
 * Names a struct in the errors of pools.
 *
 * @param struct A struct.
 * @returns Its name, or its fields when it has none.
 */
export function structTitle({ name, fields }: Printable): string {
  return name === "" ? `struct { ${Object.keys(fields).join(", ")} }` : `struct "${name}"`;
}

function typeName(type: PrintableType, self: string): string {
  if (typeof type === "string") return type;
  if (isStruct(type)) return type.name || "struct";
  if (type.kind === "array") return `${typeName(type.element, self)}[${type.length}]`;
  return `ref(${type.target === "self" ? self || "self" : type.target.name || "struct"})`;
}

/**
 * Lists the fields in the order of their bytes.
 *
 * @param struct A struct.
 * @returns Each field with its name.
 */
export function byOffset(struct: Printable): [string, PrintableField][] {
  return Object.entries(struct.fields).sort(([, a], [, b]) => a.offset - b.offset);
}

/**
 * @param type The type of a field.
 * @returns Whether it is a struct.
 */
export function isStruct(type: PrintableType): type is Printable {
  return typeof type === "object" && "fields" in type;
}

/**
 * @param type The type of a field.
 * @returns The type of the elements of an array; any other type as it is.
 */
export function elementOf(type: PrintableType): PrintableElement {
  return typeof type === "object" && "element" in type ? type.element : type;
}
