/** The figures of players, and the tables of them. */
import { KINDS } from "./kinds.ts";
import { BASELINE, OBJECTS } from "./programs.ts";
import type { Collections, Player, Round } from "./runner.ts";

/** @returns The value that a share of `q` is below. */
function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

const median = (values: readonly number[]) => quantile(values, 0.5);

/** Nanoseconds a record and frame, of the median of these frames. */
function nanosOf({ plan }: Player, times: readonly number[]): number {
  return median(times) * 1e6 / (plan.live * KINDS.length);
}

/** The best round: whatever else the machine does can only add to it. */
function bestOf(player: Player): number {
  return Math.min(...player.rounds.map(({ times }) => nanosOf(player, times)));
}

function collections(rounds: readonly Round[], key: keyof Collections): string {
  const counts = rounds.flatMap((it) => it.collections?.[key] ?? []);
  return counts.length === 0 ? "–" : String(median(counts));
}

const fixed = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? "–";

/** The name as a table has it. */
function named({ plan: { contestant } }: Player): string {
  return contestant === BASELINE ? `${contestant} (baseline)` : contestant;
}

/**
 * @param alone The players, one game in a process.
 * @param second The same ones in the second game of a process; empty when there was none.
 */
export function mainTable(alone: readonly Player[], second: readonly Player[]): string {
  const bestOfName = (name: string, players = alone) => {
    const player = players.find(({ plan }) => plan.contestant === name);
    return player && bestOf(player);
  };
  const over = (value: number | undefined, by: number | undefined) =>
    value === undefined || by === undefined ? undefined : value / by;
  const columns = bestOfName(BASELINE), objects = bestOfName(OBJECTS);
  const rows = alone.map((player) => {
    const best = bestOf(player), { rounds } = player;
    return [
      named(player),
      fixed(best, 2),
      fixed(median(rounds.map(({ times }) => nanosOf(player, times))), 2),
      fixed(over(best, columns), 2),
      fixed(over(best, objects), 2),
      fixed(median(rounds.map(({ times }) => quantile(times, 0.99))), 3),
      collections(rounds, "scavenges"),
      collections(rounds, "markCompacts"),
      fixed(over(bestOfName(player.plan.contestant, second), best), 2),
    ];
  });
  const head = ["", "best ns", "median ns", "× columns", "× objects", "p99 ms", "scavenges"];
  return tableOf([...head, "mark-compacts", "second ÷ alone"], rows);
}

/** @param players Players of a long game, from its first frame on. */
export function longTable(players: readonly Player[]): string {
  const { frames } = players[0].plan;
  const early = frames / 32, late = frames * 5 / 8; // 1,000 and 20,000 of 32,000
  const reach = Math.min(100, early);
  const rows = players.map((player) => {
    const [{ times }] = player.rounds;
    const [first, last] = [early, late].map((at) =>
      nanosOf(player, times.slice(at - reach, at + reach))
    );
    const counts = (["scavenges", "markCompacts"] as const).map((key) =>
      collections(player.rounds, key)
    );
    return [named(player), fixed(first, 2), fixed(last, 2), fixed(last / first, 2), ...counts];
  });
  const head = ["", `ns at frame ${early}`, `ns at frame ${late}`, "late ÷ early"];
  return tableOf([...head, `scavenges of ${frames} frames`, "mark-compacts"], rows);
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((it, i) => Math.max(it.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((it, i) => i === 0 ? it.padEnd(widths[i]) : it.padStart(widths[i])).join(" | ")
    } |`;
  const rule = widths.map((it, i) => i === 0 ? "-".repeat(it) : `${"-".repeat(it - 1)}:`);
  return [head, rule, ...rows].map(line).join("\n");
}
