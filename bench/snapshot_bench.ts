/**
 * Question: what does it cost to save the whole state of a pool and to go back to it, against a plain copy of its bytes?
 *
 * Method: 100,000 records of 32 bytes; the baseline copies as many bytes as the blocks have, from one array into another with
 * `set`. Saving writes into the same array each time, as a ring of snapshots for rollback does. In the pools with holes
 * every third record, in a random order, has been freed: each link of their free lists is followed before anything is
 * changed, with a checksum and without. The proof is that what comes back is what was saved.
 *
 * Caveats: a few megabytes, which a cache of the processor holds. Where they come from memory the copy itself takes longer,
 * and the ratios are better.
 */
import {
  array,
  type ArrayType,
  Pool,
  type SnapshotOptions,
  type Struct,
  struct,
} from "@slabs/pool";
import { shuffled } from "./_particles.ts";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(100_000, 1_000);

/** 32 bytes. */
const Body: Struct<{ id: "u32"; x: "f32"; y: "f32"; rest: ArrayType<"u32"> }> = struct({
  id: "u32",
  x: "f32",
  y: "f32",
  rest: array("u32", 5),
});

function filled(isHoley: boolean): Pool<typeof Body> {
  const pool = new Pool(Body);
  const at = pool.cursor();
  const handles = Array.from({ length: N }, (_, i) => {
    const handle = pool.allocAt(at);
    at.id = i;
    at.x = i / 2;
    return handle;
  });
  if (isHoley) { for (const i of shuffled(N).subarray(0, N / 3)) pool.free(handles[i]); }
  return pool;
}

function sumOf(pool: Pool<typeof Body>): number {
  let sum = pool.size;
  pool.forEach((it) => sum += it.id);
  return sum;
}

function copy(): Work {
  const pool = filled(false);
  const source = new Uint8Array(pool.byteLength);
  for (const { index, bytes } of pool.blocks) source.set(bytes, index * bytes.length);
  const target = new Uint8Array(source.length);
  return {
    run: () => target.set(source),
    verify() {
      for (let i = 0; i < source.length; i += 64) same("a byte", target[i], source[i]);
    },
  };
}

function save(isHoley: boolean, options: SnapshotOptions): () => Work {
  return () => {
    const pool = filled(isHoley);
    const wanted = sumOf(pool);
    let saved = pool.snapshot(undefined, options);
    return {
      run() {
        saved = pool.snapshot(saved, options);
      },
      verify() {
        pool.clear();
        pool.restore(saved);
        same("the sum of ids", sumOf(pool), wanted);
      },
    };
  };
}

function restore(isHoley: boolean, options: SnapshotOptions): () => Work {
  return () => {
    const pool = filled(isHoley);
    const wanted = sumOf(pool);
    const saved = pool.snapshot(undefined, options);
    return {
      run: () => pool.restore(saved),
      verify() {
        pool.clear();
        pool.restore(saved);
        same("the sum of ids", sumOf(pool), wanted);
      },
    };
  };
}

const BARE: SnapshotOptions = { checksum: false };
const SUMMED: SnapshotOptions = { checksum: true };

export const snapshots: Scenario = {
  name: "snapshots",
  question: "saving and restoring 100,000 records of 32 bytes",
  contestants: [
    { name: "a plain copy of as many bytes", make: copy },
    { name: "save, full", make: save(false, BARE), limit: 2 },
    { name: "save, a third freed", make: save(true, BARE) },
    { name: "restore, full", make: restore(false, BARE), limit: 2 },
    { name: "restore, a third freed", make: restore(true, BARE) },
    { name: "save, full, with checksum", make: save(false, SUMMED) },
    { name: "save, a third freed, with checksum", make: save(true, SUMMED) },
    { name: "restore, full, with checksum", make: restore(false, SUMMED) },
    { name: "restore, a third freed, with checksum", make: restore(true, SUMMED) },
  ],
};

bench(snapshots);
