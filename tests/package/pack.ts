/**
 * Builds the package for npm: `deno task pack` writes it to `npm/`, with its tarball.
 *
 * ```text
 * esm/           a module for each one of the source, so that bundlers leave out what is not used
 * cjs/           for `require`: one file that has all of it, and its entry points
 * globals.d.ts   what the declarations need and TypeScript's es2022 library lacks
 * docs/ …        what the README links to
 * ```
 *
 * `deno pack` has no CommonJS, leaves half of the modules without declarations, and its
 * declarations need TypeScript's newest library; so this is done by esbuild and TypeScript.
 *
 * @module
 */
import { type Comment, parse } from "acorn";
import * as esbuild from "esbuild";
import ts from "typescript";

const HERE = new URL(".", import.meta.url).pathname;
const ROOT = new URL("../../", import.meta.url).pathname;

interface DenoJson {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
}

const DENO_JSON: DenoJson = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));

/** Paths of the entry points without extension: `mod`, `pool`, `schema`. */
const ENTRIES = Object.values(DENO_JSON.exports).map(pathOf);

function pathOf(source: string): string {
  return source.replace(/^\.\//, "").replace(/\.ts$/, "");
}

/** Extensions of the two kinds of modules. */
const EXTENSIONS = {
  esm: { js: ".js", types: ".d.ts" },
  cjs: { js: ".cjs", types: ".d.cts" },
} as const;
type Kind = keyof typeof EXTENSIONS;

/**
 * Builds the package.
 *
 * @param out The folder for it, which is emptied first.
 * @returns The path of the tarball.
 */
export async function pack(out: string): Promise<string> {
  await Deno.remove(out, { recursive: true }).catch(() => {}); // the first time there is none
  try {
    await writeModules(`${out}/esm`);
    await writeCommonJs(`${out}/cjs`);
  } finally {
    await esbuild.stop();
  }
  const declared = declarations();
  for (const kind of ["esm", "cjs"] as const) await writeDeclarations(out, kind, declared);
  await write(`${out}/globals.d.ts`, await Deno.readTextFile(`${HERE}globals.d.ts`));
  await writePages(out);
  await write(`${out}/package.json`, `${JSON.stringify(manifest(), null, 2)}\n`);
  return await tarballOf(out);
}

// -- JavaScript --

const OPTIONS = {
  bundle: true,
  target: "es2022",
  outbase: ROOT,
  outdir: "/",
  write: false,
  logLevel: "error",
  // What esbuild, Babel and core-js make of `using` finds this key where an engine has none.
  define: { "Symbol.dispose": "SYMBOL_DISPOSE" },
  inject: [`${HERE}_symbol_dispose.ts`],
} as const satisfies esbuild.BuildOptions;

/** Writes a module for each module of the source. */
async function writeModules(outdir: string): Promise<void> {
  const entryPoints = [...ENTRIES.map((path) => `${ROOT}${path}.ts`), ...modulesIn(`${ROOT}src`)];
  // Not bundled, as that would rename classes.
  await build({ ...OPTIONS, bundle: false, entryPoints, format: "esm" }, outdir);
}

function modulesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? modulesIn(path) : path.endsWith(".ts") ? [path] : [];
  });
}

/** Writes one file with all entry points, so that they share every class, and a file for each. */
async function writeCommonJs(outdir: string): Promise<void> {
  const nameOf = (path: string) => path.replaceAll("/", "_");
  const contents = ENTRIES.map((path) => `export * as ${nameOf(path)} from "./${path}.ts";`);
  const stdin = { contents: contents.join("\n"), resolveDir: ROOT, loader: "ts" } as const;
  const names = { entryNames: "slabs", outExtension: { ".js": EXTENSIONS.cjs.js } };
  await build({ ...OPTIONS, ...names, stdin, format: "cjs" }, outdir);
  for (const path of ENTRIES) {
    const text = `module.exports = require("./${toTop(path)}slabs.cjs").${nameOf(path)};\n`;
    await write(`${outdir}/${path}.cjs`, text);
  }
}

/** The way from a file to the folder that paths start from. */
function toTop(path: string): string {
  return "../".repeat(path.split("/").length - 1);
}

async function build(options: esbuild.BuildOptions, outdir: string): Promise<void> {
  const { outputFiles = [] } = await esbuild.build(options);
  for (const { path, text } of outputFiles) {
    await write(outdir + path, withExtension(withoutComments(text), EXTENSIONS.esm.js));
  }
}

/** Removes the comments, except those that bundlers read. Declarations have the docs. */
function withoutComments(code: string): string {
  const comments: Comment[] = [];
  // Throws on syntax that is newer.
  parse(code, { ecmaVersion: 2022, sourceType: "module", onComment: comments });
  let kept = "";
  let end = 0;
  for (const comment of comments) {
    if (comment.value.includes("@__PURE__")) continue;
    kept += code.slice(end, comment.start).trimEnd();
    ({ end } = comment);
  }
  return (kept + code.slice(end)).trimStart();
}

// -- declarations --

/** Makes the declarations of all modules; their paths are without extension. */
function declarations(): Map<string, string> {
  const program = ts.createProgram(ENTRIES.map((path) => `${ROOT}${path}.ts`), {
    strict: true,
    exactOptionalPropertyTypes: true,
    isolatedDeclarations: true,
    allowImportingTsExtensions: true,
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
    declaration: true,
    emitDeclarationOnly: true,
    noCheck: true, // `deno task check` checks
  });
  const declared = new Map<string, string>();
  program.emit(undefined, (file, text) => {
    const path = file.slice(ROOT.length).replace(/\.d\.ts$/, "");
    declared.set(path, forOlderLibraries(portable(text), path));
  });
  return declared;
}

/** Stands for `Float16Array`: the type of it in newer libraries takes a parameter. */
const FLOAT16_ARRAY =
  "(typeof globalThis extends { Float16Array: { prototype: infer T } } ? T : never)";

/** Changes a declaration so that TypeScript's es2022 library is enough for it. */
function forOlderLibraries(text: string, path: string): string {
  const code = text.replaceAll(/(?<=: )Float16Array\b/g, FLOAT16_ARRAY);
  const isGlobal = /\bDisposable\b|\bSymbol\.dispose\b|\bWebAssembly\.Memory\b/.test(code);
  return isGlobal ? `/// <reference path="../${toTop(path)}globals.d.ts" />\n${code}` : code;
}

/** Writes those declarations that the entry points need, for one kind of modules. */
async function writeDeclarations(
  out: string,
  kind: Kind,
  declared: ReadonlyMap<string, string>,
): Promise<void> {
  const { js, types } = EXTENSIONS[kind];
  const paths = new Set(ENTRIES);
  for (const path of paths) { // which grows meanwhile
    const text = declared.get(path) ?? fail(`${path} has no declarations`);
    for (const [, to] of text.matchAll(SPECIFIER)) paths.add(targetOf(to, path));
    await write(`${out}/${kind}/${path}${types}`, withExtension(text, js));
  }
}

/** Another module in an `import` or `export`, without its extension. */
const SPECIFIER = /(?<=\b(?:from |import )|import\()"(\.[^"]+)\.ts"/g;

function withExtension(text: string, extension: string): string {
  return text.replaceAll(SPECIFIER, `"$1${extension}"`);
}

/** The path that a relative one leads to from a file. */
function targetOf(relative: string, path: string): string {
  return new URL(relative, `file:///${path}`).pathname.slice(1);
}

// -- pages --

/** Functions of `@std/assert`, in Node. */
const ASSERTIONS: Readonly<Record<string, string>> = {
  assert: "ok as assert",
  assertEquals: "deepStrictEqual as assertEquals",
  assertThrows: "throws as assertThrows",
};

/** Makes examples run without a package of JSR: Node, Bun and Deno have `node:assert`. */
function portable(text: string): string {
  return text.replaceAll(/import \{ ([^}]+) \} from "@std\/assert";/g, (_, names: string) => {
    const imports = names.split(", ").map((it) => ASSERTIONS[it] ?? fail(`${it} is not in Node`));
    return `import { ${imports.join(", ")} } from "node:assert/strict";`;
  });
}

function fail(message: string): never {
  throw new Error(message);
}

/**
 * Writes the README, and the pages and examples that it leads to. Links to anything else, such as
 * pictures and benchmarks, become their text.
 */
async function writePages(out: string): Promise<void> {
  const paths = new Set(["README.md", "LICENSE", "CHANGELOG.md"]);
  for (const path of paths) { // which grows meanwhile
    const text = portable(await Deno.readTextFile(ROOT + path));
    await write(`${out}/${path}`, path.endsWith(".md") ? withLinks(text, path, paths) : text);
  }
}

/** Adds the targets of a page's links to `paths`, if they are in the package. Pictures are not. */
function withLinks(page: string, path: string, paths: Set<string>): string {
  return page.replaceAll(/!?\[([^\]]*)\]\((\.[^)#]+)[^)]*\)/g, (link, label, to) => {
    const target = targetOf(to, path);
    if (link.startsWith("!")) return "";
    if (!/^docs\/.*\.md$|^examples\/.*\.ts$|^LICENSE$|^README\.md$/.test(target)) return label;
    paths.add(target);
    return link;
  });
}

// -- metadata --

function manifest(): object {
  const { name, version, license, exports } = DENO_JSON;
  const entries = Object.entries(exports).map(([key, source]) => {
    const path = pathOf(source);
    const [esm, cjs] = [filesOf(path, "esm"), filesOf(path, "cjs")];
    // By the first two `import` and `require` have the same classes, on Bun and recent Node.
    return [key, { bun: esm, "module-sync": esm, import: esm, require: cjs }];
  });
  // For tools that do not read `exports`.
  const { types, default: main } = filesOf(ENTRIES[0], "cjs");
  const subpaths = Object.entries(exports).filter(([key]) => key !== ".")
    .map(([key, source]) => [key.slice(2), [filesOf(pathOf(source), "cjs").types]]);
  return {
    name,
    version,
    description:
      "Struct-like records in typed-array slabs, through handles that know when they are stale.",
    keywords: KEYWORDS,
    license,
    type: "module",
    sideEffects: false,
    engines: { node: ">=20" },
    files: ["esm", "cjs", "docs", "examples", "globals.d.ts", "CHANGELOG.md"],
    main,
    types,
    typesVersions: { "*": Object.fromEntries(subpaths) },
    exports: { ...Object.fromEntries(entries), "./package.json": "./package.json" },
  };
}

const KEYWORDS = [
  ...["object-pool", "memory-pool", "pool", "slab", "allocator", "arena", "typed-array", "struct"],
  ...["handle", "generational-index", "free-list", "sharedarraybuffer", "game", "simulation"],
];

function filesOf(path: string, kind: Kind): { types: string; default: string } {
  const { js, types } = EXTENSIONS[kind];
  return { types: `./${kind}/${path}${types}`, default: `./${kind}/${path}${js}` };
}

async function tarballOf(out: string): Promise<string> {
  const args = ["pack", "--silent", "--ignore-scripts"];
  const npm = new Deno.Command("npm", { args, cwd: out, stdin: "null", stderr: "inherit" });
  const { success, stdout } = await npm.output();
  if (!success) throw new Error("npm pack failed");
  return `${out}/${new TextDecoder().decode(stdout).trim()}`;
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
}

if (import.meta.main) console.log(await pack(`${ROOT}npm`));
