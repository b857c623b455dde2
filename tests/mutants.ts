/**
 * Mutation testing: plants one fault at a time into `src/` and tells which faults no test notices.
 *
 * The faults are made from the syntax: comparisons, arithmetic, logic, constants, conditions, and
 * calls that are left out. A sample of them is drawn by a seed. For each, the tests of its subject
 * run on a copy of the repo: the test file of the same name first, then the folder of the room,
 * then the rooms that stand on it. A fault that passes all of them survives. A survivor is a
 * missing test, or it stands in `mutants.json` with the reason why nobody can see it.
 *
 * `deno task mutants --sample 300 --seed 1`, of one file or room with `--only src/slab/spread.ts`.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import ts from "typescript";
import { Random } from "./_random.ts";

const HELP = "deno task mutants [--sample N] [--seed N] [--only PATH_PREFIX] [--jobs N] [--list]";

/** Folders of tests for a fault in a room. A later stage runs for the survivors of those before. */
const STAGES: Readonly<Record<string, readonly string[]>> = {
  messages: ["messages", "pool"],
  memory: ["memory", "pool"],
  struct: ["struct", "pool", "slab"],
  slab: ["slab", "pool", "model"],
  pool: ["pool", "slab", "model"],
  bytes: ["bytes", "inspect"],
  shared: ["shared", "inspect"],
  inspect: ["inspect", "bytes", "shared"],
};

/** Seconds that a stage may take beyond three times what it takes without a fault. */
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

/** An entry of `mutants.json`. */
interface Known {
  readonly file: string;
  readonly code: string;
  readonly fault: string;
  readonly reason: string;
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
if (options.help) {
  console.log(HELP);
  Deno.exit(0);
}
const root = new URL("..", import.meta.url).pathname;
const known: readonly Known[] = JSON.parse(Deno.readTextFileSync(`${root}tests/mutants.json`));
const all = filesIn("src").filter((file) => file.startsWith(options.only)).flatMap(mutantsOf);
const sample = shuffled(all, numberOf("seed")).slice(0, numberOf("sample"));
console.log(`${sample.length} of ${all.length} faults in ${options.only}, seed ${options.seed}`);
if (options.list) {
  for (const it of sample) console.log(titleOf(it));
} else {
  await run();
}

function numberOf(name: "sample" | "seed" | "jobs"): number {
  const value = Number(options[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`--${name} must be a non-negative integer, got "${options[name]}"\n${HELP}`);
}

// -- making faults --

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`) : [`${folder}/${name}`]
  ).sort();
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
    found.push({
      file,
      start,
      end: node.end,
      text,
      line: line + 1,
      code: lines[line].trim(),
      fault,
    });
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
  const started = performance.now();
  const survivors: Mutant[] = [];
  const count = { killed: 0, known: 0 };
  let next = 0;
  let done = 0;
  const usual = new Map<string, Promise<number>>();
  await Promise.all(Array.from({ length: Math.max(1, numberOf("jobs")) }, async () => {
    const copy = Deno.makeTempDirSync({ prefix: "mutants-" });
    try {
      copyTree("", copy);
      while (next < sample.length) {
        const mutant = sample[next++];
        const outcome = isKnown(mutant)
          ? "known"
          : await killerOf(mutant, copy, usual) ?? "SURVIVED";
        if (outcome === "SURVIVED") survivors.push(mutant);
        else count[outcome === "known" ? "known" : "killed"]++;
        const seconds = ((performance.now() - started) / 1000).toFixed(0);
        const progress = `${++done}/${sample.length}  ${seconds} s  ${outcome.padEnd(9)}`;
        console.log(`${progress} ${titleOf(mutant)}`);
      }
    } finally {
      Deno.removeSync(copy, { recursive: true });
    }
  }));
  console.log(
    `\n${count.killed} killed, ${survivors.length} survived, ${count.known} known to be invisible`,
  );
  for (const it of survivors) console.log(titleOf(it));
  if (survivors.length > 0) Deno.exitCode = 1;
}

function isKnown({ file, code, fault }: Mutant): boolean {
  return known.some((it) => it.file === file && it.code === code && it.fault === fault);
}

function copyTree(folder: string, copy: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(root + folder)) {
    if (name === ".git" || name === "node_modules") continue;
    const path = `${folder}/${name}`;
    if (!isDirectory) {
      Deno.copyFileSync(root + path, copy + path);
      continue;
    }
    Deno.mkdirSync(copy + path);
    copyTree(path, copy);
  }
}

/** Tells which stage of the tests notices a fault: a folder, "timeout", or `undefined`. */
async function killerOf(
  mutant: Mutant,
  copy: string,
  usual: Map<string, Promise<number>>,
): Promise<string | undefined> {
  const { file, start, end, text } = mutant;
  const source = Deno.readTextFileSync(root + file);
  for (const tests of stagesOf(file)) {
    if (!usual.has(tests)) usual.set(tests, usualSeconds(tests, copy));
    const limit = 3 * await usual.get(tests)! + GRACE_SECONDS; // it was just set
    Deno.writeTextFileSync(`${copy}/${file}`, source.slice(0, start) + text + source.slice(end));
    const outcome = await test(tests, copy, limit);
    Deno.writeTextFileSync(`${copy}/${file}`, source);
    if (outcome === "failed") return tests.split("/")[1];
    if (outcome === "timeout") return outcome;
  }
  return undefined;
}

/** The test file of the same name where there is one, then the folders that stand on it. */
function stagesOf(file: string): string[] {
  const [, room, name = ""] = file.split("/");
  const own = `tests/${room}/${name.replace(/\.ts$/, "_test.ts")}`;
  const folders = (STAGES[room] ?? Object.keys(STAGES)).map((folder) => `tests/${folder}`);
  return [own, ...folders].filter((path) => existsSync(root + path));
}

/** Seconds that tests take without a fault; throws where they fail. */
async function usualSeconds(tests: string, copy: string): Promise<number> {
  const start = performance.now();
  if (await test(tests, copy, 3600) === "passed") return (performance.now() - start) / 1000;
  throw new Error(`Cannot look for survivors: ${tests} fails without any fault`);
}

async function test(
  tests: string,
  copy: string,
  seconds: number,
): Promise<"passed" | "failed" | "timeout"> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "--fail-fast", "-A", "-q", tests],
    cwd: copy,
    stdout: "null",
    stderr: "null",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process.kill("SIGKILL");
  }, seconds * 1000);
  const { success } = await process.status;
  clearTimeout(timer);
  return late ? "timeout" : success ? "passed" : "failed";
}
