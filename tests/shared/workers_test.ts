/**
 * `SharedPool` with real workers. Their jobs are in `_workers.ts`; longer rounds of the first are
 * done by `deno task soak:workers`.
 */
import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { SharedPool, validate } from "../../mod.ts";
import { retireAtOnce, slabOf } from "./_support.ts";
import { assertWhole, CAN_START, Cell, churn, fill, locks, sealed, Workers } from "./_workers.ts";

/** Defines a test with workers, which takes the permission to read their module. */
function workersTest(
  name: string,
  count: number,
  fn: (workers: Workers) => Promise<void>,
  isPossible = true,
): void {
  const why = CAN_START ? "" : " (needs --allow-read)";
  Deno.test({
    name: name + why,
    ignore: !CAN_START || !isPossible,
    async fn() {
      using workers = new Workers(count);
      await fn(workers);
    },
  });
}

// -- all at once --

for (const count of [2, 4]) {
  for (const handles of ["compact", "wide"] as const) {
    const claim = `SharedPool gives ${count} workers no chunk twice, and loses none (${handles})`;
    workersTest(claim, count, async (workers) => {
      for (const maxChunks of [8192, 1024]) {
        const task = { handles, maxChunks, operations: 150_000, seed: maxChunks };
        const { allocs, taken, visited } = await churn(workers, task);
        for (const it of [allocs, taken, visited]) assertGreater(it, 1000);
      }
    });
  }
}

workersTest(
  "A worker that finds a record changed says so, and holds up no other",
  2,
  async (workers) => {
    const pool = SharedPool.create(Cell, { chunksPerBlock: 64 });
    const forged = pool.alloc({ owner: 1 }); // has no seal
    const slots = new BigInt64Array(new SharedArrayBuffer(8 * 16)).fill(BigInt(forged), 0, 1);
    const task = { slots, seed: 1, operations: 100_000, isWide: false };
    const working = workers.run(pool, "churning", task);
    await assertRejects(() => working, AggregateError, `record ${forged} of 1 has`);
  },
);

// -- two workers free together --

const CELLS = 20_000;

/** Whose records are freed, their handles, and whether they are the last in their chunks. */
const FREES = [
  ["of a third thread", 0, "compact", false],
  ["of a third thread", 0, "wide", true],
  ["of one of them", 1, "compact", false],
  ["of one of them", 1, "wide", false],
  ["of one of them", 1, "wide", true],
] as const;

for (const [whose, allocator, handles, isLast] of FREES) {
  const what = `${isLast ? "the last records in chunks" : "records"} ${whose} (${handles})`;
  const claim = `SharedPool frees ${what} once where two workers free them at once`;
  workersTest(claim, 2, async (workers) => {
    const pool = SharedPool.create(Cell, { handles, maxChunks: 32_768, chunksPerBlock: 256 });
    if (isLast) retireAtOnce(pool);
    const all = new Float64Array(new SharedArrayBuffer(8 * CELLS));
    const wins = new Int32Array(new SharedArrayBuffer(4 * CELLS));
    if (allocator === 0) all.set(fill(pool, CELLS));
    await workers.run(pool, "freeTogether", { handles: all, wins, allocator, isLast });
    assertEquals(new Set(wins), new Set([1]));
    assertEquals(slabOf(pool).retired, isLast ? CELLS : 0);
    assertWhole(pool);
  });
}

// -- all join at once --

for (const isUsed of [false, true]) {
  const what = isUsed ? "a left" : "a new";
  const claim = `SharedPool gives workers that join ${what} pool at once no block twice`;
  workersTest(claim, 3, async (workers) => {
    const options = { maxChunks: 128, chunksPerBlock: 16, keepEmptyBlocks: 9 };
    const tokens = Array.from({ length: 400 }, () => {
      using pool = SharedPool.create(Cell, options); // its blocks go to the worker that comes first
      if (isUsed) { for (const handle of fill(pool, 64)) pool.free(handle); }
      return pool.share();
    });
    const task = { tokens, count: 20 };
    await workers.run(SharedPool.create(Cell, options), "rush", task);
    for (const token of tokens) {
      const pool = SharedPool.attach(Cell, token);
      validate(pool);
      assertEquals([pool.thread, pool.size, sealed(pool).length], [5, 60, 60]);
      assert(slabOf(pool).mappedBlocks().every((it) => it.owner !== 0));
    }
  });
}

// -- workers that end in the middle of their work --

for (const isClosed of [false, true]) {
  const claim = `SharedPool goes on without a worker ${
    isClosed ? "that closed itself" : "that is terminated in its work"
  }, and adopts its blocks`;
  workersTest(claim, 1, async (workers) => {
    const pool = SharedPool.create(Cell, { maxChunks: 2048, chunksPerBlock: 64 });
    const mine = fill(pool, 300);
    const lock = crypto.randomUUID();
    const [thread] = await workers.run<number>(pool, "die", { isClosed, lock });
    for (const handle of mine.splice(0, 100)) pool.free(handle); // meanwhile
    mine.push(...fill(pool, 50));
    workers[Symbol.dispose]();
    await locks!.request(lock, () => {}); // there are locks, or this test is ignored

    validate(pool);
    const left = sealed(pool, isClosed ? 0 : 1); // the other may be stopped after any step
    assertGreater(left.length, mine.length);
    assertGreater(pool.adopt(thread), 0);
    for (const handle of left) pool.free(handle);
    assertWhole(pool);
  }, locks !== undefined);
}
