/**
 * Classes of the user's that extend a pool: what they override is called, `super` calls the pool's
 * own member, and they are disposed of as pools are. That all other members do what they do in the
 * pool is shown in `pool_base_test.ts` and `iteration_test.ts`.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  DisposedError,
  ErasedPool,
  type Handle,
  type HandleOf,
  type Init,
  LeakError,
  Pool,
  PoolBase,
  type PoolOptions,
  PoolSet,
  StaleHandleError,
  struct,
  TypeMismatchError,
  validate,
  type View,
} from "../../mod.ts";
import type { AnyPool } from "../_kinds.ts";
import { untyped } from "../_support.ts";

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 128, name: "bullets" };

const Vec = struct({ x: "f32", y: "f32" });
const Bullet = struct({ n: "u32", pos: Vec }, { name: "Bullet" });
const Spark = struct({ n: "u32", heat: "f32" }, { name: "Spark" });
type Shot = typeof Bullet | typeof Spark;

// -- the classes --

class Bullets extends Pool<typeof Bullet> {
  readonly log: string[] = [];
  #spawned = 0;

  constructor(options: PoolOptions = SMALL) {
    super(Bullet, options);
  }

  spawn(n: number): Handle<typeof Bullet> {
    this.#spawned++;
    return this.alloc({ n, pos: { x: n } });
  }

  get spawned(): number {
    return this.#spawned;
  }

  override free(handle: Handle<typeof Bullet>): void {
    this.log.push(`free ${this.get(handle).n}`);
    super.free(handle);
  }
}

class FastBullets extends Bullets {
  override alloc(init?: Init<typeof Bullet>): Handle<typeof Bullet> {
    this.log.push("alloc");
    return super.alloc(init);
  }

  override free(handle: Handle<typeof Bullet>): void {
    this.log.push("fast");
    super.free(handle);
  }

  override get size(): number {
    return super.size * 10;
  }
}

class Shots extends ErasedPool<Shot> {
  readonly log: string[] = [];

  constructor(options: PoolOptions = SMALL) {
    super({ size: 16, ...options, types: [Bullet, Spark] });
  }

  override free(handle: HandleOf<Shot>): void {
    this.log.push("free");
    super.free(handle);
  }

  override alloc<T extends Shot>(struct: T, init?: Init<T>): Handle<T> {
    this.log.push(`alloc ${struct.name}`);
    return super.alloc(struct, init);
  }
}

class FastShots extends Shots {
  override free(handle: HandleOf<Shot>): void {
    this.log.push("fast");
    super.free(handle);
  }
}

class ShotSet extends PoolSet<Shot> {
  readonly log: string[] = [];

  constructor(options: PoolOptions = SMALL) {
    super({ sizes: [8, 16], ...options, types: [Bullet, Spark] });
  }

  override free(handle: HandleOf<Shot>): void {
    this.log.push("free");
    super.free(handle);
  }
}

class FastShotSet extends ShotSet {}

// -- what is overridden --

Deno.test("What a class that extends Pool overrides is called, with super as the pool has it", () => {
  for (const specialize of [true, false]) {
    using pool = new Bullets({ ...SMALL, specialize });
    const [a, b] = [pool.spawn(1), pool.spawn(2)];
    assertEquals([pool.spawned, pool.size, pool.get(b).pos.x], [2, 2, 2]);
    pool.free(a);
    assertThrows(() => pool.free(a), StaleHandleError);
    assertThrows(() => pool.free(untyped(0)), StaleHandleError);
    assertEquals(pool.log, ["free 1"]);
    for (const bullet of pool) bullet.pos.x += 1;
    pool.forEach((bullet, handle) => {
      bullet.pos.x += 1;
      pool.free(handle);
    });
    assertEquals([pool.log, pool.size], [["free 1", "free 2"], 0]);
    validate(pool);
  }
});

Deno.test("A class that extends one that extends Pool overrides that, and figures as well", () => {
  for (const specialize of [true, false]) {
    using pool = new FastBullets({ ...SMALL, specialize });
    const handle = pool.spawn(3);
    assertEquals(pool.size, 10);
    using scope = pool.scoped({ n: 4 }); // which allocates as the class does
    assertEquals(scope.view.n, 4);
    pool.free(handle);
    assertEquals(pool.log, ["alloc", "alloc", "fast", "free 3"]);
    assertEquals(pool.stats().size, 1);
    validate(pool);
  }
});

Deno.test("What a class that extends ErasedPool overrides is called, with super as the pool has it", () => {
  for (const specialize of [true, false]) {
    using pool = new FastShots({ ...SMALL, specialize });
    const bullet = pool.alloc(Bullet, { n: 1 });
    const spark = pool.alloc(Spark, { heat: 2 });
    assertEquals([pool.typeOf(bullet).name, pool.get(Spark, spark).heat], ["Bullet", 2]);
    assertThrows(() => pool.get(Spark, untyped(bullet)), TypeMismatchError);
    pool.free(bullet);
    assertThrows(() => pool.free(bullet), StaleHandleError);
    assertEquals(pool.log, ["alloc Bullet", "alloc Spark", "fast", "free", "fast", "free"]);
    assertEquals([...pool.handles()], [spark]);
    validate(pool);
  }
});

Deno.test("What a class that extends PoolSet overrides is called, with super as the set has it", () => {
  for (const specialize of [true, false]) {
    using set = new FastShotSet({ ...SMALL, specialize });
    const bullet = set.alloc(Bullet, { n: 1 });
    set.alloc(Spark, { heat: 2 });
    set.free(bullet);
    assertThrows(() => set.free(bullet), StaleHandleError);
    assertEquals([set.log, set.size], [["free", "free"], 1]);
    validate(set);
  }
});

Deno.test("Views of a pool and of a class that extends it are of one class, and snapshots go to and fro", () => {
  for (const specialize of [true, false]) {
    using plain = new Pool(Bullet, { ...SMALL, specialize });
    using bullets = new Bullets({ ...SMALL, specialize });
    const handle = bullets.spawn(6);
    plain.restore(bullets.snapshot());
    assertEquals(plain.get(handle).toJSON(), bullets.get(handle).toJSON());
    const cursor = bullets.seek(bullets.cursor(), handle);
    assertEquals(plain.seek(cursor, handle).n, 6);
    assertEquals(plain.handleOf(cursor), handle);
    plain.alloc({ n: 7 });
    bullets.restore(plain.snapshot());
    assertEquals(Array.from(bullets, ({ n }) => n), [6, 7]);
  }
});

// -- what they are, and their end --

type Extended = new (options?: PoolOptions) => object;

/** The classes of a pool, from the last derived one up. */
const FAMILIES: Readonly<Record<string, readonly [Extended, Extended, { prototype: object }]>> = {
  Pool: [FastBullets, Bullets, Pool],
  ErasedPool: [FastShots, Shots, ErasedPool],
  PoolSet: [FastShotSet, ShotSet, PoolSet],
};

for (const [name, [Last, First, Base]] of Object.entries(FAMILIES)) {
  const of = Base === Pool ? [] : [Bullet];

  Deno.test(`A class that extends ${name} makes instances of itself and of all that it extends`, () => {
    for (const specialize of [true, false]) {
      const pool = new Last({ ...SMALL, specialize });
      for (const Class of [Last, First, Base, PoolBase]) {
        assertInstanceOf(pool, untyped<Extended>(Class));
      }
      assert(pool.constructor === Last);
      assert(!(new First({ ...SMALL, specialize }) instanceof Last));
    }
  });

  Deno.test(`A class that extends ${name} finds mistakes in debug mode, and is disposed of`, () => {
    for (const Class of [First, Last]) {
      const pool = new Class({ ...SMALL, debug: true }) as AnyPool;
      const handle = pool.alloc(...of, { n: 1 });
      const view = pool.get<View<typeof Bullet>>(...of, handle);
      pool.tryFree(handle);
      assertThrows(() => view.n, StaleHandleError);
      pool.alloc(...of);
      assertThrows(() => pool[Symbol.dispose](), LeakError);
      let kept: AnyPool;
      {
        using pool = new Class(SMALL) as AnyPool;
        pool.alloc(...of);
        kept = pool;
      }
      assertThrows(() => kept.alloc(...of), DisposedError);
      assertEquals(kept.size, 0);
    }
  });
}
