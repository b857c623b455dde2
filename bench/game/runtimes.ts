/** Deno, Node and Bun: where they come from, and how each starts the process of a contestant. */
import { CONTESTANTS, fileOf, programOf } from "./programs.ts";

/** The packages of the runtimes beside this one; Node 20 is the oldest that is supported. */
const PACKAGES = { node20: "node@20", node24: "node@24", bun: "bun@1" } as const;

/** Where a contestant runs. */
export type Runtime = "deno" | keyof typeof PACKAGES;

/** All of them. */
export const RUNTIMES: readonly Runtime[] = ["deno", "node20", "node24", "bun"];

/** How to start a worker on a runtime. */
export interface Command {
  readonly runtime: Runtime;
  readonly version: string;
  readonly executable: string;
  /** What comes before the plan. */
  readonly args: readonly string[];
  /** Where the contestants' programs are. */
  readonly programs: string;
}

const GC_FLAGS = ["--expose-gc", "--trace-gc"];
const here = new URL(".", import.meta.url).pathname;
const ENTRIES = ["worker.ts", "lib.ts"].map((it) => here + it);

/**
 * Writes the programs, installs what is asked for, and bundles the rest for the runtimes that cannot run TypeScript.
 *
 * @param dir Where all of it goes, a directory outside the repository.
 */
export async function commandsOf(runtimes: readonly Runtime[], dir: string): Promise<Command[]> {
  const sources = `${dir}/deno`, bundles = `${dir}/bundle`;
  await writePrograms(sources, `file://${here}lib.ts`);
  if (runtimes.some((it) => it !== "deno")) {
    await run(Deno.execPath(), ["bundle", "--quiet", "--outdir", bundles, ...ENTRIES]);
    await writePrograms(bundles, "./lib.js");
    await Deno.writeTextFile(`${bundles}/package.json`, `{ "type": "module" }`);
  }
  const commands: Command[] = [];
  for (const runtime of runtimes) {
    commands.push(
      runtime === "deno" ? deno(sources) : await installed(runtime, `${dir}/${runtime}`, bundles),
    );
  }
  return commands;
}

/** Writes the programs of all contestants into a directory, laid out to be read. */
async function writePrograms(dir: string, lib: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const paths: string[] = [];
  for (const name of CONTESTANTS) {
    for (const other of [false, true]) {
      const path = `${dir}/${fileOf(name, other)}`;
      await Deno.writeTextFile(path, programOf(name, other, lib));
      paths.push(path);
    }
  }
  await run(Deno.execPath(), ["fmt", "--quiet", "--no-config", ...paths]);
}

function deno(programs: string): Command {
  const flags = ["--quiet", "--no-prompt", "--allow-read", `--v8-flags=${GC_FLAGS.join()}`];
  return {
    runtime: "deno",
    version: Deno.version.deno,
    executable: Deno.execPath(),
    args: ["run", ...flags, `${here}worker.ts`],
    programs,
  };
}

async function installed(
  runtime: keyof typeof PACKAGES,
  prefix: string,
  programs: string,
): Promise<Command> {
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", "--prefix", prefix, ...quiet, PACKAGES[runtime]]);
  const isBun = runtime === "bun";
  const executable = `${prefix}/node_modules/.bin/${isBun ? "bun" : "node"}`;
  const version = await run(executable, ["--version"]);
  return {
    runtime,
    version: version.trim().replace(/^v/, ""),
    executable,
    args: [...isBun ? [] : GC_FLAGS, `${programs}/worker.js`],
    programs,
  };
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
