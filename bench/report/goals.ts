/** The figures to reach, each a ratio in one run. */
import { PEERS } from "./contestants.ts";
import { type Figures, quantile, type Runtime } from "./result.ts";
import type { Scenario } from "./scenario.ts";

/** A figure to reach. */
export interface Goal {
  /** The scenario whose table has it. */
  readonly scenario: string;
  readonly text: string;
  readonly limit: number;
  readonly sense: "at most" | "at least";
  /** The figure; `undefined` where it was not measured. */
  readonly figure: (look: Look) => number | undefined;
}

/** A statistic of a contestant in a scenario. */
export type Stat = (figures: Figures) => number | undefined;

/** Finds a statistic; `undefined` where it was not measured. */
export type Look = (
  scenario: string,
  contestant: string,
  stat: Stat,
  runtime?: Runtime,
) => number | undefined;

export const byMedian: Stat = ({ samples }) => quantile(samples, 0.5);
export const byMean: Stat = (figures) => figures.mean;
export const byP99: Stat = ({ samples }) => quantile(samples, 0.99);
const byWorst: Stat = ({ worst }) => worst;
const byCount: Stat = ({ collections }) => collections?.count;

/** @returns Where to look for the statistics of what was measured. */
export function lookIn(all: readonly Figures[]): Look {
  return (scenario, contestant, stat, runtime = "deno") => {
    const found = all.find((it) =>
      it.scenario === scenario && it.contestant === contestant && it.runtime === runtime
    );
    return found === undefined ? undefined : stat(found);
  };
}

function ratio(of: number | undefined, to: number | undefined): number | undefined {
  return of === undefined || to === undefined ? undefined : of / to;
}

/** A contestant against another one, in one scenario. */
function against(
  scenario: string,
  [contestant, other]: readonly [string, string],
  stat: Stat,
  text: string,
  limit: number,
): Goal {
  return {
    scenario,
    text,
    limit,
    sense: "at most",
    figure: (look) => ratio(look(scenario, contestant, stat), look(scenario, other, stat)),
  };
}

function nearColumns(scenario: string, limit: number): Goal {
  const text = "median of Pool.forEach ÷ columns by hand";
  return against(scenario, ["pool", "columns"], byMedian, text, limit);
}

function fasterThanPeers(scenario: string): Goal {
  return {
    scenario,
    text: "median of the fastest package ÷ Pool.forEach",
    limit: 3,
    sense: "at least",
    figure(look) {
      const peers = PEERS.flatMap((key) => look(scenario, key, byMedian) ?? []);
      return peers.length === 0
        ? undefined
        : ratio(Math.min(...peers), look(scenario, "pool", byMedian));
    },
  };
}

function calmerThanObjects(scenario: string): Goal {
  return {
    scenario,
    text: "99th percentile of plain objects ÷ Pool.forEach",
    limit: 20,
    sense: "at least",
    figure: (look) => ratio(look(scenario, "objects", byP99), look(scenario, "pool", byP99)),
  };
}

function thinner(percent: number, limit: number): Goal {
  const scenario = `iterate-${percent}`;
  return {
    scenario,
    text: `Pool.forEach at ${percent} % ÷ at 100 %`,
    limit,
    sense: "at most",
    figure: (look) =>
      ratio(look(scenario, "pool", byMedian), look("iterate-100", "pool", byMedian)),
  };
}

const RUNTIMES: Readonly<Record<"node" | "bun", string>> = { node: "Node", bun: "Bun" };

function elsewhere({ name, compare }: Scenario, runtime: "node" | "bun"): Goal {
  const stat = compare === "mean" ? byMean : byMedian;
  return {
    scenario: name,
    text: `Pool ÷ slab by hand, on ${RUNTIMES[runtime]}`,
    limit: 2,
    sense: "at most",
    figure: (look) => ratio(look(name, "pool", stat, runtime), look(name, "slab", stat, runtime)),
  };
}

/** All that were told from the start, and those of the scenarios that run on every runtime. */
export function goalsOf(scenarios: readonly Scenario[], recordBytes: Stat, rssBytes: Stat): Goal[] {
  const wide = (scenario: string, stat: Stat) =>
    against(scenario, ["wide", "pool"], stat, "wide handles ÷ compact", 1.3);
  return [
    ...["", "-even"].flatMap((
      kind,
    ) => [nearColumns(`frames-100000${kind}`, 1.7), nearColumns(`frames-1000000${kind}`, 1.3)]),
    ...["frames-100000", "frames-1000000"].flatMap((
      it,
    ) => [fasterThanPeers(it), calmerThanObjects(it)]),
    against("iterate-100", ["pool", "slab"], byMedian, "Pool.forEach ÷ slab by hand", 1),
    against("iterate-100", ["forOf", "slab"], byMedian, "for…of Pool ÷ slab by hand", 1.3),
    thinner(50, 1),
    thinner(2, 0.1),
    against("hot", ["pool", "slab"], byMedian, "Pool.allocAt, free ÷ slab by hand", 1.5),
    wide("hot", byMedian),
    against(
      "replace",
      ["pool", "objects"],
      byMean,
      "Pool.free, allocAt ÷ new, collections and all",
      1,
    ),
    wide("replace", byMean),
    {
      scenario: "replace",
      text: "collections in 1,000,000 replacements, Pool",
      limit: 0,
      sense: "at most",
      figure: (look) => look("replace", "pool", byCount),
    },
    against(
      "growth",
      ["pool", "doubling"],
      byWorst,
      "worst of Pool ÷ of an array doubled by copying",
      1 / 20,
    ),
    {
      scenario: "memory",
      text: "bytes a record, Pool",
      limit: 23,
      sense: "at most",
      figure: (look) => look("memory", "pool", recordBytes),
    },
    {
      scenario: "memory",
      text: "resident size of plain objects ÷ Pool",
      limit: 5,
      sense: "at least",
      figure: (look) =>
        ratio(look("memory", "objects", rssBytes), look("memory", "pool", rssBytes)),
    },
    ...scenarios.filter((it) => it.everywhere).flatMap((it) => [
      elsewhere(it, "node"),
      elsewhere(it, "bun"),
    ]),
  ];
}

/** Whether a figure is what was wanted. */
export function isMet({ limit, sense }: Goal, figure: number): boolean {
  return sense === "at most" ? figure <= limit : figure >= limit;
}
