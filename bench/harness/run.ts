/**
 * Measures questions: starts a process for each contestant and round, in turns, and compares their
 * checksums.
 */
import { type Plan, planOf, type Question } from "./question.ts";
import type { Round } from "./result.ts";
import type { Command } from "./runtimes.ts";
import type { Figures, Measurement } from "./statistics.ts";

/** A contestant on a runtime, with the rounds that it has done. */
interface Player extends Figures {
  readonly command: Command;
  readonly rounds: Round[];
}

/**
 * Measures questions, one after the other. A round starts with another contestant each time, so
 * that what disturbs hits all alike.
 *
 * @param quick Whether all runs once with few records, several processes at a time.
 * @throws {Error} when contestants of a question came to different checksums.
 */
export async function* measure(
  questions: readonly Question[],
  commands: readonly Command[],
  quick: boolean,
): AsyncGenerator<Measurement> {
  for (const [i, question] of questions.entries()) {
    const plan = planOf(question, quick);
    const players = playersOf(question, commands);
    const turns = Array.from(
      { length: plan.rounds },
      (_, round) => players.map((_, turn) => players[(round + turn) % players.length]),
    ).flat();
    const queue = async () => {
      for (let it = turns.shift(); it !== undefined; it = turns.shift()) {
        const who = `${it.contestant} on ${it.runtime}, round ${it.rounds.length + 1}`;
        progress(`${i + 1} of ${questions.length}  ${question.name}: ${who}`);
        const job = { question: question.name, contestant: it.contestant, plan };
        it.rounds.push(await it.command.play(job, question.traced === true));
      }
    };
    await Promise.all(Array.from({ length: quick ? navigator.hardwareConcurrency : 1 }, queue));
    progress("");
    checkAgreed(question, plan, players);
    yield { question, count: plan.count, figures: players };
  }
}

/** @returns All who have a turn in a question. */
function playersOf({ contestants, everywhere }: Question, commands: readonly Command[]): Player[] {
  const keys = Object.keys(contestants);
  return commands.flatMap((command) =>
    keys.filter((it) => command.runtime === "deno" || everywhere?.includes(it))
      .map((contestant) => ({ contestant, command, runtime: command.runtime, rounds: [] }))
  );
}

/** @throws {Error} when a contestant did other work than the baseline. */
export function checkAgreed(question: Question, plan: Plan, figures: readonly Figures[]): void {
  const baseline = figures.find(({ contestant }) => contestant === question.baseline)!; // it always plays
  const [{ checksum: expected }] = baseline.rounds;
  for (const { contestant, runtime, rounds } of figures) {
    if (contestant === "nothing") continue;
    for (const { checksum } of rounds) {
      if (checksum === expected) continue;
      if (question.agrees?.(expected, checksum, contestant, plan)) continue;
      throw new Error(
        `${question.name}: ${contestant} on ${runtime} did other work: ` +
          `its checksum is "${checksum}", that of the baseline "${expected}"`,
      );
    }
  }
}

/** Shows a line that is written over by the next one, on terminals alone. */
function progress(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}
