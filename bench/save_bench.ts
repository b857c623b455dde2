/**
 * Question: what does a save that survives an update cost, against a snapshot?
 *
 * Method: 100,000 records of 32 bytes, with the checksum that a save always has. The baseline goes back to a snapshot with one.
 * Loading goes into a pool that has its memory, as restoring does: into the same struct, and into one with a field added and one
 * widened, so that each record is made field by field. The proof is the sum of a field.
 *
 * Caveats: a new array of 3 MB is made for each save, and for the snapshot beside it; the system takes longer for that than the copying.
 */
import { array, type ArrayType, Pool, type Struct, struct } from "@slabs/pool";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(100_000, 1_000);

/** 32 bytes. */
const Body: Struct<{ id: "u32"; x: "f32"; y: "f32"; rest: ArrayType<"u32"> }> = struct({
  id: "u32",
  x: "f32",
  y: "f32",
  rest: array("u32", 5),
}, { name: "Body" });

/** The same in a later version. */
const Later: Struct<{ id: "f64"; x: "f32"; y: "f32"; z: "f32"; rest: ArrayType<"u32"> }> = struct({
  id: "f64",
  x: "f32",
  y: "f32",
  z: "f32",
  rest: array("u32", 5),
}, { name: "Body" });

function filled(): Pool<typeof Body> {
  const pool = new Pool(Body);
  const at = pool.cursor();
  for (let i = 0; i < N; i++) {
    pool.allocAt(at);
    at.id = i;
  }
  return pool;
}

function sumOf(pool: Iterable<{ id: number }>): number {
  let sum = 0;
  for (const { id } of pool) sum += id;
  return sum;
}

const SUM = N * (N - 1) / 2;

function write(what: "snapshot" | "save", back: "restore" | "load"): () => Work {
  return () => {
    const pool = filled();
    let bytes = pool[what]();
    return {
      run() {
        bytes = pool[what]();
      },
      verify() {
        pool.clear();
        pool[back](bytes);
        same("the sum of ids", sumOf(pool), SUM);
      },
    };
  };
}

function restore(): Work {
  const pool = filled();
  const bytes = pool.snapshot();
  return {
    run: () => pool.restore(bytes),
    verify: () => same("the sum of ids", sumOf(pool), SUM),
  };
}

function load(struct: typeof Body | typeof Later): () => Work {
  return () => {
    const bytes = filled().save();
    const pool = new Pool(struct as typeof Body); // of either `id` is a number
    return {
      run: () => void pool.load(bytes),
      verify() {
        pool.load(bytes);
        same("the sum of ids", sumOf(pool), SUM);
      },
    };
  };
}

export const saves: Scenario = {
  name: "saves",
  question: "saving and loading 100,000 records of 32 bytes, with a checksum",
  contestants: [
    { name: "restore", make: restore },
    { name: "load", make: load(Body), limit: 4 },
    { name: "load, a field added and one widened", make: load(Later), limit: 4 },
    { name: "snapshot, a new array", make: write("snapshot", "restore") },
    { name: "save", make: write("save", "load"), against: "snapshot, a new array", limit: 4 },
  ],
};

bench(saves);
