/**
 * Runs a page in headless Chromium with SwiftShader, a Vulkan driver in software.
 *
 * @module
 */
import * as esbuild from "esbuild";
import type { Answer, Jobs } from "./_page.ts";

const PAGE = new URL("_page.ts", import.meta.url).pathname;
const FLAGS = [
  "--headless=new",
  "--no-sandbox", // root cannot use one
  "--enable-unsafe-webgpu", // needed for software drivers
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
];

/** Time limit in seconds; it takes 5 on two cores. */
const SECONDS = 120;

/** Names of Chromium and Chrome on Linux. */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/**
 * Finds a browser.
 *
 * @returns Its name; `undefined` when there is none.
 */
export function findChromium(): string | undefined {
  return NAMES.find((name) => isThere(name));
}

/**
 * Whether a program can be run.
 *
 * @param program Its name.
 * @returns Whether it can.
 */
export function isThere(program: string): boolean {
  try {
    const { success } = new Deno.Command(program, { args: ["--version"], ...SILENT }).outputSync();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const SILENT = { stdin: "null", stdout: "null", stderr: "null" } as const;

/**
 * Runs shaders in a browser.
 *
 * @param program Name of the browser.
 * @param jobs The shaders.
 * @returns The results.
 */
export async function runInChromium(program: string, jobs: Jobs): Promise<Answer> {
  const profile = await Deno.makeTempDir();
  const script = await bundle();
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/done") resolve(await request.json());
      if (pathname === "/jobs") return Response.json(jobs);
      if (pathname !== "/page.js") return html('<script type="module" src="/page.js"></script>');
      return new Response(script, { headers: { "content-type": "text/javascript" } });
    },
  );
  const address = `http://127.0.0.1:${server.addr.port}/`;
  const args = [...FLAGS, `--user-data-dir=${profile}`, address];
  const browser = new Deno.Command(program, { args, ...SILENT }).spawn();
  const late = setTimeout(() => {
    resolve({ bytes: [], example: "", error: `${program} has not answered in ${SECONDS} s` });
  }, SECONDS * 1000);
  const died = browser.status.then(({ code }): Answer => {
    return { bytes: [], example: "", error: `${program} ended with ${code}` };
  });
  try {
    return await Promise.race([promise, died]);
  } finally {
    clearTimeout(late);
    stop(browser);
    await browser.status;
    await server.shutdown();
    await Deno.remove(profile, { recursive: true }).catch(() => {}); // the browser may still write
  }
}

function stop(browser: Deno.ChildProcess): void {
  try {
    browser.kill();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended already
  }
}

function html(body: string): Response {
  return new Response(`<!doctype html>${body}`, { headers: { "content-type": "text/html" } });
}

async function bundle(): Promise<string> {
  const alias = { "@slabs/pool": new URL("../../mod.ts", import.meta.url).pathname };
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [PAGE],
      bundle: true,
      write: false,
      format: "esm",
      target: "esnext",
      logLevel: "error",
      alias,
      supported: { using: false },
    });
    return outputFiles[0].text;
  } finally {
    await esbuild.stop();
  }
}
