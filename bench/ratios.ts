/**
 * Measures a scenario's contestants against each other and prints a table: `deno run bench/ratios.ts iterate`, or
 * `deno task ratios` for all, each in a process of its own. A scenario that is `apart` has its contestants in workers, and
 * Deno wants `--allow-read=.` to load those.
 *
 * Every round each contestant has its turn, in an order that shifts by one from round to round, so that whatever else the
 * machine does falls on all of them. A turn is a number of rounds in a row, as in a program that has its caches to
 * itself and not in the wake of its rivals. The first third of the rounds warms up and is not counted. The proofs are checked
 * at the end.
 */
import { scenarios } from "./_all.ts";
import { LocalPlayer, type Player, RemotePlayer } from "./_isolate.ts";
import { type Scenario, size } from "./_scenario.ts";

const ROUNDS = size(450, 3);

/** Milliseconds of every counted round, by contestant. */
async function measure(scenario: Scenario): Promise<number[][]> {
  const { name, contestants, batch = 20, apart } = scenario;
  using isolates = new DisposableStack();
  const players = contestants.map(({ make }, i): Player =>
    apart ? isolates.use(new RemotePlayer(name, i)) : new LocalPlayer(make())
  );
  const times = contestants.map((): number[] => []);
  const turns = scenario.rounds ?? Math.ceil(ROUNDS / Math.sqrt(batch));
  const rounds = Math.max(3, Math.min(turns, ROUNDS));
  for (let round = 0; round < rounds; round++) {
    if (Deno.stderr.isTerminal()) {
      Deno.stderr.writeSync(
        new TextEncoder().encode(`\r${name}: round ${round + 1} of ${rounds} `),
      );
    }
    for (let turn = 0; turn < players.length; turn++) {
      const i = (turn + round) % players.length;
      const turnTimes = await players[i].play(batch);
      if (round >= rounds / 3) times[i].push(...turnTimes);
    }
  }
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode("\r\x1b[K"));
  for (const player of players) await player.verify();
  return times;
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

async function report(scenario: Scenario): Promise<string> {
  const { question, contestants, compare = "median" } = scenario;
  const times = (await measure(scenario)).map((row) => row.sort((a, b) => a - b));
  const figures = times.map((row) => compare === "mean" ? mean(row) : quantile(row, 0.5));
  const rows = contestants.map(({ name, limit, against }, i) => {
    const other = Math.max(0, contestants.findIndex((it) => it.name === against));
    const ratio = figures[i] / figures[other];
    const wanted = limit === undefined
      ? ""
      : `${against === undefined ? "" : `${ratio.toFixed(2)} × ${against}, `}≤ ${limit}: ${
        ratio <= limit ? "met" : "missed"
      }`;
    const cells = [
      name,
      (figures[i] / figures[0]).toFixed(2),
      wanted,
      figures[i].toFixed(3),
      quantile(times[i], 0.99).toFixed(3),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `**${question[0].toUpperCase()}${question.slice(1)}**, ${times[0].length} rounds`,
    "",
    `| | × the first row | wanted | ${compare}, ms | 99th percentile, ms |`,
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

const wanted = Deno.args.filter((arg) => !arg.startsWith("-"));
if (wanted.length === 0) { for (const { name } of scenarios) await inProcess(name); }
for (const scenario of scenarios) {
  if (wanted.includes(scenario.name)) console.log(await report(scenario));
}

/** Measures a scenario in a process of its own. */
async function inProcess(name: string): Promise<void> {
  const args = ["run", "--allow-read=.", import.meta.filename!, name, ...Deno.args]; // a file runs this
  const command = new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" });
  const { success } = await command.output();
  if (!success) Deno.exit(1);
}
