/**
 * Question: what do `ErasedPool` and `PoolSet` cost on the way to a record, against a `Pool`?
 *
 * Method: as in `access_bench.ts` and `iterate_bench.ts`. `erased` and `erased-pass` store one struct, so that all faces
 * hold the same records in chunks of the same size. `erased-mixed` stores two, alternating in memory, and reads them in
 * one random order: the typed contestant has a pool for each.
 *
 * Caveats: `ratios.ts` gives each contestant an isolate of its own, which is what a program pays that uses one of the
 * faces. `deno bench` does not, and comes closer to a program that uses all of them.
 */
import {
  type AnyHandle,
  ErasedPool,
  type Handle,
  Pool,
  PoolSet,
  type Struct,
  struct,
} from "@slabs/pool";
import { DT, Particle, shuffled, speedX, startX } from "./_particles.ts";
import { passes } from "./_passes.ts";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(50_000, 1_000);
const PASS = size(100_000, 1_000);

/** A particle with its fields elsewhere. */
const Comet: Struct<{ life: "u32"; vx: "f32"; vy: "f32"; x: "f32"; y: "f32" }> = struct({
  life: "u32",
  vx: "f32",
  vy: "f32",
  x: "f32",
  y: "f32",
});

/** The particle as a module names its own structs: one that is imported costs a look-up more at each call. */
const Mote = Particle;

const order = shuffled(N);

/** What all faces have that hold particles. */
interface Particles {
  allocMany(struct: typeof Particle, count: number): Handle<typeof Particle>[];
  set(
    struct: typeof Particle,
    handle: Handle<typeof Particle>,
    init: { x: number; vx: number },
  ): void;
}

/** Fills a pool; the handles in order of memory. */
function filled(pool: Particles, count: number): Handle<typeof Particle>[] {
  const handles = pool.allocMany(Particle, count);
  handles.forEach((handle, i) => pool.set(Particle, handle, { x: startX(i), vx: speedX(i) }));
  return handles;
}

/** A `Pool` with the calls of the other faces, to fill it. */
function typed(pool: Pool<typeof Particle>): Particles {
  return {
    allocMany: (_, count) => pool.allocMany(count),
    set: (_, handle, init) => pool.set(handle, init),
  };
}

function withTypes(): ErasedPool<typeof Particle> {
  return new ErasedPool({ size: Particle.size, types: [Particle] });
}

function withoutTypes(): ErasedPool {
  return new ErasedPool({ size: Particle.size });
}

function poolSet(): PoolSet {
  return new PoolSet({ sizes: [8, Particle.size, 64] });
}

// -- one field of each record, in random order --

function reads(sumOnce: () => number): Work {
  let wanted = 0, got = 0;
  for (let i = 0; i < N; i++) wanted += startX(i);
  return {
    run() {
      got = sumOnce();
    },
    verify: () => same("the sum of x", got, wanted),
  };
}

function inOrder(handles: readonly Handle<typeof Particle>[]): Handle<typeof Particle>[] {
  return Array.from(order, (i) => handles[i]);
}

// A function literal for each contestant, since closures of one literal count as one for the compiler.
function getTyped(): Work {
  const pool = new Pool(Particle);
  const handles = inOrder(filled(typed(pool), N));
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.get(handles[i]).x;
    return sum;
  });
}

function getWithTypes(): Work {
  const pool = withTypes();
  const handles = inOrder(filled(pool, N));
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.get(Mote, handles[i]).x;
    return sum;
  });
}

function getWithoutTypes(): Work {
  const pool = withoutTypes();
  const handles = inOrder(filled(pool, N));
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.get(Mote, handles[i]).x;
    return sum;
  });
}

function getFromSet(): Work {
  const pool = poolSet();
  const handles = inOrder(filled(pool, N));
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.get(Mote, handles[i]).x;
    return sum;
  });
}

function seekTyped(): Work {
  const pool = new Pool(Particle);
  const handles = inOrder(filled(typed(pool), N));
  const at = pool.cursor();
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.seek(at, handles[i]).x;
    return sum;
  });
}

function seekWithTypes(): Work {
  const pool = withTypes();
  const handles = inOrder(filled(pool, N));
  const at = pool.cursor(Particle);
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.seek(at, handles[i]).x;
    return sum;
  });
}

function seekWithoutTypes(): Work {
  const pool = withoutTypes();
  const handles = inOrder(filled(pool, N));
  const at = pool.cursor(Particle);
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.seek(at, handles[i]).x;
    return sum;
  });
}

function seekInSet(): Work {
  const pool = poolSet();
  const handles = inOrder(filled(pool, N));
  const at = pool.cursor(Particle);
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) sum += pool.seek(at, handles[i]).x;
    return sum;
  });
}

export const erased: Scenario = {
  name: "erased",
  question: "a field of each of 50,000 records in random order, through each face",
  apart: true,
  contestants: [
    { name: "Pool.get(handle).x", make: getTyped },
    { name: "ErasedPool.get(struct, handle).x, types", make: getWithTypes, limit: 1.1 },
    { name: "ErasedPool.get(struct, handle).x, no types", make: getWithoutTypes, limit: 1.1 },
    { name: "PoolSet.get(struct, handle).x", make: getFromSet },
    { name: "Pool.seek(cursor, handle).x", make: seekTyped },
    {
      name: "ErasedPool.seek(cursor, handle).x, types",
      make: seekWithTypes,
      limit: 1.1,
      against: "Pool.seek(cursor, handle).x",
    },
    {
      name: "ErasedPool.seek(cursor, handle).x, no types",
      make: seekWithoutTypes,
      limit: 1.1,
      against: "Pool.seek(cursor, handle).x",
    },
    { name: "PoolSet.seek(cursor, handle).x", make: seekInSet },
  ],
};

// -- the same of two structs --

/** Alternating handles of particles and comets, all with an x, each kind in one random order. */
function filledMixed(
  particle: (x: number) => AnyHandle,
  comet: (x: number) => AnyHandle,
): AnyHandle[] {
  const handles = Array.from(order, (_, i) => i % 2 === 0 ? particle(startX(i)) : comet(startX(i)));
  const kinds = [0, 1].map((kind) => order.filter((i) => i % 2 === kind));
  return handles.map((_, i) => handles[kinds[i % 2][i >> 1]]);
}

function mixedTyped(): Work {
  const particles = new Pool(Particle);
  const comets = new Pool(Comet);
  const handles = filledMixed((x) => particles.alloc({ x }), (x) => comets.alloc({ x }));
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i += 2) {
      sum += particles.get(handles[i]).x;
      sum += comets.get(handles[i + 1]).x;
    }
    return sum;
  });
}

function mixedWithTypes(): Work {
  const pool = new ErasedPool({ size: 20, types: [Particle, Comet] });
  const handles = filledMixed((x) => pool.alloc(Particle, { x }), (x) => pool.alloc(Comet, { x }));
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i += 2) {
      sum += pool.get(Mote, handles[i]).x;
      sum += pool.get(Comet, handles[i + 1]).x;
    }
    return sum;
  });
}

function mixedWithoutTypes(): Work {
  const pool = withoutTypes();
  const handles = filledMixed((x) => pool.alloc(Particle, { x }), (x) => pool.alloc(Comet, { x }));
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i += 2) {
      sum += pool.get(Mote, handles[i]).x;
      sum += pool.get(Comet, handles[i + 1]).x;
    }
    return sum;
  });
}

function mixedInSet(): Work {
  const pool = poolSet();
  const handles = filledMixed((x) => pool.alloc(Particle, { x }), (x) => pool.alloc(Comet, { x }));
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i += 2) {
      sum += pool.get(Mote, handles[i]).x;
      sum += pool.get(Comet, handles[i + 1]).x;
    }
    return sum;
  });
}

function mixedSeekTyped(): Work {
  const particles = new Pool(Particle);
  const comets = new Pool(Comet);
  const handles = filledMixed((x) => particles.alloc({ x }), (x) => comets.alloc({ x }));
  const particle = particles.cursor(), comet = comets.cursor();
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i += 2) {
      sum += particles.seek(particle, handles[i]).x;
      sum += comets.seek(comet, handles[i + 1]).x;
    }
    return sum;
  });
}

function mixedSeekWithTypes(): Work {
  const pool = new ErasedPool({ size: 20, types: [Particle, Comet] });
  const handles = filledMixed((x) => pool.alloc(Particle, { x }), (x) => pool.alloc(Comet, { x }));
  const particle = pool.cursor(Particle), comet = pool.cursor(Comet);
  return reads(() => {
    let sum = 0;
    for (let i = 0; i < N; i += 2) {
      sum += pool.seek(particle, handles[i]).x;
      sum += pool.seek(comet, handles[i + 1]).x;
    }
    return sum;
  });
}

export const erasedMixed: Scenario = {
  name: "erased-mixed",
  question: "a field of each of 50,000 records of two structs in random order",
  apart: true,
  contestants: [
    { name: "two Pools, get", make: mixedTyped },
    { name: "ErasedPool.get, types", make: mixedWithTypes },
    { name: "ErasedPool.get, no types", make: mixedWithoutTypes },
    { name: "PoolSet.get", make: mixedInSet },
    { name: "two Pools, seek", make: mixedSeekTyped },
    { name: "ErasedPool.seek, types", make: mixedSeekWithTypes },
  ],
};

// -- a pass --

function passTyped(): Work {
  const pool = new Pool(Particle);
  const handles = filled(typed(pool), PASS);
  function pass() {
    pool.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(PASS, pass, () => handles.reduce((sum, it) => sum + pool.get(it).x, 0));
}

function passWithTypes(): Work {
  const pool = withTypes();
  const handles = filled(pool, PASS);
  function pass() {
    pool.forEach(Mote, (it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(PASS, pass, () => handles.reduce((sum, it) => sum + pool.get(Mote, it).x, 0));
}

function passAll(): Work {
  const pool = withTypes();
  const handles = filled(pool, PASS);
  function pass() {
    pool.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(PASS, pass, () => handles.reduce((sum, it) => sum + pool.get(Mote, it).x, 0));
}

function passWithoutTypes(): Work {
  const pool = withoutTypes();
  const handles = filled(pool, PASS);
  function pass() {
    pool.forEach(Mote, (it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(PASS, pass, () => handles.reduce((sum, it) => sum + pool.get(Mote, it).x, 0));
}

function passOverSet(): Work {
  const pool = poolSet();
  const handles = filled(pool, PASS);
  function pass() {
    pool.forEach(Mote, (it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(PASS, pass, () => handles.reduce((sum, it) => sum + pool.get(Mote, it).x, 0));
}

function passForOfTyped(): Work {
  const pool = new Pool(Particle);
  const handles = filled(typed(pool), PASS);
  function pass() {
    for (const it of pool) {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    }
  }
  return passes(PASS, pass, () => handles.reduce((sum, it) => sum + pool.get(it).x, 0));
}

function passForOf(): Work {
  const pool = withTypes();
  const handles = filled(pool, PASS);
  function pass() {
    for (const it of pool.all(Mote)) {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    }
  }
  return passes(PASS, pass, () => handles.reduce((sum, it) => sum + pool.get(Mote, it).x, 0));
}

export const erasedPass: Scenario = {
  name: "erased-pass",
  question: "a pass over 100,000 particles, through each face",
  apart: true,
  contestants: [
    { name: "Pool.forEach(fn)", make: passTyped },
    { name: "ErasedPool.forEach(struct, fn), types", make: passWithTypes, limit: 1.1 },
    { name: "ErasedPool.forEach(fn), types", make: passAll },
    { name: "ErasedPool.forEach(struct, fn), no types", make: passWithoutTypes, limit: 1.1 },
    { name: "PoolSet.forEach(struct, fn)", make: passOverSet },
    { name: "for…of Pool", make: passForOfTyped },
    { name: "for…of ErasedPool.all(struct), types", make: passForOf },
  ],
};

// -- a pass over two structs --

/** Fills pools with alternating particles and comets, all with an x and a vx; tells the sum of their x. */
function alternating(
  particle: (init: { x: number; vx: number }) => { readonly x: number },
  comet: (init: { x: number; vx: number }) => { readonly x: number },
): () => number {
  const views = Array.from({ length: PASS }, (_, i) => {
    const init = { x: startX(i), vx: speedX(i) };
    return i % 2 === 0 ? particle(init) : comet(init);
  });
  return () => views.reduce((sum, it) => sum + it.x, 0);
}

function passMixedTyped(): Work {
  const particles = new Pool(Particle), comets = new Pool(Comet);
  const sum = alternating(
    (init) => particles.get(particles.alloc(init)),
    (init) => comets.get(comets.alloc(init)),
  );
  function pass() {
    particles.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
    comets.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(PASS, pass, sum);
}

function passMixedEach(): Work {
  const pool = new ErasedPool({ size: 20, types: [Particle, Comet] });
  const sum = alternating(
    (init) => pool.get(Particle, pool.alloc(Particle, init)),
    (init) => pool.get(Comet, pool.alloc(Comet, init)),
  );
  function pass() {
    pool.forEach(Mote, (it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
    pool.forEach(Comet, (it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(PASS, pass, sum);
}

function passMixedAll(): Work {
  const pool = new ErasedPool({ size: 20, types: [Particle, Comet] });
  const sum = alternating(
    (init) => pool.get(Particle, pool.alloc(Particle, init)),
    (init) => pool.get(Comet, pool.alloc(Comet, init)),
  );
  function pass() {
    pool.forEach((it) => {
      it.x += it.vx * DT;
      it.y += it.vy * DT;
    });
  }
  return passes(PASS, pass, sum);
}

export const erasedMixedPass: Scenario = {
  name: "erased-mixed-pass",
  question: "a pass over 100,000 records of two structs that alternate in memory",
  apart: true,
  contestants: [
    { name: "two Pools, forEach(fn) of each", make: passMixedTyped },
    { name: "ErasedPool.forEach(struct, fn) of each", make: passMixedEach },
    { name: "ErasedPool.forEach(fn)", make: passMixedAll },
  ],
};

bench(erased);
bench(erasedMixed);
bench(erasedPass);
bench(erasedMixedPass);
