/**
 * Tests of the module after bundlers and minifiers: the same results, and whether pools still have
 * code of their own.
 *
 * `deno task test:bundles` runs it. `deno test` does not find a file of this name, since esbuild
 * needs the permission to run a program.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import { minify, type MinifyOptions } from "terser";
import { Watch } from "../slab/_own_texts.ts";
import type { Outcome } from "./_program.ts";

const PROGRAM = new URL("_program.ts", import.meta.url).pathname;
const GAME = new URL("_game.ts", import.meta.url).pathname;
const MODULE = new URL("../../mod.ts", import.meta.url).pathname;

// -- bundlers and minifiers --

async function withEsbuild(entry: string, options: esbuild.BuildOptions): Promise<string> {
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: "esm",
      target: "esnext",
      logLevel: "error",
      alias: { "@slabs/pool": MODULE },
      ...options,
    });
    return outputFiles![0].text; // nothing was written
  } finally {
    await esbuild.stop();
  }
}

async function withTerser(entry: string, options: MinifyOptions): Promise<string> {
  const { code } = await minify(await withEsbuild(entry, {}), options);
  return code!; // terser throws when there is none
}

/** Bundles with rollup, which has no TypeScript: esbuild removes the types of each file. */
async function withRollup(input: string): Promise<string> {
  const eraser = {
    name: "eraser",
    resolveId: (id: string) => id === "@slabs/pool" ? MODULE : undefined,
    async load(id: string) {
      const options = { loader: "ts", target: "esnext" } as const;
      return (await esbuild.transform(await Deno.readTextFile(id), options)).code;
    },
  };
  try {
    const bundle = await rollup({ input, plugins: [eraser], onLog: () => {} });
    const { output } = await bundle.generate({ format: "es" });
    await bundle.close();
    return output[0].code;
  } finally {
    await esbuild.stop();
  }
}

const UNSAFE: MinifyOptions = {
  module: true,
  toplevel: true,
  compress: {
    passes: 3,
    unsafe: true,
    unsafe_arrows: true,
    unsafe_comps: true,
    unsafe_Function: true,
    unsafe_math: true,
    unsafe_methods: true,
    unsafe_proto: true,
    unsafe_regexp: true,
    unsafe_undefined: true,
  },
};

const MINIFIED = { minify: true };

/** Ways to bundle a program. After those that keep names pools have shared code. */
const WAYS: Readonly<Record<string, (entry: string) => Promise<string>>> = {
  "esbuild": (it) => withEsbuild(it, {}),
  "esbuild, es2018": (it) => withEsbuild(it, { target: "es2018" }),
  "esbuild, minified": (it) => withEsbuild(it, MINIFIED),
  "esbuild, minified, es2018": (it) => withEsbuild(it, { ...MINIFIED, target: "es2018" }),
  "esbuild, minified, a script": (it) => withEsbuild(it, { ...MINIFIED, format: "iife" }),
  "esbuild, --keep-names": (it) => withEsbuild(it, { keepNames: true }),
  "esbuild, minified, --keep-names": (it) => withEsbuild(it, { ...MINIFIED, keepNames: true }),
  "terser": (it) => withTerser(it, { module: true }),
  "terser with all that is unsafe": (it) => withTerser(it, UNSAFE),
  "rollup": withRollup,
};

// -- and what that does --

/** Imports a program, and returns what it left in the global object by a key. */
async function leftBy<T>(address: string, key: symbol): Promise<T> {
  await import(address);
  const left = Reflect.get(globalThis, key);
  Reflect.deleteProperty(globalThis, key);
  assert(left !== undefined, "the program left nothing");
  return left;
}

/** Runs the program; tells what it left, and how many texts it compiled on the way. */
async function run(address: string): Promise<Outcome & { texts: number }> {
  using watch = new Watch();
  const outcome = await leftBy<Outcome>(address, Symbol.for("slabs.outcome"));
  return { ...outcome, texts: watch.texts.length };
}

const expected = await run(new URL("_program.ts", import.meta.url).href);

Deno.test("The program itself has code of its own", () => {
  assertEquals(expected.specialization, "own");
  assert(expected.texts > 500);
});

for (const [name, make] of Object.entries(WAYS)) {
  const specialization = name.includes("--keep-names") ? "shared" : "own";

  Deno.test(`After ${name} pools have ${specialization} code, and do the same`, async () => {
    const outcome = await run(`data:text/javascript,${encodeURIComponent(await make(PROGRAM))}`);
    assertEquals(outcome.specialization, specialization);
    assert(outcome.result === expected.result, "the results differ");
    // One for each text that it would compile: where helpers were put in, it stops at the first
    // that needs one.
    if (specialization === "own") assertEquals(outcome.texts, expected.texts);
    else assert(outcome.texts < 50, `${outcome.texts} texts were compiled`);
  });

  for (const shared of [false, true]) {
    const code = shared ? "shared" : "own";
    Deno.test(`After ${name} leaks show their caller first, with ${code} code`, async () => {
      Object.assign(globalThis, { shared }); // which the game looks for
      // A short address, as each frame of each stack has it.
      const file = new Blob([await make(GAME)], { type: "text/javascript" });
      const address = URL.createObjectURL(file);
      try {
        assertEquals(await leftBy(address, Symbol.for("slabs.faults")), "");
      } finally {
        Reflect.deleteProperty(globalThis, "shared");
        URL.revokeObjectURL(address);
      }
    });
  }
}
