/**
 * `SharedPool` with real workers. Their jobs are in `_workers.ts`; longer rounds of the first are
 * done by `deno task soak:workers`.
 */
import { assert, assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import { PoolExhaustedError, SharedPool, validate } from "../../mod.ts";
import { retireAtOnce, slabOf } from "./_support.ts";
import {
  assertWhole,
  CAN_START,
  Cell,
  checkSeal,
  churn,
  type Churned,
  CONTROL,
  fill,
  locks,
  sealed,
  Slots,
  Workers,
} from "./_workers.ts";

/** Defines a test with workers, which takes the permission to read their module. */
function workersTest(name: string, fn: () => Promise<void>, isPossible = true): void {
  const why = CAN_START ? "" : " (needs --allow-read)";
  Deno.test({ name: name + why, ignore: !CAN_START || !isPossible, fn });
}

const KINDS = ["compact", "wide"] as const;
const WIDE = { handles: "wide", maxChunks: 4096, chunksPerBlock: 64 } as const;

// -- all at once --

for (const count of [2, 4]) {
  for (const handles of KINDS) {
    workersTest(
      `SharedPool gives ${count} workers no chunk twice, and loses none (${handles})`,
      async () => {
        using workers = new Workers(count);
        const operations = 150_000;
        for (const maxChunks of [8192, 1024]) {
          const all = await churn(workers, { handles, maxChunks, operations, seed: maxChunks });
          assertEquals(all.operations, count * operations);
          for (const it of [all.allocs, all.taken, all.visited]) assertGreater(it, 1000);
        }
      },
    );
  }
}

/** What workers churn with until they are stopped. */
function endless() {
  const holders = new SharedArrayBuffer(4 * WIDE.maxChunks);
  const slots = new SharedArrayBuffer(8 * 16);
  return { slots, holders, seed: 1, operations: Infinity, isWide: true };
}

workersTest("A worker that finds a record changed says so, and holds up no other", async () => {
  using workers = new Workers(2);
  const pool = SharedPool.create(Cell, WIDE);
  const forged = pool.alloc({ owner: 1 }); // has no seal
  const task = endless();
  new Slots(task.slots).put(0, forged);
  const working = workers.run(pool, "churning", task);
  await assertRejects(() => working, AggregateError, `record ${forged} of 1 has`);
});

workersTest(
  "SharedPool.forEach() visits every record that stays once, while workers allocate and free",
  async () => {
    using workers = new Workers(2);
    const pool = SharedPool.create(Cell, WIDE);
    const working = workers.run<Churned>(pool, "churning", endless());
    const { control } = workers;
    await Atomics.waitAsync(control, CONTROL.beat, 0).value; // until they are under way
    const beats = () => Atomics.load(control, CONTROL.beat);
    // Until the workers have done a lot meanwhile; the error of one that fails is thrown below.
    const enough = beats() + 20;
    const isDone = () => beats() >= enough || Atomics.load(control, CONTROL.failed) === 1;
    const stay = new Set<number>();
    const freed = new Set<number>();
    for (let pass = 0; pass < 100 || !isDone(); pass++) {
      const own = fill(pool, 100);
      if (stay.size < 1000) { for (const handle of own.splice(0, 5)) stay.add(handle); }
      for (const handle of own.splice(0, 50)) {
        pool.free(handle);
        freed.add(handle);
      }
      const seen: number[] = [];
      pool.forEach((view, handle) => {
        assert(!freed.has(handle), `record ${handle} was visited after its free`);
        if (!stay.has(handle)) return;
        checkSeal(view, handle, 99);
        seen.push(handle);
      });
      assertEquals(seen.length, stay.size);
      assertEquals(new Set(seen), stay);
      for (const handle of own) pool.free(handle);
    }
    workers.stop();
    for (const { counts } of await working) assertGreater(counts.operations, 0);
    validate(pool);
  },
);

workersTest("SharedPool.forEach()'s stripes in workers visit every record once", async () => {
  for (const count of [2, 4]) {
    using workers = new Workers(count);
    const pool = SharedPool.create(Cell, { maxChunks: 8192, chunksPerBlock: 64 });
    const taken = fill(pool, 5000);
    const free = taken.filter((_, i) => i % 3 === 0);
    for (const handle of free) pool.free(handle);
    const visits = new SharedArrayBuffer(4 * 8192);
    for (let pass = 1; pass <= 10; pass++) await workers.run(pool, "visit", { visits });
    const counts = new Int32Array(visits);
    const expected = new Int32Array(8192);
    for (const handle of taken) expected[handle % 8192] = pool.has(handle) ? 10 : 0;
    assertEquals([...counts], [...expected]);
  }
});

workersTest(
  "SharedPool lets one worker allocate and another free, in a pool hardly larger than what is on its way",
  async () => {
    using workers = new Workers(2);
    for (const handles of KINDS) {
      const pool = SharedPool.create(Cell, { handles, maxChunks: 512, chunksPerBlock: 64 });
      const task = { ring: new SharedArrayBuffer(8 * 256), count: 100_000 };
      const [capacity] = await workers.run<number>(pool, ["produce", "consume"], task);
      assert(capacity <= 512, `${capacity} chunks`);
      assertWhole(pool);
    }
  },
);

// -- two workers free together --

/** The task of two workers that free so many records. */
function freeing(count: number, allocator: number, isSplit: boolean) {
  const handles = new SharedArrayBuffer(8 * count);
  return { handles, wins: new SharedArrayBuffer(4 * count), allocator, isSplit };
}

for (const [whose, allocator] of [["of a third thread", 0], ["of one of them", 1]] as const) {
  workersTest(
    `SharedPool.free() of a record ${whose} by two workers at once succeeds once`,
    async () => {
      using workers = new Workers(2);
      for (const handles of KINDS) {
        const pool = SharedPool.create(Cell, { handles, maxChunks: 32_768, chunksPerBlock: 256 });
        const task = freeing(20_000, allocator, false);
        if (allocator === 0) new Float64Array(task.handles).set(fill(pool, 20_000));
        const [a, b] = await workers.run<number>(pool, "freeTogether", task);
        assertEquals(a + b, 20_000);
        assertEquals(new Set(new Int32Array(task.wins)), new Set([1]));
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
  const task = freeing(count, 0, true);
  new Float64Array(task.handles).set(fill(pool, count));
  const won = await workers.run<number>(pool, "freeTogether", task);
  assertEquals(won, [count / 2, count / 2]);
  assertEquals([pool.size, slabOf(pool).retired], [0, count]);
  validate(pool);
});

// -- all join at once --

for (const isUsed of [false, true]) {
  const what = isUsed ? "a left" : "a new";
  workersTest(
    `SharedPool gives workers that join ${what} pool at once no block twice`,
    async () => {
      using workers = new Workers(3);
      const options = { maxChunks: 128, chunksPerBlock: 16, keepEmptyBlocks: 9 };
      const tokens = Array.from({ length: 400 }, () => {
        using pool = SharedPool.create(Cell, options); // its blocks go to the worker that comes first
        if (isUsed) { for (const handle of fill(pool, 64)) pool.free(handle); }
        return pool.share();
      });
      const task = { tokens, holders: new SharedArrayBuffer(4 * 128 * tokens.length), count: 20 };
      const threads = await workers.run<number[]>(SharedPool.create(Cell, options), "rush", task);
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

for (const how of ["park", "go on", "close"] as const) {
  const ended = {
    park: "that is terminated between two calls",
    "go on": "that is terminated in its work",
    close: "that closed itself",
  };
  workersTest(
    `SharedPool goes on without a worker ${ended[how]}, and adopts its blocks`,
    async () => {
      using workers = new Workers(1);
      const pool = SharedPool.create(Cell, { ...WIDE, maxChunks: 2048 });
      const mine = fill(pool, 300);
      const lock = crypto.randomUUID();
      const [thread] = await workers.run<number>(pool, "die", { how, lock });
      if (how === "go on") { // allocs and frees meanwhile
        for (const handle of mine.splice(0, 100)) pool.free(handle);
        mine.push(...fill(pool, 50));
      }
      for (const worker of workers.all) worker.terminate();
      if (how === "park") workers.stop(); // it is parked, and terminated before it is back
      else await locks!.request(lock, () => {}); // there are locks, or this test is ignored
      const beats = Atomics.load(workers.control, CONTROL.beat);

      validate(pool);
      const left = sealed(pool, how === "go on" ? 1 : 0); // it may be stopped after any step
      assertGreater(left.length, mine.length);
      if (how === "park") { // use it before the adoption as well
        for (const handle of left.splice(0, 350)) pool.free(handle);
        assertEquals(pool.size, left.length);
        while (pool.tryAlloc() !== undefined);
        assert(pool.size < pool.maxChunks);
        const message = "free in blocks that other threads own";
        assertThrows(() => pool.alloc(), PoolExhaustedError, message);
      }
      assertGreater(pool.adopt(thread), 0);
      validate(pool);
      pool.forEach((_, handle) => pool.free(handle));
      assertWhole(pool);
      assertEquals(Atomics.load(workers.control, CONTROL.beat), beats);
    },
    how === "park" || locks !== undefined,
  );
}
