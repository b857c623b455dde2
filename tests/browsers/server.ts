/**
 * A server for the pages of the tests.
 *
 * @module
 */

/** What a page may do. */
export interface ServerOptions {
  /** Whether pages are cross-origin isolated, which shared memory and exact clocks need. */
  readonly isolated?: boolean;
  /** Whether pages have a strict content security policy, without `unsafe-eval`. */
  readonly strict?: boolean;
}

/** What is sent: a text or bytes, with their type by the ending of the path. */
export type Answer = string | Uint8Array<ArrayBuffer>;

/** A running server. */
export interface Server extends AsyncDisposable {
  /** Its origin, without a slash at the end. */
  readonly origin: string;
  /** Violations of the policy that browsers have reported, of pages and of workers. */
  readonly violations: readonly string[];
  /** Resolves when a browser has reported the next violation. */
  nextViolation(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  json: "application/json",
  mjs: "text/javascript",
  png: "image/png",
  svg: "image/svg+xml",
  ts: "text/javascript",
  wasm: "application/wasm",
  webmanifest: "application/manifest+json",
};

const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
};

/** WebAssembly is not what a policy without `unsafe-eval` is for. */
const POLICY = {
  "content-security-policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
    "connect-src 'self'; img-src 'self'; report-uri /violation",
};

/**
 * Starts a server on a free port of this machine.
 *
 * @param answer What to send for a path; `undefined` where there is nothing.
 */
export function serve(
  answer: (path: string) => Answer | undefined | Promise<Answer | undefined>,
  { isolated = true, strict = false }: ServerOptions = {},
): Server {
  const violations: string[] = [];
  let next = Promise.withResolvers<void>();
  const headers = { ...isolated ? ISOLATION : {}, ...strict ? POLICY : {} };
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(options, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/violation") {
      violations.push(await request.text());
      next.resolve();
      next = Promise.withResolvers();
      return new Response();
    }
    if (pathname === "/favicon.ico") return new Response();
    const body = await answer(pathname);
    if (body === undefined) return new Response(`no ${pathname}`, { status: 404 });
    const ending = pathname.slice(pathname.lastIndexOf(".") + 1);
    return new Response(body, {
      headers: { "content-type": TYPES[ending] ?? TYPES.html, ...headers },
    });
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    violations,
    nextViolation: () => next.promise,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
