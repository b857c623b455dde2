/**
 * Node and Bun, from npm into a directory of their own, and the module with its scenarios in one file for them.
 *
 * @module
 */
import type { Command, Commands } from "./runner.ts";

/** What is installed: the oldest Node that is supported, and Bun. */
const PACKAGES = ["node@20.20.2", "bun@1.4.5"];

/** Runtimes that are there, and why others are not. */
export interface Runtimes {
  readonly commands: Commands;
  readonly versions: readonly (readonly [string, string])[];
  readonly notes: readonly string[];
}

/** The file that every process of a contestant starts with. */
const worker = new URL("worker.ts", import.meta.url).pathname;

const deno: Command = { program: Deno.execPath(), args: ["--quiet", worker] };

/** @returns This runtime alone. */
export function denoOnly(note?: string): Runtimes {
  return { commands: { deno }, versions: [], notes: note === undefined ? [] : [note] };
}

/**
 * Installs Node and Bun, and bundles the worker for them.
 *
 * @param dir Where all of it goes.
 * @returns What is there; this runtime alone where one of the steps failed.
 */
export async function allRuntimes(dir: string): Promise<Runtimes> {
  const bundle = `${dir}/worker.mjs`;
  try {
    await run(Deno.execPath(), ["bundle", "--quiet", "--output", bundle, worker]);
    await run("npm", [
      "install",
      ...["--prefix", dir, "--no-audit", "--no-fund", "--loglevel=error"],
      ...PACKAGES,
    ]);
    const node = `${dir}/node_modules/.bin/node`, bun = `${dir}/node_modules/.bin/bun`;
    const versions = [["Node", await run(node, ["--version"])], [
      "Bun",
      await run(bun, ["--version"]),
    ]] as const;
    return {
      commands: {
        deno,
        node: { program: node, args: [bundle] },
        bun: { program: bun, args: [bundle] },
      },
      versions: versions.map(([name, version]) => [name, version.trim().replace(/^v/, "")]),
      notes: [],
    };
  } catch (error) {
    return denoOnly(`Node and Bun were not to be had: ${String(error).split("\n")[0]}`);
  }
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program.split("/").at(-1)} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
