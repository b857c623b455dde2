/**
 * How threads share a block, in every order of their steps: see `_interleave.ts`. What is checked
 * at each step, and at each end, is in `_shared_world.ts`; the steps are in `_virtual_block.ts`,
 * and what the memory model asks of them in `_order.ts`.
 *
 * @module
 */
import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { ORPHAN, RETIRED } from "../../src/shared/protocol.ts";
import { explore, type Report, type Scenario, showFailure } from "./_interleave.ts";
import * as faults from "./_shared_faults.ts";
import type { Algorithm, Operation, Shape } from "./_shared_world.ts";

const { CORRECT, NAIVE } = faults;

const alloc = (slot: number): Operation => ({ kind: "alloc", slot });
const free = (slot: number): Operation => ({ kind: "free", slot });
const adopt = (from: number): Operation => ({ kind: "adopt", from });
const DRAIN: Operation = { kind: "drain" };
const ABANDON: Operation = { kind: "abandon" };

/** So many generations that none is the last one. */
function chunks(chunkCount: number): Shape {
  return { chunkCount, lastStamp: 99, stampAfterLast: RETIRED };
}

/** Thread 1 allocates into the slots from 0 on. */
function filled(records: number): [number, Operation][] {
  return Array.from({ length: records }, (_, slot) => [1, alloc(slot)]);
}

const FULL = { shape: chunks(3), before: filled(3) };
const ABANDONED = { ...FULL, before: [...FULL.before, [2, free(2)], [1, ABANDON]] } as const;

/** By what happens in them; each is right in every order. */
const SCENARIOS: Record<string, Scenario> = {
  "the owner allocates and frees while another thread frees": {
    ...FULL,
    threads: [[free(0), alloc(3), alloc(4)], [free(1), free(2), free(3)]],
  },
  "the owner allocates and frees while two others free": {
    ...FULL,
    threads: [[alloc(3), free(3), alloc(4)], [free(0), free(1), free(3)], [
      free(1),
      free(2),
      free(4),
    ]],
  },
  "two others free the same records": {
    ...FULL,
    threads: [[alloc(3), alloc(4), alloc(5)], [free(0), free(1), free(3)], [
      free(0),
      free(1),
      free(3),
    ]],
  },
  "the owner frees the records that another thread frees": {
    ...FULL,
    threads: [[free(0), free(1), free(2)], [free(0), free(1), free(2)]],
  },
  "three threads free the same records, the owner among them": {
    ...FULL,
    threads: [[free(0), free(1), alloc(3)], [free(1), free(0), free(3)], [
      free(0),
      free(1),
      free(3),
    ]],
  },
  "a thread frees what was freed before, whose chunk is in use again": {
    shape: chunks(1),
    before: filled(1),
    threads: [[alloc(1), alloc(2), alloc(3)], [free(0), free(0), free(1)], [
      free(0),
      free(1),
      free(2),
    ]],
  },
  "two others free while the owner drains": {
    ...FULL,
    before: [...FULL.before, [2, free(2)]],
    threads: [[DRAIN, alloc(3), DRAIN], [free(0), free(1), free(2)], [free(1), free(0), free(3)]],
  },
  "another thread frees while the owner gives the block up": {
    ...FULL,
    threads: [[free(0), ABANDON, free(1)], [free(1), free(2), free(0)]],
  },
  "another thread adopts what the owner has given up": {
    ...FULL,
    threads: [[free(0), free(1), ABANDON], [adopt(ORPHAN), alloc(3), alloc(4)]],
  },
  "a block changes its owner while a third thread frees": {
    ...FULL,
    threads: [[free(0), ABANDON, free(3)], [adopt(ORPHAN), alloc(3), alloc(4)], [
      free(1),
      free(2),
      free(3),
    ]],
  },
  "a block that nobody owns is adopted while two others free": {
    ...ABANDONED,
    threads: [[free(0), free(1), free(3)], [adopt(ORPHAN), alloc(3), alloc(4)], [
      free(1),
      free(1),
      free(4),
    ]],
  },
  "two threads adopt a block that nobody owns while the last owner frees": {
    ...ABANDONED,
    threads: [[free(0), free(1), free(3)], [adopt(ORPHAN), alloc(3), free(0)], [
      adopt(ORPHAN),
      alloc(4),
      free(1),
    ]],
  },
  "a block goes to and fro": {
    ...FULL,
    threads: [[ABANDON, adopt(ORPHAN), alloc(3)], [adopt(ORPHAN), free(0), ABANDON], [
      free(0),
      free(1),
      adopt(ORPHAN),
    ]],
  },
  "an owner that allocates and frees is terminated": {
    ...FULL,
    before: [...FULL.before, [2, free(2)]],
    mortal: [1],
    threads: [[alloc(3), free(0), free(3)], [adopt(1), alloc(4), alloc(5)], [
      free(0),
      free(1),
      free(3),
    ]],
  },
  "an owner that drains is terminated": {
    shape: chunks(4),
    before: [...filled(4), [2, free(3)], [2, free(2)]],
    mortal: [1],
    threads: [[DRAIN, alloc(4), DRAIN], [adopt(1), alloc(5), alloc(6)], [
      free(0),
      free(1),
      free(4),
    ]],
  },
  "an owner is terminated, and two threads adopt its block": {
    ...FULL,
    mortal: [1],
    threads: [[free(0), alloc(3), ABANDON], [adopt(1), alloc(4), free(1)], [
      adopt(1),
      alloc(5),
      free(2),
    ]],
  },
  "who adopts a block is terminated": {
    ...ABANDONED,
    mortal: [2],
    threads: [[free(0), free(1), free(3)], [adopt(ORPHAN), alloc(3), free(3)], [
      adopt(2),
      alloc(4),
      alloc(5),
    ]],
  },
  "who frees another's records is terminated": {
    shape: chunks(2),
    before: filled(2),
    mortal: [2],
    threads: [[alloc(2), DRAIN, alloc(3)], [free(0), free(1), free(2)], [
      free(1),
      free(0),
      free(2),
    ]],
  },
  "all threads but the one that adopts are terminated": {
    ...FULL,
    before: [...FULL.before, [2, free(2)]],
    mortal: [1, 2],
    threads: [[alloc(3), free(0), DRAIN], [free(0), free(1), free(3)], [
      adopt(1),
      alloc(4),
      alloc(5),
    ]],
  },
  "records of the last generation are freed, and generations come round": {
    shape: { chunkCount: 2, lastStamp: 5, stampAfterLast: 0 },
    stamps: [4, 4],
    before: filled(2),
    threads: [[free(0), alloc(2), alloc(3)], [free(0), free(1), free(2)], [
      free(1),
      free(0),
      free(3),
    ]],
  },
  "records of the last generation are freed, and their chunks retire": {
    shape: { chunkCount: 3, lastStamp: 3, stampAfterLast: RETIRED },
    stamps: [2, 2, 0],
    before: filled(3),
    threads: [[free(0), alloc(3), alloc(4)], [free(0), free(1), free(2)], [
      free(2),
      free(1),
      free(3),
    ]],
  },
  "generations come round in a block that is adopted": {
    shape: { chunkCount: 2, lastStamp: 5, stampAfterLast: 0 },
    stamps: [4, 4],
    before: filled(2),
    mortal: [1],
    threads: [[free(0), alloc(2), free(2)], [adopt(1), alloc(3), alloc(4)], [
      free(0),
      free(1),
      free(2),
    ]],
  },
  "chunks retire in a block that is adopted": {
    shape: { chunkCount: 2, lastStamp: 3, stampAfterLast: RETIRED },
    stamps: [2, 2],
    before: filled(2),
    mortal: [1],
    threads: [[free(0), alloc(2), free(2)], [adopt(1), alloc(3), alloc(4)], [
      free(0),
      free(1),
      free(2),
    ]],
  },
};

/** A stack for all. */
const POPPED: Scenario = {
  shape: chunks(3),
  before: [],
  isUnaudited: true,
  threads: [[alloc(0), alloc(1), alloc(2)], [alloc(3), alloc(4), free(3)]],
};

const BOTH = "the owner frees the records that another thread frees";
const FIRST = "the owner allocates and frees while another thread frees";
const OWNED = "the owner allocates and frees while two others free";
const SAME = "two others free the same records";
const ADOPTED = "a block that nobody owns is adopted while two others free";
const TWO_ADOPT = "two threads adopt a block that nobody owns while the last owner frees";
const TERMINATED = "an owner is terminated, and two threads adopt its block";
const HANDED_ON = "a block changes its owner while a third thread frees";
const RETIRING = "records of the last generation are freed, and their chunks retire";

/** Faults, each with an order of steps that shows it. */
const FAULTS: readonly (readonly [what: string, Algorithm, Scenario, finding: string])[] = [
  [
    "a chunk is pushed before its link is written",
    faults.LINKED_AFTER_PUSH,
    SCENARIOS[OWNED],
    "chunk 0 is written while record 4 lives in it",
  ],
  ["a link is not written anew for each try", faults.LINKED_ONCE, SCENARIOS[SAME], "twice"],
  ["a chunk is pushed by a store", faults.PUSHED_BY_STORE, SCENARIOS[SAME], "are lost"],
  ["the remote list is emptied by a store", faults.DRAINED_BY_STORE, SCENARIOS[OWNED], "are lost"],
  [
    "a chunk on its way to the owner looks free to who adopts the block",
    faults.NEVER_PENDING,
    { ...SCENARIOS[ADOPTED], isUnaudited: true },
    "is written while record 5 lives in it",
  ],
  [
    "who adopts a block takes what others are freeing",
    faults.ADOPTED_WITH_PENDING,
    { ...SCENARIOS[ADOPTED], isUnaudited: true },
    "is written while record 5 lives in it",
  ],
  ["a chunk is live before it is taken", faults.ENLIVENED_BEFORE_TAKEN, SCENARIOS[OWNED], "77"],
  ["a block is adopted by a store", faults.ADOPTED_BY_STORE, SCENARIOS[TERMINATED], "two owners"],
  [
    "a block is looked through before it is adopted",
    faults.ADOPTED_AFTER_SCAN,
    SCENARIOS[TWO_ADOPT],
    "is written while record 4 lives in it",
  ],
  ["a record is freed by a store", faults.FREED_BY_STORE, SCENARIOS[SAME], "freed twice"],
  [
    "the owner frees a record by a store",
    faults.OWN_FREED_BY_STORE,
    SCENARIOS[BOTH],
    "freed twice",
  ],
  [
    "a chunk is used after the last generation",
    faults.NEVER_RETIRED,
    SCENARIOS[RETIRING],
    "a list leads to chunk 1, whose stamp is -2",
  ],
  [
    "a block is given up before its remote list is taken",
    faults.DRAINED_AFTER_ABANDON,
    SCENARIOS[HANDED_ON],
    "a chunk is nowhere",
  ],
];

/**
 * Faults that no order of steps shows, as each step is seen by all at once; but plain accesses
 * race.
 */
const RACES: readonly (readonly [what: string, Algorithm, where: string])[] = [
  ["another thread first reads a stamp plainly", faults.PEEKED, BOTH],
  ["the owner looks for chunks on their way plainly", faults.DRAINED_AT_A_GLANCE, FIRST],
  ["who adopts a block reads its stamps plainly", faults.ADOPTED_AT_A_GLANCE, HANDED_ON],
];

/** What came out of each. */
const reports = new Map<string, Report>();

function reportOf(what: string): Report {
  const report = reports.get(what) ?? explore({ ...SCENARIOS[what], isOrdered: true }, CORRECT);
  reports.set(what, report);
  return report;
}

// -- the algorithm --

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

Deno.test("A stale free succeeds where it waits while compact generations come round, as they may, and nowhere else", () => {
  const shape = { chunkCount: 1, lastStamp: 3, stampAfterLast: 0 };
  const threads = [[free(0), alloc(1), free(1), alloc(2), free(2), alloc(3)], [free(0)]];
  const { failure } = explore({ shape, before: filled(1), threads }, CORRECT);
  assertStringIncludes(failure?.what ?? "", "record 3 is freed with the handle of 1");
  const longer = { ...shape, lastStamp: 7 };
  assertSound(explore({ shape: longer, before: filled(1), threads }, CORRECT));
});

// -- the checker --

Deno.test("The checker tries as many orders as there are of two threads with two steps each, and three with one", () => {
  const twice = [free(0), free(0)]; // of no record: a step each
  const none = { shape: chunks(1), before: [] };
  const two = explore({ ...none, threads: [twice, twice] }, CORRECT);
  assertEquals([two.schedules, two.bounded, two.worlds], [6, 6, 9]);
  const three = explore({ ...none, threads: [[free(0)], [free(0)], [free(0)]] }, CORRECT);
  assertEquals([three.schedules, three.bounded, three.worlds], [6, 6, 8]);
});

Deno.test("The checker tells schedules with up to 3 preemptions from those with more", () => {
  const four = [free(0), free(0), free(0), free(0)];
  const report = explore({ shape: chunks(1), before: [], threads: [four, four] }, CORRECT);
  assertEquals(report.schedules, 70);
  assertEquals(report.bounded, 2 * (1 + 3 + 9 + 9)); // in 2, 3, 4 and 5 runs, from either thread
});

Deno.test("The checker finds the ABA of a stack that is popped by compare-and-swap, and shows how it comes to that", () => {
  const { failure } = explore(POPPED, NAIVE);
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
    "thread 1: swapRemote(1, 77) = 1", // what thread 2 wrote into it counts as a link
  ]);
});

Deno.test("The checker finds nothing wrong with that stack while nothing comes back to it, or is taken from it", () => {
  assertSound(explore({ ...POPPED, threads: [[alloc(0), alloc(1)], [alloc(2)]] }, NAIVE));
  const before = POPPED.threads[0].map((operation) => [1, operation] as const);
  const threads = [[free(0), free(1)], [free(2), free(0)], [free(1)]];
  assertSound(explore({ ...POPPED, before, threads }, NAIVE));
});

for (const [what, algorithm, where] of RACES) {
  Deno.test(`The checker finds it in no order of the memory model where ${what}`, () => {
    assertSound(explore(SCENARIOS[where], algorithm));
    const { failure } = explore({ ...SCENARIOS[where], isOrdered: true }, algorithm);
    assertStringIncludes(failure?.what ?? "nothing", "in no order");
  });
}

for (const [what, algorithm, scenario, finding] of FAULTS) {
  Deno.test(`The checker finds it where ${what}`, () => {
    const { failure } = explore(scenario, algorithm);
    assertStringIncludes(failure?.what ?? "nothing", finding);
  });
}

function assertSound({ failure }: Report): void {
  assertEquals(failure && showFailure(failure), undefined);
}
