/**
 * Classes of the user's that extend a pool: every member does what it does in the pool itself, and
 * what they override is called. With code of the pool's own and with the module's.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type AnyHandle,
  array,
  DisposedError,
  dump,
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
import { type AnyPool, type OfKind, reserveIn, valuesOf, viewsOf } from "../_kinds.ts";
import { untyped } from "../_support.ts";

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 128, name: "bullets" };

const Vec = struct({ x: "f32", y: "f32" });
const Bullet = struct({ n: "u32", pos: Vec, color: array("u8", 4) }, { name: "Bullet" });
const Spark = struct({ n: "u32", heat: "f32" }, { name: "Spark" });
type BulletView = View<typeof Bullet>;
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

class OpenShots extends ErasedPool {
  constructor(options: PoolOptions = SMALL) {
    super({ size: 16, ...options });
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

// -- every member --

/** A use of a member; its result and the state afterwards are compared between the classes. */
type Use = (it: OfKind, handles: readonly AnyHandle[]) => unknown;

/** The result of a call, or the class of the error that it throws. */
function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return (error as Error).name;
  }
}

/** Calls a member that only some kinds of pools have. */
function callOf(pool: object, name: string, ...args: unknown[]): unknown {
  return attempt(() => (pool as Record<string, (...args: unknown[]) => unknown>)[name](...args));
}

/** Every public member, in a pool with ten records of `Bullet`. */
const USES: Readonly<Record<string | symbol, Use>> = {
  alloc: ({ pool, of }) => [pool.alloc(...of), pool.alloc(...of, { n: 77, color: [1] })],
  tryAlloc: ({ pool, of }) => [pool.tryAlloc(...of), pool.tryAlloc(...of, { pos: { y: 2 } })],
  free: ({ pool }, [a]) => {
    pool.free(a);
    assertThrows(() => pool.free(a), StaleHandleError);
  },
  tryFree: ({ pool }, [a]) => [pool.tryFree(a), pool.tryFree(a)],
  has: ({ pool }, [a]) => [pool.has(a), pool.has(untyped(0))],
  indexOf: ({ pool }, handles) => handles.map((it) => pool.indexOf(it)),
  pack: ({ pool, of }) => {
    const out = new Float32Array(64);
    const bytes = new Uint8Array(256);
    return [pool.pack(...of, out, ["n", "pos"]), out, pool.pack(bytes), bytes];
  },
  get: ({ pool, of }, [, b]) => pool.get<BulletView>(...of, b).toJSON(),
  tryGet: ({ pool, of }, [, b]) => [
    pool.tryGet<BulletView>(...of, b)?.toJSON(),
    pool.tryGet(...of, 0),
  ],
  set: ({ pool, of }, [, b]) => pool.set(...of, b, { n: 5, pos: { x: 6 }, color: [7, 8] }),
  allocAt: ({ pool, of }) => {
    const cursor = pool.cursor<BulletView>(...of);
    const handle = pool.allocAt(...of, cursor);
    cursor.n = 55;
    return [handle, pool.handleOf(cursor)];
  },
  cursor: ({ pool, of }) => pool.cursor<BulletView>(...of).toJSON(),
  seek: ({ pool, of }, handles) => {
    const cursor = pool.cursor<BulletView>(...of);
    return handles.map((handle) => pool.seek(cursor, handle).n);
  },
  handle: ({ pool, of }, [a]) => [pool.handle(a), callOf(pool, "handle", ...of, a)],
  handleOf: ({ pool, of }, [a]) => {
    const view = pool.get<BulletView>(...of, a);
    return [pool.handleOf(view), pool.handleOf(view.pos), pool.handleOf(view.color)];
  },
  forEach: ({ pool, of }) => {
    const seen: unknown[] = [];
    pool.forEach(...of, ({ n }: BulletView, handle: number) => seen.push(n, handle));
    return seen;
  },
  loop: ({ pool, of }) => {
    const seen: unknown[] = [];
    const pass = pool.loop(...of, ({ n }: BulletView, ...args: unknown[]) => seen.push(n, args));
    pass();
    pass(1, 2);
    return seen;
  },
  // A pool without types throws.
  [Symbol.iterator]: ({ pool }) => attempt(() => Array.from(pool, (view) => view.toJSON())),
  handles: ({ pool }) => [...pool.handles()],
  retain: ({ pool, of }) => pool.retain(...of, ({ n }: BulletView) => n % 2 === 0),
  allocMany: ({ pool, of }) => [
    pool.allocMany(...of, 3),
    pool.allocMany(...of, 2, new Float64Array(2)),
  ],
  freeMany: ({ pool }, [a, b, c]) => pool.freeMany([a, b, c]),
  scoped: ({ pool, of }) => {
    const { size } = pool;
    using scope = pool.scoped(...of, { n: 9 });
    return [pool.size > size, scope.handle, untyped<BulletView>(scope.view).n];
  },
  reserve: (it) => reserveIn(it, 40),
  clear: ({ pool }) => pool.clear(),
  freeBlock: ({ pool }) => pool.freeBlock(pool.blocks[0].index),
  trim: ({ pool }) => {
    pool.clear();
    return pool.trim();
  },
  compact: ({ pool, of }) => {
    pool.freeMany(pool.allocMany(...of, 22).slice(0, 21));
    const moves: number[] = [];
    return [pool.compact((from, to) => moves.push(from, to)), moves];
  },
  stats: ({ pool }) => pool.stats(),
  rebind: ({ pool }) => pool.rebind(),
  snapshot: ({ pool }) => pool.snapshot(),
  restore: ({ pool, of }, [a]) => {
    const saved = pool.snapshot();
    pool.free(a);
    pool.alloc(...of);
    pool.restore(saved);
    return pool.has(a);
  },
  save: ({ pool }) => pool.save(),
  load: ({ pool, of }, [a]) => {
    const saved = pool.save();
    pool.free(a);
    pool.alloc(...of);
    return [pool.load(saved), pool.has(a)];
  },
  dispose: ({ pool }) => {
    pool.dispose();
    pool.dispose();
    assertThrows(() => pool.has(untyped(0)), DisposedError);
  },
  [Symbol.dispose]: ({ pool }) => pool[Symbol.dispose](),
  // Figures.
  size: ({ pool }) => pool.size,
  capacity: ({ pool }) => pool.capacity,
  maxChunks: ({ pool }) => pool.maxChunks,
  byteLength: ({ pool }) => pool.byteLength,
  blocks: ({ pool }) => pool.blocks.map(({ index, live }) => [index, live]),
  chunksPerBlock: ({ pool }) => untyped<Pool<typeof Bullet>>(pool).chunksPerBlock,
  // Of pools of several structs.
  typeOf: ({ pool }, [a]) => callOf(pool, "typeOf", a),
  bytes: ({ pool }, [a]) => [...untyped<ErasedPool>(pool).bytes(a)],
  all: (it) => Array.from(viewsOf<BulletView>(it), (view) => view.toJSON()),
  chunkBytes: ({ pool }) => untyped<ErasedPool>(pool).chunkBytes,
  align: ({ pool }) => untyped<ErasedPool>(pool).align,
  lostBytes: ({ pool }) => callOf(pool, "lostBytes"),
  poolFor: ({ pool }) => untyped<PoolSet>(pool).poolFor(Bullet).chunkBytes,
};

/** The names of all public members of a class. */
function membersOf(Class: { readonly prototype: object }): (string | symbol)[] {
  const names = new Set<string | symbol>();
  let at: object = Class.prototype;
  for (; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Reflect.ownKeys(at)) {
      const isOwn = typeof name === "string"
        ? name.startsWith("_") || name === "constructor"
        : name !== Symbol.iterator && name !== Symbol.dispose; // how consoles show it
      if (!isOwn) names.add(name);
    }
  }
  return [...names];
}

type Made = (options: PoolOptions) => object;
type Extended = new (options: PoolOptions) => object;

/** A class of pools, how one is made, and classes that extend it. */
const FAMILIES: Readonly<
  Record<
    string,
    { Base: { readonly prototype: object }; make: Made; extended: Extended[]; of: typeof Bullet[] }
  >
> = {
  "Pool": {
    Base: Pool,
    make: (options) => new Pool(Bullet, options),
    extended: [Bullets, class extends Bullets {}],
    of: [],
  },
  "ErasedPool": {
    Base: ErasedPool,
    make: (options) => new ErasedPool({ size: 16, ...options, types: [Bullet, Spark] }),
    extended: [Shots, FastShots],
    of: [Bullet],
  },
  "ErasedPool without types": {
    Base: ErasedPool,
    make: (options) => new ErasedPool({ size: 16, ...options }),
    extended: [OpenShots, class extends OpenShots {}],
    of: [Bullet],
  },
  "PoolSet": {
    Base: PoolSet,
    make: (options) => new PoolSet({ sizes: [8, 16], ...options, types: [Bullet, Spark] }),
    extended: [ShotSet, FastShotSet],
    of: [Bullet],
  },
};

for (const [name, { Base, make, extended, of }] of Object.entries(FAMILIES)) {
  Deno.test(`Every member of a class that extends ${name} does what it does in that`, () => {
    const makers = [make, ...extended.map((Class): Made => (options) => new Class(options))];
    for (const specialize of [true, false]) {
      for (const handles of ["compact", "wide"] as const) {
        for (const member of membersOf(Base)) {
          assert(member in USES, `nothing uses ${String(member)}`);
          const [expected, ...others] = makers.map((make) => {
            const pool = make({ ...SMALL, specialize, handles }) as AnyPool;
            const it = { pool, of };
            const records = Array.from({ length: 10 }, (_, n) => {
              return pool.alloc(...of, { n, pos: { x: n } });
            });
            const result = USES[member](it, records);
            if (member === "dispose" || member === Symbol.dispose) return result;
            validate(pool);
            const state = [result, valuesOf(it), [...pool.handles()], pool.stats(), dump(pool)];
            pool.dispose();
            return state;
          });
          for (const other of others) assertEquals(other, expected, String(member));
        }
      }
    }
  });

  Deno.test(`A class that extends ${name} makes instances of itself and of all that it extends`, () => {
    for (const specialize of [true, false]) {
      const [First, Second] = extended;
      const pool = new Second({ ...SMALL, specialize });
      for (const Class of [Second, First, Base, PoolBase]) {
        assertInstanceOf(pool, Class as new () => object);
      }
      assertStrictEquals(pool.constructor, Second);
      assert(!(new First({ ...SMALL, specialize }) instanceof Second));
      assert(!(make({ ...SMALL, specialize }) instanceof First));
    }
  });

  Deno.test(`A class that extends ${name} finds mistakes in debug mode, and is disposed of`, () => {
    for (const Class of extended) {
      const pool = new Class({ ...SMALL, debug: true }) as AnyPool;
      const handle = pool.alloc(...of, { n: 1 });
      const view = pool.get<BulletView>(...of, handle);
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
