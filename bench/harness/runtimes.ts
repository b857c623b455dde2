/** Deno, Node and Bun: where they come from, and how each starts the process of a contestant. */

/** The packages of the runtimes beside this one. Node 20 is the oldest that is supported. */
export const PACKAGES = {
  node20: "node@20.20.2",
  node24: "node@24.21.0",
  bun: "bun@1.4.5",
} as const;

/** Where a contestant runs. */
export type Runtime = "deno" | keyof typeof PACKAGES;

/** All runtimes, as tables name them. */
export const RUNTIME_NAMES: Readonly<Record<Runtime, string>> = {
  deno: "Deno",
  node20: "Node 20",
  node24: "Node 24",
  bun: "Bun",
};

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
 * Gives a program the commands of runtimes, and removes what was installed for them at its end.
 *
 * @param isOptional Whether Deno alone will do where the others cannot be installed. The error is
 * the note then.
 */
export async function withCommands(
  runtimes: readonly Runtime[],
  isOptional: boolean,
  program: (commands: readonly Command[], notes: readonly string[]) => Promise<void>,
): Promise<void> {
  if (runtimes.join() === "deno") return await program([DENO], []);
  const dir = await Deno.makeTempDir();
  try {
    const found = await commandsOf(runtimes, dir).catch((error) => {
      if (isOptional) return `Node and Bun cannot be had: ${String(error).split("\n")[0]}`;
      throw error;
    });
    if (typeof found !== "string") return await program(found, []);
    console.error(found);
    await program([DENO], [found]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/**
 * Installs runtimes from npm, and bundles the worker for them, as they do not run the TypeScript of
 * this repository.
 *
 * @param dir A directory outside the repository.
 */
async function commandsOf(runtimes: readonly Runtime[], dir: string): Promise<Command[]> {
  const bundles = `${dir}/bundle`;
  await run(Deno.execPath(), ["bundle", "--quiet", "--outdir", bundles, WORKER]);
  await Deno.writeTextFile(`${bundles}/package.json`, `{ "type": "module" }`);
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
  const worker = `${bundles}/worker.js`;
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
async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
