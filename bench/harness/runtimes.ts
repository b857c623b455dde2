/**
 * Deno, Node, Bun and browsers: where they come from, and how a contestant gets a process of its
 * own on each.
 *
 * @module
 */
import { type BrowserName, BROWSERS, findBrowser, launch } from "../../tests/browsers/launch.ts";
import { serve, type Server } from "../../tests/browsers/server.ts";
import { parseResult, parseTrace, type Result, type Round } from "./result.ts";
import type { Job } from "./worker.ts";

/** The packages of the runtimes beside this one. Node 20 is the oldest that is supported. */
export const PACKAGES = {
  node20: "node@20.20.2",
  node24: "node@24.21.0",
  bun: "bun@1.4.5",
} as const;

/** Where a contestant runs. */
export type Runtime = "deno" | keyof typeof PACKAGES | BrowserName;

/** All runtimes, as tables name them. */
export const RUNTIME_NAMES: Readonly<Record<Runtime, string>> = {
  deno: "Deno",
  node20: "Node 20",
  node24: "Node 24",
  bun: "Bun",
  chromium: "Chromium",
  firefox: "Firefox",
};

function isBrowser(runtime: Runtime): runtime is BrowserName {
  return BROWSERS.some((it) => it === runtime);
}

/** @returns Whether a runtime is a browser that is here, or else one that npm has. */
export function isInstalled(runtime: Runtime): boolean {
  return !isBrowser(runtime) || findBrowser(runtime) !== undefined;
}

/** Where a contestant runs, and how. */
export interface Command {
  readonly runtime: Runtime;
  readonly version: string;
  /** Does a job in a process of its own. Only V8 outside of browsers traces collections. */
  play(job: Job, traced: boolean): Promise<Round>;
}

const here = new URL(".", import.meta.url).pathname;
const WORKER = `${here}worker.ts`;

/** The command of the runtime that this runs on. */
const DENO: Command = commandOf("deno", Deno.version.deno, Deno.execPath(), (traced) => {
  const flags = `--v8-flags=${gcFlags(traced).join()}`;
  return ["run", "--quiet", "--no-prompt", "--allow-read", flags, WORKER];
});

/** @param argsOf Gives the arguments before the job. */
function commandOf(
  runtime: Runtime,
  version: string,
  program: string,
  argsOf: (traced: boolean) => string[],
): Command {
  return {
    runtime,
    version,
    async play(job, traced) {
      const isTraced = traced && runtime !== "bun"; // Bun has no trace
      const output = await new Deno.Command(program, {
        args: [...argsOf(isTraced), JSON.stringify(job)],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        env: { NO_COLOR: "1" },
      }).output();
      const [stdout, stderr] = [output.stdout, output.stderr]
        .map((it) => new TextDecoder().decode(it));
      const result = parseResult(stderr);
      if (result === undefined) {
        throw new Error(`${job.question}: ${job.contestant} on ${runtime} failed\n${stderr}`);
      }
      return isTraced ? { ...result, collections: parseTrace(stdout) } : result;
    },
  };
}

function gcFlags(traced: boolean): string[] {
  return traced ? ["--expose-gc", "--trace-gc"] : ["--expose-gc"];
}

/** Gives a program the commands of runtimes, and removes what was installed for them at its end. */
export async function withCommands(
  runtimes: readonly Runtime[],
  program: (commands: readonly Command[]) => Promise<void>,
): Promise<void> {
  if (runtimes.join() === "deno") return await program([DENO]);
  const dir = await Deno.makeTempDir();
  await using server = serve(async (path) => {
    if (path === "/") return '<!doctype html><script type="module" src="/worker.js"></script>';
    return path === "/worker.js" ? await Deno.readTextFile(`${dir}/bundle/worker.js`) : undefined;
  });
  try {
    await program(await commandsOf(runtimes, dir, server));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/**
 * Installs runtimes from npm, and bundles the worker for them, as they do not run the TypeScript of
 * this repository.
 *
 * @param dir A directory outside the repository.
 * @param server Gives browsers a page that has the worker.
 */
async function commandsOf(
  runtimes: readonly Runtime[],
  dir: string,
  server: Server,
): Promise<Command[]> {
  const bundles = `${dir}/bundle`;
  await run(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--platform=browser",
    "--outdir",
    bundles,
    WORKER,
  ]);
  await Deno.writeTextFile(`${bundles}/package.json`, `{ "type": "module" }`);
  const commands: Command[] = [];
  for (const it of runtimes) {
    if (it === "deno") commands.push(DENO);
    else if (isBrowser(it)) commands.push(await browserCommand(it, server));
    else commands.push(await installed(it, `${dir}/${it}`, bundles));
  }
  return commands;
}

/** Starts the browser anew for each contestant, so that none has the process of another. */
async function browserCommand(runtime: BrowserName, server: Server): Promise<Command> {
  await using browser = await launch(runtime);
  return {
    runtime,
    version: browser.version,
    async play(job) {
      await using browser = await launch(runtime);
      await using page = await browser.open();
      await page.goto(server.origin);
      return await page.evaluate<Result>(`doJob(${JSON.stringify(job)})`);
    },
  };
}

async function installed(
  runtime: keyof typeof PACKAGES,
  prefix: string,
  bundles: string,
): Promise<Command> {
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", "--prefix", prefix, ...quiet, PACKAGES[runtime]]);
  const isBun = runtime === "bun";
  const program = `${prefix}/node_modules/.bin/${isBun ? "bun" : "node"}`;
  const version = (await run(program, ["--version"])).trim().replace(/^v/, "");
  const worker = `${bundles}/worker.js`;
  return commandOf(
    runtime,
    version,
    program,
    (traced) => isBun ? [worker] : [...gcFlags(traced), worker],
  );
}

/**
 * Runs a program to its end.
 *
 * @returns What it wrote to the standard output.
 * @throws {Error} when it failed.
 */
async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
