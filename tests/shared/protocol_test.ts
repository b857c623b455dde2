/**
 * How threads share a block, in every order of their steps. The search and its checks are in
 * `_checker.ts`.
 *
 * @module
 */
import { assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { RETIRED } from "../../src/shared/protocol.ts";
import { explore, type Protocol, type Scenario } from "./_checker.ts";

/** Makes scenarios that start from the same block. */
function from(start: Omit<Scenario, "threads">): (...threads: string[]) => Scenario {
  return (...threads) => ({ ...start, threads });
}

const single = from({ chunkCount: 1, before: "1+0" });
const pair = from({ chunkCount: 2, before: "1+0 1+1" });
const full = from({ chunkCount: 3, before: "1+0 1+1 1+2" });
const freed = from({ chunkCount: 3, before: "1+0 1+1 1+2 2-2" });
const freedTwo = from({ chunkCount: 4, before: "1+0 1+1 1+2 1+3 2-3 2-2" });
const orphan = from({ chunkCount: 3, before: "1+0 1+1 1+2 2-2 1abandon" });
/** The stamp of two chunks is the last but one. */
const wrapping = from({ chunkCount: 2, last: [5, 0], stamps: [4, 4], before: "1+0 1+1" });
const worn = { last: [3, RETIRED], stamps: [2, 2] } as const;
const retiring = from({ chunkCount: 2, ...worn, before: "1+0 1+1" });
const retiring3 = from({ chunkCount: 3, ...worn, before: "1+0 1+1 1+2" });

/** By what happens in them. */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "the owner and another thread free": full("-0 +3 +4", "-1 -2 -3"),
  "the owner reuses what two others free": full("+3 -3 +4", "-0 -1 -3", "-1 -2 -4"),
  "two others free the same records": full("+3 +4 +5", "-0 -1 -3", "-0 -1 -3"),
  "the owner and another free the same records": full("-0 -1 -2", "-0 -1 -2"),
  "three threads free the same records": full("-0 -1 +3", "-1 -0 -3", "-0 -1 -3"),
  "handles of a chunk that is in use again are freed": single("+1 +2 +3", "-0 -0 -1", "-0 -1 -2"),
  "two others free while the owner drains": freed("drain +3 drain", "-0 -1 -2", "-1 -0 -3"),
  "another frees while the owner abandons": full("-0 abandon -1", "-1 -2 -0"),
  "another adopts what the owner abandons": full("-0 -1 abandon", "adopt +3 +4"),
  "a block changes its owner, and a third frees": full("-0 abandon -3", "adopt +3 +4", "-1 -2 -3"),
  "an orphan is adopted while two others free": orphan("-0 -1 -3", "adopt +3 +4", "-1 -1 -4"),
  "two adopt an orphan, and its last owner frees": orphan("-0 -1 -3", "adopt +3 -0", "adopt +4 -1"),
  "a block goes to and fro": full("abandon adopt +3", "adopt -0 abandon", "-0 -1 adopt"),
  "an owner that allocates is terminated": freed("~ +3 -0 -3", "adopt1 +4 +5", "-0 -1 -3"),
  "an owner that drains is terminated": freedTwo("~ drain +4 drain", "adopt1 +5 +6", "-0 -1 -4"),
  "an owner is terminated, and two adopt": full("~ -0 +3 abandon", "adopt1 +4 -1", "adopt1 +5 -2"),
  "a thread that adopts is terminated": orphan("-0 -1 -3", "~ adopt +3 -3", "adopt2 +4 +5"),
  "a thread that frees is terminated": pair("+2 drain +3", "~ -0 -1 -2", "-1 -0 -2"),
  "two are terminated, and a third adopts": freed("~ +3 -0 drain", "~ -0 -1 -3", "adopt1 +4 +5"),
  "generations come round": wrapping("-0 +2 +3", "-0 -1 -2", "-1 -0 -3"),
  "chunks retire": retiring3("-0 +3 +4", "-0 -1 -2", "-2 -1 -3"),
  "generations come round, and one adopts": wrapping("~ -0 +2 -2", "adopt1 +3 +4", "-0 -1 -2"),
  "chunks retire, and one adopts": retiring("~ -0 +2 -2", "adopt1 +3 +4", "-0 -1 -2"),
};

// -- the protocol --

for (const [what, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`A shared block keeps its metadata in every order of steps: ${what}`, () => {
    const report = explore(scenario);
    assertEquals(report.failure, "");
    assertGreater(report.orders, 1);
  });
}

Deno.test("A stale free succeeds where it waits while all compact generations come round, and nowhere else", () => {
  const failureOf = (live: number) =>
    explore({ ...single("-0 +1 -1 +2 -2 +3", "-0"), last: [live, 0] }).failure;
  assertStringIncludes(failureOf(3), "3 is freed with the handle of 1");
  assertEquals(failureOf(7), "");
});

// -- the checker --

Deno.test("The checker tries every order of threads once", () => {
  // Each thread frees records that there are not, in one step each.
  const ordersOf = (...threads: string[]) => explore({ chunkCount: 1, threads }).orders;
  assertEquals(ordersOf("-0 -0", "-0 -0"), 6);
  assertEquals(ordersOf("-0", "-0", "-0"), 6);
  assertEquals(ordersOf("-0 -0 -0 -0", "-0 -0 -0 -0"), 70);
});

const WRITE_LINK = "block.writeLink(chunk, remote & CHUNK_MASK);";
const PUSHED = "block.swapRemote(remote, length << CHUNK_BITS | chunk)";
const EMPTIED = "block.swapRemote(remote, 0)";
const ADOPT = "if (!block.swapOwner(from, thread)) return false;";
const TAKEN = "block.storeTaken(bump - block.free);";
const FREE_REMOTE = "if (!block.swapStamp(chunk, live, dead | PENDING)) return false;";
const STORE = "if (block.loadStamp(chunk) !== live) return false; block.storeStamp(chunk, dead";

/** Faults: the scenario that shows each, the texts of the protocol, and what stands there instead. */
const FAULTS: readonly (readonly [
  what: string,
  scenario: string,
  changes: Readonly<Record<string, string>>,
])[] = [
  ["a chunk is pushed before its link is written", "the owner reuses what two others free", {
    [WRITE_LINK]: "",
    [`if (${PUSHED}) return;`]: `if (${PUSHED}) return ${WRITE_LINK}`,
  }],
  ["a link is not written anew for each try to push", "two others free the same records", {
    "for (;;)": "for (let tries = 0;; tries++)",
    [WRITE_LINK]: `if (tries === 0) ${WRITE_LINK}`,
  }],
  ["a chunk is pushed by a store", "two others free the same records", {
    [`if (${PUSHED})`]: `while (!${PUSHED.replace("remote", "block.loadRemote()")});`,
  }],
  ["the remote list is emptied by a store", "the owner reuses what two others free", {
    [EMPTIED]: EMPTIED.replace("remote", "block.loadRemote()"),
  }],
  ["the list is emptied before its chunks are free", "an owner that drains is terminated", {
    [`if (${EMPTIED})`]: "",
    "let last = chunk;": `let last = chunk; if (!${EMPTIED}) continue;`,
  }],
  ["a pending chunk has a free stamp", "an orphan is adopted while two others free", {
    [FREE_REMOTE]: FREE_REMOTE.replace(" | PENDING", ""),
  }],
  ["a thread that adopts empties no remote list", "an owner that drains is terminated", {
    "takeRemote(block);\n  block.head": "block.head",
  }],
  ["a thread that adopts takes pending chunks", "an orphan is adopted while two others free", {
    "if (stamp >= 0 && (stamp & 1) === 0) link": "if ((stamp & 1) === 0) link",
  }],
  ["a block is adopted by a store", "an owner is terminated, and two adopt", {
    [ADOPT]: "block.storeOwner(thread);",
  }],
  ["a block is scanned before its adoption", "two adopt an orphan, and its last owner frees", {
    [ADOPT]: "",
    [TAKEN]: `${TAKEN} ${ADOPT}`,
  }],
  ["another thread frees a record by a store", "two others free the same records", {
    [FREE_REMOTE]: `${STORE} | PENDING);`,
  }],
  ["the owner frees a record by a store", "the owner and another free the same records", {
    "if (!block.swapStamp(chunk, live, dead)) return false;": `${STORE});`,
  }],
  ["a chunk goes to the owner after its last generation", "chunks retire", { "else push": "push" }],
];

/** Faults that no order of steps shows, as all threads see each at once; but plain accesses race. */
const RACES: typeof FAULTS = [
  ["another thread first reads a stamp plainly", "the owner and another free the same records", {
    [FREE_REMOTE]: `if (block.ownStamp(chunk) !== live) return false; ${FREE_REMOTE}`,
  }],
  ["the owner looks for pending chunks plainly", "the owner and another thread free", {
    "const remote = takeRemote":
      "if ([0, 1, 2].every((it) => !isPending(block.ownStamp(it)))) return false; const remote = takeRemote",
  }],
  ["a thread that adopts reads stamps plainly", "a block changes its owner, and a third frees", {
    "const stamp = block.loadStamp(chunk);": "const stamp = block.ownStamp(chunk);",
  }],
];

for (const [what, scenario, changes] of [...FAULTS, ...RACES]) {
  Deno.test(`The checker finds it where ${what}`, async () => {
    let text = Deno.readTextFileSync(new URL("../../src/shared/protocol.ts", import.meta.url));
    for (const [from, to] of Object.entries(changes)) {
      assertEquals(text.split(from).length, 2, `not once there: ${from}`);
      text = text.replace(from, to);
    }
    const url = `data:application/typescript,${encodeURIComponent(text)}`;
    const changed: Protocol = await import(url);
    const isRace = RACES.some((it) => it[0] === what);
    if (isRace) assertEquals(explore(SCENARIOS[scenario], changed, false).failure, "");
    const { failure } = explore(SCENARIOS[scenario], changed, isRace);
    assertMatch(failure, isRace ? /in no order/ : /=> /);
  });
}
