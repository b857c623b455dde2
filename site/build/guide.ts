/**
 * The guide: a page for each text of `docs/`, for the README, the notes of the benchmarks, and each
 * example.
 *
 * @module
 */
import { coloured, rendered } from "./markdown.ts";
import { escaped, pageOf } from "./shell.ts";

const REPOSITORY = new URL("../../", import.meta.url);

/** Texts beside those of the guide, which they link to. */
const FURTHER = ["README.md", "CHANGELOG.md", "bench/NOTES.md", "bench/REPORT.md"];

/** A line of the contents. */
interface Entry {
  /** Path from the repository's root. */
  readonly path: string;
  readonly title: string;
  readonly subject: string;
}

/** What the main page takes from the texts, as HTML. */
export interface Excerpts {
  /** The table of contents. */
  readonly contents: string;
  /** The first program of the README. */
  readonly code: string;
  /** The paragraphs after it: what a pool is for, and when to do without it. */
  readonly purpose: string;
}

/** Writes the pages of the guide. */
export async function writeGuide(dist: URL): Promise<Excerpts> {
  const folder = new URL("guide/", dist);
  await Deno.mkdir(folder, { recursive: true });
  const readme = await Deno.readTextFile(new URL("README.md", REPOSITORY));
  const entries = entriesOf(readme);
  const examples = await namesIn("examples", ".ts");
  const images = [...await namesIn("docs", ".svg"), ...await namesIn("docs", ".png")];
  const texts = [...new Set([...entries.map(({ path }) => path), ...FURTHER])];
  const pages = new Map([...texts, ...examples].map((path) => [path, pageName(path)]));
  for (const path of images) {
    pages.set(path, path.slice("docs/".length));
    await Deno.copyFile(new URL(path, REPOSITORY), new URL(path.slice("docs/".length), folder));
  }
  for (const path of [...texts, ...examples]) {
    const text = await Deno.readTextFile(new URL(path, REPOSITORY));
    const main = path.endsWith(".ts")
      ? `<h1>${path.replace("/", "/<wbr>")}</h1>\n${coloured(text, "ts")}`
      : rendered(text, (href) => linkFrom(path, href, pages));
    await Deno.writeTextFile(
      new URL(pageName(path), folder),
      pageOf({
        title: path === "README.md" ? "Slabs" : `${titleOf(text, path)} · Slabs`,
        description: entries.find((it) => it.path === path)?.subject ?? `Slabs: ${path}`,
        root: "../",
        body: bodyOf(path, main, entries),
      }),
    );
  }
  return { contents: contentsOf(entries), ...startOf(readme) };
}

/** Reads the table "Where to read on" of the README. */
function entriesOf(readme: string): Entry[] {
  const rows = readme.matchAll(/^\| \[([^\]]+)\]\(\.\/(docs\/\w+\.md)\)\s*\| (.*?)\s*\|$/gm);
  return [...rows].map(([, title, path, subject]) => ({ path, title, subject }));
}

/** Reads the first program of the README, and what stands from there to the next heading. */
function startOf(readme: string): { code: string; purpose: string } {
  const [, code = "", purpose = ""] = /```ts\n(.*?)```\n(.*?)\n## /s.exec(readme) ?? [];
  return { code: coloured(code, "ts"), purpose: rendered(purpose, () => undefined) };
}

async function namesIn(folder: string, end: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(new URL(`${folder}/`, REPOSITORY))) {
    if (name.endsWith(end)) names.push(`${folder}/${name}`);
  }
  return names.sort();
}

/** All pages lie in one folder, so the name has the folder where it is not `docs`. */
function pageName(path: string): string {
  return path.replace(/^docs\//, "").replaceAll("/", "_").toLowerCase().replace(/\.\w+$/, ".html");
}

function titleOf(text: string, path: string): string {
  return path.endsWith(".md") ? /^# (.*)$/m.exec(text)?.[1] ?? path : path;
}

/** @returns Where a link of a text goes; `undefined` for a file that has no page. */
function linkFrom(
  path: string,
  href: string,
  pages: ReadonlyMap<string, string>,
): string | undefined {
  if (/^(https?:|#)/.test(href)) return href;
  const base = new URL(path, "file:///");
  const { pathname, hash } = new URL(href, base);
  const page = pages.get(pathname.slice(1));
  return page === undefined ? undefined : page + hash;
}

function bodyOf(path: string, main: string, entries: readonly Entry[]): string {
  const items = entries.map((entry) => {
    const current = entry.path === path ? ' aria-current="page"' : "";
    return `<li><a href="${pageName(entry.path)}"${current}>${escaped(entry.title)}</a></li>`;
  });
  const list = `<ul><li><a href="readme.html"${
    path === "README.md" ? ' aria-current="page"' : ""
  }>Readme</a></li>${items.join("")}</ul>`;
  return `<div class="reader">
<nav class="side" aria-label="Guide">${list}</nav>
<details class="side-small"><summary>Pages of the guide</summary>${list}</details>
<main id="content" class="prose">
${main}</main>
</div>`;
}

function contentsOf(entries: readonly Entry[]): string {
  return entries.map(({ path, title, subject }) =>
    `<li><a href="guide/${pageName(path)}">${escaped(title)}</a> <span>${
      escaped(subject).replace(/`([^`]+)`/g, "<code>$1</code>")
    }</span></li>`
  ).join("\n");
}
