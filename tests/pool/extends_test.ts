/**
 * Classes of the user's that extend a pool: what they override is called, `super` calls the pool's
 * own member, and they are disposed of as pools are. That all other members do what they do in the
 * pool is shown in `pool_base_test.ts` and `iteration_test.ts`.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { debug, LeakError, Pool, PoolSet, restore, snapshot } from "../../mod.ts";
import { StaleHandleError, validate } from "../../mod.ts";
import type { AnyHandle, Handle, Init } from "../../mod.ts";
import { testKinds } from "../_kinds.ts";
import { Num, Pos, SMALL, untyped } from "../_support.ts";
import { EXTENDED, type Extended } from "./_extended.ts";

const claim = "calls what it overrides, with super as the pool has it";
testKinds(claim, Num, SMALL, (make) => {
  const { pool, of } = make();
  const handle = pool.alloc(...of, { n: 1 });
  assertEquals(untyped<{ n: number }>(pool.scoped(...of, { n: 4 }).view).n, 4);
  pool.free(handle);
  assertThrows(() => pool.free(handle), StaleHandleError);
  assertThrows(() => pool.free(untyped(0)), StaleHandleError);
  pool.forEach(...of, (_: unknown, handle: AnyHandle) => pool.free(handle));
  // scoped() of a set allocates in the pool of the class.
  const allocs = pool instanceof PoolSet ? ["alloc"] : ["alloc", "alloc"];
  const log = [...allocs, "free", "free", "free", "free"];
  assertEquals([untyped<Extended>(pool).log, pool.size], [log, 0]);
  validate(pool);
}, EXTENDED);

for (const [kind, make] of Object.entries(EXTENDED)) {
  Deno.test(`${kind} finds mistakes in debug mode`, () => {
    const { pool, of } = make(Num, { ...SMALL, debug });
    const view = pool.get<{ n: number }>(...of, pool.alloc(...of));
    pool.tryFree(pool.handleOf(untyped(view)));
    assertThrows(() => view.n, StaleHandleError);
    pool.alloc(...of);
    assertThrows(() => pool.dispose(), LeakError);
  });
}

/** Overrides members with the types that they have in the pool. */
class Bullets extends Pool<typeof Pos> {
  #spawned = 0;

  override alloc(init?: Init<typeof Pos>): Handle<typeof Pos> {
    this.#spawned++;
    return super.alloc({ ...init, x: 5 });
  }

  override get size(): number {
    return super.size * 10 + this.#spawned;
  }
}

Deno.test("A class that extends Pool shares views and snapshots with the pool", () => {
  for (const specialize of [true, false]) {
    using plain = new Pool(Pos, { ...SMALL, specialize });
    using bullets = new Bullets(Pos, { ...SMALL, specialize });
    const handle = bullets.alloc({ n: 6 });
    assertEquals([bullets.size, bullets.get(handle).x, bullets.stats().size], [11, 5, 1]);
    restore(plain, snapshot(bullets));
    const cursor = bullets.seek(bullets.cursor(), handle);
    assertEquals(plain.seek(cursor, handle).toJSON(), { n: 6, x: 5 });
    assertEquals(plain.handleOf(cursor), handle);
    plain.alloc({ n: 7 });
    restore(bullets, snapshot(plain));
    assertEquals(Array.from(bullets, ({ n }) => n), [6, 7]);
  }
});
