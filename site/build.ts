/**
 * Builds the site into `site/dist`: static files that work under any path.
 *
 * ```sh
 * deno task site
 * deno task site --serve
 * ```
 *
 * With `--serve` it also serves them on localhost, with the headers that make the page cross-origin
 * isolated, which two workers need.
 *
 * @module
 */
import { bundle } from "./build/bundle.ts";
import { type Excerpts, writeGuide } from "./build/guide.ts";
import { checkLinks } from "./build/links.ts";
import { writeReference } from "./build/reference.ts";
import { serve } from "./build/serve.ts";
import { pageOf } from "./build/shell.ts";

const DIST = new URL("./dist/", import.meta.url);
const HERE = new URL("./", import.meta.url);

await Deno.remove(DIST, { recursive: true }).catch(() => {});
await Deno.mkdir(DIST, { recursive: true });

const excerpts = await step("guide", () => writeGuide(DIST));
await step("main page", () => writeMainPage(excerpts));
await step("reference", () => writeReference(DIST));
await step("scripts and style", () => bundle(HERE, DIST));
await step("links", async () => checkLinks(DIST, await filesIn(DIST)));
await step("offline", () => writeCacheList());

if (Deno.args.includes("--serve")) serve(DIST);

/** Says what is being built, and how long it took. */
async function step<R>(name: string, run: () => Promise<R>): Promise<R> {
  Deno.stdout.writeSync(new TextEncoder().encode(name.padEnd(18)));
  const start = performance.now();
  const result = await run();
  console.log(`${Math.round(performance.now() - start)} ms`);
  return result;
}

async function writeMainPage(excerpts: Excerpts): Promise<void> {
  let body = await Deno.readTextFile(new URL("index.html", HERE));
  for (const [name, html] of Object.entries(excerpts)) {
    body = body.replace(`<!-- ${name} -->`, () => html);
  }
  await Deno.writeTextFile(
    new URL("index.html", DIST),
    pageOf({
      title: "Slabs: typed object pools",
      description: "Typed object pools for games: records in typed arrays, no garbage, no pauses.",
      root: "./",
      body,
      script: "main.js",
    }),
  );
  for (const name of ["icon.svg", "manifest.webmanifest"]) {
    await Deno.copyFile(new URL(name, HERE), new URL(name, DIST));
  }
}

/**
 * Writes the names of all files into the service worker, which keeps them for use without a
 * network. Its text changes with any file, so that a browser takes the new version.
 */
async function writeCacheList(): Promise<void> {
  const files = await filesIn(DIST);
  const worker = new URL("service_worker.js", DIST);
  const list = files.filter((file) => file !== "service_worker.js")
    .map((file) => file.replace(/(^|\/)index\.html$/, "$1") || "./");
  const text = (await Deno.readTextFile(worker))
    .replace('"__FILES__"', JSON.stringify(list).slice(1, -1))
    .replace("__VERSION__", await digestOf(files));
  await Deno.writeTextFile(worker, text);
}

async function digestOf(files: readonly string[]): Promise<string> {
  const all = await Promise.all(files.map((file) => Deno.readFile(new URL(file, DIST))));
  const hash = await crypto.subtle.digest("SHA-256", await new Blob(all).arrayBuffer());
  return new Uint8Array(hash).slice(0, 8).toHex();
}

async function filesIn(folder: URL, path = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) files.push(...await filesIn(new URL(`${name}/`, folder), `${path}${name}/`));
    else files.push(path + name);
  }
  return files.sort();
}
