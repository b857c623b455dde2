/**
 * Bundles test files for browsers.
 *
 * @module
 */
import * as esbuild from "esbuild";
import config from "../../deno.json" with { type: "json" };

/** The folder of the repository, with a slash at the end. */
export const ROOT: string = new URL("../../", import.meta.url).pathname;

/** Where fast-check is, bundled. */
const FAST_CHECK = "fast-check.js";
/** Runs of a property in a page, unless it says how many: pages run one after the other. */
const RUNS = 15;
const STAND_IN = "tests/std/assert/mod.ts";
const NODE = "tests/browsers/_node.ts";

/** Files by what is imported. */
const ALIASES: Readonly<Record<string, string>> = {
  "@slabs/pool": "mod.ts",
  "@std/assert": STAND_IN,
  "@std/testing/types": "tests/std/testing/types.ts",
  "fast-check": FAST_CHECK,
};

/** Gives a file what the page has for `Deno`; in a worker, the permission to read files. */
const PREFIX = 'const Deno = globalThis[Symbol.for("slabs.deno")] ?? ' +
  '{ permissions: { query: () => Promise.resolve({ state: "granted" }) } };';

/** What pages are served, by path. Files that nobody has bundled are made when asked for. */
export class Files {
  readonly #texts = new Map<string, string>();

  /**
   * Bundles files, so that they share their modules.
   *
   * @param entries Paths from the root of the repository. `x.ts` is served as `x.js`.
   * @param wanted Path of a file.
   * @returns The entries that import that file, also by way of others.
   */
  async bundle(entries: readonly string[], wanted = ""): Promise<Set<string>> {
    const { outputFiles, metafile } = await esbuild.build({
      ...COMMON,
      metafile: true,
      entryPoints: entries.map((it) => ROOT + it),
      outdir: ROOT,
      outbase: ROOT,
      absWorkingDir: ROOT,
      splitting: true,
      plugins: [this.#plugin(true)],
    });
    for (const { path, text } of outputFiles) this.#texts.set(`/${path.slice(ROOT.length)}`, text);
    const imports = (path: string): boolean =>
      path === wanted || metafile.inputs[path]?.imports.some((it) => imports(it.path)) === true;
    return new Set(entries.filter((it) => imports(it)));
  }

  /**
   * @returns What is at a path. A TypeScript file, which a test imports or starts as a worker by its
   * address, is alone in its text.
   */
  async get(path: string): Promise<string | undefined> {
    const text = this.#texts.get(path);
    if (path === `/${FAST_CHECK}`) return await this.#fastCheck();
    if (text !== undefined || !path.endsWith(".ts")) return text;
    const { outputFiles } = await esbuild.build({
      ...COMMON,
      entryPoints: [ROOT + path.slice(1)],
      plugins: [this.#plugin(false)],
    });
    this.#texts.set(path, outputFiles[0].text);
    return outputFiles[0].text;
  }

  /** Bundles fast-check with its configuration; by Deno, which knows where packages are. */
  async #fastCheck(): Promise<string> {
    const key = `/${FAST_CHECK}`;
    const args = ["bundle", "--quiet", "--platform=browser", config.imports["fast-check"]];
    if (!this.#texts.has(key)) {
      const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
      const text = new TextDecoder().decode(stdout);
      this.#texts.set(key, `${text}\nconfigureGlobal({ numRuns: ${RUNS} });\n`);
    }
    return this.#texts.get(key)!; // it was set
  }

  /** @param whole Whether what a file imports is put into the bundle. */
  #plugin(whole: boolean): esbuild.Plugin {
    const at = (path: string) =>
      whole ? { path: ROOT + path } : { path: `/${path}`, external: true };
    return {
      name: "files",
      setup: (build) => {
        build.onResolve({ filter: /./ }, ({ path, importer, kind }) => {
          if (kind === "entry-point") return undefined;
          if (path.startsWith(".")) return whole ? undefined : { path, external: true };
          const isOfNode = importer === ROOT + STAND_IN && path.startsWith("node:");
          const alias = isOfNode ? NODE : ALIASES[path];
          return alias === undefined ? { path, namespace: "missing" } : at(alias);
        });
        build.onLoad({ filter: /./, namespace: "missing" }, ({ path }) => {
          const error = `Object.assign(new Error("needs ${path}"), { name: "NeedsDenoError" })`;
          return { contents: `throw ${error}; module.exports = {};` };
        });
        build.onLoad({ filter: /fast-check\.js$/ }, async () => {
          return { contents: await this.#fastCheck() };
        });
        build.onLoad({ filter: /\.ts$/, namespace: "file" }, async ({ path }) => {
          const address = JSON.stringify(`/${path.slice(ROOT.length)}`);
          const text = await Deno.readTextFile(path);
          const url = `new URL(${address}, location.origin).href`;
          // The module itself sees no Deno.
          const isOurs = path.startsWith(`${ROOT}src/`) || path === `${ROOT}mod.ts`;
          const contents = text.replaceAll("import.meta.url", url);
          return { contents: isOurs ? contents : PREFIX + contents, loader: "ts" };
        });
      },
    };
  }
}

const COMMON = {
  bundle: true,
  write: false,
  format: "esm",
  target: "esnext",
  logLevel: "error",
} as const satisfies esbuild.BuildOptions;
