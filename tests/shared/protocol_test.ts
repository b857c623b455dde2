/**
 * How threads share a block, in every order of their steps. The search is in `_search.ts`; what is
 * checked at each step and at each end in `_state.ts`; the steps in `_virtual_block.ts`; what the
 * memory model demands in `_order.ts`.
 *
 * @module
 */
import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { ORPHAN, RETIRED } from "../../src/shared/protocol.ts";
import { CORRECT, FAULTS, NAIVE, RACES } from "./_faults.ts";
import { explore, type Report, type Scenario, showFailure } from "./_search.ts";
import type { Operation, Shape } from "./_state.ts";

/**
 * Reads the operations of a thread: `+3` allocates into slot 3, `-3` frees the record of slot 3,
 * `adopt` takes over a block without an owner, `adopt1` that of thread 1 once it has ended; and
 * `drain` and `abandon`.
 */
function thread(text: string): Operation[] {
  return text.split(" ").map((it): Operation => {
    if (it === "drain" || it === "abandon") return { kind: it };
    if (it.startsWith("adopt")) return { kind: "adopt", from: Number(it.slice(5)) || ORPHAN };
    return { kind: it[0] === "+" ? "alloc" : "free", slot: Number(it.slice(1)) };
  });
}

function threads(...texts: readonly string[]): Operation[][] {
  return texts.map(thread);
}

/** A shape with so many generations that none of a scenario is the last one. */
function chunks(chunkCount: number): Shape {
  return { chunkCount, lastStamp: 99, stampAfterLast: RETIRED };
}

/** Thread 1 allocates into the slots from 0 on, and thread 2 frees some of them. */
function filled(records: number, ...freed: readonly number[]): [number, Operation][] {
  return [
    ...Array.from(
      { length: records },
      (_, slot) => [1, thread(`+${slot}`)[0]] as [number, Operation],
    ),
    ...freed.map((slot) => [2, thread(`-${slot}`)[0]] as [number, Operation]),
  ];
}

const FULL = { shape: chunks(3), before: filled(3) };
const DRAINABLE = { shape: chunks(3), before: filled(3, 2) };
const ABANDONED = {
  ...DRAINABLE,
  before: [...filled(3, 2), [1, thread("abandon")[0]]],
} satisfies Partial<Scenario>;

/** The stamp of two chunks is the last but one. */
const WRAPPING = {
  shape: { chunkCount: 2, lastStamp: 5, stampAfterLast: 0 },
  stamps: [4, 4],
  before: filled(2),
};
const RETIRING = {
  shape: { chunkCount: 2, lastStamp: 3, stampAfterLast: RETIRED },
  stamps: [2, 2],
  before: filled(2),
};

/** By what happens in them. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "the owner allocates and frees while another thread frees": {
    ...FULL,
    threads: threads("-0 +3 +4", "-1 -2 -3"),
  },
  "the owner allocates and frees while two others free": {
    ...FULL,
    threads: threads("+3 -3 +4", "-0 -1 -3", "-1 -2 -4"),
  },
  "two others free the same records": {
    ...FULL,
    threads: threads("+3 +4 +5", "-0 -1 -3", "-0 -1 -3"),
  },
  "the owner frees the records that another thread frees": {
    ...FULL,
    threads: threads("-0 -1 -2", "-0 -1 -2"),
  },
  "three threads free the same records, the owner among them": {
    ...FULL,
    threads: threads("-0 -1 +3", "-1 -0 -3", "-0 -1 -3"),
  },
  "a thread frees what was freed before, whose chunk is in use again": {
    shape: chunks(1),
    before: filled(1),
    threads: threads("+1 +2 +3", "-0 -0 -1", "-0 -1 -2"),
  },
  "two others free while the owner drains": {
    ...DRAINABLE,
    threads: threads("drain +3 drain", "-0 -1 -2", "-1 -0 -3"),
  },
  "another thread frees while the owner gives the block up": {
    ...FULL,
    threads: threads("-0 abandon -1", "-1 -2 -0"),
  },
  "another thread adopts what the owner has given up": {
    ...FULL,
    threads: threads("-0 -1 abandon", "adopt +3 +4"),
  },
  "a block changes its owner while a third thread frees": {
    ...FULL,
    threads: threads("-0 abandon -3", "adopt +3 +4", "-1 -2 -3"),
  },
  "an orphan is adopted while two others free": {
    ...ABANDONED,
    threads: threads("-0 -1 -3", "adopt +3 +4", "-1 -1 -4"),
  },
  "two threads adopt an orphan while the last owner frees": {
    ...ABANDONED,
    threads: threads("-0 -1 -3", "adopt +3 -0", "adopt +4 -1"),
  },
  "a block goes to and fro": {
    ...FULL,
    threads: threads("abandon adopt +3", "adopt -0 abandon", "-0 -1 adopt"),
  },
  "an owner that allocates and frees is terminated": {
    ...DRAINABLE,
    mortal: [1],
    threads: threads("+3 -0 -3", "adopt1 +4 +5", "-0 -1 -3"),
  },
  "an owner that drains is terminated": {
    shape: chunks(4),
    before: filled(4, 3, 2),
    mortal: [1],
    threads: threads("drain +4 drain", "adopt1 +5 +6", "-0 -1 -4"),
  },
  "an owner is terminated, and two threads adopt its block": {
    ...FULL,
    mortal: [1],
    threads: threads("-0 +3 abandon", "adopt1 +4 -1", "adopt1 +5 -2"),
  },
  "a thread that adopts a block is terminated": {
    ...ABANDONED,
    mortal: [2],
    threads: threads("-0 -1 -3", "adopt +3 -3", "adopt2 +4 +5"),
  },
  "a thread that frees another's records is terminated": {
    shape: chunks(2),
    before: filled(2),
    mortal: [2],
    threads: threads("+2 drain +3", "-0 -1 -2", "-1 -0 -2"),
  },
  "all threads but the one that adopts are terminated": {
    ...DRAINABLE,
    mortal: [1, 2],
    threads: threads("+3 -0 drain", "-0 -1 -3", "adopt1 +4 +5"),
  },
  "records of the last generation are freed, and generations come round": {
    ...WRAPPING,
    threads: threads("-0 +2 +3", "-0 -1 -2", "-1 -0 -3"),
  },
  "records of the last generation are freed, and their chunks retire": {
    shape: { ...RETIRING.shape, chunkCount: 3 },
    stamps: [2, 2, 0],
    before: filled(3),
    threads: threads("-0 +3 +4", "-0 -1 -2", "-2 -1 -3"),
  },
  "generations come round in a block that is adopted": {
    ...WRAPPING,
    mortal: [1],
    threads: threads("-0 +2 -2", "adopt1 +3 +4", "-0 -1 -2"),
  },
  "chunks retire in a block that is adopted": {
    ...RETIRING,
    mortal: [1],
    threads: threads("-0 +2 -2", "adopt1 +3 +4", "-0 -1 -2"),
  },
};

// -- the protocol --

const reports = new Map<string, Report>();

function reportOf(what: string): Report {
  const report = reports.get(what) ?? explore({ ...SCENARIOS[what], isOrdered: true }, CORRECT);
  reports.set(what, report);
  return report;
}

for (const what of Object.keys(SCENARIOS)) {
  Deno.test(`A shared block keeps its metadata in every order of steps: ${what}`, () => {
    const report = reportOf(what);
    assertSound(report);
    assertGreater(report.ends, 1);
  });
}

Deno.test("The orders that were tried are some 10^27, and 8 million of them have up to 3 preemptions", () => {
  const all = Object.keys(SCENARIOS).map(reportOf);
  assertGreater(all.reduce((sum, { schedules }) => sum + schedules, 0), 1e27);
  assertGreater(all.reduce((sum, { bounded }) => sum + bounded, 0), 8_000_000);
});

Deno.test("A stale free succeeds where it waits while all compact generations come round, and nowhere else", () => {
  const shape = { chunkCount: 1, lastStamp: 3, stampAfterLast: 0 };
  const programs = threads("-0 +1 -1 +2 -2 +3", "-0");
  const { failure } = explore({ shape, before: filled(1), threads: programs }, CORRECT);
  assertStringIncludes(failure?.what ?? "", "record 3 is freed with the handle of 1");
  const longer = { ...shape, lastStamp: 7 };
  assertSound(explore({ shape: longer, before: filled(1), threads: programs }, CORRECT));
});

// -- the checker --

Deno.test("The checker counts the orders of threads, and those with up to 3 preemptions", () => {
  // Each thread frees records that there are not, in one step each.
  const counts = (...texts: readonly string[]) => {
    const scenario = { shape: chunks(1), before: [], threads: threads(...texts) };
    const { schedules, bounded, states } = explore(scenario, CORRECT);
    return [schedules, bounded, states];
  };
  assertEquals(counts("-0 -0", "-0 -0"), [6, 6, 9]);
  assertEquals(counts("-0", "-0", "-0"), [6, 6, 8]);
  // From either thread, in 2, 3, 4 and 5 runs.
  assertEquals(counts("-0 -0 -0 -0", "-0 -0 -0 -0").slice(0, 2), [70, 2 * (1 + 3 + 9 + 9)]);
});

/** Threads share a stack, which has no lists to check at the end. */
const POPPED = { shape: chunks(3), before: [], isUnaudited: true };

Deno.test("The checker finds the ABA of a stack that is popped by compare-and-swap, and shows how it comes", () => {
  const { failure } = explore({ ...POPPED, threads: threads("+0 +1 +2", "+3 +4 -3") }, NAIVE);
  assertEquals(failure?.what, "chunk 0 is written while record 3 lives in it");
  assertEquals(failure?.schedule.filter((step) => /Remote|alloc|free/.test(step)).slice(3), [
    "thread 1: loadRemote() = 2", // chunk 1 is on top, chunk 0 below it
    "thread 2: loadRemote() = 2",
    "thread 2: swapRemote(2, 1) = 1",
    "thread 2: alloc(3) returns true",
    "thread 2: loadRemote() = 1",
    "thread 2: swapRemote(1, 0) = 1",
    "thread 2: alloc(4) returns true",
    "thread 2: loadRemote() = 0",
    "thread 2: swapRemote(0, 2) = 1",
    "thread 2: free(3) returns true",
    "thread 1: swapRemote(2, 1) = 1", // chunk 1 is on top again, chunk 0 is thread 2's
    "thread 1: alloc(1) returns true",
    "thread 1: loadRemote() = 1",
    "thread 1: swapRemote(1, 77) = 1", // what thread 2 wrote into it is taken for a link
  ]);
});

Deno.test("The checker finds no fault in that stack while nothing is pushed, or nothing is popped", () => {
  assertSound(explore({ ...POPPED, threads: threads("+0 +1", "+2") }, NAIVE));
  const before = thread("+0 +1 +2").map((operation) => [1, operation] as const);
  assertSound(explore({ ...POPPED, before, threads: threads("-0 -1", "-2 -0", "-1") }, NAIVE));
});

for (const [what, change, name, finding] of [...FAULTS, ...RACES]) {
  Deno.test(`The checker finds it where ${what}`, () => {
    const isRace = RACES.some(([it]) => it === what);
    const isUnaudited = finding.includes("record 5 lives"); // else the audit finds it first
    const scenario = { ...SCENARIOS[name], isUnaudited };
    const algorithm = { ...CORRECT, ...change };
    if (isRace) assertSound(explore(scenario, algorithm));
    const { failure } = explore({ ...scenario, isOrdered: isRace }, algorithm);
    assertStringIncludes(failure?.what ?? "nothing", finding);
  });
}

function assertSound({ failure }: Report): void {
  assertEquals(failure && showFailure(failure), undefined);
}
