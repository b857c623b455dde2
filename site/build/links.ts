/**
 * Checks that every link of the site leads somewhere.
 *
 * @module
 */

/**
 * @param dist The site.
 * @param files Its files, as paths.
 * @throws {Error} when a page links to a file or to an element that there is not.
 */
export async function checkLinks(dist: URL, files: readonly string[]): Promise<void> {
  const pages = new Map<string, string>();
  for (const file of files.filter((it) => it.endsWith(".html"))) {
    pages.set(file, await Deno.readTextFile(new URL(file, dist)));
  }
  const ids = new Map([...pages].map(([file, text]) => [file, idsOf(text)]));
  const faults: string[] = [];
  for (const [file, text] of pages) {
    for (const [, href] of text.matchAll(/ (?:href|src)="([^"]*)"/g)) {
      const { origin, pathname, hash } = new URL(href, new URL(file, "http://site/"));
      if (origin !== "http://site") continue;
      const target = pathname.slice(1).replace(/(^|\/)$/, "$1index.html");
      const isThere = files.includes(target) &&
        (hash === "" || ids.get(target)?.has(decodeURIComponent(hash.slice(1))));
      if (!isThere) faults.push(`${file} links to ${href}`);
    }
  }
  if (faults.length > 0) throw new Error(`Links lead nowhere:\n${faults.join("\n")}`);
}

function idsOf(text: string): Set<string> {
  return new Set([...text.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id));
}
