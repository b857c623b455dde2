/**
 * What does it cost to copy two fields of every record into an instance buffer, against the same
 * loop by hand?
 */
import { Pool } from "@slabs/pool";
import { type Question, show, type Work } from "./harness/question.ts";
import { BLOCK, Particle, WORDS } from "./particles/particle.ts";

/** The sum of the last buffer is the checksum. */
function work(count: number, pack: (out: Float32Array) => void): Work {
  const out = new Float32Array(2 * count);
  return {
    run() {
      out[7] = -1; // so that not packing at all shows
      pack(out);
    },
    checksum: () => out.reduce((sum, it) => sum + it, 0),
  };
}

/** Blocks of particles by hand, the `step`-th chunks of which are live. */
function blocksOf(count: number, step: number) {
  const blocks = Array.from({ length: Math.ceil(count * step / BLOCK) }, () => ({
    f32: new Float32Array(BLOCK * WORDS),
    live: new Int32Array(BLOCK >> 5),
  }));
  for (let i = 0; i < count; i++) {
    const { f32, live } = blocks[Math.floor(i * step / BLOCK)];
    const chunk = i * step % BLOCK;
    f32[chunk * WORDS] = i & 1023;
    f32[chunk * WORDS + 1] = 2 * (i & 1023);
    live[chunk >> 5] |= 1 << (chunk & 31);
  }
  return blocks;
}

/** Knows nothing of dead chunks. */
function byHandFull(count: number): Work {
  const blocks = blocksOf(count, 1);
  return work(count, (out) => {
    let to = 0;
    for (let b = 0; b < blocks.length; b++) {
      const { f32 } = blocks[b];
      const end = Math.min(BLOCK, count - b * BLOCK) * WORDS;
      for (let at = 0; at < end; at += WORDS) {
        out[to] = f32[at];
        out[to + 1] = f32[at + 1];
        to += 2;
      }
    }
  });
}

/** Tests a bit for each chunk. */
function byHandHalf(count: number): Work {
  const blocks = blocksOf(count, 2);
  return work(count, (out) => {
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

/** A pool of particles that had as many dead ones between them as `step` says. */
function filled(count: number, step: number): Pool<typeof Particle> {
  const pool = new Pool(Particle);
  const at = pool.cursor();
  pool.allocMany(count * step).forEach((handle, i) => {
    if (i % step !== 0) return pool.free(handle);
    pool.seek(at, handle);
    at.x = i / step & 1023;
    at.y = 2 * at.x;
  });
  return pool;
}

function byPack(count: number, step: number): Work {
  const pool = filled(count, step);
  return work(count, (out) => pool.pack(out, ["x", "y"]));
}

function byPackOfBytes(count: number): Work {
  const pool = filled(count, 1);
  let bytes: Uint8Array | undefined;
  return work(count, (out) => {
    bytes ??= new Uint8Array(out.buffer);
    pool.pack(bytes, ["x", "y"]);
  });
}

function byForEach(count: number): Work {
  const pool = filled(count, 1);
  return work(count, (out) => {
    let to = 0;
    pool.forEach((it) => {
      out[to++] = it.x;
      out[to++] = it.y;
    });
  });
}

const plan = { count: 100_000, warmUp: 40, samples: 60, batch: 1, rounds: 5 };

export const questions: readonly Question[] = show([
  {
    name: "pack/full",
    title: "Two of five fields into a Float32Array",
    method:
      "x and y of each of 100,000 particles are copied. By hand it is a loop over the same bytes in the same blocks.",
    baseline: "byHand",
    contestants: {
      byHand: { label: "by hand over the blocks", make: byHandFull },
      pack: { label: "Pool.pack(out, fields)", make: (count) => byPack(count, 1) },
      bytes: { label: "Pool.pack(bytes, fields)", make: byPackOfBytes },
      forEach: { label: "Pool.forEach()", make: byForEach },
    },
    plan,
    quickCount: 300,
  },
  {
    name: "pack/half",
    title: "Two of five fields into a Float32Array, every second chunk free",
    method:
      "The same with twice as many chunks, of which every second is free. By hand it tests a bit for each.",
    baseline: "byHand",
    contestants: {
      byHand: { label: "by hand over the blocks", make: byHandHalf },
      pack: { label: "Pool.pack(out, fields)", make: (count) => byPack(count, 2) },
    },
    plan,
    quickCount: 300,
  },
]);
