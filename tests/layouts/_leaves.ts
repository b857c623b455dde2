/**
 * Lists the scalars of a record by their paths in C and WGSL.
 *
 * @module
 */
import { Struct } from "../../mod.ts";
import type { AnyStruct, ElementType, ScalarType } from "../../mod.ts";
import { isArray } from "../model/_values.ts";
import { type Declarations, inOrder } from "../struct/_declarations.ts";

/** A scalar in a record. */
export interface Leaf {
  /** Its path in C and WGSL: `pos.x`, `near[1].hp`. */
  readonly path: string;
  readonly type: ScalarType;
  /** Bytes from the start of the record. */
  readonly offset: number;
}

/**
 * Lists the scalars in a record, in the order of their fields.
 *
 * @param type A struct.
 * @param name Its name in the text.
 * @param declared The structs of the text.
 * @returns The scalars.
 */
export function leavesOf(type: AnyStruct, name: string, declared: Declarations): Leaf[] {
  // Members for padding have names that start with _.
  const members = declared.get(name)!.filter((it) => !it.name.startsWith("_"));
  const keys = inOrder(type).map(([key]) => key);
  return Object.entries(type.fields).flatMap(([key, field]) => {
    const { name, type, length } = members[keys.indexOf(key)];
    if (isArray(field.type)) {
      const { element } = field.type;
      const stride = field.size / field.length;
      return Array.from(
        { length: field.length },
        (_, at) => leavesAt(element, type, `${name}[${at}]`, field.offset + at * stride, declared),
      ).flat();
    }
    if (length !== undefined) throw new Error(`${name} is declared as an array`);
    return leavesAt(field.type as ElementType, type, name, field.offset, declared);
  });
}

function leavesAt(
  type: ElementType,
  name: string,
  path: string,
  offset: number,
  declared: Declarations,
): Leaf[] {
  if (!(type instanceof Struct)) {
    return [{ path, type: typeof type === "string" ? type : "ref", offset }];
  }
  return leavesOf(type, name, declared).map((leaf) => ({
    ...leaf,
    path: `${path}.${leaf.path}`,
    offset: offset + leaf.offset,
  }));
}
