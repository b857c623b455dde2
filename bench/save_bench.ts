/**
 * What does it cost to save all records of a pool and to go back to them: by a snapshot, and by a
 * save that survives an update?
 */
import {
  array,
  type ArrayType,
  Pool,
  type SnapshotOptions,
  type Struct,
  struct,
} from "@slabs/pool";
import { type Contestant, type Question, show, type Work } from "./harness/question.ts";
import { shuffled } from "./particles/particle.ts";

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

/**
 * A pool of which a share has been freed, in random order, and the indices of the records that are
 * left.
 */
function filled(count: number, freed: number) {
  const pool = new Pool(Body);
  const at = pool.cursor();
  const handles = Array.from({ length: count }, (_, i) => {
    const handle = pool.allocAt(at);
    at.id = i;
    at.x = i / 2;
    return handle;
  });
  const order = shuffled(count);
  const end = Math.floor(count * freed);
  for (const i of order.subarray(0, end)) pool.free(handles[i]);
  return { pool, left: order.subarray(end) };
}

function sumOf(pool: Iterable<{ id: number }>): number {
  let sum = 0;
  for (const { id } of pool) sum += id;
  return sum;
}

// -- snapshots --

/** The least that it can be: a copy of as many bytes as the blocks have. */
function copy(count: number, freed: number): Work {
  const { pool, left } = filled(count, freed);
  const source = new Uint8Array(pool.byteLength);
  for (const { index, bytes } of pool.blocks) source.set(bytes, index * bytes.length);
  const target = new Uint8Array(source.length);
  return {
    run: () => target.set(source),
    checksum() {
      const words = new Uint32Array(target.buffer);
      return left.reduce((sum, i) => sum + words[i * Body.size / 4], 0);
    },
  };
}

function snapshot(count: number, freed: number, options: SnapshotOptions): Work {
  const { pool } = filled(count, freed);
  let bytes = pool.snapshot(undefined, options);
  return {
    run() {
      bytes = pool.snapshot(bytes, options);
    },
    checksum() {
      pool.clear();
      pool.restore(bytes);
      return sumOf(pool);
    },
  };
}

function restore(count: number, freed: number, options: SnapshotOptions): Work {
  const { pool } = filled(count, freed);
  const bytes = pool.snapshot(undefined, options);
  return { run: () => pool.restore(bytes), checksum: () => sumOf(pool) };
}

const plan = { count: 100_000, warmUp: 20, samples: 40, batch: 1, rounds: 5 };
const quickCount = 300;

function snapshotsOf(name: string, what: string, freed: number): Question {
  const on = (
    label: string,
    work: (count: number, freed: number, options: SnapshotOptions) => Work,
    checksum = false,
  ): Contestant => ({ label, make: (count) => work(count, freed, { checksum }) });
  return {
    name: `save/${name}`,
    title: `Snapshots of 100,000 records of 32 bytes, ${what}`,
    method:
      "A snapshot is written into the same array each time, as a ring of snapshots for rollback does. To restore a pool with " +
      "holes each link of its free lists is followed before anything is changed. A cache of the processor holds the few megabytes: " +
      "where they come from memory the copy takes longer, and the ratios are better.",
    whole: true,
    baseline: "copy",
    contestants: {
      copy: on("a plain copy of as many bytes", copy),
      snapshot: on("snapshot", snapshot),
      restore: on("restore", restore),
      checkedSnapshot: on("snapshot, with checksum", snapshot, true),
      checkedRestore: on("restore, with checksum", restore, true),
    },
    plan,
    quickCount,
  };
}

// -- saves --

function write(what: "snapshot" | "save", back: "restore" | "load"): Contestant["make"] {
  return (count) => {
    const { pool } = filled(count, 0);
    let bytes = pool[what]();
    return {
      run() {
        bytes = pool[what]();
      },
      checksum() {
        pool.clear();
        pool[back](bytes);
        return sumOf(pool);
      },
    };
  };
}

function load(struct: typeof Body | typeof Later): Contestant["make"] {
  return (count) => {
    const bytes = filled(count, 0).pool.save();
    const pool = new Pool(struct as typeof Body); // in both `id` is a number
    return { run: () => void pool.load(bytes), checksum: () => sumOf(pool) };
  };
}

export const questions: readonly Question[] = show([
  snapshotsOf("snapshots", "full", 0),
  snapshotsOf("snapshots-holes", "a third freed at random", 1 / 3),
  {
    name: "save/saves",
    title: "Saves of 100,000 records of 32 bytes, with a checksum",
    method:
      "Loading goes into a pool that has its memory, as restoring does: into the same struct, and into one with a field added and " +
      "one widened, so that each record is made field by field. A save makes a new array of 3 MB, and so does the snapshot beside it here; " +
      "the system takes longer for that than the copying.",
    whole: true,
    baseline: "restore",
    contestants: {
      restore: { label: "restore", make: (count) => restore(count, 0, { checksum: true }) },
      load: { label: "load", make: load(Body) },
      loadLater: { label: "load, a field added and one widened", make: load(Later) },
      snapshot: { label: "snapshot, a new array", make: write("snapshot", "restore") },
      save: { label: "save", make: write("save", "load") },
    },
    plan,
    quickCount,
  },
]);
