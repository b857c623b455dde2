/** Has contestants play, each in a process of its own, and holds their sums against each other. */
import { LONGEST_LIFE } from "./game.ts";
import { MARK, type Outcome, type Plan } from "./plan.ts";
import { BASELINE, fileOf, isDouble } from "./programs.ts";
import type { Command } from "./runtimes.ts";

/** Collections during the frames that count. */
export interface Collections {
  readonly scavenges: number;
  readonly markCompacts: number;
}

/** What one process came to. */
export interface Round extends Outcome {
  /** Missing on an engine that does not tell. */
  readonly collections?: Collections;
}

/** A plan, and the rounds that were played of it. */
export interface Player {
  readonly plan: Plan;
  readonly rounds: Round[];
}

/** Has all play so many rounds: one after another in each round, and each round starts with another one. */
export async function playAll(
  players: readonly Player[],
  command: Command,
  rounds: number,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < players.length; turn++) {
      const player = players[(round + turn) % players.length];
      player.rounds.push(await play(player.plan, command));
    }
  }
  for (const player of players) checkAgreed(player, players);
}

async function play(plan: Plan, command: Command): Promise<Round> {
  const { runtime, executable, args, programs } = command;
  const paths = [false, true].map((before) => `${programs}/${fileOf(plan.contestant, before)}`);
  const process = new Deno.Command(executable, {
    args: [...args, JSON.stringify(plan), ...paths],
    env: { NO_COLOR: "1" },
  });
  const output = await process.output();
  const stderr = new TextDecoder().decode(output.stderr);
  const line = stderr.split("\n").find((it) => it.startsWith(MARK));
  if (line === undefined) throw new Error(`${plan.contestant} on ${runtime} failed: ${stderr}`);
  const outcome: Outcome = JSON.parse(line.slice(MARK.length));
  if (runtime === "bun") return outcome;
  return { ...outcome, collections: collectionsOf(new TextDecoder().decode(output.stdout)) };
}

/** Counts the collections in V8's trace between the last two that were asked for by `gc()`: the worker's marks. */
function collectionsOf(trace: string): Collections {
  const lines = trace.split("\n").filter((it) => / ms: (Scavenge|Mark-Compact)/.test(it));
  const marks = lines.flatMap((line, i) => line.includes(") testing;") ? [i] : []);
  if (marks.length < 2) throw new Error(`Cannot read the trace of collections: ${trace}`);
  const between = lines.slice(marks.at(-2)! + 1, marks.at(-1)); // there are two
  const scavenges = between.filter((it) => it.includes(" ms: Scavenge")).length;
  return { scavenges, markCompacts: between.length - scavenges };
}

/** @throws {Error} when a game came to other sums than the baseline's game of as many frames. */
function checkAgreed({ plan, rounds }: Player, players: readonly Player[]): void {
  const frames = plan.warmUp + plan.frames;
  const baseline = players.find(({ plan: it }) =>
    it.contestant === BASELINE && it.warmUp + it.frames === frames
  )!; // it plays whatever the others play
  const expected = baseline.rounds[0].sums[0];
  const tolerance = toleranceOf(plan) * expected.floats;
  for (const sums of rounds.flatMap((it) => it.sums)) {
    const agreed = sums.records === expected.records && sums.integers === expected.integers &&
      Math.abs(sums.floats - expected.floats) <= tolerance;
    if (agreed) continue;
    const [got, must] = [sums, expected].map((it) => JSON.stringify(it));
    throw new Error(`${plan.contestant} did other work: it came to ${got}, ${BASELINE} to ${must}`);
  }
}

/**
 * How far a sum of floats may be off, as a share of it. Columns and records hold the same floats to the bit, and only the order of
 * adding them differs. Doubles are not rounded to an f32 at each write, which takes off up to 2^-24 of a value for each frame that the
 * record has lived, and twice that of a value that is moved by one that is itself rounded. No value is negative, so nothing cancels.
 */
function toleranceOf({ contestant, births, warmUp, frames }: Plan): number {
  if (!isDouble(contestant)) return 1e-9;
  return 2 * 2 ** -24 * (births ? LONGEST_LIFE : warmUp + frames);
}
