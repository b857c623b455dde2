/**
 * Question: what does it cost to copy two fields of every record into an instance buffer, against the same loop by hand?
 *
 * Method: 100,000 particles of 5 fields; each round moves a few and packs x and y of all into one Float32Array. The baseline holds the
 * same bytes in the same blocks, and copies by index; it knows nothing of dead chunks. The rows at half occupancy have twice
 * as many chunks, of which every second is free: by hand that loop tests a bit for each. The sum of the last round's buffer is the proof.
 */
import { Pool } from "@slabs/pool";
import { BLOCK, Particle, startX, WORDS } from "./_particles.ts";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(100_000, 1_000);

function work(pack: (out: Float32Array) => void): Work {
  const out = new Float32Array(2 * N);
  let wanted = 0;
  for (let i = 0; i < N; i++) wanted += startX(i) + 2 * startX(i);
  return {
    run() {
      out[7] = -1;
      pack(out);
    },
    verify: () => same("the sum of what was packed", out.reduce((sum, it) => sum + it, 0), wanted),
  };
}

/** Blocks of particles, the `step`-th chunks of which are live. */
function blocksOf(step: number) {
  const blocks = Array.from({ length: Math.ceil(N * step / BLOCK) }, () => ({
    f32: new Float32Array(BLOCK * WORDS),
    live: new Int32Array(BLOCK >> 5),
  }));
  for (let i = 0; i < N; i++) {
    const { f32, live } = blocks[Math.floor(i * step / BLOCK)];
    const chunk = i * step % BLOCK;
    f32[chunk * WORDS] = startX(i);
    f32[chunk * WORDS + 1] = 2 * startX(i);
    live[chunk >> 5] |= 1 << (chunk & 31);
  }
  return blocks;
}

function fieldsByHand(): Work {
  const blocks = blocksOf(1);
  return work((out) => {
    let to = 0;
    for (let b = 0; b < blocks.length; b++) {
      const { f32 } = blocks[b];
      const end = Math.min(BLOCK, N - b * BLOCK) * WORDS;
      for (let at = 0; at < end; at += WORDS) {
        out[to] = f32[at];
        out[to + 1] = f32[at + 1];
        to += 2;
      }
    }
  });
}

function fieldsByHandHalf(): Work {
  const blocks = blocksOf(2);
  return work((out) => {
    let to = 0;
    for (let b = 0; b < blocks.length; b++) {
      const { f32, live } = blocks[b];
      for (let chunk = 0; chunk < BLOCK; chunk++) {
        if ((live[chunk >> 5] & 1 << (chunk & 31)) === 0) continue;
        const at = chunk * WORDS;
        out[to] = f32[at];
        out[to + 1] = f32[at + 1];
        to += 2;
      }
    }
  });
}

/** A pool of N particles, and as many dead ones between them as `step` says. */
function filled(step: number): Pool<typeof Particle> {
  const pool = new Pool(Particle);
  const handles = pool.allocMany(N * step);
  const at = pool.cursor();
  handles.forEach((handle, i) => {
    if (i % step !== 0) return pool.free(handle);
    pool.seek(at, handle);
    at.x = startX(i / step);
    at.y = 2 * at.x;
  });
  return pool;
}

function fieldsByPack(step: number): Work {
  const pool = filled(step);
  return work((out) => pool.pack(out, ["x", "y"]));
}

function bytesByPack(): Work {
  const pool = filled(1);
  const bytes = new Map<Float32Array, Uint8Array>();
  return work((out) => {
    let it = bytes.get(out);
    if (it === undefined) bytes.set(out, it = new Uint8Array(out.buffer));
    pool.pack(it, ["x", "y"]);
  });
}

function fieldsByForEach(): Work {
  const pool = filled(1);
  return work((out) => {
    let to = 0;
    pool.forEach((it) => {
      out[to++] = it.x;
      out[to++] = it.y;
    });
  });
}

export const pack: Scenario = {
  name: "pack",
  apart: true, // a contestant is a program of its own
  question: "two of five fields of 100,000 records into a Float32Array",
  contestants: [
    { name: "by hand over the blocks", make: fieldsByHand },
    { name: "Pool.pack(out, fields)", make: () => fieldsByPack(1), limit: 1.5 },
    { name: "Pool.pack(bytes, fields)", make: bytesByPack, limit: 1.5 },
    { name: "Pool.forEach()", make: fieldsByForEach },
  ],
};

export const packHalf: Scenario = {
  name: "pack-half",
  apart: true,
  question: "two of five fields of 100,000 records, every second chunk free",
  contestants: [
    { name: "by hand over the blocks", make: fieldsByHandHalf },
    { name: "Pool.pack(out, fields)", make: () => fieldsByPack(2), limit: 1.5 },
  ],
};

bench(pack);
bench(packHalf);
