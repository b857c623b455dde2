/**
 * Checks the size of what a program ships: bundles of single exports, minified by esbuild and
 * compressed by gzip, against a budget.
 *
 * `deno task sizes` prints the table. A bundle that exceeds its budget fails.
 *
 * @module
 */
import * as esbuild from "esbuild";
import { gzipSync } from "node:zlib";

const MODULE = new URL("../../mod.ts", import.meta.url).pathname;

/** Bytes at most, by the names that a program imports. */
const BUDGET: readonly (readonly [names: string, bytes: number])[] = [
  ["", 50],
  ["StaleHandleError", 300],
  ["struct", 2_000],
  ["Pool", 18_000],
  ["ErasedPool", 20_400],
  ["PoolSet", 22_200],
  ["Arena", 13_500],
  ["StackAllocator", 11_700],
  ["FreeListAllocator", 16_500],
  ["SharedPool", 16_300],
  ["Pool, array", 20_000],
  ["Pool, spread", 19_000],
  ["Pool, snapshot, restore", 25_200],
  ["Pool, save, load", 29_200],
  ["Pool, pack", 21_100],
  ["Pool, debug", 21_400],
  ["*", 82_800],
];

try {
  let excess = 0;
  console.log("bytes, gzip  budget  imported");
  for (const [names, budget] of BUDGET) {
    const bytes = await sizeOf(names);
    const line = `${String(bytes).padStart(11)}  ${String(budget).padStart(6)}  ${
      names || "nothing"
    }`;
    if (bytes > budget) excess++;
    console.log(bytes > budget ? `${line}: too large` : line);
  }
  if (excess > 0) Deno.exit(1);
} finally {
  await esbuild.stop();
}

/** Returns the bytes of a bundle that exports some of the module's names, `*` for all. */
async function sizeOf(names: string): Promise<number> {
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: `export ${names === "*" ? "*" : `{ ${names} }`} from ${JSON.stringify(MODULE)};`,
      resolveDir: ".",
    },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "error",
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}
