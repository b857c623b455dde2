/**
 * Tests of the package for npm: it is installed from its tarball, loads on every runtime in every
 * format, and its declarations check in strict projects.
 *
 * `deno task test:package` runs them. `deno test` does not find a file of this name, since
 * installing takes a network and more permissions.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import * as esbuild from "esbuild";
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

/** Files of the project by what they show. Node has no workers from blobs. */
const WAYS: Readonly<Record<string, { file: string; text: string }>> = {
  "with import": { file: "import.mjs", text: await bundle({ format: "esm", external }) },
  "with require": { file: "require.cjs", text: await bundle({ format: "cjs", external }) },
  "as a module in one file": { file: "esm.mjs", text: ESM },
  "as CommonJS in one file": { file: "cjs.cjs", text: await bundle({ format: "cjs" }) },
  "as a script": { file: "iife.cjs", text: SCRIPT },
  "in a worker from data:": { file: "data.mjs", text: workerFrom("data:") },
  "in a worker from blob:": { file: "blob.mjs", text: workerFrom("blob:") },
};

/** A program that starts the module in a worker, and prints what it reports. */
function workerFrom(scheme: "data:" | "blob:"): string {
  return `
const isNode = !("Deno" in globalThis || "Bun" in globalThis);
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
  console.log(await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  }));
  worker.terminate();
}
`;
}

for (const { file, text } of Object.values(WAYS)) await write(file, text);

/** What the program prints where the module is no package. */
const expected = await output(Deno.execPath(), ["run", "--quiet", PROGRAM]);

for (const runtime of Object.keys(RUNTIMES)) {
  for (const [way, { file }] of Object.entries(WAYS)) {
    if (way.endsWith("blob:") && runtime.startsWith("Node")) continue;
    Deno.test(`${runtime} runs the package ${way}`, async () => {
      assertEquals(await runOn(runtime, file), expected);
    });
  }
}
void [assert, PACKAGE, TARBALL];
