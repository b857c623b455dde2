/**
 * Real work with every kind of pool and allocator, which checks itself and has the same result on
 * every platform.
 *
 * @module
 */
import {
  Arena,
  debug as debugMode,
  ErasedPool,
  FreeListAllocator,
  HandleMap,
  LeakError,
  load,
  Pool,
  PoolSet,
  restore,
  save,
  snapshot,
  StaleHandleError,
  struct,
  validate,
} from "@slabs/pool";

const Bullet = struct({ x: "f32", vx: "f32", life: "u8" }, { name: "Bullet" });
const Rock = struct({ mass: "f64" }, { name: "Rock" });

function check(claim: boolean, what: string): void {
  if (!claim) throw new Error(`wrong: ${what}`);
}

/** Births, deaths and a step back in time. */
function play(): unknown {
  using bullets = new Pool(Bullet, { chunksPerBlock: 64, maxChunks: 1024 });
  const move = bullets.loop((it, _handle, dt: number) => {
    it.x += it.vx * dt;
    it.life--;
  });
  for (let i = 0; i < 300; i++) bullets.alloc({ x: i, vx: i % 7, life: 1 + i % 20 });
  const saved = snapshot(bullets);
  const sums = [0, 0];
  for (let round = 0; round < 2; round++) {
    for (let frame = 0; frame < 10; frame++) {
      move(0.5);
      sums[round] += bullets.retain((it) => it.life > 0);
      bullets.forEach((it, handle) => sums[round] += it.x + handle);
      for (const it of bullets) sums[round] += it.life;
    }
    restore(bullets, saved);
  }
  check(sums[0] === sums[1], "restore()");
  validate(bullets);
  return sums;
}

/** Records of several structs. */
function mix(): unknown {
  using cells = new ErasedPool({ size: 16, types: [Bullet, Rock] });
  using set = new PoolSet({ sizes: [8, 16], types: [Bullet, Rock] });
  return [cells, set].map((pool) => {
    for (let i = 0; i < 200; i++) pool.alloc(i % 3 === 0 ? Rock : Bullet);
    pool.forEach(Rock, (it, handle) => it.mass = handle % 1000);
    pool.retain((it) => !("mass" in it) || it.mass % 2 === 0);
    validate(pool);
    return Array.from(pool, (it) => it.toJSON());
  });
}

/** A pool inside a heap, records by address, and a save that goes to another pool. */
function store(): unknown {
  using heap = new FreeListAllocator({ byteLength: 1 << 18 });
  using arena = new Arena({ memory: heap });
  const rock = arena.view(arena.allocRecord(Rock, { mass: 2.5 }), Rock);
  using pool = new Pool(Rock, { memory: heap, chunksPerBlock: 16 });
  const handles = Array.from({ length: 20 }, (_, i) => pool.alloc({ mass: i / 8 }));
  const names = new HandleMap<typeof Rock, string>(pool);
  names.set(handles[3], "three");
  pool.free(handles[4]);
  const saved = save(pool);
  using other = new Pool(struct({ mass: "f32" }, { name: "Rock" }));
  load(other, saved);
  check(other.size === 19 && names.get(handles[3]) === "three", "load()");
  validate(heap);
  return [rock.mass, [...saved], Array.from(other, (it) => it.mass)];
}

/** What debug mode catches. */
function debug(): unknown {
  const pool = new Pool(Bullet, { debug: debugMode, name: "debugged" });
  const handle = pool.alloc({ life: 1 });
  pool.alloc();
  pool.free(handle);
  return [() => pool.get(handle), () => pool.dispose()].map((call) => {
    try {
      return call();
    } catch (error) {
      const isLeak = error instanceof LeakError && error.leaks.length === 1;
      check(isLeak || error instanceof StaleHandleError, "the error of a stale handle or a leak");
      return isLeak;
    }
  });
}

/**
 * @returns All that was read on the way.
 */
export function smoke(): string {
  const caught = JSON.stringify(debug());
  check(caught === "[false,true]", "debug mode");
  return JSON.stringify([play(), mix(), store(), caught]);
}
