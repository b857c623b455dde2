/**
 * Tests of the package for npm: it is installed from its tarball, loads on every runtime in every
 * format, and its declarations check in strict projects.
 *
 * `deno task test:package` runs them. `deno test` does not find a file of this name, since
 * installing takes a network and more permissions.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as esbuild from "esbuild";
import { type Browser, BROWSERS, findBrowser, launch } from "../browsers/launch.ts";
import { serve } from "../browsers/server.ts";
import { output, PACKAGE, PROJECT, runOn, RUNTIMES, TARBALL, write } from "./_project.ts";

const PROGRAM = new URL("_program.ts", import.meta.url).pathname;

async function bundle(options: esbuild.BuildOptions): Promise<string> {
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [PROGRAM],
      bundle: true,
      write: false,
      target: "es2022",
      nodePaths: [`${PROJECT}/node_modules`],
      logLevel: "error",
      ...options,
    });
    return outputFiles![0].text; // nothing was written
  } finally {
    await esbuild.stop();
  }
}

// -- every runtime, every format --

const ESM = await bundle({ format: "esm" });
const SCRIPT = await bundle({ format: "iife" });
const external = ["@slabs/pool"];

/** What the program prints where the module is no package. */
const expected = await output(Deno.execPath(), ["run", "--quiet", PROGRAM]);

const README = await Deno.readTextFile(`${PACKAGE}/README.md`);
const EXAMPLE = /```ts\n([^]*?)```/.exec(README)?.[1] ?? "";
/** The example for engines without `using`, as the README says. */
const OLDER_EXAMPLE = `${EXAMPLE.replace("using bullets", "const bullets")}bullets.dispose();`;

/** Whether import and require have the same class. */
const BOTH = `import { createRequire } from "node:module";
import { Pool } from "@slabs/pool";
console.log(createRequire(import.meta.url)("@slabs/pool").Pool === Pool);`;

/** A file of the project, what it prints, and the runtimes that cannot run it. */
interface Way {
  readonly file: string;
  readonly text: string;
  readonly prints?: string;
  readonly not?: RegExp;
}

/** By what they show. Node has no workers from blobs, and `using` only from version 24 on. */
const WAYS: Readonly<Record<string, Way>> = {
  "with import": { file: "import.mjs", text: await bundle({ format: "esm", external }) },
  "with require": { file: "require.cjs", text: await bundle({ format: "cjs", external }) },
  "with both, and has one class Pool": { file: "both.mjs", text: BOTH, prints: "true" },
  "as a module in one file": { file: "esm.mjs", text: ESM },
  "as CommonJS in one file": { file: "cjs.cjs", text: await bundle({ format: "cjs" }) },
  "as a script": { file: "iife.cjs", text: SCRIPT },
  "in a worker from data:": { file: "data.mjs", text: workerFrom("data:") },
  "in a worker from blob:": { file: "blob.mjs", text: workerFrom("blob:"), not: /Node/ },
  "in the first example of the README": {
    ...{ file: "example.mjs", text: EXAMPLE, prints: "false", not: /Node 2[02]/ },
  },
  "in that example for older engines": { file: "older.mjs", text: OLDER_EXAMPLE, prints: "false" },
};

/** A program that starts the module in a worker, and prints what it reports. */
function workerFrom(scheme: "data:" | "blob:"): string {
  return `
const isNode = "process" in globalThis && !("Deno" in globalThis || "Bun" in globalThis);
const code = ${JSON.stringify(ESM)};
if (isNode) {
  const { Worker } = await import("node:worker_threads"); // its output is that of the process
  new Worker(new URL("data:text/javascript," + encodeURIComponent(code)));
} else {
  const text = "globalThis.report = (it) => postMessage(it);" + code;
  const type = "text/javascript";
  const address = ${scheme === "data:"}
    ? "data:" + type + "," + encodeURIComponent(text)
    : URL.createObjectURL(new Blob([text], { type }));
  const worker = new Worker(address, { type: "module" });
  const line = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  (globalThis.report ?? console.log)(line);
  worker.terminate();
}
`;
}

for (const { file, text } of Object.values(WAYS)) await write(file, text);

for (const runtime of Object.keys(RUNTIMES)) {
  for (const [way, { file, prints = expected, not }] of Object.entries(WAYS)) {
    if (not?.test(runtime)) continue;
    Deno.test(`${runtime} runs the package ${way}`, async () => {
      assertEquals(await runOn(runtime, file), prints);
    });
  }
}

const NODES = Object.keys(RUNTIMES).filter((it) => it.startsWith("Node"));

/** Node then has what older versions of it have. */
const NO_SHARING = "--no-experimental-require-module";

for (const runtime of NODES) {
  Deno.test(`${runtime} runs the package with require, where it cannot require modules`, async () => {
    assertEquals(await runOn(runtime, NO_SHARING, "require.cjs"), expected);
  });
}

const NO_CODE = "--disallow-code-generation-from-strings";

Deno.test("Where no code may be compiled the package does the same", async () => {
  const [line] = expected.split(" ");
  assertEquals(expected, `${line} own`);
  assertEquals(await runOn("Node 24", NO_CODE, "import.mjs"), `${line} shared`);
});

/** What edge runtimes, older engines and pages that are not isolated lack. */
const LACKING = ["FinalizationRegistry", "Float16Array", "SharedArrayBuffer", "WeakRef"];
await write(
  "lacking.mjs",
  `for (const it of ${
    JSON.stringify(LACKING)
  }) delete globalThis[it];\nawait import("./import.mjs");`,
);

Deno.test(`Without ${LACKING.join(", ")} the package does the same`, async () => {
  assertEquals(await runOn("Node 24", "lacking.mjs"), expected);
});

Deno.test("Without Symbol.dispose the key is that of what translates `using`", async () => {
  const { dispose: _, ...others } = Object.getOwnPropertyDescriptors(Symbol);
  const Older = Object.defineProperties((name: string) => Symbol(name), others);
  const file = { exports: {} as { mod: typeof import("@slabs/pool") } };
  const text = await Deno.readTextFile(`${PACKAGE}/cjs/slabs.cjs`);
  new Function("module", "Symbol", text)(file, Older);
  const pool = new file.exports.mod.Pool({ n: "u8" });
  assertEquals(Reflect.has(pool, "undefined"), false);
  Reflect.get(pool, Symbol.for("Symbol.dispose")).call(pool);
  assertThrows(() => pool.alloc(), file.exports.mod.DisposedError);
});

// -- what V8 always inlines --

await write(
  "accessors.mjs",
  `import { Pool, struct } from "@slabs/pool";
for (const type of ["u8", "i8", "u16", "i16", "u32", "i32", "f32", "f64"]) {
  const pool = new Pool({ n: type, part: struct({ n: type, m: type }) });
  const view = pool.get(pool.alloc());
  view.n = view.part.n + 1;
  view.part.m = view.n;
}`,
);

for (const runtime of NODES) {
  Deno.test(`${runtime} inlines accessors whatever the size of the callback`, async () => {
    for (const [name, count] of [["get", 26], ["set", 16]] as const) {
      const filter = `--print-bytecode-filter=${name}`;
      const printed = await runOn(runtime, "--print-bytecode", filter, "accessors.mjs");
      const functions = printed.split("[generated");
      const accessors = functions.filter((it) => /#(_o|_r|_n0)>/.test(it));
      const bytes = accessors.map((it) => Number(/Bytecode length: (\d+)/.exec(it)?.[1]));
      assert(bytes.length >= count, `${bytes.length} times ${name}`);
      // Its limit for functions that it inlines in any case.
      assert(bytes.every((it) => it <= 27), `bytes of ${name}: ${bytes}`);
    }
  });
}

// -- bundlers --

/** Bundlers other than esbuild, which leave the example in a file of their name. */
const BUNDLERS: Readonly<Record<string, readonly string[]>> = {
  "rollup": [
    "node_modules/rollup/dist/bin/rollup",
    ...["older.mjs", "--file", "rollup.mjs", "--plugin", "@rollup/plugin-node-resolve"],
  ],
  "vite": ["node_modules/vite/bin/vite.js", "build"],
};
const LIB = `{ entry: "older.mjs", formats: ["es"], fileName: () => "vite.mjs" }`;
await write(
  "vite.config.mjs",
  `export default { build: { lib: ${LIB}, outDir: ".", emptyOutDir: false } };`,
);

for (const [name, [program, ...args]] of Object.entries(BUNDLERS)) {
  Deno.test(`The first example of the README runs after ${name}`, async () => {
    await runOn("Node 24", program, ...args);
    assertEquals(await runOn("Node 20", `${name}.mjs`), "false");
  });
}

// -- pages --

/** Scripts of pages, by path. */
const SCRIPTS: Readonly<Record<string, string>> = {
  // Resolves with what a program reports or prints.
  "/done.js": `
globalThis.done = new Promise((resolve, reject) => {
  globalThis.report = console.log = (it) => resolve(String(it));
  const fail = ({ message, target }) => reject(new Error(message ?? target.src));
  addEventListener("error", fail, true);
  addEventListener("unhandledrejection", ({ reason }) => reject(reason));
});`,
  "/strict.js": "globalThis.isStrict = true;",
  "/script.js": SCRIPT,
  "/game.js": EXAMPLE,
};

const MODULES = "/node_modules/@slabs/pool/esm";
const IMPORT_MAP = JSON.stringify({
  imports: {
    "@slabs/pool": `${MODULES}/mod.js`,
    "@slabs/pool/pool": `${MODULES}/pool.js`,
    "@slabs/pool/schema": `${MODULES}/schema.js`,
  },
});

/** Pages by what they show. */
const PAGES: Readonly<Record<string, string>> = {
  "with an import map": `<script type="importmap">${IMPORT_MAP}</script>${module("/import.mjs")}`,
  "as a module in one file": module("/esm.mjs"),
  "as a script": '<script src="/script.js"></script>',
  "in a worker from data:": module("/data.mjs"),
  "in a worker from blob:": module("/blob.mjs"),
};

/** Those that load nothing from elsewhere and compile nothing. */
const STRICT_PAGES = ["as a module in one file", "as a script"];

function module(path: string): string {
  return `<script type="module" src="${path}"></script>`;
}

/** Opens a page in a browser, and returns what its program reports. */
async function runPage(browser: Browser, body: string, strict: boolean): Promise<string> {
  const first = strict ? '<script src="/strict.js"></script>' : "";
  const html = `<!doctype html><script src="/done.js"></script>${first}${body}`;
  const answer = (path: string) =>
    path === "/" ? html : SCRIPTS[path] ?? Deno.readTextFile(PROJECT + path).catch(() => undefined);
  await using server = serve(answer, { strict, isolated: false });
  await using page = await browser.open();
  await page.goto(server.origin);
  const line = await page.evaluate<string>("done");
  assertEquals(page.errors, []); // which the console has
  if (strict) {
    // Reports come in order: all are here when that of a last violation is. What `evaluate` calls
    // at once may compile code.
    const last = server.nextViolation();
    await page.evaluate("void setTimeout(() => { try { new Function(); } catch {} })");
    await last;
    assertEquals(server.violations.length, 1, server.violations[0]);
  }
  return line;
}

for (const name of BROWSERS) {
  const ignore = findBrowser(name) === undefined;
  const why = ignore ? ` (skipped: no ${name} here)` : "";
  // The libraries keep timers.
  const options = { ignore, sanitizeOps: false, sanitizeResources: false };
  Deno.test(`${name} runs the package on pages${why}`, options, async (t) => {
    await using browser = await launch(name);
    for (const [way, body] of Object.entries(PAGES)) {
      await t.step(way, async () => assertEquals(await runPage(browser, body, false), expected));
    }
    const shared = expected.replace("own", "shared");
    for (const way of STRICT_PAGES) {
      await t.step(`${way}, under a strict policy, without a violation`, async () => {
        assertEquals(await runPage(browser, PAGES[way], true), shared);
      });
    }
    await t.step("as the README has it", async () => {
      const [, page] = /```html\n([^]*?)```/.exec(README) ?? [];
      assertEquals(await runPage(browser, page, false), "false");
    });
  });
}

// -- declarations --

const COMPILERS = ["typescript54", "typescript59", "typescript7"];
const DOM = { lib: ["es2022", "dom"], types: [] };
const LIBRARIES: Readonly<Record<string, object>> = {
  "es2022 and dom": DOM,
  "es2022 and @types/node": { lib: ["es2022"], types: ["node"] },
  "esnext and dom": { lib: ["esnext", "dom"], types: [] },
};
const RESOLUTIONS: Readonly<Record<string, object>> = {
  node16: { module: "node16", moduleResolution: "node16" },
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};

const STRICT = { strict: true, skipLibCheck: false, target: "es2022" };

/** Asserts that a compiler finds no fault in files of the project. */
async function assertChecks(compiler: string, options: object, ...files: string[]): Promise<void> {
  const compilerOptions = { ...STRICT, ...options };
  await write("tsconfig.json", JSON.stringify({ compilerOptions, files }));
  assertEquals(await runOn("Node 24", `node_modules/${compiler}/bin/tsc`), "");
}

const SMOKE = await Deno.readTextFile(new URL("../bundles/_smoke.ts", import.meta.url));
await write("smoke.mts", SMOKE);
await write("smoke.cts", SMOKE);

for (const compiler of COMPILERS) {
  for (const [library, libs] of Object.entries(LIBRARIES)) {
    for (const [resolution, modules] of Object.entries(RESOLUTIONS)) {
      // One of them with each way to resolve, and all with the way that is the usual one.
      if (libs !== DOM && resolution !== "nodenext") continue;
      Deno.test(`The types check by ${compiler} with ${library}, as ${resolution}`, async () => {
        const strict = { exactOptionalPropertyTypes: true, noImplicitOverride: true, noEmit: true };
        const files = resolution === "bundler" ? ["smoke.mts"] : ["smoke.mts", "smoke.cts"];
        await assertChecks(compiler, { ...strict, ...libs, ...modules }, ...files);
      });
    }
  }
}

/** What a library exports, whose types the compiler has to name. */
await write(
  "library.mts",
  `import { Pool } from "@slabs/pool/pool";
import { array, ref, struct } from "@slabs/pool/schema";
import type { Handle, View } from "@slabs/pool/pool";
export const Ship = struct({ x: "f32", next: ref("self"), rgb: array("u8", 3) }, { name: "Ship" });
export const ships = new Pool(Ship);
export const ship = ships.alloc();
export const view = ships.get(ship);
export const parts = [view.rgb, view.toJSON(), ships.blocks, ships.stats(), ships.scoped()] as const;
export const iterators = [ships.handles(), ships[Symbol.iterator]()] as const;
export const given: Handle<typeof Ship> = ship;
export const move = (it: View<typeof Ship>) => it.x++;`,
);

for (const compiler of COMPILERS) {
  Deno.test(`A library exports what the smaller entries make, by ${compiler}`, async () => {
    const options = { outDir: "declared", ...DOM, ...RESOLUTIONS.nodenext };
    const emit = { declaration: true, emitDeclarationOnly: true };
    await assertChecks(compiler, { ...options, ...emit }, "library.mts");
    await assertChecks(compiler, { ...options, noEmit: true }, "declared/library.d.mts");
  });
}

// -- what is in it --

Deno.test("publint finds no fault", async () => {
  const said = await runOn("Node 24", "node_modules/publint/src/cli.js", PACKAGE, "--strict");
  assert(said.includes("All good!"), said);
});

Deno.test("attw finds no fault", async () => {
  await runOn("Node 24", "node_modules/@arethetypeswrong/cli/dist/index.js", TARBALL); // or throws
});

const FOLDER = `${PROJECT}/node_modules/@slabs/pool/`;

/** What is installed, by path. */
const files = new Map(
  filesIn(FOLDER).map((path) => [path.slice(FOLDER.length), Deno.readTextFileSync(path)]),
);

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}${name}/`) : [folder + name]
  );
}

Deno.test("The package imports nothing, and has no map of its source", () => {
  for (const [path, text] of files) {
    if (!/^(esm|cjs)\//.test(path)) continue;
    const code = text.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, ""); // examples import it
    for (const [, it] of code.matchAll(/(?:\bfrom |\bimport |\bimport\(|require\()"([^"]*)"/g)) {
      const { pathname } = new URL(it, `file:///${path}`);
      assert(it.startsWith("."), `${path} imports ${it}`);
      const target = pathname.slice(1).replace(
        /\.(c?)js$/,
        path.includes(".d.") ? ".d.$1ts" : "$&",
      );
      assert(files.has(target), `${path} imports ${it}`);
    }
    assert(!/sourceMappingURL|@std\/|jsr:/.test(text), path);
  }
});

Deno.test("The links of its pages lead to its files, and it is small", () => {
  let links = 0, bytes = 0;
  for (const [path, text] of files) {
    bytes += text.length;
    if (!path.endsWith(".md")) continue;
    for (const [, link] of text.replaceAll(/^```[^]*?^```/gm, "").matchAll(/\]\(([^)]+)\)/g)) {
      const { pathname } = new URL(link, `file:///${path}`);
      assert(files.has(pathname.slice(1)), `${path} links to ${link}`);
      links++;
    }
  }
  assert(links > 20);
  assert(bytes < 2.5e6, `${bytes} bytes`);
});
