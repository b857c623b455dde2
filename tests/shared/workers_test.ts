/**
 * `SharedPool` with real workers. Their jobs are in `_workers.ts`; longer rounds of the first are
 * done by `deno task soak:workers`.
 */
import { assertGreater, assertRejects } from "@std/assert";
import { SharedPool, validate } from "../../mod.ts";
import { assertWhole, Cell, churn, fill, locks, sealed, Workers } from "./_workers.ts";

// -- all at once --

for (const count of [2, 4]) {
  for (const handles of ["compact", "wide"] as const) {
    Deno.test(`SharedPool gives ${count} workers no chunk twice, and loses none (${handles})`, async () => {
      using workers = new Workers(count);
      for (const maxChunks of [8192, 1024]) {
        const task = { handles, maxChunks, operations: 150_000, seed: maxChunks };
        const { allocs, taken, visited } = await churn(workers, task);
        for (const it of [allocs, taken, visited]) assertGreater(it, 1000);
      }
    });
  }
}

Deno.test("A worker that finds a record changed says so, and holds up no other", async () => {
  using workers = new Workers(2);
  const pool = SharedPool.create(Cell, { chunksPerBlock: 64 });
  const forged = pool.alloc({ owner: 1 }); // has no seal
  const slots = new BigInt64Array(new SharedArrayBuffer(8 * 16)).fill(BigInt(forged), 0, 1);
  const working = workers.run(pool, "churning", { slots, seed: 1, operations: 100_000 });
  await assertRejects(() => working, AggregateError, `record ${forged} of 1 has`);
});

// -- workers that end in the middle of their work --

for (const isClosed of [false, true]) {
  const what = isClosed ? "that closed itself" : "that is terminated in its work";
  Deno.test({
    name: `SharedPool goes on without a worker ${what}, and adopts its blocks`,
    ignore: locks === undefined,
    async fn() {
      using workers = new Workers(1);
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
    },
  });
}
