/**
 * Loading: records of a save come into a pool whose structs and options may be others than they were.
 *
 * All is checked and planned before anything is changed: which struct becomes which, and which chunk each record gets. Then the pool
 * takes the memory that it needs, is cleared, and gets the records. What the bytes are is in `save_file.ts`, which struct becomes which
 * in `save_mapping.ts`, how in `conversion.ts`, and where a record goes in `save_placement.ts`.
 *
 * @module
 */
import { optionsProblem } from "../messages/nearest.ts";
import { skipNumbers } from "../slab/debug_handles.ts";
import type { SnapshotArrays } from "../slab/envelope.ts";
import { growAll, type TypedSlab } from "../slab/snapshot.ts";
import { type Link, linksOf } from "../struct/links.ts";
import type { Arrays } from "../struct/scalars.ts";
import type { AnyStruct } from "../struct/schema.ts";
import type { Changes, Renames } from "./conversion.ts";
import { type SavedSlab, SaveFile } from "./save_file.ts";
import { Placement, type SlabPlacement } from "./save_placement.ts";
import { type KindMapping, type KindMappings, linkTargetsIn, mapKinds } from "./save_mapping.ts";

export { writeSave } from "./save_file.ts";

/** Options of `load`. */
export interface LoadOptions {
  /**
   * New names by old ones: of a field, `{ hp: "health" }`, of a field of one struct alone, `{ "Ship.hp": "health" }`, and of a struct,
   * `{ Ship: "Vessel" }`. Names that the save does not have do no harm, so that those of all versions can stand together.
   */
  readonly rename?: Readonly<Record<string, string>>;
  /**
   * Gets the old and the new handle of each record that could not keep its own, when all is loaded. If it throws, the others are told
   * all the same, and then `load` throws that. A new handle may be what another record had before: gather all, then replace.
   */
  readonly moved?: (from: number, to: number) => void;
}

/** What `load` has done. */
export interface LoadReport {
  /** Records that were loaded. */
  readonly records: number;
  /** Those of them that have new handles. */
  readonly moved: number;
  /** Numbers that were out of the range of their new type, and wrapped. */
  readonly wrapped: number;
  /** Fields that the save does not have, which are zero, as `Struct.field`. */
  readonly added: readonly string[];
  /** Fields that the pool does not have, as `Struct.field`. */
  readonly dropped: readonly string[];
}

/**
 * Replaces all records of a pool by those of a save, in O(chunks + records × fields).
 *
 * @param all The slabs of the pool.
 * @param bytes The save.
 * @param options See {@linkcode LoadOptions}.
 * @returns What was done.
 * @throws {SnapshotError} when it is none that the pool can take.
 * @throws {OutOfMemoryError} when there is no memory for its blocks. In either case nothing changed.
 * @throws {TypeError} when an option is wrong.
 * @throws What `moved` throws first, when all is done.
 */
export function readSave(
  all: readonly TypedSlab[],
  bytes: Uint8Array,
  options: LoadOptions,
): LoadReport {
  const { renames, moved } = checkedOptions(all[0].slab.label, options);
  const file = new SaveFile(all[0].slab, bytes);
  const changes: Changes = { wrapped: 0, added: new Set(), dropped: new Set() };
  const mappings = mapKinds(all, file, renames, changes);
  let placement: Placement;
  let before: number;
  do {
    placement = new Placement(all, file, mappings);
    before = callsOf(all);
    growAll(all, placement.slabs, "load");
  } while (callsOf(all) !== before); // a memory resource that called has changed which chunks can be had
  replaceRecords(all, file, mappings, placement, changes);
  const moves = movesOf(placement);
  callMoved(moves, moved);
  return {
    records: file.size,
    moved: moves.length,
    wrapped: changes.wrapped,
    added: [...changes.added],
    dropped: [...changes.dropped],
  };
}

function checkedOptions(
  label: string,
  options: LoadOptions,
): { renames: Renames; moved: LoadOptions["moved"] } {
  const problem = optionsProblem(options, ["rename", "moved"]) ?? optionProblem(options);
  if (problem !== undefined) throw new TypeError(`Cannot load ${label}: ${problem}`);
  return { renames: new Map(Object.entries(options.rename ?? {})), moved: options.moved };
}

function optionProblem({ rename, moved }: LoadOptions): string | undefined {
  if (moved !== undefined && typeof moved !== "function") {
    return `moved must be a function, got ${String(moved)}`;
  }
  const isMap = rename === undefined ||
    typeof rename === "object" && rename !== null && !Array.isArray(rename) &&
      Object.values(rename).every((it) => typeof it === "string");
  return isMap ? undefined : "rename must be an object of new names by old ones";
}

/** Rises with every record that is allocated or freed. */
function callsOf(all: readonly TypedSlab[]): number {
  return all.reduce((sum, { slab }) => sum + slab.allocs + slab.frees, 0);
}

/** Old and new handles of the records that could not keep theirs. */
function movesOf(placement: Placement): (readonly [number, number])[] {
  const moves: (readonly [number, number])[] = [];
  placement.eachMove((from, to) => moves.push([from, to]));
  return moves;
}

/** Tells of all, whatever some of the calls throw. */
function callMoved(moves: readonly (readonly [number, number])[], moved: LoadOptions["moved"]) {
  let thrown: { readonly error: unknown } | undefined;
  for (const [from, to] of moved === undefined ? [] : moves) {
    try {
      moved!(from, to); // there is one, or there are no moves here
    } catch (error) {
      thrown ??= { error };
    }
  }
  if (thrown !== undefined) throw thrown.error;
}

// -- writing them: nothing can go wrong any more --

function replaceRecords(
  all: readonly TypedSlab[],
  file: SaveFile,
  mappings: KindMappings,
  placement: Placement,
  changes: Changes,
): void {
  if (placement.slabs[0].isDebug) skipNumbers(file.nextNumber);
  for (const target of placement.slabs) {
    target.slab.clear();
    target.slab.observers?.onRestore();
    target.carryStamps();
  }
  const from = widenArrays(file.arrays);
  let first = 0;
  file.slabs.forEach((saved, i) => {
    changes.wrapped += writeRecords(from, saved, mappings[i], first, placement);
    first += saved.size;
  });
  updateLinks(all, placement);
  placement.slabs.forEach((target, at) => settle(target, at, placement));
}

/** Writes the records of a slab of the save, as many at once as go to chunks in a row; tells how many numbers wrapped. */
function writeRecords(
  from: Arrays,
  { size, tags, chunkBytes, firstByte }: SavedSlab,
  mappings: readonly KindMapping[],
  first: number,
  placement: Placement,
): number {
  const { index, stamp } = placement;
  let wrapped = 0;
  for (let j = 0; j < size;) {
    const kind = tags === undefined ? 0 : tags[j];
    const { plan, tag } = mappings[kind];
    const k = first + j;
    const block = placement.blockOf(k);
    const chunk = index[k] & block.chunkCount - 1;
    const most = Math.min(size - j, block.chunkCount - chunk);
    let count = 1;
    while (
      count < most && index[k + count] === index[k] + count &&
      (tags === undefined || tags[j + count] === kind)
    ) {
      count++;
    }
    const target = { arrays: block, at: chunk * block.chunkBytes, step: block.chunkBytes };
    wrapped += plan.run(
      { arrays: from, at: firstByte + j * chunkBytes, step: chunkBytes },
      target,
      count,
    );
    for (let i = 0; i < count; i++) block.stamps[chunk + i] = stamp[k + i];
    if (block.tags.length > 0) block.tags.fill(tag, chunk, chunk + count);
    j += count;
  }
  return wrapped;
}

/** Sets the links to records that have new handles right. */
function updateLinks(all: readonly TypedSlab[], placement: Placement): void {
  const targets = linkTargetsIn(all);
  if (targets.size === 0) return;
  const moved = new Map<number, { readonly to: number; readonly struct: AnyStruct | undefined }>();
  placement.eachMove((from, to, struct) => moved.set(from, { to, struct }));
  if (moved.size === 0) return;
  const links = new Map<AnyStruct | undefined, readonly Link[]>();
  placement.eachRecord((k, { struct }) => {
    if (struct === undefined) return;
    if (!links.has(struct)) {
      links.set(struct, linksOf(struct).filter(({ target }) => targets.has(target)));
    }
    const { i32, chunkBytes, chunkCount } = placement.blockOf(k);
    const start = (placement.index[k] & chunkCount - 1) * chunkBytes;
    for (const { offset, target } of links.get(struct)!) { // just set
      const word = start + offset >> 2;
      const found = moved.get(i32[word] >>> 0);
      if (found?.struct === target) i32[word] = found.to;
    }
  });
}

/** Has a slab work out from its blocks what follows from them. */
function settle({ slab, size, isDebug }: SlabPlacement, at: number, placement: Placement): void {
  slab.allocs += size;
  slab.noteMoved(slab.blocks);
  const numbers = isDebug ? numbersOf(at, placement) : undefined;
  const { chunkCount } = slab.geometry;
  slab.settle({
    ...{ allocs: slab.allocs, frees: slab.frees, peakSize: slab.peakSize },
    reserved: slab.blockSet.reserved,
    current: slab.blocks.findIndex((block) => block.isMapped),
    queue: slab.queue,
    ...numbers !== undefined && {
      numbers: (position, chunk) => numbers.get(position * chunkCount + chunk)!, // of each live one
    },
  });
}

/** Handles of the records of a slab by the indices of their chunks. In debug mode they are what they were. */
function numbersOf(at: number, placement: Placement): Map<number, number> {
  const numbers = new Map<number, number>();
  placement.eachRecord((k, _mapping, saved, first) => {
    if (placement.slab[k] === at) {
      numbers.set(placement.index[k], placement.oldHandle(k, saved, first));
    }
  });
  return numbers;
}

/** The bytes of a save, as numbers of all widths. */
function widenArrays({ bytes, u16, words, floats }: SnapshotArrays): Arrays {
  const { buffer, byteOffset } = bytes;
  const f16 = "Float16Array" in globalThis
    ? new Float16Array(buffer, byteOffset, u16.length)
    : undefined as unknown as Float16Array; // no struct of this engine has one
  return {
    ...{ u8: bytes, u16: u16, i32: words, f16, f64: floats },
    f32: new Float32Array(buffer, byteOffset, words.length),
    i64: new BigInt64Array(buffer, byteOffset, floats.length),
  };
}
