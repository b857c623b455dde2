/**
 * The runs of the model tests: kinds of pools, their options, and sequences of operations on one
 * pool or on two alike.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ErasedPool, Pool, PoolSet, restore, SharedPool, snapshot, spread } from "../../mod.ts";
import type { AnyStruct, PoolOptions } from "../../mod.ts";
import { bytesOf } from "../shared/_support.ts";
import { Source, type SourceKind, SOURCES } from "./_memories.ts";
import { type AnyPool, Subject } from "./_model.ts";
import { POOL_NAMES, RECORD_NAMES, SHARED_NAMES } from "./_operations.ts";
import { assertSameBytes } from "../slab/_snapshots.ts";
import { makeStructs, type Structs } from "./_values.ts";

/** Chunks that each size class may have in most runs, so few that pools are often full. */
const MAX_CHUNKS = 64;

/** What leaves pools to compact. */
const OFTEN = ["fragment", "fragment", "fragment", "compact", "compact", "compact"];

/** A kind of pool. */
export interface Kind {
  /** The structs of its records, or their names. */
  readonly structs: readonly (keyof Structs | AnyStruct)[];
  /** Makes a pool, with so many chunks in each size class. */
  make(structs: readonly AnyStruct[], options: PoolOptions & { maxChunks: number }): unknown;
  /** Whether the pool does not know which struct a record has. */
  readonly isUntyped?: true;
  readonly isShared?: true;
}

/** The structs of a kind. They are made for each run, so that no pool has seen them. */
export function structsOf(kind: Kind): AnyStruct[] {
  const all = makeStructs();
  return kind.structs.map((it) => typeof it === "string" ? all[it] : it);
}

export function poolOf(struct: Kind["structs"][0]): Kind {
  return { structs: [struct], make: ([struct], options) => new Pool(struct, options) };
}

function sharedOf(name: keyof Structs): Kind {
  return {
    structs: [name],
    make: ([struct], { memory: _, reuse: __, ...options }) => SharedPool.create(struct, options),
    isShared: true,
  };
}

const MIXED = ["Byte", "Odd", "Leaf", "Part", "Node", "Scalars"] as const;

export const KINDS: Readonly<Record<string, Kind>> = {
  "Pool of 1 byte": poolOf("Byte"),
  "Pool of 3 bytes": poolOf("Odd"),
  "Pool of all scalars": poolOf("Scalars"),
  "Pool of linked records": poolOf("Node"),
  "ErasedPool": {
    structs: MIXED,
    make: (types, options) => new ErasedPool({ ...options, types, size: 96 }),
  },
  "ErasedPool without types": {
    structs: ["North", "South"],
    make: (_, options) => new ErasedPool({ ...options, size: 24 }),
    isUntyped: true,
  },
  "PoolSet": {
    structs: MIXED,
    make(types, { maxChunks, ...options }) {
      // Some of the structs do not fit some sizes for their alignment.
      const sizes = [Math.max(...types.map((it) => it.size)), 1, 12, 10];
      return new PoolSet({ ...options, sizes, maxChunks: 4 * maxChunks });
    },
  },
  "PoolSet with types": {
    structs: MIXED,
    make: (types, { maxChunks, ...options }) =>
      new PoolSet({ ...options, types, sizes: [3, 12, 96], maxChunks: 4 * maxChunks }),
  },
  "SharedPool of 1 byte": sharedOf("Byte"),
  "SharedPool of all scalars": sharedOf("Scalars"),
};

/** What is played on pools of a kind. */
export interface Run {
  /** Options in which the pools differ that the same is played on. */
  readonly modes: readonly PoolOptions[];
  readonly runs: number;
  /** Whether all that is in memory has to be the same. */
  readonly isSame?: boolean;
  /** Whether all pools get the state of the first by `restore()` before each operation. */
  readonly isRestored?: boolean;
  /** Names of operations, if not all. */
  readonly names?: readonly string[];
  readonly chunksPerBlock?: number;
  readonly maxChunks?: number;
}

/** Makes a pool of a kind beside its model. */
export function subjectOf(
  kind: Kind,
  structs: readonly AnyStruct[],
  options: PoolOptions,
  memory: SourceKind,
  maxChunks: number = MAX_CHUNKS,
  maxStale: number = 2000,
): Subject {
  const source = new Source(memory);
  const own = { ...options, memory: source.ledger, maxChunks };
  const pool = kind.make(structs, own) as AnyPool;
  const isTyped = !kind.isUntyped;
  return new Subject({ pool, structs, options: own, source, maxChunks, maxStale, isTyped });
}

/**
 * Plays sequences of operations, compares after each, or of large pools after the last, and returns
 * how many records compaction moved and how many chunks were given out again.
 */
export function runModel(kind: Kind, run: Run): { moves: number; reuses: number } {
  const { modes, runs, isSame = false, chunksPerBlock, maxChunks = MAX_CHUNKS } = run;
  const { names = kind.isShared ? SHARED_NAMES : [...RECORD_NAMES, ...POOL_NAMES, ...OFTEN] } = run;
  const step = fc.tuple(fc.constantFrom(...names), fc.nat(2 ** 31 - 1));
  const isLarge = maxChunks > 200;
  const lengths = isLarge ? { minLength: 25, maxLength: 40 } : { minLength: 1, maxLength: 80 };
  const steps = fc.array(step, { ...lengths, size: "max" });
  const options = fc.record({
    handles: fc.constantFrom("compact" as const, "wide" as const),
    reuse: fc.constantFrom("recent" as const, spread),
    chunksPerBlock: chunksPerBlock ? fc.constant(chunksPerBlock) : fc.constantFrom(16, 32),
    keepEmptyBlocks: fc.constantFrom(0, 1, 3),
  });
  const sources = fc.constantFrom(...isSame || kind.isShared ? ["heap"] as const : SOURCES);
  const structs = structsOf(kind);
  const sum = { moves: 0, reuses: 0 };
  const property = fc.property(options, sources, steps, (options, memory, steps) => {
    const subjects = modes.map((mode) =>
      subjectOf(kind, structs, { ...options, ...mode }, memory, maxChunks)
    );
    for (const [i, [name, seed]] of steps.entries()) {
      playAlike(subjects, name, seed, run);
      if (isLarge && i < steps.length - 1) continue;
      for (const it of subjects) it.check();
    }
    sum.moves += subjects[0].moves;
    sum.reuses += subjects[0].reuses;
    for (const it of subjects) it.dispose();
  });
  // With some seeds no chunk of a large pool comes again.
  fc.assert(property, { numRuns: runs, ...isLarge ? { seed: 5 } : {} });
  return sum;
}

function playAlike(subjects: readonly Subject[], name: string, seed: number, run: Run): void {
  const [first, ...rest] = subjects;
  for (const { pool } of run.isRestored ? rest : []) restore(pool, snapshot(first.pool));
  const said = first.play(name, seed);
  for (const it of rest) {
    assertEquals(it.play(name, seed), said, `${name}(${seed})`);
    if (run.isSame) assertSameBytes(stateOf(it), stateOf(first), `${name}(${seed})`);
  }
}

/** Every byte of a pool, metadata and all. */
function stateOf({ pool, isShared }: Subject): Uint8Array {
  return isShared ? bytesOf(pool) : snapshot(pool, undefined, { checksum: false });
}
