/** Deno, Node and Bun: where they come from, and how each starts the process of a contestant. */

/** The packages of the runtimes beside this one. Node 20 is the oldest that is supported. */
const PACKAGES = { node20: "node@20.20.2", node24: "node@24.21.0", bun: "bun@1.4.5" } as const;

/** Where a contestant runs. */
export type Runtime = "deno" | keyof typeof PACKAGES;

/** All runtimes. */
export const RUNTIMES: readonly Runtime[] = ["deno", "node20", "node24", "bun"];

/** How to start a worker on a runtime. */
export interface Command {
  readonly runtime: Runtime;
  readonly version: string;
  readonly program: string;
  /** The arguments before the job, for a process whose collections are traced or not. */
  args(traced: boolean): string[];
}

const here = new URL(".", import.meta.url).pathname;
const WORKER = `${here}worker.ts`;
const LIB = new URL("../game/lib.ts", import.meta.url).pathname;

/** The command of the runtime that this runs on. */
const DENO: Command = {
  runtime: "deno",
  version: Deno.version.deno,
  program: Deno.execPath(),
  args: (traced) => {
    const flags = `--v8-flags=${gcFlags(traced).join()}`;
    return ["run", "--quiet", "--no-prompt", "--allow-read", flags, WORKER];
  },
};

function gcFlags(traced: boolean): string[] {
  return traced ? ["--expose-gc", "--trace-gc"] : ["--expose-gc"];
}

/**
 * Installs runtimes from npm, and bundles the worker for them, as they do not run the TypeScript of
 * this repository.
 *
 * @param dir A directory outside the repository.
 */
export async function commandsOf(runtimes: readonly Runtime[], dir: string): Promise<Command[]> {
  const bundles = `${dir}/bundle`;
  if (runtimes.some((it) => it !== "deno")) {
    await run(Deno.execPath(), ["bundle", "--quiet", "--outdir", bundles, WORKER, LIB]);
    await Deno.writeTextFile(`${bundles}/package.json`, `{ "type": "module" }`);
  }
  const commands: Command[] = [];
  for (const it of runtimes) {
    commands.push(it === "deno" ? DENO : await installed(it, `${dir}/${it}`, bundles));
  }
  return commands;
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
  const worker = `${bundles}/harness/worker.js`;
  return {
    runtime,
    version,
    program,
    args: (traced) => isBun ? [worker] : [...gcFlags(traced), worker],
  };
}

/**
 * Runs a program to its end.
 *
 * @returns What it wrote to the standard output.
 * @throws {Error} when it failed.
 */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}

/**
 * @param everywhere Whether Node and Bun are wanted.
 * @returns The commands of the runtimes that can be had, and notes on those that cannot.
 */
export async function allCommands(
  everywhere: boolean,
  dir: string,
): Promise<{ commands: Command[]; notes: string[] }> {
  const runtimes: readonly Runtime[] = everywhere ? ["deno", "node20", "bun"] : ["deno"];
  try {
    return { commands: await commandsOf(runtimes, dir), notes: [] };
  } catch (error) {
    const note = `Node and Bun cannot be had: ${String(error).split("\n")[0]}`;
    return { commands: [DENO], notes: [note] };
  }
}
