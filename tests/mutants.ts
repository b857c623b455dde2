/**
 * Mutation testing: plants one fault at a time into `src/` and tells which faults no test notices.
 *
 * The faults are made from the syntax: comparisons, arithmetic, logic, constants, conditions, and
 * calls that are left out. A sample of them is drawn by a seed. For each, the tests of its subject
 * run on a copy of the repo, file by file: the one of the same name first, then those of the room
 * and of the rooms that stand on it, those that take the least time before others. A fault that
 * passes all of them survives. A survivor is a missing test, or it stands in
 * `mutants.json` with the reason why nobody can see it.
 *
 * `deno task mutants --sample 300 --seed 1`, of one file or room with `--only src/slab/spread.ts`.
 *
 * @module
 */
import { cpSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import ts from "typescript";
import { Random } from "./_random.ts";

const HELP = "deno task mutants [--sample N] [--seed N] [--only PATH_PREFIX] [--jobs N] [--list]";

/** Folders of tests for a fault in a room. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  messages: ["messages", "pool"],
  memory: ["memory", "pool"],
  struct: ["struct", "pool", "slab"],
  slab: ["slab", "pool", "model"],
  pool: ["pool", "slab", "model"],
  bytes: ["bytes", "inspect"],
  shared: ["shared", "inspect", "slab", "struct", "model"],
  inspect: ["inspect", "bytes", "shared"],
};

/** Seconds that a file may take beyond three times what it takes without a fault. */
const GRACE_SECONDS = 20;

/** Operators that stand in for each other. */
const PAIRS: readonly (readonly [string, string])[] = [
  ["<", "<="],
  [">", ">="],
  ["===", "!=="],
  ["+", "-"],
  ["*", "/"],
  ["<<", ">>"],
  ["&", "|"],
  ["&&", "||"],
  ["+=", "-="],
  ["|=", "&="],
];
const SWAPS = new Map([...PAIRS, ...PAIRS.map(([a, b]) => [b, a] as const)]);

/** One planted fault: `text` replaces what stands from `start` to `end` of a file. */
interface Mutant {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly line: number;
  /** The line that it is in, without indentation, and what changes there: they name a survivor. */
  readonly code: string;
  readonly fault: string;
}

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    sample: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "src/" },
    jobs: { type: "string", default: String(navigator.hardwareConcurrency) },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const root = new URL("..", import.meta.url).pathname;
const known: readonly Pick<Mutant, "file" | "code" | "fault">[] = JSON.parse(
  Deno.readTextFileSync(`${root}tests/mutants.json`),
);
const all = filesIn("src").filter((file) => file.startsWith(options.only)).flatMap(mutantsOf);
const sample = shuffled(all, numberOf("seed")).slice(0, numberOf("sample"));
console.log(`${sample.length} of ${all.length} faults in ${options.only}, seed ${options.seed}`);
if (options.help) console.log(HELP);
else if (options.list) { for (const it of sample) console.log(titleOf(it)); }
else await run();

function numberOf(name: "sample" | "seed" | "jobs"): number {
  const value = Number(options[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`--${name} must be a non-negative integer, got "${options[name]}"\n${HELP}`);
}

// -- making faults --

function filesIn(folder: string): string[] {
  const paths = readdirSync(root + folder, { recursive: true, encoding: "utf8" });
  return paths.filter((it) => it.endsWith(".ts")).map((it) => `${folder}/${it}`).sort();
}

/** Every fault that can be planted in a file. */
function mutantsOf(file: string): Mutant[] {
  const source = Deno.readTextFileSync(root + file);
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const lines = source.split("\n");
  const found: Mutant[] = [];

  function plant(node: ts.Node, text: string, fault: string): void {
    const start = node.getStart();
    const { line } = tree.getLineAndCharacterOfPosition(start);
    const code = lines[line].trim();
    found.push({ file, start, end: node.end, text, line: line + 1, code, fault });
  }

  function visit(node: ts.Node): void {
    // Types do nothing at run time, and what an error says is for the tests of its message alone.
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isThrowStatement(node)) return;
    if (ts.isTypeAliasDeclaration(node) || ts.isImportDeclaration(node)) return;
    if (ts.isBinaryExpression(node)) {
      const swap = SWAPS.get(node.operatorToken.getText());
      const { left, right, operatorToken } = node;
      if (swap !== undefined && !isText(left) && !isText(right)) {
        plant(operatorToken, swap, `${operatorToken.getText()} → ${swap}`);
      }
    } else if (ts.isNumericLiteral(node) && !ts.isPropertyAssignment(node.parent)) {
      plant(node, String(Number(node.text) + 1), `${node.text} → ${Number(node.text) + 1}`);
    } else if (node.kind === ts.SyntaxKind.TrueKeyword) {
      plant(node, "false", "true → false");
    } else if (node.kind === ts.SyntaxKind.FalseKeyword) {
      plant(node, "true", "false → true");
    } else if (ts.isIfStatement(node)) {
      plant(node.expression, "true", "if (…) → if (true)");
      plant(node.expression, "false", "if (…) → if (false)");
    } else if (ts.isConditionalExpression(node)) {
      plant(node.condition, `!(${node.condition.getText()})`, "a ? b : c → a ? c : b");
    } else if (
      ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken
    ) {
      plant(node, node.operand.getText(), "!a → a");
    } else if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression)) {
      if (node.expression.expression.kind !== ts.SyntaxKind.SuperKeyword) {
        plant(node, ";", "call left out");
      }
    }
    ts.forEachChild(node, visit);
  }

  visit(tree);
  return found;
}

/** Whether an operand is text, so that `+` joins and no other operator has a meaning. */
function isText(node: ts.Node): boolean {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) ||
    (ts.isBinaryExpression(node) && (isText(node.left) || isText(node.right)));
}

/** The same order for the same seed, by Fisher and Yates. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = new Random(seed);
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const at = random.below(i + 1);
    [result[i], result[at]] = [result[at], result[i]];
  }
  return result;
}

function titleOf({ file, line, fault, code }: Mutant): string {
  return `${file}:${line}  ${fault}  in  ${code}`;
}

// -- running the tests --

/** Runs the sample on a copy of the repo for each job, and exits with 1 where a fault survives. */
async function run(): Promise<void> {
  const count = Math.max(1, numberOf("jobs"));
  const copies = Array.from({ length: count }, () => Deno.makeTempDirSync({ prefix: "mutants-" }));
  try {
    const filter = (path: string) => ![".git", "node_modules"].includes(basename(path));
    for (const copy of copies) cpSync(root, copy, { recursive: true, filter });
    console.log("Timing the tests without a fault");
    const seconds = new Map(await inEach(copies, [...new Set(sample.flatMap(testsOf))], timed));
    const outcomes = await inEach(copies, sample, async (mutant, copy, i) => {
      const outcome = isKnown(mutant)
        ? "known"
        : await killerOf(mutant, copy, seconds) ?? "SURVIVED";
      console.log(`${i + 1}/${sample.length}  ${outcome.padEnd(25)} ${titleOf(mutant)}`);
      return outcome;
    });
    const survivors = sample.filter((_, i) => outcomes[i] === "SURVIVED");
    const known = outcomes.filter((it) => it === "known").length;
    const killed = sample.length - survivors.length - known;
    console.log(`\n${killed} killed, ${survivors.length} survived, ${known} known to be invisible`);
    for (const it of survivors) console.log(titleOf(it));
    if (survivors.length > 0) Deno.exitCode = 1;
  } finally {
    for (const copy of copies) Deno.removeSync(copy, { recursive: true });
  }
}

/** Calls a function for each item, in each copy for one at a time. */
async function inEach<T, R>(
  copies: readonly string[],
  items: readonly T[],
  fn: (item: T, copy: string, i: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  await Promise.all(copies.map(async (copy) => {
    for (const [i, item] of left) results[i] = await fn(item, copy, i);
  }));
  return results;
}

function isKnown({ file, code, fault }: Mutant): boolean {
  return known.some((it) => it.file === file && it.code === code && it.fault === fault);
}

/** Tells which file of tests notices a fault, or returns `undefined`. */
async function killerOf(
  mutant: Mutant,
  copy: string,
  secondsOf: ReadonlyMap<string, number>,
): Promise<string | undefined> {
  const { file, start, end, text } = mutant;
  const source = Deno.readTextFileSync(root + file);
  const paths = testsOf(mutant);
  const costOf = (path: string) => path === paths[0] ? 0 : secondsOf.get(path)!; // all were timed
  Deno.writeTextFileSync(`${copy}/${file}`, source.slice(0, start) + text + source.slice(end));
  try {
    for (const path of paths.toSorted((a, b) => costOf(a) - costOf(b))) {
      const isKiller = !await passes(path, copy, 3 * secondsOf.get(path)! + GRACE_SECONDS);
      if (isKiller) return path.replace("tests/", "");
    }
  } finally {
    Deno.writeTextFileSync(`${copy}/${file}`, source);
  }
}

/** The files of tests for a fault; the first is that of the same name where there is one. */
function testsOf({ file }: Mutant): string[] {
  const [, room, name = ""] = file.split("/");
  const own = `tests/${room}/${name.replace(/\.ts$/, "_test.ts")}`;
  const folders = FOLDERS[room] ?? Object.keys(FOLDERS);
  const all = folders.flatMap((it) => filesIn(`tests/${it}`)).filter((it) => /_test\.ts$/.test(it));
  return all.sort((a, b) => Number(b === own) - Number(a === own));
}

/** Returns how many seconds a file of tests takes without a fault; throws where it fails. */
async function timed(path: string, copy: string): Promise<[path: string, seconds: number]> {
  const start = Date.now();
  if (await passes(path, copy, 3600)) return [path, (Date.now() - start) / 1000];
  throw new Error(`Cannot look for survivors: ${path} fails without any fault`);
}

/** Runs tests, and tells whether they pass within some seconds. */
async function passes(tests: string, copy: string, seconds: number): Promise<boolean> {
  const args = ["test", "--no-check", "--fail-fast", "-A", "-q", tests];
  const signal = AbortSignal.timeout(1000 * seconds);
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: copy, signal }).output();
  return success;
}
