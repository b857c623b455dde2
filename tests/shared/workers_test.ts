/**
 * `SharedPool` in the hands of real workers. What they do is in _shared_worker.ts; the full size of
 * a round is the soak's, `deno task soak:workers`.
 */
import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { type AnyHandle, PoolExhaustedError, SharedPool, validate } from "../../mod.ts";
import { assertWhole, CAN_START, churn, Crew, type Task } from "./_crew.ts";
import {
  Cell,
  type CellPool,
  type Churn,
  type Churned,
  CONTROL,
  type Convey,
  type Die,
  type FreeSame,
  locks,
  type Rush,
  sealOf,
  Slots,
  type Visit,
} from "./_shared_jobs.ts";
import { retireAtOnce, slabOf } from "./_shared.ts";

/** Defines a test that starts workers, which takes the permission to read their module. */
function workersTest(name: string, fn: () => Promise<void>, isPossible = true): void {
  const why = CAN_START ? "" : " (needs --allow-read)";
  Deno.test({ name: name + why, ignore: !CAN_START || !isPossible, fn });
}

// -- all at once --

for (const workers of [2, 4]) {
  for (const handles of ["compact", "wide"] as const) {
    workersTest(
      `SharedPool gives ${workers} workers no chunk twice, and loses none (${handles})`,
      async () => {
        using crew = new Crew(workers);
        for (const maxChunks of [8192, 1024]) {
          const all = await churn(crew, {
            handles,
            maxChunks,
            operations: 150_000,
            seed: maxChunks,
          });
          assertEquals(all.operations, workers * 150_000);
          for (const figure of [all.allocs, all.frees, all.taken, all.visited]) {
            assertGreater(figure, 1000);
          }
        }
      },
    );
  }
}

workersTest("A worker that finds a record changed says so, and holds up no other", async () => {
  using crew = new Crew(2);
  const pool = SharedPool.create(Cell, { maxChunks: 1024, chunksPerBlock: 64 });
  const forged = pool.alloc({ owner: 1 }); // with no seal
  const slots = new SharedArrayBuffer(12);
  new Slots(slots).put(0, forged);
  const working = crew.run<Churned>(pool, (id): Task<Churn> => ({
    job: "churn",
    slots,
    holders: new SharedArrayBuffer(4 * 1024),
    seed: id,
    operations: 10_000,
    most: 100,
    isWide: false,
  }));
  await assertRejects(() => working, AggregateError, `record ${forged} came with no seal`);
});

workersTest(
  "SharedPool.forEach() visits every record that stays just once, while workers take and free",
  async () => {
    using crew = new Crew(2);
    const pool = SharedPool.create(Cell, { handles: "wide", maxChunks: 4096, chunksPerBlock: 64 });
    const slots = new SharedArrayBuffer(12 * 16);
    const holders = new SharedArrayBuffer(4 * 4096);
    const working = crew.run<Churned>(
      pool,
      (id): Task<Churn> => ({
        job: "churn",
        slots,
        holders,
        seed: id,
        operations: Infinity,
        most: 1000,
        isWide: true,
      }),
    );
    const { control } = crew;
    const beat = () => Atomics.load(control, CONTROL.beat);
    await Atomics.waitAsync(control, CONTROL.beat, 0).value; // until they are at it
    const stay = new Map<number, number>();
    const freed = new Set<number>();
    // As long as it takes for the workers to do a good deal meanwhile; one that fails says so
    // below.
    const far = beat() + 20;
    const isDone = () => beat() >= far || Atomics.load(control, CONTROL.failed) === 1;
    for (let pass = 0; pass < 100 || !isDone(); pass++) {
      const own: AnyHandle[] = [];
      for (let i = 0; i < 100; i++) {
        const handle = pool.alloc({ owner: 99, counter: i }) as AnyHandle;
        if (i % 20 === 0 && stay.size < 1000) stay.set(handle, i);
        else own.push(handle);
      }
      const left = new Map(stay);
      for (const handle of own.splice(0, 50)) {
        pool.free(handle);
        freed.add(handle);
      }
      pool.forEach((view, handle) => {
        assert(!freed.has(handle), `record ${handle} was visited after its free`);
        const counter = left.get(handle);
        if (counter === undefined) return;
        assertEquals([view.owner, view.counter], [99, counter]);
        left.delete(handle); // a second visit in this pass is checked below
      });
      assertEquals(left.size, 0);
      let again = 0;
      pool.forEach((_, handle) => void (again += stay.has(handle) ? 1 : 0));
      assertEquals(again, stay.size);
      for (const handle of own) pool.free(handle);
    }
    Atomics.store(crew.control, CONTROL.stop, 1);
    const results = await working;
    for (const it of results) assertGreater(it.operations, 0);
    validate(pool);
  },
);

workersTest("SharedPool.forEach()'s stripes in workers cover every record once", async () => {
  for (const workers of [2, 4]) {
    using crew = new Crew(workers);
    const pool = SharedPool.create(Cell, { maxChunks: 8192, chunksPerBlock: 64 });
    const live = fill(pool, 5000);
    const free = live.filter((_, i) => i % 3 === 0);
    for (const handle of free) pool.free(handle);
    for (let pass = 1; pass <= 10; pass++) {
      const visits = new SharedArrayBuffer(4 * 8192);
      const seen = await crew.run<number>(
        pool,
        (): Task<Visit> => ({
          job: "visit",
          visits,
        }),
      );
      assertEquals(seen.reduce((sum, it) => sum + it), pool.size);
      const counts = new Int32Array(visits);
      for (const handle of live) {
        assertEquals(counts[handle % 8192], pool.has(handle) ? 1 : 0, `record ${handle}`);
      }
    }
  }
});

function fill(pool: CellPool, count: number): AnyHandle[] {
  return Array.from({ length: count }, (_, counter) => {
    const handle = pool.alloc({ owner: 99, counter }) as AnyHandle;
    pool.get(handle).seal = sealOf(99, counter, handle);
    return handle;
  });
}

// -- one allocates, one frees --

workersTest(
  "SharedPool lets one worker allocate what another frees, in a pool not much larger than what is on its way",
  async () => {
    using crew = new Crew(2);
    for (const handles of ["compact", "wide"] as const) {
      const pool = SharedPool.create(Cell, { handles, maxChunks: 512, chunksPerBlock: 64 });
      const ring = new SharedArrayBuffer(8 * 256);
      const done = await crew.run<number>(
        pool,
        (id): Task<Convey> => ({
          job: id === 1 ? "produce" : "consume",
          ring,
          count: 100_000,
        }),
      );
      assertEquals(done[1], 100_000);
      assert(done[0] <= 512, `${done[0]} chunks`);
      assertWhole(pool);
    }
  },
);

// -- two free the same --

for (const [who, allocator] of [["of a third thread", 0], ["of one of them", 1]] as const) {
  workersTest(
    `SharedPool.free() of a record ${who} by two workers at once succeeds once`,
    async () => {
      using crew = new Crew(2);
      for (const handles of ["compact", "wide"] as const) {
        const count = 20_000;
        const pool = SharedPool.create(Cell, { handles, maxChunks: 32_768, chunksPerBlock: 256 });
        const shared = new SharedArrayBuffer(8 * count);
        const wins = new SharedArrayBuffer(4 * count);
        if (allocator === 0) new Float64Array(shared).set(fill(pool, count));
        const won = await crew.run<number>(
          pool,
          (): Task<FreeSame> => ({
            job: "freeSame",
            handles: shared,
            batch: 200,
            wins,
            allocator,
            isSplit: false,
          }),
        );
        assertEquals(won[0] + won[1], count);
        assertEquals(new Set(new Int32Array(wins)), new Set([1]));
        assertWhole(pool);
      }
    },
  );
}

workersTest("SharedPool counts every chunk that retires, where two workers free", async () => {
  using crew = new Crew(2);
  const count = 16_000;
  const pool = SharedPool.create(Cell, {
    handles: "wide",
    maxChunks: 16_384,
    chunksPerBlock: 4096,
  });
  retireAtOnce(pool);
  const handles = new SharedArrayBuffer(8 * count);
  const wins = new SharedArrayBuffer(4 * count);
  new Float64Array(handles).set(fill(pool, count));
  const won = await crew.run<number>(pool, (): Task<FreeSame> => ({
    job: "freeSame",
    handles,
    batch: 4000,
    wins,
    allocator: 0,
    isSplit: true,
  }));
  assertEquals(won, [count / 2, count / 2]);
  assertEquals([pool.size, slabOf(pool).retired], [0, count]);
  validate(pool);
});

// -- all join at once --

for (const [what, isUsed] of [["new", false], ["left", true]] as const) {
  workersTest(
    `SharedPool gives workers that come to a ${what} pool at once no block twice`,
    async () => {
      const workers = 3;
      using crew = new Crew(workers);
      const options = { maxChunks: 128, chunksPerBlock: 16, keepEmptyBlocks: 9 };
      const pools = Array.from({ length: 400 }, () => SharedPool.create(Cell, options));
      const tokens = pools.map((it) => it.share());
      for (const pool of pools) {
        if (isUsed) { for (const handle of fill(pool, 64)) pool.free(handle); }
        pool.dispose(); // its blocks are there for whoever comes first
      }
      const holders = new SharedArrayBuffer(4 * 128 * tokens.length);
      const anyPool = SharedPool.create(Cell, options);
      const threads = await crew.run<number[]>(anyPool, (): Task<Rush> => ({
        job: "rush",
        tokens,
        holders,
        count: 20,
      }));
      tokens.forEach((token, i) => {
        assertEquals(threads.map((it) => it[i]).sort(), [2, 3, 4]);
        const pool = SharedPool.attach(Cell, token);
        validate(pool);
        assertEquals(pool.size, 60);
        assertEquals(slabOf(pool).mappedBlocks().filter((it) => it.owner === 0), []);
      });
    },
  );
}

// -- workers that end in the middle --

/** A pool that a worker shares, which is well under way. */
async function startedWith(how: Die["how"], lock: string) {
  const crew = new Crew(1);
  const pool = SharedPool.create(Cell, { handles: "wide", maxChunks: 2048, chunksPerBlock: 64 });
  const mine = fill(pool, 300);
  const [thread] = await crew.run<number>(
    pool,
    (): Task<Die> => ({
      job: "die",
      how,
      lock,
    }),
  );
  const theirs: AnyHandle[] = [];
  pool.forEach(({ owner }, handle) => owner === 1 && theirs.push(handle as AnyHandle));
  return { crew, pool, mine, thread, theirs };
}

workersTest(
  "SharedPool goes on without a worker terminated in the middle of its work, and adopts its blocks",
  async () => {
    const started = await startedWith("park", crypto.randomUUID());
    using crew = started.crew;
    const { pool, mine, thread, theirs } = started;
    for (const worker of crew.workers) worker.terminate();
    Atomics.store(crew.control, CONTROL.stop, 1); // it was parked, and is terminated before it is back
    Atomics.notify(crew.control, CONTROL.stop);

    validate(pool);
    assertGreater(theirs.length, 0);
    for (const handle of [...mine, ...theirs.slice(0, theirs.length >> 1)]) pool.free(handle);
    assertEquals(pool.size, theirs.length - (theirs.length >> 1));
    validate(pool);
    while (pool.tryAlloc() !== undefined);
    const { size } = pool;
    assert(size < pool.maxChunks);
    const message = "free in blocks that other threads own";
    await assertRejects(
      () => Promise.resolve().then(() => pool.alloc()),
      PoolExhaustedError,
      message,
    );

    assertGreater(pool.adopt(thread), 0);
    validate(pool);
    while (pool.tryAlloc() !== undefined);
    assertEquals(pool.size, pool.maxChunks);
    validate(pool);
    const live: AnyHandle[] = [];
    pool.forEach((_, handle) => live.push(handle as AnyHandle));
    for (const handle of live) pool.free(handle);
    assertWhole(pool);
  },
);

for (const how of ["go on", "close"] as const) {
  const what = how === "close" ? "that closed itself" : "terminated while it goes on";
  workersTest(
    `SharedPool.adopt() has all chunks back of a worker ${what}, once its lock is free`,
    async () => {
      const lock = crypto.randomUUID();
      const started = await startedWith(how, lock);
      using crew = started.crew;
      const { pool, mine, thread } = started;
      if (how === "go on") {
        // Records of ours come and go meanwhile.
        for (const handle of mine.splice(0, 100)) pool.free(handle);
        mine.push(...fill(pool, 50));
      }
      for (const worker of crew.workers) worker.terminate();
      await locks!.request(lock, () => {}); // else this test is ignored

      const beat = Atomics.load(crew.control, CONTROL.beat);
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
      assertEquals(Atomics.load(crew.control, CONTROL.beat), beat);
    },
    locks !== undefined,
  );
}
