/**
 * What does it cost to save all records of a pool and to go back to them: by a snapshot, and by a
 * save that survives an update?
 */
import {
  array,
  load as loadPool,
  Pool,
  restore as restoreSnapshot,
  save,
  snapshot as takeSnapshot,
  type SnapshotOptions,
  struct,
} from "@slabs/pool";
import { type Contestant, type Question, show, type Work } from "./harness/question.ts";
import { shuffled } from "./particles/particle.ts";

const common = { x: "f32", y: "f32", rest: array("u32", 5) } as const;

/** 32 bytes. */
const Body = struct({ id: "u32", ...common }, { name: "Body" });

/** The same in a later version: a field is added, and one is widened. */
const Later = struct({ id: "f64", ...common, z: "f32" }, { name: "Body" });

type Bodies = Pool<typeof Body>;

/** A pool of which a share has been freed, in random order. */
function filled(count: number, freed: number): Bodies {
  const pool = new Pool(Body);
  const at = pool.cursor();
  const handles = Array.from({ length: count }, (_, i) => {
    const handle = pool.allocAt(at);
    at.id = i;
    at.x = i / 2;
    return handle;
  });
  for (const i of shuffled(count).subarray(0, count * freed)) pool.free(handles[i]);
  return pool;
}

/** Work whose records end up in a pool. */
function workOn(pool: Bodies, run: () => void, back: () => void = () => {}): Work {
  return {
    run,
    checksum() {
      back();
      let sum = 0;
      for (const { id } of pool) sum += id;
      return sum;
    },
  };
}

/** The least that it can be: a copy of as many bytes as the blocks have, and back for the sum. */
function copy(pool: Bodies): Work {
  const source = new Uint8Array(pool.byteLength);
  for (const { index, bytes } of pool.blocks) source.set(bytes, index * bytes.length);
  const target = new Uint8Array(source.length);
  return workOn(pool, () => target.set(source), () => {
    for (const { index, bytes } of pool.blocks) {
      bytes.set(target.subarray(index * bytes.length, (index + 1) * bytes.length));
    }
  });
}

/** Writes into the same array each time. */
function snapshot(pool: Bodies, options: SnapshotOptions): Work {
  let bytes = takeSnapshot(pool, undefined, options);
  return workOn(pool, () => bytes = takeSnapshot(pool, bytes, options), () => {
    pool.clear();
    restoreSnapshot(pool, bytes);
  });
}

function restore(pool: Bodies, options: SnapshotOptions): Work {
  const bytes = takeSnapshot(pool, undefined, options);
  return workOn(pool, () => restoreSnapshot(pool, bytes));
}

/** Writes a new array each time. */
function write(
  pool: Bodies,
  toBytes: (pool: Bodies) => Uint8Array,
  back: (pool: Bodies, bytes: Uint8Array) => void,
): Work {
  let bytes = toBytes(pool);
  return workOn(pool, () => bytes = toBytes(pool), () => {
    pool.clear();
    back(pool, bytes);
  });
}

function load(count: number, struct: typeof Body | typeof Later): Work {
  const bytes = save(filled(count, 0));
  const pool = new Pool(struct as typeof Body); // in both `id` is a number
  return workOn(pool, () => loadPool(pool, bytes));
}

const timing = {
  whole: true,
  plan: { count: 100_000, warmUp: 20, samples: 40, batch: 1, rounds: 5 },
  quickCount: 300,
} as const;

function snapshotsOf(name: string, what: string, freed: number): Question {
  const on = (label: string, work: (pool: Bodies) => Work): Contestant => ({
    label,
    make: (count) => work(filled(count, freed)),
  });
  return {
    ...timing,
    name: `save/${name}`,
    title: `Snapshots of 100,000 records of 32 bytes, ${what}`,
    method:
      "A snapshot is written into the same array each time, as a ring of snapshots for rollback does. To restore a pool with " +
      "holes each link of its free lists is followed before anything is changed. A cache of the processor holds the few megabytes: " +
      "where they come from memory the copy takes longer, and the ratios are better.",
    baseline: "copy",
    contestants: {
      copy: on("a plain copy of as many bytes", copy),
      snapshot: on("snapshot", (pool) => snapshot(pool, { checksum: false })),
      restore: on("restore", (pool) => restore(pool, { checksum: false })),
      checkedSnapshot: on("snapshot, with checksum", (pool) => snapshot(pool, {})),
      checkedRestore: on("restore, with checksum", (pool) => restore(pool, {})),
    },
  };
}

export const questions: readonly Question[] = show([
  snapshotsOf("snapshots", "full", 0),
  snapshotsOf("snapshots-holes", "a third freed at random", 1 / 3),
  {
    ...timing,
    name: "save/saves",
    title: "Saves of 100,000 records of 32 bytes, with a checksum",
    method:
      "Loading goes into a pool that has its memory, as restoring does: into the same struct, and into one with a field added and " +
      "one widened, so that each record is made field by field. A save makes a new array of 3 MB, and so does the snapshot beside it here; " +
      "the system takes longer for that than the copying.",
    baseline: "restore",
    contestants: {
      restore: { label: "restore", make: (count) => restore(filled(count, 0), {}) },
      load: { label: "load", make: (count) => load(count, Body) },
      loadLater: {
        label: "load, a field added and one widened",
        make: (count) => load(count, Later),
      },
      snapshot: {
        label: "snapshot, a new array",
        make: (count) => write(filled(count, 0), takeSnapshot, restoreSnapshot),
      },
      save: { label: "save", make: (count) => write(filled(count, 0), save, loadPool) },
    },
  },
]);
