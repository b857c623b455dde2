/**
 * Classes of the user's that extend a pool: what they override is called, `super` calls the pool's
 * own member, and they are disposed of as pools are. That all other members do what they do in the
 * pool is shown in `pool_base_test.ts` and `iteration_test.ts`.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  debug,
  ErasedPool,
  LeakError,
  Pool,
  PoolBase,
  PoolSet,
  restore,
  snapshot,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, Handle, Init, PoolOptions } from "../../mod.ts";
import type { AnyPool } from "../_kinds.ts";
import { untyped } from "../_support.ts";

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 128, name: "bullets" };
const Bullet = struct({ n: "u32", x: "f32" }, { name: "Bullet" });

/** Overrides members with the types that they have in the pool, and adds some. */
class Bullets extends Pool<typeof Bullet> {
  #spawned = 0;

  constructor(options: PoolOptions = SMALL) {
    super(Bullet, options);
  }

  spawn(n: number): Handle<typeof Bullet> {
    this.#spawned++;
    return this.alloc({ n });
  }

  override alloc(init?: Init<typeof Bullet>): Handle<typeof Bullet> {
    return super.alloc({ ...init, x: 5 });
  }

  override free(handle: Handle<typeof Bullet>): void {
    this.#spawned--;
    super.free(handle);
  }

  override get size(): number {
    return super.size * 10 + this.#spawned;
  }
}

interface Instance extends Pick<AnyPool, Exclude<keyof AnyPool, "alloc" | "free">> {
  alloc(...args: unknown[]): AnyHandle;
  free(handle: AnyHandle): void;
}
// deno-lint-ignore no-explicit-any -- the constructor of a mixin's base takes any arguments
type PoolClass = new (...args: any[]) => Instance;

/** A class that extends a pool, and one that extends that; both log calls of what they override. */
function extended(base: unknown): readonly [First: PoolClass, Last: PoolClass] {
  class First extends untyped<PoolClass>(base) {
    readonly log: unknown[] = [];

    override alloc(...args: unknown[]): AnyHandle {
      this.log.push("alloc");
      return super.alloc(...args);
    }

    override free(handle: AnyHandle): void {
      this.log.push("free");
      super.free(handle);
    }
  }
  class Last extends First {
    override free(handle: AnyHandle): void {
      this.log.push("last free");
      super.free(handle);
    }
  }
  return [First, Last];
}

/** The classes of pools, what their constructors take, and what their calls take for the struct. */
const BASES: readonly (readonly [base: unknown, args: unknown[], of: AnyStruct[]])[] = [
  [Pool, [Bullet, SMALL], []],
  [ErasedPool, [{ size: 16, ...SMALL, types: [Bullet] }], [Bullet]],
  [PoolSet, [{ sizes: [8, 16], ...SMALL }], [Bullet]],
];

for (const [Base, args, of] of BASES) {
  const [First, Last] = extended(Base);
  const { name } = Base as PoolClass;
  const make = (Class: PoolClass, more: PoolOptions) =>
    new Class(...args.with(-1, { ...args.at(-1) as PoolOptions, ...more }));

  Deno.test(`What classes that extend ${name} override is called, with super as the pool has it`, () => {
    for (const specialize of [true, false]) {
      const pool = make(Last, { specialize });
      const handle = pool.alloc(...of, { n: 1 });
      assertEquals(untyped<{ n: number }>(pool.scoped(...of, { n: 4 }).view).n, 4);
      pool.free(handle);
      assertThrows(() => pool.free(handle), StaleHandleError);
      assertThrows(() => pool.free(untyped(0)), StaleHandleError);
      pool.forEach(...of, (_: unknown, handle: AnyHandle) => pool.free(handle));
      const free = ["last free", "free"];
      // scoped() of a set allocates in the pool of the class.
      const allocs = Base === PoolSet ? ["alloc"] : ["alloc", "alloc"];
      const log = [...allocs, ...free, ...free, ...free, ...free];
      assertEquals([untyped<{ log: unknown }>(pool).log, pool.size], [log, 0]);
      validate(pool);
      for (const Class of [Last, First, Base, PoolBase]) {
        assertInstanceOf(pool, untyped<PoolClass>(Class));
      }
      assert(pool.constructor === Last && !(make(First, {}) instanceof Last));
    }
  });

  Deno.test(`Classes that extend ${name} find mistakes in debug mode`, () => {
    for (const Class of [First, Last]) {
      const pool = make(Class, { debug });
      const view = pool.get<{ n: number }>(...of, pool.alloc(...of, { n: 1 }));
      pool.tryFree(pool.handleOf(untyped(view)));
      assertThrows(() => view.n, StaleHandleError);
      pool.alloc(...of);
      assertThrows(() => pool[Symbol.dispose](), LeakError);
    }
  });
}

Deno.test("A class that extends Pool shares views and snapshots with the pool", () => {
  for (const specialize of [true, false]) {
    using plain = new Pool(Bullet, { ...SMALL, specialize });
    using bullets = new Bullets({ ...SMALL, specialize });
    const handle = bullets.spawn(6);
    assertEquals([bullets.size, bullets.get(handle).x, bullets.stats().size], [11, 5, 1]);
    restore(plain, snapshot(bullets));
    assertEquals(plain.get(handle).toJSON(), bullets.get(handle).toJSON());
    const cursor = bullets.seek(bullets.cursor(), handle);
    assertEquals(plain.seek(cursor, handle).n, 6);
    assertEquals(plain.handleOf(cursor), handle);
    plain.alloc({ n: 7 });
    restore(bullets, snapshot(plain));
    assertEquals(Array.from(bullets, ({ n }) => n), [6, 7]);
    bullets.free(handle);
    assertEquals(bullets.size, 10);
  }
});
