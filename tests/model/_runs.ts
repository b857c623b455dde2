/**
 * The runs of the model tests: kinds of pools, their options, and sequences of operations on one
 * pool or on two alike.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type AnyStruct,
  ErasedPool,
  Pool,
  type PoolOptions,
  PoolSet,
  SharedPool,
} from "../../mod.ts";
import { bytesOf } from "../shared/_support.ts";
import { Source, type SourceKind, SOURCES } from "./_memories.ts";
import { type AnyPool, Subject } from "./_model.ts";
import { play, POOL_NAMES, RECORD_NAMES, SHARED_NAMES } from "./_operations.ts";
import { assertSameBytes } from "./_state_operations.ts";
import { makeStructs, type Structs } from "./_values.ts";

/** Chunks that each size class may have in most runs, so few that pools are often full. */
const MAX_CHUNKS = 64;

/** What leaves pools to compact. */
const OFTEN = ["fragment", "fragment", "fragment", "compact", "compact", "compact"];

/** A kind of pool. */
export interface Kind {
  /** Makes structs and what makes a pool of them, of so many chunks in each size class. */
  prepare(): {
    readonly structs: readonly AnyStruct[];
    make(options: PoolOptions, maxChunks: number): unknown;
  };
  readonly isTyped: boolean;
  readonly isShared: boolean;
}

function kindOf(
  pick: (all: Structs) => AnyStruct[],
  make: (structs: AnyStruct[], options: PoolOptions, maxChunks: number) => unknown,
  { isTyped = true, isShared = false } = {},
): Kind {
  const prepare = () => {
    const structs = pick(makeStructs());
    const of = (options: PoolOptions, maxChunks: number) => make(structs, options, maxChunks);
    return { structs, make: of };
  };
  return { prepare, isTyped, isShared };
}

function single(name: keyof Structs): Kind {
  return kindOf((all) => [all[name]], poolOf);
}

function shared(name: keyof Structs): Kind {
  const make = ([struct]: AnyStruct[], options: PoolOptions, maxChunks: number) => {
    const { handles = "compact", chunksPerBlock = 16, specialize = true } = options;
    return SharedPool.create(struct, { handles, chunksPerBlock, specialize, maxChunks });
  };
  return kindOf((all) => [all[name]], make, { isShared: true });
}

function mixed({ Byte, Odd, Leaf, Part, Node, Scalars }: Structs): AnyStruct[] {
  return [Byte, Odd, Leaf, Part, Node, Scalars];
}

/** Sizes that some of the structs do not fit for their alignment. */
function setOf(types: AnyStruct[], options: PoolOptions, maxChunks: number): PoolSet {
  const size = Math.max(...types.map((it) => it.size));
  return new PoolSet({ ...options, sizes: [size, 1, 12, 10], maxChunks: 4 * maxChunks });
}

function poolOf([struct]: readonly AnyStruct[], options: PoolOptions, maxChunks: number): unknown {
  return new Pool(struct, { ...options, maxChunks });
}

/** Pools of one struct that is given. */
export function poolKind(struct: AnyStruct): Kind {
  return kindOf(() => [struct], poolOf);
}

export const KINDS: Readonly<Record<string, Kind>> = {
  "Pool of 1 byte": single("Byte"),
  "Pool of 3 bytes": single("Odd"),
  "Pool of all scalars": single("Scalars"),
  "Pool of linked records": single("Node"),
  "ErasedPool": kindOf(
    mixed,
    (types, options, maxChunks) => new ErasedPool({ ...options, types, size: 96, maxChunks }),
  ),
  "ErasedPool without types": kindOf(
    ({ North, South }) => [North, South],
    (_, options, maxChunks) => new ErasedPool({ ...options, size: 24, maxChunks }),
    { isTyped: false },
  ),
  "PoolSet": kindOf(mixed, setOf),
  "PoolSet with types": kindOf(
    mixed,
    (types, options, maxChunks) =>
      new PoolSet({ ...options, types, sizes: [3, 12, 96], maxChunks: 4 * maxChunks }),
  ),
  "SharedPool of 1 byte": shared("Byte"),
  "SharedPool of all scalars": shared("Scalars"),
};

/** Pools to play the same on, by the options in which they differ, and how many runs. */
export interface Modes {
  readonly modes: readonly PoolOptions[];
  readonly runs: number;
  /** Whether all that is in memory has to be the same. */
  readonly isSame?: boolean;
}

/** Options that fast-check chooses. */
const CHOICES = choicesOf(16, 32);
/**
 * One geometry, as only 64 pools get code of their own, and more chunks, as passes over few share
 * their loops.
 */
const OWN_CHOICES = choicesOf(32);
const OWN_CHUNKS = 128;

function choicesOf(...chunksPerBlock: number[]) {
  return fc.record({
    handles: fc.constantFrom("compact" as const, "wide" as const),
    reuse: fc.constantFrom("recent" as const, "spread" as const),
    chunksPerBlock: fc.constantFrom(...chunksPerBlock),
    keepEmptyBlocks: fc.constantFrom(0, 1, 3),
  });
}

/** Makes pools of a kind that differ in some options, each beside its model. */
export function subjectsOf(
  kind: Kind,
  { structs, make }: ReturnType<Kind["prepare"]>,
  options: PoolOptions,
  memory: SourceKind,
  modes: readonly PoolOptions[],
  maxChunks: number = MAX_CHUNKS,
  maxStale: number = 2000,
): Subject[] {
  const isDebugPair = modes.length > 1 && modes.some((it) => it.debug);
  return modes.map((mode) => {
    const source = new Source(memory);
    const own = { ...options, ...mode, memory: source.ledger };
    const pool = make(own, maxChunks) as AnyPool;
    const { isTyped } = kind;
    return new Subject({
      ...{ pool, structs, options: own, source, maxChunks, isTyped, isDebugPair, maxStale },
    });
  });
}

/** Sequences of operations by name and seed. */
export function stepsOf(
  names: readonly string[],
  maxLength: number,
): fc.Arbitrary<[name: string, seed: number][]> {
  const step = fc.tuple(fc.constantFrom(...names), fc.nat(2 ** 31 - 1));
  return fc.array(step, { minLength: 1, maxLength, size: "max" });
}

/**
 * Plays sequences of operations, compares after each, and returns how many records compaction
 * moved.
 */
export function runModel(
  kind: Kind,
  { modes, runs, isSame = false }: Modes,
): number {
  const names = kind.isShared ? SHARED_NAMES : [...RECORD_NAMES, ...POOL_NAMES, ...OFTEN];
  const steps = stepsOf(names, 80);
  const sources = fc.constantFrom(...isSame || kind.isShared ? ["heap"] as const : SOURCES);
  const prepared = kind.prepare();
  let moves = 0;
  const choices = isSame ? OWN_CHOICES : CHOICES;
  const maxChunks = isSame ? OWN_CHUNKS : MAX_CHUNKS;
  const property = fc.property(choices, sources, steps, (options, memory, all) => {
    const subjects = subjectsOf(kind, prepared, options, memory, modes, maxChunks);
    for (const [name, seed] of all) {
      playAlike(subjects, name, seed, isSame);
      for (const it of subjects) it.compare();
    }
    moves += subjects[0].moves;
    for (const it of subjects) it.dispose();
    for (const name of isSame ? names : []) {
      const errors = subjects.map((it) => errorOf(() => play(it, name, 1)));
      assertEquals(errors[0], errors.at(-1), `${name} after dispose()`);
    }
  });
  fc.assert(property, { numRuns: runs });
  return moves;
}

function playAlike(subjects: readonly Subject[], name: string, seed: number, isSame: boolean) {
  const [first, ...rest] = subjects;
  const said = play(first, name, seed);
  for (const it of rest) {
    assertEquals(play(it, name, seed), said, `${name}(${seed})`);
    if (isSame) assertSameBytes(stateOf(it), stateOf(first), `${name}(${seed})`);
  }
}

function errorOf(call: () => unknown): string {
  try {
    return `nothing, but ${call()}`;
  } catch (error) {
    return String(error);
  }
}

/** Every byte of a pool, metadata and all. */
function stateOf({ pool, isShared }: Subject): Uint8Array {
  return isShared ? bytesOf(pool) : pool.snapshot(undefined, { checksum: false });
}
