/**
 * A server for trying the site out.
 *
 * @module
 */

const PORT = 8018;

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  html: "text/html",
  js: "text/javascript",
  svg: "image/svg+xml",
  webmanifest: "application/manifest+json",
};

/** Serves a folder, cross-origin isolated. */
export function serve(folder: URL): void {
  const port = Number(Deno.env.get("PORT") ?? PORT);
  Deno.serve({ port, hostname: "127.0.0.1" }, async ({ url }) => {
    const { pathname } = new URL(url);
    const file = new URL(`.${pathname.endsWith("/") ? `${pathname}index.html` : pathname}`, folder);
    if (!file.href.startsWith(folder.href)) return new Response("Forbidden", { status: 403 });
    try {
      return new Response(await Deno.readFile(file), { headers: headersFor(file.pathname) });
    } catch {
      return new Response("Not found", { status: 404 });
    }
  });
}

function headersFor(path: string): Record<string, string> {
  return {
    "Content-Type": TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream",
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
  };
}
