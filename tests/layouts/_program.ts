/**
 * Makes a C program that reads records of any structs and prints each scalar.
 *
 * @module
 */
import { type AnyStruct, Pool, type ScalarType, struct, toC } from "../../mod.ts";
import { mapLeaves } from "../model/_values.ts";
import { declarationsOf } from "../struct/_declarations.ts";
import { type Leaf, leavesOf } from "./_leaves.ts";

/** A program and the lines that it must print. */
export interface Program {
  readonly code: string;
  readonly expected: readonly string[];
}

/** Makes a program for several structs. Each is nested in a struct with a known name. */
export function programFor(types: readonly AnyStruct[]): Program {
  const tops = types.map((it, i) => struct({ it, end: "u8" }, { name: `Top${i}` }));
  const text = toC(tops[0], ...tops.slice(1));
  const declared = declarationsOf(text);
  const parts = tops.map((top, i) => {
    const name = `struct Top${i}`;
    const sizes = [`sizeof(${name})`, `_Alignof(${name})`, `sizeof(((${name} *)0)->it)`];
    const leaves = leavesOf(top, `Top${i}`, declared);
    const { bytes, shown } = recordOf(top, leaves);
    const show = leaves.map((leaf) => showOf(name, leaf));
    return {
      code: `static void show${i}(void) {
  static const uint8_t bytes[] = {${bytes.join()}};
  ${name} top;
  memcpy(&top, bytes, sizeof bytes);
  printf("Top${i} %zu %zu %zu\\n", ${sizes.join(", ")});
${show.join("\n")}
}`,
      expected: [`Top${i} ${top.size} ${top.align} ${top.fields.it.size}`, ...shown],
    };
  });
  return {
    code: [
      text,
      "#include <stddef.h>\n#include <stdio.h>\n#include <string.h>",
      ...parts.map((it) => it.code),
      `int main(void) {\n${parts.map((_, i) => `  show${i}();`).join("\n")}\n  return 0;\n}\n`,
    ].join("\n\n"),
    expected: parts.flatMap((it) => it.expected),
  };
}

/** Returns the bytes of a record, and the lines that the program must print for it. */
function recordOf(type: AnyStruct, leaves: readonly Leaf[]): { bytes: number[]; shown: string[] } {
  using pool = new Pool(type, { chunksPerBlock: 16, maxChunks: 16 });
  let n = 0;
  pool.alloc(mapLeaves(type, (leaf) => sampleOf(leaf, n++)) as object);
  return {
    bytes: [...pool.blocks[0].bytes.subarray(0, type.size)],
    shown: leaves.map(({ path, type, offset }, n) =>
      `${path} ${offset} ${Number(sampleOf(type, n))}`
    ),
  };
}

/** First values of the integers, whose sign bits show a mix-up of signed and unsigned types. */
const FIRST: Partial<Record<ScalarType, number>> = {
  ...{ i8: -128, u8: 128, i16: -30_000, u16: 60_000, i32: -2_000_000_000, u32: 4_000_000_000 },
  ref: 4_000_000_000,
};

/** Returns the `n`th value of a type, or `n`th link to a struct. */
export function sampleOf(type: ScalarType | AnyStruct, n: number): number | bigint | boolean {
  if (typeof type === "object") return sampleOf("ref", n);
  if (type === "bool") return n % 2 === 0;
  // Multiples of 4096, which the program's double holds exactly.
  if (type === "i64") return -(2n ** 62n) + BigInt(n) * 4096n;
  if (type === "u64") return 2n ** 63n + BigInt(n) * 4096n;
  const first = FIRST[type];
  if (first === undefined) return n % 1000 + 0.5;
  return first + (type === "i8" || type === "u8" ? n % 120 : n);
}

/** Prints a scalar as a double. */
function showOf(name: string, { path }: Leaf): string {
  return `  printf("${path} %zu %.17g\\n", offsetof(${name}, ${path}), (double)top.${path});`;
}
