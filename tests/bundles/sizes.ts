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
  ["Pool", 20_600],
  ["ErasedPool", 23_000],
  ["PoolSet", 24_900],
  ["Arena", 15_200],
  ["StackAllocator", 13_500],
  ["FreeListAllocator", 18_100],
  ["SharedPool", 17_900],
  ["Pool, snapshot, restore", 27_900],
  ["Pool, save, load", 31_700],
  ["Pool, pack", 23_800],
  ["Pool, debug", 24_000],
  ["*", 82_200],
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
