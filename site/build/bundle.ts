/**
 * Bundles the scripts and the style with esbuild.
 *
 * @module
 */
import * as esbuild from "esbuild";
import "uplot"; // so that Deno has the package, which only the page imports
import { fileURLToPath } from "node:url";

/** Scripts by the name that they get. */
const SCRIPTS = {
  main: "main.ts",
  worker: "sparks/worker.ts",
  theme: "page/theme.ts",
  offline: "page/offline.ts",
  service_worker: "service_worker.ts",
};

/**
 * @param from Folder of the sources.
 * @param to Folder of the results.
 */
export async function bundle(from: URL, to: URL): Promise<void> {
  const path = (name: string) => fileURLToPath(new URL(name, from));
  const entries = Object.entries({ ...SCRIPTS, style: "style.css" });
  try {
    await esbuild.build({
      entryPoints: Object.fromEntries(entries.map(([name, file]) => [name, path(file)])),
      outdir: fileURLToPath(to),
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      logLevel: "warning",
      plugins: [packages(path("../mod.ts"))],
    });
  } finally {
    await esbuild.stop();
  }
}

/** Finds the module itself, and the packages where Deno has put them. */
function packages(module: string): esbuild.Plugin {
  return {
    name: "packages",
    setup(build) {
      build.onResolve({ filter: /^@slabs\/pool$/ }, () => ({ path: module }));
      build.onResolve({ filter: /^uplot/ }, ({ path }) => ({
        path: fileURLToPath(import.meta.resolve(path)),
      }));
    },
  };
}
