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
const FAULTS = Symbol.for("slabs.faults");
const OUTCOME = Symbol.for("slabs.outcome");

// -- bundlers and minifiers --

async function withEsbuild(options: esbuild.BuildOptions): Promise<string> {
  try {
    const { outputFiles, errors } = await esbuild.build({
      entryPoints: [PROGRAM],
      bundle: true,
      write: false,
      format: "esm",
      target: "esnext",
      logLevel: "error",
      alias: { "@slabs/pool": MODULE },
      ...options,
    });
    assertEquals(errors, []);
    return outputFiles![0].text; // nothing was written
  } finally {
    await esbuild.stop();
  }
}

async function withTerser(options: MinifyOptions, entry = PROGRAM): Promise<string> {
  const { code } = await minify(await withEsbuild({ entryPoints: [entry] }), options);
  return code!; // terser throws when there is none
}

/** Bundles with rollup, which has no TypeScript: esbuild removes the types of each file. */
async function withRollup(input = PROGRAM): Promise<string> {
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

/** A way to bundle, and whether pools have code of their own after it. */
interface Way {
  readonly make: () => Promise<string>;
  readonly expected: "own" | "shared";
}

const WAYS: Readonly<Record<string, Way>> = {
  "esbuild": { make: () => withEsbuild({}), expected: "own" },
  "esbuild, es2018": { make: () => withEsbuild({ target: "es2018" }), expected: "own" },
  "esbuild, minified": { make: () => withEsbuild({ minify: true }), expected: "own" },
  "esbuild, minified, es2018": {
    make: () => withEsbuild({ minify: true, target: "es2018" }),
    expected: "own",
  },
  "esbuild, minified, a script": {
    make: () => withEsbuild({ minify: true, format: "iife" }),
    expected: "own",
  },
  "esbuild, --keep-names": { make: () => withEsbuild({ keepNames: true }), expected: "shared" },
  "esbuild, minified, --keep-names": {
    make: () => withEsbuild({ minify: true, keepNames: true }),
    expected: "shared",
  },
  "terser": { make: () => withTerser({ module: true }), expected: "own" },
  "terser with all that is unsafe": { make: () => withTerser(UNSAFE), expected: "own" },
  "rollup": { make: () => withRollup(), expected: "own" },
};

// -- and what that does --

/** Runs a program; tells what it left, and how many texts it compiled on the way. */
async function run(address: string): Promise<Outcome & { texts: number }> {
  using watch = new Watch();
  await import(address);
  const left = globalThis as { [OUTCOME]?: Outcome };
  const outcome = left[OUTCOME];
  delete left[OUTCOME];
  assert(outcome !== undefined, "the program left nothing");
  return { ...outcome, texts: watch.texts.length };
}

const expected = await run(new URL("_program.ts", import.meta.url).href);

Deno.test("The program itself has code of its own", () => {
  assertEquals(expected.specialization, "own");
  assert(expected.texts > 500);
});

for (const [name, { make, expected: specialization }] of Object.entries(WAYS)) {
  Deno.test(`After ${name} pools have ${specialization} code, and do the same`, async () => {
    const outcome = await run(`data:text/javascript,${encodeURIComponent(await make())}`);
    assertEquals(outcome.specialization, specialization);
    assert(outcome.result === expected.result, "the results differ");
    // One for each text that it would compile: where helpers were put in, it stops at the first
    // that needs one.
    if (specialization === "own") assertEquals(outcome.texts, expected.texts);
    else assert(outcome.texts < 50, `${outcome.texts} texts were compiled`);
  });
}

// -- the stacks of leaks, where module and game are one file --

const ofGame = (options: esbuild.BuildOptions) => withEsbuild({ entryPoints: [GAME], ...options });

const GAMES: Readonly<Record<string, () => Promise<string>>> = {
  "esbuild": () => ofGame({}),
  "esbuild, minified": () => ofGame({ minify: true }),
  "esbuild, minified, a script": () => ofGame({ minify: true, format: "iife" }),
  "esbuild, minified, es2018": () => ofGame({ minify: true, target: "es2018" }),
  "esbuild, --keep-names": () => ofGame({ keepNames: true }),
  "terser": () => withTerser({ module: true }, GAME),
  "terser with all that is unsafe": () => withTerser(UNSAFE, GAME),
  "rollup": () => withRollup(GAME),
};

for (const [name, make] of Object.entries(GAMES)) {
  for (const shared of [false, true]) {
    const code = shared ? "shared" : "own";
    Deno.test(`After ${name} leaks show their caller first, with ${code} code`, async () => {
      const global = globalThis as { shared?: boolean; [FAULTS]?: string };
      global.shared = shared;
      // A short address, as each frame of each stack has it.
      const address = URL.createObjectURL(new Blob([await make()], { type: "text/javascript" }));
      try {
        await import(address);
        assertEquals(global[FAULTS], "");
      } finally {
        delete global.shared;
        delete global[FAULTS];
        URL.revokeObjectURL(address);
      }
    });
  }
}
