/** The figures that are made of the samples of all processes of a contestant. */
import type { Question } from "./question.ts";
import type { Collections, Round } from "./result.ts";
import type { Runtime } from "./runtimes.ts";

/** A contestant with what its processes measured. */
export interface Figures {
  /** Key of the contestant. */
  readonly contestant: string;
  readonly runtime: Runtime;
  readonly rounds: readonly Round[];
}

/** A question that was measured. */
export interface Measurement {
  readonly question: Question;
  /** The count of this run. */
  readonly count: number;
  readonly figures: readonly Figures[];
}

/**
 * @param values At least one.
 * @param share From 0 to 1.
 * @returns The value that a share of all values is below.
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** @returns The value in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @returns The mean; 0 of no values. */
function mean(values: readonly number[]): number {
  return values.reduce((sum, it) => sum + it, 0) / Math.max(1, values.length);
}

/** @returns Milliseconds of all samples of all processes. */
export function samplesOf({ rounds }: Figures): number[] {
  return rounds.flatMap(({ samples }) => samples);
}

/** @returns Milliseconds of a step, by the statistic that the question compares. */
export function typicalOf(question: Question, figures: Figures): number {
  const { compare } = question;
  if (compare === "best") return bestOf(question, figures);
  if (compare === "mean") return median(figures.rounds.map(({ samples }) => mean(samples)));
  return median(samplesOf(figures));
}

/**
 * @returns The least mean or median of a process: whatever else the machine does can only add to
 * it.
 */
export function bestOf({ compare }: Question, { rounds }: Figures): number {
  return Math.min(...rounds.map(({ samples }) => (compare === "mean" ? mean : median)(samples)));
}

/** @returns The time that a share of the samples of a process is below, and the median of those. */
export function percentileOf({ rounds }: Figures, share: number): number {
  return median(rounds.map(({ samples }) => quantile(samples, share)));
}

/** @returns The worst sample of each process, and the least of those. */
export function worstOf({ rounds }: Figures): number {
  return Math.min(...rounds.map(({ samples }) => quantile(samples, 1)));
}

/** @returns Collections during the samples of a process: the mean, with counts rounded up. */
export function collectionsOf({ rounds }: Figures): Collections | undefined {
  const all = rounds.flatMap(({ collections }) => collections ?? []);
  if (all.length === 0) return undefined;
  const meanOf = (key: keyof Collections) => mean(all.map((it) => it[key]));
  return {
    scavenges: Math.ceil(meanOf("scavenges")),
    markCompacts: Math.ceil(meanOf("markCompacts")),
    millis: meanOf("millis"),
  };
}

/** @returns Bytes beyond those of the contestant `nothing`, whose process does no work. */
export function bytesOf(
  { figures }: Measurement,
  it: Figures,
  key: "rssBytes" | "heapBytes",
): number {
  const bytes = ({ rounds }: Figures) => median(rounds.map((round) => round[key] ?? 0));
  const nothing = figures.find(({ contestant }) => contestant === "nothing");
  return Math.max(0, bytes(it) - (nothing === undefined ? 0 : bytes(nothing)));
}
