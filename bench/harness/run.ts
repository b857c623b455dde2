/**
 * Measures questions: starts a process for each contestant and round, in turns, and compares their
 * checksums.
 */
import { checkAgreed, type Plan, planOf, type Question } from "./question.ts";
import { parseResult, parseTrace, type Round } from "./result.ts";
import type { Command } from "./runtimes.ts";
import type { Figures, Measurement } from "./statistics.ts";
import type { Job } from "./worker.ts";

/** The contestants that run on every runtime, where a question does. */
const EVERYWHERE: readonly string[] = ["pool", "slab"];

/** A contestant on a runtime, with the rounds that it has done. */
export interface Player {
  readonly question: Question;
  /** Key of the contestant. */
  readonly contestant: string;
  readonly command: Command;
  readonly plan: Plan;
  readonly rounds: Round[];
}

/** @returns All who have a turn in a question. */
function playersOf(question: Question, commands: readonly Command[], plan: Plan): Player[] {
  return commands.flatMap((command) => {
    const isDeno = command.runtime === "deno";
    if (!isDeno && !question.everywhere) return [];
    const keys = Object.keys(question.contestants);
    return (isDeno ? keys : keys.filter((it) => EVERYWHERE.includes(it)))
      .map((contestant) => ({ question, contestant, command, plan, rounds: [] }));
  });
}

/**
 * Gives each player so many rounds. A round starts with another player each time, so that what
 * disturbs hits all alike.
 */
export async function playRounds(
  players: readonly Player[],
  rounds: number,
  atOnce = 1,
  tell: (player: Player) => void = () => {},
): Promise<void> {
  const turns = Array.from(
    { length: rounds },
    (_, round) => players.map((_, turn) => players[(round + turn) % players.length]),
  ).flat();
  const queue = async () => {
    for (let player = turns.shift(); player !== undefined; player = turns.shift()) {
      tell(player);
      player.rounds.push(await play(player));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, queue));
}

/** Does one round in a process of its own. */
async function play({ question, contestant, command, plan }: Player): Promise<Round> {
  const traced = question.traced === true && command.runtime !== "bun"; // Bun has no trace
  const job: Job = { question: question.name, contestant, plan };
  const { stdout, stderr } = await new Deno.Command(command.program, {
    args: [...command.args(traced), JSON.stringify(job)],
    stdin: "null",
    stdout: traced ? "piped" : "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).output().then((it) => ({
    stdout: traced ? new TextDecoder().decode(it.stdout) : "",
    stderr: new TextDecoder().decode(it.stderr),
  }));
  const result = parseResult(stderr);
  if (result === undefined) {
    throw new Error(`${question.name}: ${contestant} on ${command.runtime} failed\n${stderr}`);
  }
  return traced ? { ...result, collections: parseTrace(stdout) } : result;
}

/** How to measure. */
interface RunOptions {
  /** Whether all runs once with few records, several processes at a time. */
  readonly quick: boolean;
  /** Called after each question. */
  readonly tell?: (measurement: Measurement) => void;
}

/**
 * Measures questions, one after the other.
 *
 * @throws {Error} when contestants of a question came to different checksums.
 */
export async function measure(
  questions: readonly Question[],
  commands: readonly Command[],
  { quick, tell = () => {} }: RunOptions,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const [i, question] of questions.entries()) {
    const plan = planOf(question, quick);
    const players = playersOf(question, commands, plan);
    const done = `${i + 1} of ${questions.length}  ${question.name}`;
    await playRounds(players, plan.rounds, quick ? navigator.hardwareConcurrency : 1, (it) => {
      progress(`${done}: ${it.contestant} on ${it.command.runtime}, round ${it.rounds.length + 1}`);
    });
    checkAllAgreed(question.name, players);
    const measurement = { question, count: plan.count, figures: players.map(figuresOf) };
    measurements.push(measurement);
    progress("");
    tell(measurement);
  }
  return measurements;
}

/** @returns What a player measured. */
export function figuresOf({ contestant, command: { runtime }, rounds }: Player): Figures {
  return { contestant, runtime, rounds };
}

function checkAllAgreed(name: string, players: readonly Player[]): void {
  const working = players.filter(({ contestant }) => contestant !== "nothing");
  for (const { contestant, command, rounds } of working) {
    for (const { checksum } of rounds) {
      checkAgreed(
        name,
        working[0].rounds[0].checksum,
        `${contestant} on ${command.runtime}`,
        checksum,
      );
    }
  }
}

/** Shows a line that is written over by the next one, on terminals alone. */
export function progress(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}
