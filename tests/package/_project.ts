/**
 * A project outside the repository that has the package from its tarball, with runtimes and tools.
 *
 * @module
 */
import { PACKAGES } from "../../bench/harness/runtimes.ts";
import { pack } from "./pack.ts";

/** What is installed beside the package. */
const DEPENDENCIES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(PACKAGES).map(([alias, it]) => [alias, `npm:${it}`])),
  node22: "npm:node@22.23.3",
  typescript54: "npm:typescript@5.4.5",
  typescript59: "npm:typescript@5.9.3",
  typescript7: "npm:typescript@7.0.2",
  "@types/node": "20.19.43",
  "@arethetypeswrong/cli": "0.18.5",
  publint: "0.3.25",
  rollup: "4.68.8",
  "@rollup/plugin-node-resolve": "16.0.3",
  vite: "8.3.8",
};

/** The folder of the project. */
export const PROJECT: string = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(PROJECT, { recursive: true }));

/** The folder that the package is built in. */
export const PACKAGE: string = `${PROJECT}/package`;

/** The tarball. */
export const TARBALL: string = await pack(PACKAGE);

await install();

async function install(): Promise<void> {
  const dependencies = { "@slabs/pool": `file:${TARBALL}`, ...DEPENDENCIES };
  await write("package.json", JSON.stringify({ private: true, type: "module", dependencies }));
  await output("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
}

/** The programs that run JavaScript, with what comes before a file's name. */
export const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  "Deno": [Deno.execPath(), "run", "--quiet", "--allow-read=.", "--node-modules-dir=manual"],
  "Node 20": [`${PROJECT}/node_modules/node20/bin/node`],
  "Node 22": [`${PROJECT}/node_modules/node22/bin/node`],
  "Node 24": [`${PROJECT}/node_modules/node24/bin/node`],
  "Bun": [`${PROJECT}/node_modules/.bin/bun`],
};

/**
 * Runs a file of the project, or of a package.
 *
 * @returns What it printed.
 */
export function runOn(runtime: string, file: string, ...args: string[]): Promise<string> {
  const [program, ...first] = RUNTIMES[runtime];
  return output(program, [...first, file, ...args]);
}

/** Runs a program in the project. */
export async function output(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: PROJECT,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const [out, err] = [stdout, stderr].map((it) => new TextDecoder().decode(it));
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${out}${err}`);
  return out.trimEnd();
}

/** Writes a file of the project. */
export async function write(name: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${PROJECT}/${name}`, text);
}
