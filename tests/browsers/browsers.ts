/**
 * Tests of the module in browsers, headless Chromium and Firefox.
 *
 * Each test file of the repository is bundled and run in a page of its own, where pools may compile
 * code. Those of pools and structs are run again under a content security policy without
 * `unsafe-eval`, after `configure({ specialize: false })`. Tests that use more of Deno than
 * `Deno.test`, or what no browser has, are left out; the output names them.
 *
 * `deno task test:browsers` runs it. `deno test` does not find a file of this name, since it needs
 * browsers. Those that are not installed are skipped.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Files, ROOT } from "./bundle.ts";
import type { Browser, Page } from "./launch.ts";
import type { Outcome } from "./_page.ts";
import { serve, type Server, type ServerOptions } from "./server.ts";
import { testInAll } from "./_support.ts";

/** Seconds that the tests of a file may take. */
const LIMIT = 600;

/** Files that are left out although they need nothing of Deno, and why. */
const LONG: Readonly<Record<string, string>> = {
  "tests/bytes/model_test.ts": "it takes 20 s",
  "tests/model/exhausted_test.ts": "it takes 30 s",
  "tests/model/pool_model_test.ts": "it has more WebAssembly memories than a page may have",
  "tests/model/soak_test.ts": "it takes 15 s, and more WebAssembly memories than a page may have",
  "tests/pool/user_code_test.ts": "it takes 20 s",
  "tests/shared/model_test.ts": "it takes 20 s",
  "tests/shared/protocol_test.ts": "it takes 10 s, and tests a model",
  "tests/slab/exhaustive_test.ts": "it takes 40 s",
  "tests/slab/spread_test.ts": "it takes 20 s",
};

/** A file that imports it compiles text itself, which a strict policy reports. */
const COMPILES = "tests/slab/_own_texts.ts";

const PAGE = '<!doctype html><script type="module" src="/tests/browsers/_page.js"></script>';

const testFiles = filesIn("tests/")
  .filter((it) => it.endsWith("_test.ts") && !(it in LONG))
  .sort();
const files = new Files();
const compiling = await files.bundle([...testFiles, "mod.ts", "tests/browsers/_page.ts"], COMPILES);

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(ROOT + folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}${name}/`) : [folder + name]
  );
}

function serveFiles(options: ServerOptions): Server {
  return serve((path) => path === "/" ? PAGE : files.get(path), options);
}

testInAll("all tests pass where pools compile code", async (browser) => {
  await using server = serveFiles({});
  await runAll(browser, server, testFiles, true);
});

testInAll("all tests pass under a strict policy, without a violation", async (browser) => {
  await using server = serveFiles({ strict: true });
  // All others would take as long again, and show nothing of a policy.
  const allowed = testFiles.filter((it) =>
    /^tests\/(pool|struct|inspect)\//.test(it) && !compiling.has(it) &&
    !Deno.readTextFileSync(ROOT + it).includes("new Function(")
  );
  await runAll(browser, server, allowed, false);
  // The reports of workers come late: all are here when that of a last violation is.
  const last = server.nextViolation();
  await using page = await browser.open();
  await page.goto(server.origin);
  // A task of the page's own, since code that a driver evaluates is not under the policy.
  await page.evaluate("void setTimeout(() => { try { new Function(); } catch {} })");
  await last;
  assertEquals(server.violations.length, 1, server.violations[0]);
});

testInAll("a strict policy reports one violation where nothing was configured", async (browser) => {
  await using server = serveFiles({ strict: true });
  await using page = await browser.open();
  await page.goto(server.origin);
  const reported = server.nextViolation();
  const specialization = await page.evaluate(`import("/mod.js").then((it) => {
      for (const type of ["u8", "f64"]) new it.Pool({ n: type }).alloc();
      return it.specialization();
    })`);
  await reported;
  assertEquals([specialization, server.violations.length], ["shared", 1]);
});

testInAll("SharedPool says what a page lacks that is not isolated", async (browser) => {
  await using server = serveFiles({ isolated: false });
  await using page = await browser.open();
  await page.goto(server.origin);
  const error = await page.evaluate<string>(
    'import("/mod.js").then((it) => it.SharedPool.create({ n: "u8" })).catch(String)',
  );
  assertMatch(error, /Cross-Origin-Opener-Policy: same-origin/);
  console.log(error);
});

/** Runs the tests of all files, each in a page of its own. */
async function runAll(
  browser: Browser,
  server: Server,
  paths: readonly string[],
  specialize: boolean,
): Promise<void> {
  const start = performance.now();
  let passed = 0;
  const faults: string[] = [];
  const leftOut = Object.entries(LONG).map(([path, why]) => `${path}: ${why}`);
  for (const path of paths) {
    const started = performance.now();
    await using page = await browser.open();
    const outcome = await runFile(page, server, path, specialize);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    passed += outcome.passed;
    const { failed } = outcome;
    console.log(`${path}: ${outcome.passed} passed, ${failed.length} failed, ${seconds} s`);
    for (const { name, error } of failed.slice(0, 5)) console.log(`${name}\n${error}`);
    leftOut.push(...outcome.leftOut.map((it) => `${path}: ${it}`));
    for (const { name, error } of failed) faults.push(`${path}: ${name}\n${error}`);
    if (!specialize) faults.push(...outcome.violations);
    const expected = specialize ? "own" : "shared";
    if (outcome.specialization !== expected) faults.push(`${path}: code is not ${expected}`);
  }
  for (const it of leftOut) console.log(`left out: ${it}`);
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(
    `${browser.name} ${browser.version}, ${specialize ? "own" : "shared"} code: ` +
      `${passed} passed, ${faults.length} failed, ${leftOut.length} left out, ${seconds} s`,
  );
  assert(faults.length === 0, `\n${faults.join("\n")}`);
}

/** Runs the tests of a file. */
async function runFile(
  page: Page,
  server: Server,
  path: string,
  specialize: boolean,
): Promise<Outcome> {
  await page.goto(server.origin);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${path} takes too long`)), LIMIT * 1000);
  try {
    const address = `/${path.replace(/ts$/, "js")}`;
    const outcome = page.evaluate<Outcome>(`run("${address}", ${specialize})`);
    return await Promise.race([outcome, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
