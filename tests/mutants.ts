/**
 * The planted bugs: each small fault of `_mutants.ts` is put into a copy of the module, and the suite run against it. A
 * fault that no test sees is a missing test.
 *
 * ```sh
 * deno task mutants
 * deno task mutants --jobs 4
 * deno task mutants --only 12,13,_slab.ts
 * ```
 *
 * A fault counts as found where a test fails, and where a test file runs several times as long as without it. Doc
 * examples are not run. The whole takes minutes, so `.ci/run` leaves it out.
 */
import type { Mutant } from "./_mutant.ts";
import { MUTANTS } from "./_mutants.ts";

/** What became of a mutant. */
interface Verdict {
  readonly isFound: boolean;
  /** The first test that failed, or what happened else. */
  readonly by: string;
  readonly seconds: number;
}

/** What a copy can do without. */
const LEFT_OUT = [".git", ".ci", "coverage", "node_modules"];

/** These measure the heap, and so may fail by themselves on a busy machine, which would look like a find. */
const METERS = "garbage_test.ts";

/** A test file hangs that takes so many times as long as in the control run, and so many seconds more. */
const PATIENCE = 3;
const GRACE = 20;

const USAGE = "Usage: deno task mutants [--only <number or text>,…] [--jobs N]";

const root = new URL("../", import.meta.url).pathname;
const { only, jobs } = optionsOf(Deno.args);
const chosen = MUTANTS.map((mutant, i) => ({ ...mutant, number: i + 1 })).filter(isChosen);
const files = testFiles("tests").filter((file) => !file.endsWith(METERS));
/** How long each takes on the code as it is. */
const secondsOf = new Map<string, number>();

const faults = chosen.flatMap(faultOf);
if (chosen.length === 0) faults.push(`No mutant is "${only}"`);
if (faults.length > 0) stop(faults.join("\n"));

const temp = Deno.makeTempDirSync({ prefix: "slabs-mutants-" });
try {
  await main();
} catch (error) {
  console.error(error);
  Deno.exitCode = 1;
} finally {
  Deno.removeSync(temp, { recursive: true });
}

async function main(): Promise<void> {
  const copies = Array.from({ length: jobs }, (_, i) => `${temp}/${i}`);
  for (const copy of copies) copyTree(root, copy);
  console.log(`${chosen.length} mutants, ${files.length} test files; the control run comes first`);
  const seconds = await runControl(copies[0]);
  console.log(`The control run passes in ${seconds.toFixed(0)} s`);

  const verdicts = new Map<Numbered, Verdict>();
  const queue = [...chosen];
  const start = performance.now();
  await Promise.all(copies.map(async (copy) => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const verdict = await tryMutant(copy, mutant);
      verdicts.set(mutant, verdict);
      showProgress(mutant, verdict, verdicts.size, performance.now() - start);
    }
  }));
  report(verdicts);
}

/** Runs every test file on the code as it is, and puts the quick ones first. */
async function runControl(copy: string): Promise<number> {
  for (const file of files) {
    const { isFound, by, seconds } = await runTests(copy, file, Infinity);
    if (isFound) throw `The control run, of the code as it is, fails in ${file}: ${by}`;
    secondsOf.set(file, seconds);
  }
  files.sort((a, b) => secondsOf.get(a)! - secondsOf.get(b)!); // as each was just run
  return [...secondsOf.values()].reduce((sum, seconds) => sum + seconds, 0);
}

/** A mutant with its place in the table, from 1. */
type Numbered = Mutant & { readonly number: number };

/** By its number, or by a text in its file or in what it is. */
function isChosen({ number, file, what }: Numbered): boolean {
  if (only === undefined) return true;
  return only.split(",").some((part) =>
    /^\d+$/.test(part) ? number === Number(part) : `src/${file}: ${what}`.includes(part)
  );
}

/** Puts the fault in, runs the test files up to the first failure, and takes the fault out again. */
async function tryMutant(copy: string, mutant: Mutant): Promise<Verdict> {
  const path = `${copy}/src/${mutant.file}`;
  const text = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, text.replace(mutant.find, () => mutant.replace));
  try {
    let seconds = 0;
    for (const file of ordered(mutant.first)) {
      const verdict = await runTests(copy, file, secondsOf.get(file)! * PATIENCE + GRACE); // as each was run
      seconds += verdict.seconds;
      if (verdict.isFound) return { ...verdict, seconds };
    }
    return { isFound: false, by: "", seconds };
  } finally {
    Deno.writeTextFileSync(path, text);
  }
}

/** The test files, those that are likely to see the fault first, of which some may not be there; then the quick ones. */
function ordered(first: readonly string[]): string[] {
  const likely = first.map((name) => `tests/${name}`).filter((file) => files.includes(file));
  return [...likely, ...files.filter((file) => !likely.includes(file))];
}

/** Runs a test file up to the first failure, in a process of its own, as the order is the engine's otherwise. */
async function runTests(copy: string, file: string, limit: number): Promise<Verdict> {
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--fail-fast", "--reporter=tap", file],
    cwd: copy,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, Math.min(limit * 1000, 2 ** 31 - 1));
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const seconds = (performance.now() - start) / 1000;
  const decoder = new TextDecoder();
  const [, failed] = decoder.decode(stdout).match(/^not ok \d+ - (.*)$/m) ?? [];
  const problem = decoder.decode(stderr);
  if (!success && /SyntaxError|could not be parsed/.test(problem)) throw problem;
  const by = success ? "" : failed ?? `(${file} ${isLate ? "comes to no end" : "does not start"})`;
  return { isFound: !success, by, seconds };
}

function showProgress(
  { number, file, what }: Numbered,
  { isFound, by, seconds }: Verdict,
  done: number,
  millis: number,
): void {
  const left = millis / done * (chosen.length - done) / 60_000;
  const result = isFound ? "found   " : "SURVIVED";
  console.log(
    `[${done}/${chosen.length}, ${left.toFixed(1)} min left] ${result} ${number} ` +
      `src/${file}: ${what}${by === "" ? "" : ` — ${by}`} (${seconds.toFixed(1)} s)`,
  );
}

function report(verdicts: ReadonlyMap<Numbered, Verdict>): void {
  const rows = [...verdicts].sort(([a], [b]) => a.number - b.number);
  const width = Math.max(...rows.map(([{ what }]) => what.length));
  const fileWidth = Math.max(...rows.map(([{ file }]) => file.length));
  console.log(
    `\n  #            ${"file".padEnd(fileWidth)}  ${"fault".padEnd(width)}  first failure`,
  );
  for (const [{ number, file, what }, { isFound, by }] of rows) {
    const result = isFound ? "found   " : "SURVIVED";
    console.log(
      `${String(number).padStart(3)}  ${result}  ${file.padEnd(fileWidth)}  ${
        what.padEnd(width)
      }  ${by}`,
    );
  }
  const found = rows.filter(([, { isFound }]) => isFound).length;
  console.log(`\n${found} of ${rows.length} planted bugs are found`);
  if (found < rows.length) Deno.exitCode = 1;
}

/** What is wrong with a mutant: it must change one place and no other. */
function faultOf({ number, file, what, find, replace }: Numbered): string[] {
  const title = `mutant ${number}, src/${file}: ${what}`;
  if (find === replace) return [`${title}: it changes nothing`];
  let text: string;
  try {
    text = Deno.readTextFileSync(`${root}src/${file}`);
  } catch {
    return [`${title}: there is no such file`];
  }
  const times = text.split(find).length - 1;
  return times === 1 ? [] : [`${title}: its text occurs ${times} times:\n${find}`];
}

function testFiles(folder: string): string[] {
  const entries = [...Deno.readDirSync(root + folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  const here = entries.filter(({ name }) => name.endsWith("_test.ts"));
  const folders = entries.filter((entry) => entry.isDirectory);
  return [
    ...here.map(({ name }) => `${folder}/${name}`),
    ...folders.flatMap(({ name }) => testFiles(`${folder}/${name}`)),
  ];
}

function copyTree(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (LEFT_OUT.includes(name)) continue;
    if (isDirectory) copyTree(`${from}/${name}`, `${to}/${name}`);
    else Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

function optionsOf(args: readonly string[]): { only: string | undefined; jobs: number } {
  let only: string | undefined;
  let jobs = Math.max(1, Math.floor(navigator.hardwareConcurrency / 2));
  for (let i = 0; i < args.length; i += 2) {
    const value: string | undefined = args[i + 1];
    if (args[i] === "--only" && value !== undefined) only = value;
    else if (args[i] === "--jobs" && Number.isInteger(Number(value)) && Number(value) > 0) {
      jobs = Number(value);
    } else stop(USAGE);
  }
  return { only, jobs };
}

function stop(problem: string): never {
  console.error(problem);
  Deno.exit(1);
}
