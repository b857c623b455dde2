/**
 * Makes, for random structs, shaders that write two records, and the bytes of these records in a
 * pool.
 *
 * @module
 */
import fc from "fast-check";
import { type AnyStruct, Pool, type ScalarType, toWGSL } from "../../mod.ts";
import { mapLeaves } from "../model/_values.ts";
import { declarationsOf, structsOf } from "../struct/_declarations.ts";
import type { Job } from "./_gpu.ts";
import { leavesOf } from "./_leaves.ts";
import { sampleOf } from "./_program.ts";

/** Seed of the structs, so that each run has the same. */
const SEED = 20261126;

/** Makes random structs, the same in each run. */
export function someStructs(count: number, scalars: readonly ScalarType[]): AnyStruct[] {
  return fc.sample(structsOf(scalars), { numRuns: count, seed: SEED });
}

/** A shader and the bytes that it must write. */
interface Task extends Job {
  readonly expected: Uint8Array;
}

/** Makes a shader that writes two records of a struct; the second one shows the stride. */
export function taskOf(type: AnyStruct): Task {
  const text = toWGSL(type);
  const declared = declarationsOf(text);
  const name = [...declared.keys()].at(-1)!; // the outermost is the last
  const leaves = leavesOf(type, name, declared);
  let n = 0;
  const writes = [0, 1].flatMap((record) =>
    leaves.map(({ path, type }) => `  all[${record}].${path} = ${literalOf(type, n++)};`)
  );
  using pool = new Pool(type, { chunksPerBlock: 16, maxChunks: 16 });
  n = 0;
  for (let record = 0; record < 2; record++) {
    pool.alloc(mapLeaves(type, (leaf) => sampleOf(leaf, n++)) as object);
  }
  const hasF16 = leaves.some(({ type }) => type === "f16");
  return {
    code: [
      hasF16 ? "enable f16;" : "",
      text,
      `@group(0) @binding(0) var<storage, read_write> all: array<${name}, 2>;`,
      `@compute @workgroup_size(1) fn main() {\n${writes.join("\n")}\n}`,
    ].join("\n"),
    byteLength: 2 * type.size,
    expected: pool.blocks[0].bytes.slice(0, 2 * type.size),
  };
}

function literalOf(type: ScalarType, n: number): string {
  const suffix = { i32: "i", f32: "f", f16: "h" }[type as string] ?? "u";
  return `${sampleOf(type, n)}${suffix}`;
}
