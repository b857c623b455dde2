/**
 * Texts of random structs, read back by the rules of C and of WGSL, worked out apart from the module.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type AnyStruct, type ScalarType, Struct } from "../../mod.ts";
import {
  type Declarations,
  declarationsOf,
  inOrder,
  type Member,
  structsOf,
  WGSL_SCALARS,
} from "./_declarations.ts";

interface Measure {
  readonly size: number;
  readonly align: number;
  readonly offsets: ReadonlyMap<string, number>;
}

type Sizes = Readonly<Record<string, number>>;

const C_SIZES: Sizes = {
  int8_t: 1,
  uint8_t: 1,
  bool: 1,
  int16_t: 2,
  uint16_t: 2,
  _Float16: 2,
  int32_t: 4,
  uint32_t: 4,
  float: 4,
  int64_t: 8,
  uint64_t: 8,
  double: 8,
};
const WGSL_SIZES: Sizes = { i32: 4, u32: 4, f32: 4, f16: 2 };
const ALL = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32", "f64", "bool"];
const SCALARS = [...ALL, "ref"] as ScalarType[]; // just these are the scalars

function up(to: number, bytes: number): number {
  return Math.ceil(bytes / to) * to;
}

/**
 * WGSL, "Memory layout": an array's stride is its element's size rounded up to its alignment, a struct's alignment that of its
 * widest member, a member's offset the end of the one before rounded up to its own, and the attribute `@size` counts for the
 * member's size. C's rules are the same, without attributes.
 */
function measure(name: string, declared: Declarations, scalars: Sizes): Measure {
  const offsets = new Map<string, number>();
  let end = 0, align = 1;
  for (const member of declared.get(name)!) {
    const it = measureMember(member, declared, scalars);
    const offset = up(it.align, end);
    offsets.set(member.name, offset);
    end = offset + it.size;
    align = Math.max(align, it.align);
  }
  return { size: up(align, end), align, offsets };
}

function measureMember(
  { type, length, size: given }: Member,
  declared: Declarations,
  scalars: Sizes,
): { size: number; align: number } {
  const { size, align } = type in scalars
    ? { size: scalars[type], align: scalars[type] }
    : measure(type, declared, scalars);
  const natural = length === undefined ? size : length * up(align, size);
  assert(given === undefined || given >= natural, "@size is below the size of the type");
  return { size: given ?? natural, align };
}

/** Compares a struct with its declaration, and those that are nested in it with theirs. */
function compare(type: AnyStruct, name: string, declared: Declarations, scalars: Sizes): void {
  const { size, align, offsets } = measure(name, declared, scalars);
  assertEquals([size, align], [type.size, type.align]);
  const members = declared.get(name)!.filter((it) => !it.name.startsWith("_"));
  const fields = inOrder(type);
  assertEquals(members.length, fields.length);
  fields.forEach(([, field], i) => {
    const { name, type, length } = members[i];
    assertEquals(offsets.get(name), field.offset);
    const isList = typeof field.type === "object" && "element" in field.type;
    assertEquals(length, isList ? field.length : undefined);
    const inner = isList ? (field.type as { element: unknown }).element : field.type;
    assertEquals(inner instanceof Struct, !(type in scalars));
    if (inner instanceof Struct) compare(inner, type, declared, scalars);
  });
}

/** Several structs in one text. They have names of their own there, by which they are found. */
function named(structs: readonly AnyStruct[]): AnyStruct[] {
  return structs.map((it, i) => {
    const fields = inOrder(it).map(([name, { type }]) => [name, type]);
    return new Struct(Object.fromEntries(fields), { name: `Top${i}` });
  });
}

Deno.test("Struct.toC() declares any structs byte for byte, by the rules of C", () => {
  fc.assert(fc.property(fc.array(structsOf(SCALARS), { minLength: 1, maxLength: 4 }), (structs) => {
    const [first, ...more] = named(structs);
    const declared = declarationsOf(first.toC(...more));
    [first, ...more].forEach((it, i) => compare(it, `Top${i}`, declared, C_SIZES));
    // No byte is left to the compiler: a rule of another platform would have nothing to decide.
    for (const [name, members] of declared) {
      const bytes = members.map((it) => measureMember(it, declared, C_SIZES).size);
      assertEquals(bytes.reduce((a, b) => a + b), measure(name, declared, C_SIZES).size);
    }
  }));
});

Deno.test("Struct.toWGSL() declares any structs byte for byte, by the rules of WGSL", () => {
  const structs = fc.array(structsOf(WGSL_SCALARS), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(structs, (structs) => {
    const [first, ...more] = named(structs);
    const declared = declarationsOf(first.toWGSL(...more));
    [first, ...more].forEach((it, i) => compare(it, `Top${i}`, declared, WGSL_SIZES));
  }));
});

Deno.test("Struct.toC() and toWGSL() give different names to different structs and fields", () => {
  fc.assert(fc.property(structsOf(WGSL_SCALARS), (type) => {
    for (const text of [type.toC(), type.toWGSL()]) {
      for (const members of declarationsOf(text).values()) { // throws on a name that is there twice
        assertEquals(new Set(members.map((it) => it.name)).size, members.length);
      }
    }
  }));
});
