/**
 * Checks that the links and pictures of README and guide lead somewhere, in the published package
 * as well.
 */
import { assert, assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url);
const published: readonly string[] =
  JSON.parse(Deno.readTextFileSync(new URL("deno.json", root))).publish.include;
const guide = [...Deno.readDirSync(new URL("docs", root))].map(({ name }) => `docs/${name}`).sort();
const pages = ["README.md", ...guide.filter((name) => name.endsWith(".md"))];

/** Where the links of a page lead: paths from the root, with the heading behind a `#`. */
function linksOf(page: string): { path: string; heading: string }[] {
  const text = Deno.readTextFileSync(new URL(page, root)).replace(/^```[^]*?^```/gm, "");
  return [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => {
    const { href, hash } = new URL(link, new URL(page, root));
    return { path: href.slice(root.href.length).replace(/#.*$/, ""), heading: hash.slice(1) };
  });
}

/** The names that a page's headings have in links. */
function headingsOf(page: string): string[] {
  const text = Deno.readTextFileSync(new URL(page, root));
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}

function isPublished(path: string): boolean {
  return published.some((pattern) => {
    const any = pattern.replaceAll(".", "\\.").replace("**", ".+").replace(/(?<!\.)\*/, "[^/]+");
    return new RegExp(`^${any}$`).test(path);
  });
}

for (const page of pages) {
  Deno.test(`${page} links only to what is there, and is published`, () => {
    assert(isPublished(page), `${page} is not published`);
    for (const { path, heading } of linksOf(page)) {
      assert(Deno.statSync(new URL(path, root)).isFile, `${page} links to ${path}`);
      assert(isPublished(path), `${page} links to ${path}, which is not published`);
      if (heading !== "") assert(headingsOf(path).includes(heading), `${path} has no #${heading}`);
    }
  });
}

Deno.test("Every page of the guide can be reached from the README", () => {
  const linked = new Set(linksOf("README.md").map(({ path }) => path));
  assertEquals(pages.filter((page) => page !== "README.md" && !linked.has(page)), []);
});
