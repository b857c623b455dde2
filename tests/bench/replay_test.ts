/** `bench/replay.ts`: what it takes for a trace, what it refuses, and what it tells. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { FreeListAllocator } from "@slabs/pool";
import { heapKinds } from "../../bench/_heaps.ts";
import { ALLOC, FREE, parseTrace, REALLOC, TraceError } from "../../bench/_trace.ts";
import {
  measure,
  parseArguments,
  replay,
  replayChecked,
  report,
  warningLines,
} from "../../bench/replay.ts";
import { makeTrace } from "../slab/_traces.ts";

function trace(...lines: string[]) {
  return parseTrace(lines.join("\n"), "t.rep");
}

function assertRefused(lines: string[], message: string): void {
  const error = assertThrows(() => trace(...lines), TraceError);
  assertEquals(error.message, message);
}

// -- parseTrace() --

Deno.test("parseTrace() reads operations in order, and the most bytes that were live", () => {
  const { kinds, ids, sizes, idCount, peakBytes } = trace("a 0 512", "a 2 128", "r 0 640", "f 2");
  assertEquals([...kinds], [ALLOC, ALLOC, REALLOC, FREE]);
  assertEquals([...ids], [0, 2, 0, 2]);
  assertEquals([...sizes], [512, 128, 640, 0]);
  assertEquals([idCount, peakBytes], [3, 768]);
});

Deno.test("parseTrace() takes a header, blank lines, odd spaces and line ends of any system", () => {
  const { kinds } = trace("20000", "1\r", " 3", "1", "", "a 0  8\r", "\tr 0 16 ", "f 0", "");
  assertEquals([...kinds], [ALLOC, REALLOC, FREE]);
});

Deno.test("parseTrace() takes an id that is allocated again after its free", () => {
  assertEquals([...trace("a 0 8", "f 0", "a 0 16", "f 0").sizes], [8, 0, 16, 0]);
});

Deno.test("parseTrace() passes over frees of null, which count as operations in the header", () => {
  assertEquals(trace("100", "1", "3", "1", "a 0 8", "f -1", "f 0").kinds.length, 2);
});

/** Asserts what a trace is read as, `"a 0 8"` and so on, and what it is warned of. */
function assertRead(lines: string[], operations: string[], warnings: string[] = []): void {
  const read = trace(...lines);
  const { kinds, ids, sizes } = read;
  const found = Array.from(
    kinds,
    (kind, i) =>
      kind === FREE ? `f ${ids[i]}` : `${kind === ALLOC ? "a" : "r"} ${ids[i]} ${sizes[i]}`,
  );
  assertEquals(found, operations);
  assertEquals(read.warnings, warnings);
  assertEquals(read.warningCount, warnings.length);
}

Deno.test("parseTrace() takes a resize of an id that is not live for an allocation, as realloc(NULL, n) is", () => {
  assertRead(["r 0 8"], ["a 0 8"]);
  assertRead(["a 0 8", "r 7 9", "r 7 10", "f 7"], ["a 0 8", "a 7 9", "r 7 10", "f 7"]);
  assertRead(
    ["a 0 8", "f 0", "r 0 9", "f 0"],
    ["a 0 8", "f 0", "a 0 9", "f 0"],
    ["t.rep:3: id 0 was freed in line 2, and is allocated instead of resized"],
  );
  assertEquals(trace("r 0 100", "r 1 50", "f 0").peakBytes, 150);
});

Deno.test("parseTrace() warns of frees of what is not live, and passes over them", () => {
  assertRead(["a 0 8", "f 1"], ["a 0 8"], ["t.rep:2: id 1 was never allocated, and is not freed"]);
  assertRead(
    ["a 0 8", "f 0", "", "f 0", "a 0 9"],
    ["a 0 8", "f 0", "a 0 9"],
    ["t.rep:4: id 0 was freed in line 2, and is not freed"],
  );
});

Deno.test("parseTrace() warns of an allocation of what is live, which is freed first", () => {
  assertRead(
    ["a 0 8", "a 0 16", "f 0"],
    ["a 0 8", "f 0", "a 0 16", "f 0"],
    ["t.rep:2: id 0 is live since line 1, and freed before it is allocated"],
  );
});

Deno.test("parseTrace() takes 0 bytes as C does", () => {
  assertRead(["a 0 8", "r 0 0", "a 0 8"], ["a 0 8", "f 0", "a 0 8"]);
  assertRead(
    ["a 0 0", "r 1 0", "f 0"],
    ["a 0 1", "a 1 1", "f 0"],
    [
      "t.rep:1: id 0 is allocated with 0 bytes, and gets 1",
      "t.rep:2: id 1 is allocated with 0 bytes, and gets 1",
    ],
  );
});

Deno.test("parseTrace() counts all warnings, and keeps the first", () => {
  const read = trace("a 0 8", ...Array<string>(5000).fill("f 1"));
  assertEquals([read.warningCount, read.warnings.length, read.kinds.length], [5000, 10, 1]);
  assertEquals(warningLines(read).slice(9), [
    "replay: warning: t.rep:11: id 1 was never allocated, and is not freed",
    "replay: and 4,990 warnings more",
  ]);
  assertEquals(warningLines(trace("a 0 8")), []);
});

Deno.test("parseTrace() refuses lines that are no operation", () => {
  const form = 'an operation is "a id bytes", "r id bytes" or "f id"';
  for (const line of ["x 0 8", "a 0", "a 0 8 8", "f", "f 0 8", "A 0 8", "constructor 0 8"]) {
    assertRefused(["a 0 8", line], `t.rep:2: ${form}, got "${line}"`);
  }
});

Deno.test("parseTrace() refuses ids and sizes that are no such numbers", () => {
  for (const id of ["-1", "1.5", "x", "0x1", "16777217"]) {
    const problem = `the id must be an integer from 0 to 16777216, got "${id}"`;
    assertRefused([`a ${id} 8`], `t.rep:1: ${problem}`);
  }
  for (const size of ["-8", "1e3", "NaN", "1073741825"]) {
    const problem = `the number of bytes must be an integer from 0 to 1073741824, got "${size}"`;
    assertRefused([`a 0 ${size}`], `t.rep:1: ${problem}`);
    assertRefused(["a 0 8", `r 0 ${size}`], `t.rep:2: ${problem}`);
  }
});

Deno.test("parseTrace() warns of a header that does not agree with the operations", () => {
  const rest = ["a 0 8", "a 1 8"];
  const warned = (header: string[], ...warnings: string[]) =>
    assertRead([...header, ...rest], rest, warnings);
  warned(["9", "2", "3", "1"], "t.rep:3: the header says 3 operations, but there are 2");
  warned(["9", "1", "2", "1"], "t.rep:2: the header says 1 ids, from 0 on, but there is an id 1");
  warned(
    ["9", "1", "1", "1"],
    "t.rep:2: the header says 1 ids, from 0 on, but there is an id 1",
    "t.rep:3: the header says 1 operations, but there are 2",
  );
  warned(["9", "2"], "t.rep:1: the header has 4 numbers or none, got 2");
  warned(["9", "2", "2", "1", "7"], "t.rep:1: the header has 4 numbers or none, got 5");
  warned(["9 2 2 1"]);
});

Deno.test("parseTrace() refuses a number after the operations began, and a trace of none", () => {
  assertThrows(() => trace("a 0 8", "5"), TraceError, "t.rep:2: an operation is");
  assertRefused([], "t.rep:1: the trace has no operations");
  assertRefused(["9", "2", "2", "1"], "t.rep:4: the trace has no operations");
});

// -- makeTrace() --

Deno.test("makeTrace() makes the same valid trace for the same seed, with a header or without", () => {
  assertEquals(makeTrace({ operations: 500 }), makeTrace({ operations: 500 }));
  assert(makeTrace({ operations: 500 }) !== makeTrace({ operations: 500, seed: 2 }));
  const bare = parseTrace(makeTrace({ operations: 5000 }), "bare");
  const headed = parseTrace(makeTrace({ operations: 5000, header: true }), "headed");
  assertEquals(bare, headed);
  for (const kind of [ALLOC, REALLOC, FREE]) {
    assert(bare.kinds.filter((it) => it === kind).length > 400, String(kind));
  }
});

// -- replaying --

Deno.test("replay() and replayChecked() leave heaps of every kind with the same figures", () => {
  const made = parseTrace(makeTrace({ operations: 3000 }), "made");
  for (const kind of heapKinds) {
    using heap = new FreeListAllocator({ ...kind, byteLength: 4096, grow: true });
    using checked = new FreeListAllocator({ ...kind, byteLength: 4096, grow: true });
    replay(heap, made, new Float64Array(made.idCount));
    assertEquals(replayChecked(checked, made), heap.stats());
    assert(heap.stats().allocations > 100);
  }
});

Deno.test("replayChecked() sees a heap that gives the same bytes out twice", () => {
  class Twice extends FreeListAllocator {
    #first = 0;
    override alloc(byteLength: number): number {
      return this.#first ||= super.alloc(byteLength);
    }
  }
  using heap = new Twice();
  assertThrows(
    () => replayChecked(heap, trace("a 0 8", "a 1 8", "f 0")),
    Error,
    "Byte 0 of id 1, at address",
  );
});

Deno.test("replayChecked() sees a heap that moves bytes wrongly", () => {
  class Forgetful extends FreeListAllocator {
    override realloc(address: number, byteLength: number): number {
      this.free(address);
      return this.alloc(byteLength);
    }
  }
  using heap = new Forgetful();
  assertThrows(
    () => replayChecked(heap, trace("a 0 8", "r 0 16")),
    Error,
    "is 0, must be 1",
  );
});

Deno.test("measure() tells utilization by the trace's peak and the heap's bytes", () => {
  const replays = measure(trace("a 0 3000", "a 1 1000", "f 0", "r 1 500", "f 1"), 8000, 0);
  assertEquals(replays.map(({ fit, index }) => ({ fit, index })), [...heapKinds]);
  for (const { heapBytes, utilization, operationsPerSecond } of replays) {
    assertEquals([heapBytes, utilization], [8000, 0.5]);
    assert(operationsPerSecond > 0);
  }
});

Deno.test("replayChecked() replays a trace that was warned of", () => {
  const read = trace("9", "9", "9", "9", "r 0 100", "f 3", "a 0 50", "r 0 0", "f 0", "r 0 8");
  for (const kind of heapKinds) {
    using heap = new FreeListAllocator({ ...kind, byteLength: 4096, grow: true });
    assertEquals(replayChecked(heap, read).usedBytes, 8);
  }
});

Deno.test("measure() tells the most that a heap had, though it gives memory back", () => {
  const [{ heapBytes }] = measure(trace("a 0 3000", "a 1 100000", "f 1", "f 0"), 4096, 0);
  assertEquals(heapBytes, 4096 + 100_016);
});

Deno.test("measure() lets heaps grow", () => {
  const [{ heapBytes }] = measure(trace("a 0 3000", "a 1 3000", "f 0", "f 1"), 4096, 0);
  assertEquals(heapBytes, 2 * 4096);
});

Deno.test("report() tells how many warnings there were", () => {
  const [one] = report("t.rep", trace("a 0 8", "f 1"), []).split("\n");
  assertEquals(one, "**t.rep**: 1 operations, 8 bytes live at the peak, 1 warning");
  const [more] = report("t.rep", trace("a 0 8", "f 1", "f 1"), []).split("\n");
  assertEquals(more, "**t.rep**: 1 operations, 8 bytes live at the peak, 2 warnings");
});

Deno.test("report() prints a row for each kind", () => {
  const made = trace("a 0 1234", "f 0");
  const text = report("t.rep", made, [
    {
      fit: "best",
      index: "tree",
      operationsPerSecond: 1234567.8,
      heapBytes: 2468,
      utilization: 0.5,
    },
  ]);
  assertEquals(text.split("\n"), [
    "**t.rep**: 2 operations, 1,234 bytes live at the peak",
    "",
    "| fit   | index | operations/s | heap in bytes | peak utilization |",
    "| ----- | ----- | -----------: | ------------: | ---------------: |",
    "| best  | tree  |    1,234,568 |         2,468 |           50.0 % |",
    "",
  ]);
});

// -- arguments --

Deno.test("parseArguments() reads files and the bytes of an extent, and nothing else", () => {
  assertEquals(parseArguments(["a", "b"]), { extentBytes: 65_536, files: ["a", "b"] });
  assertEquals(parseArguments(["a", "--extent=4096"]), { extentBytes: 4096, files: ["a"] });
  for (
    const args of [[], ["--extent=4096"], ["a", "--extent=1"], ["a", "--extent=x"], ["a", "-h"]]
  ) {
    assertEquals(parseArguments(args), undefined);
  }
});
