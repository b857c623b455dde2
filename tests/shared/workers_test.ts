/**
 * `SharedPool` with real workers. Their jobs are in `_worker.ts`; longer rounds of the first are
 * done by
 * `deno task soak:workers`.
 */
import { assert, assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import { type AnyHandle, PoolExhaustedError, SharedPool, validate } from "../../mod.ts";
import { Cell, type CellPool, CONTROL, locks, sealOf, Slots } from "./_cell.ts";
import { retireAtOnce, slabOf } from "./_support.ts";
import type { DieTask } from "./_worker.ts";
import { assertWhole, CAN_START, churn, Workers } from "./_workers.ts";

/** Defines a test with workers, which takes the permission to read their module. */
function workersTest(name: string, fn: () => Promise<void>, isPossible = true): void {
  const why = CAN_START ? "" : " (needs --allow-read)";
  Deno.test({ name: name + why, ignore: !CAN_START || !isPossible, fn });
}

/** Allocates records with a seal. */
function fill(pool: CellPool, count: number): AnyHandle[] {
  return Array.from({ length: count }, (_, counter) => {
    const handle = pool.alloc({ owner: 99, counter }) as AnyHandle;
    pool.get(handle).seal = sealOf(99, counter, handle);
    return handle;
  });
}

const SMALL = { maxChunks: 1024, chunksPerBlock: 64 };
const WIDE = { handles: "wide", maxChunks: 4096, chunksPerBlock: 64 } as const;

// -- all at once --

for (const count of [2, 4]) {
  for (const handles of ["compact", "wide"] as const) {
    workersTest(
      `SharedPool gives ${count} workers no chunk twice, and loses none (${handles})`,
      async () => {
        using workers = new Workers(count);
        const operations = 150_000;
        for (const maxChunks of [8192, 1024]) {
          const all = await churn(workers, { handles, maxChunks, operations, seed: maxChunks });
          assertEquals(all.operations, count * operations);
          for (const figure of [all.allocs, all.frees, all.taken, all.visited]) {
            assertGreater(figure, 1000);
          }
        }
      },
    );
  }
}

workersTest("A worker that finds a record changed says so, and holds up no other", async () => {
  using workers = new Workers(2);
  const pool = SharedPool.create(Cell, SMALL);
  const forged = pool.alloc({ owner: 1 }); // has no seal
  const slots = new SharedArrayBuffer(12);
  new Slots(slots).put(0, forged);
  const holders = new SharedArrayBuffer(4 * 1024);
  const task = { slots, holders, operations: 10_000, most: 100, isWide: false };
  const working = workers.run(pool, "churn", (seed) => ({ ...task, seed }));
  await assertRejects(() => working, AggregateError, `record ${forged} came with no seal`);
});

workersTest(
  "SharedPool.forEach() visits every record that stays once, while workers allocate and free",
  async () => {
    using workers = new Workers(2);
    const pool = SharedPool.create(Cell, WIDE);
    const slots = new SharedArrayBuffer(12 * 16);
    const holders = new SharedArrayBuffer(4 * 4096);
    const task = { slots, holders, operations: Infinity, most: 1000, isWide: true };
    const working = workers.run(pool, "churn", (seed) => ({ ...task, seed }));
    const { control } = workers;
    const beat = () => Atomics.load(control, CONTROL.beat);
    await Atomics.waitAsync(control, CONTROL.beat, 0).value; // until they are under way
    const stay = new Map<number, number>();
    const freed = new Set<number>();
    // Until the workers have done a lot meanwhile; the error of one that fails is thrown below.
    const enough = beat() + 20;
    const isDone = () => beat() >= enough || Atomics.load(control, CONTROL.failed) === 1;
    for (let pass = 0; pass < 100 || !isDone(); pass++) {
      const own = fill(pool, 100).filter((handle, i) => {
        const stays = i % 20 === 0 && stay.size < 1000;
        if (stays) stay.set(handle, i);
        return !stays;
      });
      for (const handle of own.splice(0, 50)) {
        pool.free(handle);
        freed.add(handle);
      }
      const visits = new Map<number, number>();
      pool.forEach((view, handle) => {
        assert(!freed.has(handle), `record ${handle} was visited after its free`);
        const counter = stay.get(handle);
        if (counter === undefined) return;
        assertEquals([view.owner, view.counter], [99, counter]);
        visits.set(handle, (visits.get(handle) ?? 0) + 1);
      });
      assertEquals([visits.size, new Set(visits.values())], [stay.size, new Set([1])]);
      for (const handle of own) pool.free(handle);
    }
    workers.stop();
    for (const it of await working) assertGreater(it.operations, 0);
    validate(pool);
  },
);

workersTest("SharedPool.forEach()'s stripes in workers visit every record once", async () => {
  for (const count of [2, 4]) {
    using workers = new Workers(count);
    const pool = SharedPool.create(Cell, { maxChunks: 8192, chunksPerBlock: 64 });
    const taken = fill(pool, 5000);
    for (let i = 0; i < taken.length; i += 3) pool.free(taken[i]);
    for (let pass = 1; pass <= 10; pass++) {
      const visits = new SharedArrayBuffer(4 * 8192);
      const seen = await workers.run(pool, "visit", () => ({ visits }));
      assertEquals(seen.reduce((sum, it) => sum + it), pool.size);
      const counts = new Int32Array(visits);
      for (const handle of taken) {
        assertEquals(counts[handle % 8192], pool.has(handle) ? 1 : 0, `record ${handle}`);
      }
    }
  }
});

// -- one worker allocates, one frees --

workersTest(
  "SharedPool lets one worker allocate and another free, in a pool hardly larger than what is on its way",
  async () => {
    using workers = new Workers(2);
    for (const handles of ["compact", "wide"] as const) {
      const pool = SharedPool.create(Cell, { handles, maxChunks: 512, chunksPerBlock: 64 });
      const task = { ring: new SharedArrayBuffer(8 * 256), count: 100_000 };
      const [capacity, freed] = await workers.run(pool, ["produce", "consume"], () => task);
      assertEquals(freed, 100_000);
      assert(capacity <= 512, `${capacity} chunks`);
      assertWhole(pool);
    }
  },
);

// -- two workers free the same --

for (const [whose, allocator] of [["of a third thread", 0], ["of one of them", 1]] as const) {
  workersTest(
    `SharedPool.free() of a record ${whose} by two workers at once succeeds once`,
    async () => {
      using workers = new Workers(2);
      for (const handles of ["compact", "wide"] as const) {
        const count = 20_000;
        const pool = SharedPool.create(Cell, { handles, maxChunks: 32_768, chunksPerBlock: 256 });
        const shared = new SharedArrayBuffer(8 * count);
        const wins = new SharedArrayBuffer(4 * count);
        if (allocator === 0) new Float64Array(shared).set(fill(pool, count));
        const task = { handles: shared, batch: 200, wins, allocator, isSplit: false };
        const won = await workers.run(pool, "freeSame", () => task);
        assertEquals(won[0] + won[1], count);
        assertEquals(new Set(new Int32Array(wins)), new Set([1]));
        assertWhole(pool);
      }
    },
  );
}

workersTest("SharedPool counts every chunk that retires while two workers free", async () => {
  using workers = new Workers(2);
  const count = 16_000;
  const options = { handles: "wide", maxChunks: 16_384, chunksPerBlock: 4096 } as const;
  const pool = SharedPool.create(Cell, options);
  retireAtOnce(pool);
  const handles = new SharedArrayBuffer(8 * count);
  new Float64Array(handles).set(fill(pool, count));
  const wins = new SharedArrayBuffer(4 * count);
  const task = { handles, batch: 4000, wins, allocator: 0, isSplit: true };
  const won = await workers.run(pool, "freeSame", () => task);
  assertEquals(won, [count / 2, count / 2]);
  assertEquals([pool.size, slabOf(pool).retired], [0, count]);
  validate(pool);
});

// -- all join at once --

for (const isUsed of [false, true]) {
  workersTest(
    `SharedPool gives workers that join ${isUsed ? "a left" : "a new"} pool at once no block twice`,
    async () => {
      using workers = new Workers(3);
      const options = { maxChunks: 128, chunksPerBlock: 16, keepEmptyBlocks: 9 };
      const tokens = Array.from({ length: 400 }, () => {
        const pool = SharedPool.create(Cell, options);
        const token = pool.share();
        if (isUsed) { for (const handle of fill(pool, 64)) pool.free(handle); }
        pool.dispose(); // its blocks go to the worker that comes first
        return token;
      });
      const task = { tokens, holders: new SharedArrayBuffer(4 * 128 * tokens.length), count: 20 };
      const threads = await workers.run(SharedPool.create(Cell, options), "rush", () => task);
      tokens.forEach((token, i) => {
        assertEquals(threads.map((it) => it[i]).sort(), [2, 3, 4]);
        const pool = SharedPool.attach(Cell, token);
        validate(pool);
        assertEquals(pool.size, 60);
        assert(slabOf(pool).mappedBlocks().every((it) => it.owner !== 0));
      });
    },
  );
}

// -- workers that end in the middle of their work --

/** A pool with 300 records of the main thread, and a worker that is under way. */
async function startedWith(how: DieTask["how"], lock: string) {
  const workers = new Workers(1);
  const pool = SharedPool.create(Cell, { ...WIDE, maxChunks: 2048 });
  const mine = fill(pool, 300);
  const [thread] = await workers.run(pool, "die", () => ({ how, lock }));
  return { workers, pool, mine, thread };
}

workersTest(
  "SharedPool goes on without a terminated worker, and adopts its blocks",
  async () => {
    const started = await startedWith("park", crypto.randomUUID());
    using workers = started.workers;
    const { pool, mine, thread } = started;
    for (const worker of workers.all) worker.terminate();
    workers.stop(); // it is parked, and terminated before it is back

    validate(pool);
    const theirs: AnyHandle[] = [];
    pool.forEach(({ owner }, handle) => owner === 1 && theirs.push(handle as AnyHandle));
    assertGreater(theirs.length, 0);
    const half = theirs.length >> 1;
    for (const handle of [...mine, ...theirs.slice(0, half)]) pool.free(handle);
    assertEquals(pool.size, theirs.length - half);
    validate(pool);
    while (pool.tryAlloc() !== undefined);
    assert(pool.size < pool.maxChunks);
    const message = "free in blocks that other threads own";
    assertThrows(() => pool.alloc(), PoolExhaustedError, message);

    assertGreater(pool.adopt(thread), 0);
    validate(pool);
    while (pool.tryAlloc() !== undefined);
    assertEquals(pool.size, pool.maxChunks);
    const live: AnyHandle[] = [];
    pool.forEach((_, handle) => live.push(handle as AnyHandle));
    for (const handle of live) pool.free(handle);
    assertWhole(pool);
  },
);

for (const how of ["go on", "close"] as const) {
  workersTest(
    `SharedPool.adopt() gets back all chunks of a worker ${
      how === "close" ? "that closed itself" : "terminated while it goes on"
    }, once its lock is free`,
    async () => {
      const lock = crypto.randomUUID();
      const started = await startedWith(how, lock);
      using workers = started.workers;
      const { pool, mine, thread } = started;
      if (how === "go on") { // allocs and frees meanwhile
        for (const handle of mine.splice(0, 100)) pool.free(handle);
        mine.push(...fill(pool, 50));
      }
      for (const worker of workers.all) worker.terminate();
      await locks!.request(lock, () => {}); // there are locks, or this test is ignored

      const beat = Atomics.load(workers.control, CONTROL.beat);
      assertGreater(pool.adopt(thread), 0);
      validate(pool);
      const live: AnyHandle[] = [];
      pool.forEach(({ owner, counter, seal }, handle) => {
        assertEquals(seal, sealOf(owner, counter, handle), `record ${handle} of ${owner}`);
        live.push(handle as AnyHandle);
      });
      assertEquals(live.length, pool.size);
      assertGreater(live.length, mine.length);
      for (const handle of live) pool.free(handle);
      assertWhole(pool);
      assertEquals(Atomics.load(workers.control, CONTROL.beat), beat);
    },
    locks !== undefined,
  );
}
