/**
 * Parses declarations in C and WGSL, and makes random structs to declare.
 *
 * @module
 */
import { assert } from "@std/assert";
import fc from "fast-check";
import { array, ref, Struct, struct } from "../../mod.ts";
import type { AnyStruct, ElementType, ScalarType } from "../../mod.ts";

/** A member of a declared struct. */
export interface Member {
  readonly name: string;
  /** Its type, or the type of its elements. */
  readonly type: string;
  /** Number of elements of an array; otherwise `undefined`. */
  readonly length: number | undefined;
  /** Value of the WGSL attribute `@size`. */
  readonly size: number | undefined;
}

/** The members of each struct, by its name, in the order of the text. */
export type Declarations = ReadonlyMap<string, readonly Member[]>;

/** The scalars that a WGSL storage buffer can hold. */
export const WGSL_SCALARS = ["i32", "u32", "f16", "f32", "ref"] as const;

const C_MEMBER = /^ {2}(?<type>(?:struct )?\w+) (?<name>\w+)(?:\[(?<length>\d+)\])?;$/;
const WGSL_MEMBER =
  /^ {2}(?:@size\((?<size>\d+)\) )?(?<name>\w+): (?:(?<type>\w+)|array<(?<element>\w+), (?<length>\d+)>),$/;

/**
 * Parses a text of C or WGSL as the module prints it.
 *
 * @param text The text.
 * @returns The declared structs.
 */
export function declarationsOf(text: string): Declarations {
  const structs = new Map<string, Member[]>();
  for (const [, name, members] of text.matchAll(/^struct (\w+) \{\n(.*?)\n\};?$/gms)) {
    assert(!structs.has(name), `${name} is declared twice`);
    structs.set(name, members.split("\n").map(memberOf));
  }
  return structs;
}

function memberOf(line: string): Member {
  const groups = (C_MEMBER.exec(line) ?? WGSL_MEMBER.exec(line))?.groups;
  assert(groups !== undefined, `"${line}" declares no member`);
  const number = (digits?: string) => digits === undefined ? undefined : Number(digits);
  return {
    name: groups.name,
    type: (groups.type ?? groups.element).replace("struct ", ""),
    length: number(groups.length),
    size: number(groups.size),
  };
}

/**
 * Lists the fields of a struct in the order of their bytes.
 *
 * @param type A struct.
 * @returns The fields by name.
 */
export function inOrder(type: AnyStruct): [string, AnyStruct["fields"][string]][] {
  return Object.entries(type.fields).sort(([, a], [, b]) => a.offset - b.offset);
}

// -- random structs --

/** Names that are free, reserved or invalid in one of the languages, and their escaped forms. */
const FIELD_NAMES =
  "x y hp pos near int int_ int_2 f32 vec2f uint8_t class target loop self NULL struct $ $a u0024a größe ŝ 変 linux INT8_MAX x_"
    .split(" ");
const STRUCT_NAMES = ["", "", "", "My struct"].concat(
  "Vec2 Vec2 Vec2_2 Pos int f32 vec2f struct 3D größe _x __x Self Record uint8_t a/*b*/ u0033D"
    .split(" "),
);

/**
 * Makes random structs, up to three levels deep.
 *
 * @param scalars Types of their fields.
 * @param names Names of their fields; by default such as may need escaping.
 * @param lengths Lengths of their arrays.
 * @returns The structs.
 */
export function structsOf(
  scalars: readonly ScalarType[],
  names: readonly string[] = FIELD_NAMES,
  lengths: readonly number[] = [1, 2, 3, 4],
): fc.Arbitrary<AnyStruct> {
  const links = fc.constantFrom(ref("self"));
  return fc.letrec<{ element: ElementType; it: AnyStruct }>((tie) => {
    const element = fc.oneof({ maxDepth: 2 }, fc.constantFrom(...scalars), links, tie("it"));
    const arrays = fc.tuple(element, fc.constantFrom(...lengths))
      // Long arrays of long arrays would exceed what a struct may have.
      .filter(([of, n]) => !(of instanceof Struct) || of.size * n < 2 ** 20)
      .map(([of, n]) => array(of, n));
    const type = fc.oneof(element, element, arrays);
    const fields = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), type), {
      minLength: 1,
      maxLength: 6,
      selector: ([name]) => name,
    });
    const options = fc.record({
      name: fc.constantFrom(...STRUCT_NAMES),
      layout: fc.constantFrom<("c" | "compact")[]>("c", "c", "compact"),
    });
    const it = fc.tuple(fields, options).map(([fields, options]) =>
      struct(Object.fromEntries(fields), options)
    );
    return { element, it };
  }).it;
}
