/**
 * Classes of the user's that extend a pool: every member does what it does in the pool itself, and what they override is called. With code
 * of the pool's own and with the module's.
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
  type AnyStruct,
  array,
  DisposedError,
  dump,
  ErasedPool,
  type Handle,
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
import { untyped } from "../_support.ts";

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 128, name: "bullets" };

const Vec = struct({ x: "f32", y: "f32" });
const Bullet = struct({ n: "u32", pos: Vec, color: array("u8", 4) }, { name: "Bullet" });
const Spark = struct({ n: "u32", heat: "f32" }, { name: "Spark" });
type BulletHandle = Handle<typeof Bullet>;
type Shot = typeof Bullet | typeof Spark;

// -- the classes --

class Bullets extends Pool<typeof Bullet> {
  readonly log: string[] = [];
  #spawned = 0;

  constructor(options: PoolOptions = SMALL) {
    super(Bullet, options);
  }

  spawn(n: number): BulletHandle {
    this.#spawned++;
    return this.alloc({ n, pos: { x: n } });
  }

  get spawned(): number {
    return this.#spawned;
  }

  override free(handle: BulletHandle): void {
    this.log.push(`free ${this.get(handle).n}`);
    super.free(handle);
  }
}

class FastBullets extends Bullets {
  override alloc(init?: Init<typeof Bullet>): BulletHandle {
    this.log.push("alloc");
    return super.alloc(init);
  }

  override free(handle: BulletHandle): void {
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

  override free(handle: Handle<typeof Bullet> | Handle<typeof Spark>): void {
    this.log.push("free");
    super.free(handle);
  }

  override alloc<T extends Shot>(struct: T, init?: Init<T>): Handle<T> {
    this.log.push(`alloc ${struct.name}`);
    return super.alloc(struct, init);
  }
}

class FastShots extends Shots {
  override free(handle: Handle<typeof Bullet> | Handle<typeof Spark>): void {
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

  override free(handle: Handle<typeof Bullet> | Handle<typeof Spark>): void {
    this.log.push("free");
    super.free(handle);
  }
}

class FastShotSet extends ShotSet {}

// -- every member --

/** What all pools have, whatever they are told before. */
type Loose = Record<string | symbol, (...args: unknown[]) => unknown> & {
  readonly size: number;
  readonly blocks: readonly { readonly index: number; readonly live: number }[];
};

/** A use of a member of a pool with ten records of `Bullet`; it gives what is to be the same for all classes. */
type Use = (pool: Loose, handles: readonly AnyHandle[], told: readonly unknown[]) => unknown;

const values = (pool: Loose, told: readonly unknown[]) => {
  const seen: unknown[] = [];
  pool.forEach(...told, (view: View<AnyStruct>, handle: number) => {
    seen.push(view.toJSON(), handle);
  });
  return seen;
};

/** Every public member. */
const USES: Readonly<Record<string | symbol, Use>> = {
  alloc: (pool, _, told) => [pool.alloc(...told), pool.alloc(...told, { n: 77, color: [1] })],
  tryAlloc: (pool, _, told) => [pool.tryAlloc(...told), pool.tryAlloc(...told, { pos: { y: 2 } })],
  free: (pool, [a]) => {
    pool.free(a);
    assertThrows(() => pool.free(a), StaleHandleError);
  },
  tryFree: (pool, [a]) => [pool.tryFree(a), pool.tryFree(a), pool.tryFree(0)],
  has: (pool, [a]) => [pool.has(a), pool.has(0)],
  indexOf: (pool, handles) => handles.map((it) => pool.indexOf(it)),
  pack: (pool, _, told) => {
    const out = new Float32Array(64);
    const bytes = new Uint8Array(256);
    return [pool.pack(...told, out, ["n", "pos"]), [...out], pool.pack(bytes), [...bytes]];
  },
  get: (pool, [, b], told) => (pool.get(...told, b) as View<AnyStruct>).toJSON(),
  tryGet: (pool, [, b], told) => [
    (pool.tryGet(...told, b) as View<AnyStruct>).toJSON(),
    pool.tryGet(...told, 0),
  ],
  set: (pool, [, b], told) => pool.set(...told, b, { n: 5, pos: { x: 6 }, color: [7, 8] }),
  allocAt: (pool, _, told) => {
    const cursor = pool.cursor(...told) as View<typeof Bullet>;
    const handle = pool.allocAt(...told, cursor);
    cursor.n = 55;
    return [handle, pool.handleOf(cursor)];
  },
  cursor: (pool, [a], told) => {
    const cursor = pool.cursor(...told);
    assertStrictEquals(pool.seek(cursor, a), cursor);
    return (cursor as View<AnyStruct>).toJSON();
  },
  seek: (pool, handles, told) => {
    const cursor = pool.cursor(...told);
    return handles.map((handle) => (pool.seek(cursor, handle) as View<typeof Bullet>).n);
  },
  handle: (pool, [a], told) => [pool.handle(a), pool.handle(...told, a), pool.handle(-1)],
  handleOf: (pool, [a], told) => {
    const view = pool.get(...told, a) as View<typeof Bullet>;
    return [pool.handleOf(view), pool.handleOf(view.pos), pool.handleOf(view.color)];
  },
  forEach: (pool, _, told) => values(pool, told),
  loop: (pool, _, told) => {
    const seen: unknown[] = [];
    const pass = pool.loop(...told, (view: { n: number }, handle: number, ...args: unknown[]) => {
      seen.push(view.n, handle, ...args);
    }) as (...args: unknown[]) => void;
    pass();
    pass(1, 2);
    return seen;
  },
  // A pool without types throws.
  [Symbol.iterator]: (pool) =>
    attempt(() => {
      return Array.from(pool as unknown as Iterable<View<AnyStruct>>, (view) => view.toJSON());
    }),
  handles: (pool) => [...pool.handles() as Iterable<number>],
  retain: (pool, _, told) => pool.retain(...told, (view: { n: number }) => view.n % 2 === 0),
  allocMany: (pool, _, told) => [
    pool.allocMany(...told, 3),
    pool.allocMany(...told, 2, new Float64Array(2)),
  ],
  freeMany: (pool, [a, b, c]) => pool.freeMany([a, b, c]),
  scoped: (pool, _, told) => {
    const { size } = pool;
    using scope = pool.scoped(...told, { n: 9 }) as
      & { handle: number; view: View<typeof Bullet> }
      & Disposable;
    return [pool.size - size > 0, scope.handle, scope.view.n];
  },
  reserve: (pool) => pool.reserve(...pool instanceof PoolSet ? [Bullet] : [], 40),
  clear: (pool) => pool.clear(),
  freeBlock: (pool) => pool.freeBlock(pool.blocks[0].index),
  trim: (pool) => {
    pool.clear();
    return pool.trim();
  },
  compact: (pool, _, told) => {
    const more = pool.allocMany(...told, 22) as AnyHandle[];
    pool.freeMany(more.slice(0, 21));
    const moves: number[] = [];
    return [pool.compact((from: number, to: number) => void moves.push(from, to)), moves];
  },
  stats: (pool) => ({ ...pool.stats() as object }),
  rebind: (pool) => pool.rebind(),
  snapshot: (pool) => [...pool.snapshot() as Uint8Array],
  restore: (pool, [a], told) => {
    const saved = pool.snapshot();
    pool.free(a);
    pool.alloc(...told);
    pool.restore(saved);
    return pool.has(a);
  },
  save: (pool) => [...pool.save() as Uint8Array],
  load: (pool, [a], told) => {
    const saved = pool.save();
    pool.free(a);
    pool.alloc(...told);
    return [pool.load(saved), pool.has(a)];
  },
  slabOf: () => {}, // the module's own
  dispose: (pool) => {
    pool.dispose();
    pool.dispose();
    assertThrows(() => pool.has(0), DisposedError);
  },
  [Symbol.dispose]: (pool) => pool[Symbol.dispose](),
  // Figures.
  size: ({ size }) => size,
  capacity: (pool) => pool.capacity,
  maxChunks: (pool) => pool.maxChunks,
  byteLength: (pool) => pool.byteLength,
  blocks: ({ blocks }) => blocks.map(({ index, live }) => [index, live]),
  chunksPerBlock: (pool) => pool.chunksPerBlock,
  // Of pools of several structs.
  typeOf: (pool, [a]) => attempt(() => (pool.typeOf(a) as AnyStruct).name),
  bytes: (pool, [a]) => [...pool.bytes(a) as Uint8Array],
  all: (pool, _, [struct]) =>
    Array.from(pool.all(struct) as Iterable<View<AnyStruct>>, (view) => view.toJSON()),
  chunkBytes: (pool) => pool.chunkBytes,
  align: (pool) => pool.align,
  lostBytes: (pool) => attempt(() => pool.lostBytes()),
  poolFor: (pool, _, [struct]) => (pool.poolFor(struct) as ErasedPool).chunkBytes,
};

/** What a call gives, or the class of what it throws. */
function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return (error as Error).name;
  }
}

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

/** A pool, classes that extend it, and how each of them is made. */
const FAMILIES: Readonly<
  Record<string, {
    Base: { readonly prototype: object };
    make: (options: PoolOptions) => object;
    extended: readonly (new (options: PoolOptions) => object)[];
    told: readonly unknown[];
  }>
> = {
  "Pool": {
    Base: Pool,
    make: (options) => new Pool(Bullet, options),
    extended: [Bullets, class extends Bullets {}],
    told: [],
  },
  "ErasedPool": {
    Base: ErasedPool,
    make: (options) => new ErasedPool({ size: 16, ...options, types: [Bullet, Spark] }),
    extended: [Shots, FastShots],
    told: [Bullet],
  },
  "ErasedPool without types": {
    Base: ErasedPool,
    make: (options) => new ErasedPool({ size: 16, ...options }),
    extended: [OpenShots, class extends OpenShots {}],
    told: [Bullet],
  },
  "PoolSet": {
    Base: PoolSet,
    make: (options) => new PoolSet({ sizes: [8, 16], ...options, types: [Bullet, Spark] }),
    extended: [ShotSet, FastShotSet],
    told: [Bullet],
  },
};

for (const [name, { Base, make, extended, told }] of Object.entries(FAMILIES)) {
  Deno.test(`Every member of a class that extends ${name} does what it does in that`, () => {
    for (const specialize of [true, false]) {
      for (const handles of ["compact", "wide"] as const) {
        for (const member of membersOf(Base)) {
          assert(member in USES, `nothing uses ${String(member)}`);
          const results = [
            make,
            ...extended.map((Class) => (options: PoolOptions) => new Class(options)),
          ]
            .map((make) => {
              const pool = make({ ...SMALL, specialize, handles }) as Loose & Disposable;
              const records = Array.from({ length: 10 }, (_, n) => {
                return pool.alloc(...told, { n, pos: { x: n } }) as AnyHandle;
              });
              const result = USES[member](pool, records, told);
              if (member === "dispose" || member === Symbol.dispose) return result;
              validate(untyped(pool));
              const state = {
                result,
                left: values(pool, told),
                stats: pool.stats(),
                dump: dump(untyped(pool)),
              };
              pool[Symbol.dispose]();
              return state;
            });
          for (const other of results.slice(1)) assertEquals(other, results[0], String(member));
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

  Deno.test(`A class that extends ${name} finds its mistakes in debug mode`, () => {
    for (const Class of extended) {
      const pool = new Class({ ...SMALL, debug: true }) as Loose & Disposable;
      const handle = pool.alloc(...told, { n: 1 }) as number;
      const view = pool.get(...told, handle) as View<typeof Bullet>;
      pool.tryFree(handle);
      assertThrows(() => view.n, StaleHandleError);
      pool.alloc(...told);
      assertThrows(() => pool[Symbol.dispose](), LeakError);
    }
  });

  Deno.test(`A class that extends ${name} is disposed of at the end of its using scope`, () => {
    for (const Class of extended) {
      let kept: Loose;
      {
        using pool = new Class(SMALL) as Loose & Disposable;
        pool.alloc(...told);
        kept = pool;
      }
      assertThrows(() => kept.alloc(...told), DisposedError);
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
