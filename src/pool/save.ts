/**
 * Loading: the records of a save replace those of a pool, whose structs and options may have
 * changed since.
 *
 * Everything is checked and planned before the pool changes: `save_file.ts` reads the bytes,
 * `save_mapping.ts` finds the struct that each struct of the save becomes, `conversion.ts` plans
 * how its fields are converted, and `save_placement.ts` chooses a chunk for each record. Then the
 * pool allocates the blocks that it needs, is cleared, and gets the records.
 *
 * @module
 */
import { optionsProblem } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import { skipNumbers } from "../slab/debug_handles.ts";
import type { NewBytes, SnapshotArrays } from "../slab/envelope.ts";
import { noteOwn } from "../slab/own_functions.ts";
import { queueOf, relinkBlocks, settle } from "../slab/rebuild.ts";
import { growAll } from "../slab/snapshot.ts";
import { type TypedSlab, usableSlabs } from "../slab/typed_slab.ts";
import { type Link, linksOf } from "../struct/links.ts";
import type { Arrays } from "../struct/scalars.ts";
import type { AnyStruct } from "../struct/schema.ts";
import type { Changes, Renames } from "./conversion.ts";
import type { PoolBase } from "./pool_base.ts";
import { type SavedSlab, SaveFile, writeSave } from "./save_file.ts";
import { Placement, type SlabPlacement } from "./save_placement.ts";
import { type KindMapping, type KindMappings, linkTargetsIn, mapKinds } from "./save_mapping.ts";

/**
 * Options of `load`.
 *
 * @category Saves and snapshots
 */
export interface LoadOptions {
  /**
   * New names by old ones. `{ hp: "health" }` renames a field of all structs,
   * `{ "Ship.hp": "health" }` that of one struct, `{ Ship: "Vessel" }` a struct. Names that are not
   * in the save are ignored, and a new name can be renamed again, so the renames of all versions
   * can be in one object: with `{ hp: "health", health: "vitality" }` a field `hp` becomes `health`
   * where the pool has that, else `vitality`. If a save uses an old name for another field, pass
   * only the renames that were made after its version.
   */
  readonly rename?: Readonly<Record<string, string>> | undefined;
  /**
   * Called with the old and the new handle of each record that could not keep its handle, after all
   * are loaded. If it throws, it is still called for the others, and then `load` throws the first
   * error. A new handle can equal the old handle of another record, so collect all of them before
   * you replace any.
   */
  readonly moved?: ((from: number, to: number) => void) | undefined;
}

/**
 * What `load` has done.
 *
 * @category Saves and snapshots
 */
export interface LoadReport {
  /** Records that were loaded. */
  readonly records: number;
  /** How many of them have new handles. */
  readonly moved: number;
  /**
   * How many numbers wrapped, as they were out of the range of their new type, by field as
   * `Struct.field`.
   */
  readonly wrapped: ReadonlyMap<string, number>;
  /** Fields that are not in the save and are zero now, as `Struct.field`. */
  readonly added: readonly string[];
  /** Fields of the save that the pool does not have, as `Struct.field`. */
  readonly dropped: readonly string[];
}

/**
 * Writes all records in a self-describing format, in O(`byteLength`): for saved games and files,
 * which outlive the version of the program that wrote them. {@linkcode load} reads it into a pool
 * whose struct, options or both have changed. For rollback use {@linkcode snapshot}, which writes
 * into an array of yours.
 *
 * @category Saves and snapshots
 * @param pool A pool, of any class.
 * @returns A new array.
 * @throws {TypeError} when the pool's memory was detached.
 * @throws {DisposedError} after `dispose`.
 *
 * @example Usage
 * ```ts
 * import { load, Pool, save } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * using old = new Pool({ hp: "u8", x: "f32" });
 * const imp = old.alloc({ hp: 7, x: 1.5 });
 * const saved = save(old);
 *
 * using game = new Pool({ x: "f64", y: "f64", health: "u16" }); // a later version
 * const { added } = load(game, saved, { rename: { hp: "health" } });
 * assertEquals(game.get(game.handle(imp)).toJSON(), { x: 1.5, y: 0, health: 7 });
 * assertEquals(added, ["struct.y"]);
 * ```
 */
export function save(pool: PoolBase<unknown, number>): NewBytes {
  return writeSave(usableSlabs("save", pool)) as NewBytes; // which it has just made
}

/**
 * Replaces all records by those of a save, in O(records × fields). Structs and fields are matched
 * by name, whatever the options of the pool: fields that the save does not have are zero, fields
 * that the pool does not have are dropped, and numbers are converted as a typed array converts
 * them.
 *
 * A record keeps its handle if that number can be a handle of this pool: its generation fits, and
 * its chunk is neither retired nor taken. In a new pool with the same `maxChunks` (and the same
 * `sizes` of a `PoolSet`) every record keeps its handle, with four exceptions: a wide handle whose
 * generation is too high for compact ones; if only one of the pools has wide handles, every handle
 * of a size class but the first; if a struct has grown or shrunk into another size class, the
 * handles of its records; and, if only the saved pool was in debug mode, every handle. A record that
 * cannot keep its handle gets a new one, in the chunk of the same index if that is free; `moved` is
 * called with both, and typed `ref` fields that refer to it are updated. All earlier handles are
 * stale, except those of the save. Views and cursors must be fetched again. Memory is kept, as
 * {@linkcode clear} keeps it.
 *
 * @category Saves and snapshots
 * @param pool A pool, of any class.
 * @param bytes What {@linkcode save} wrote; it may be followed by other bytes.
 * @param options See {@linkcode LoadOptions}.
 * @returns A report of what was matched and converted; see {@linkcode LoadReport}.
 * @throws {SnapshotError} when it is no save or is damaged, has records of a struct that the pool
 * does not know or more records than the pool may have, or when a `ref` cannot hold a new handle;
 * nothing changes then.
 * @throws {OutOfMemoryError} when the memory resource has no block to give; nothing changes then.
 * @throws {TypeError} when an argument has the wrong type, or the pool's memory was detached.
 * @throws {DisposedError} after `dispose`.
 */
export function load(
  pool: PoolBase<unknown, number>,
  bytes: Uint8Array,
  options: LoadOptions = {},
): LoadReport {
  noteOwn(OWN); // it may grow the pool
  return readSave(usableSlabs("load", pool), bytes, options);
}

const OWN = { load };

/** Reads a save into slabs. */
function readSave(
  all: readonly TypedSlab[],
  bytes: Uint8Array,
  options: LoadOptions,
): LoadReport {
  const { renames, moved } = checkedOptions(all[0].slab.label, options);
  const file = new SaveFile(all[0].slab, bytes);
  const changes: Changes = { wrapped: new Map(), added: new Set(), dropped: new Set() };
  const mappings = mapKinds(all, file, renames, changes);
  let placement: Placement;
  let before: number;
  do {
    placement = new Placement(all, file, mappings);
    before = callsOf(all);
    growAll(all, placement.slabs, "load", file.arrays.bytes);
    // A memory resource may have changed which chunks are free, and their generations.
  } while (callsOf(all) !== before);
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
    return `moved must be a function, got ${showValue(moved)}`;
  }
  const isMap = rename === undefined ||
    typeof rename === "object" && rename !== null && !(Symbol.iterator in rename) &&
      Object.values(rename).every((it) => typeof it === "string");
  return isMap ? undefined : "rename must be an object of new names by old ones";
}

/**
 * Counts the records ever allocated and freed and the blocks given back: the sum changes whenever
 * other chunks become free, as a compaction that moves records also gives blocks back.
 */
function callsOf(all: readonly TypedSlab[]): number {
  return all.reduce((sum, { slab }) => sum + slab.allocs + slab.frees + slab.blockSet.released, 0);
}

/** Returns the old and the new handle of each record that moves. */
function movesOf(placement: Placement): (readonly [number, number])[] {
  const moves: (readonly [number, number])[] = [];
  placement.eachMove((from, to) => moves.push([from, to]));
  return moves;
}

/** Calls back for each move, and then throws the first error. */
function callMoved(moves: readonly (readonly [number, number])[], moved: LoadOptions["moved"]) {
  let thrown: { readonly error: unknown } | undefined;
  for (const [from, to] of moved === undefined ? [] : moves) {
    try {
      moved!(from, to); // without it the loop has no moves
    } catch (error) {
      thrown ??= { error };
    }
  }
  if (thrown !== undefined) throw thrown.error;
}

// -- replacing the records: no call from here on can fail --

function replaceRecords(
  all: readonly TypedSlab[],
  file: SaveFile,
  mappings: KindMappings,
  placement: Placement,
  changes: Changes,
): void {
  if (placement.slabs[0].isDebug) skipNumbers(file.endOfHandles());
  for (const target of placement.slabs) {
    target.slab.clear();
    target.slab.observers?.onRestore();
    target.carryStamps();
  }
  const from = widenArrays(file.arrays);
  let first = 0;
  file.slabs.forEach((saved, i) => {
    writeRecords(from, saved, mappings[i], first, placement, changes);
    first += saved.size;
  });
  updateLinks(all, placement);
  placement.slabs.forEach((target, at) => settleSlab(target, at, placement));
}

/** Writes the records of one slab of the save: all of a run of consecutive chunks at a time. */
function writeRecords(
  from: Arrays,
  { size, tags, chunkBytes, firstByte }: SavedSlab,
  mappings: readonly KindMapping[],
  first: number,
  placement: Placement,
  { wrapped }: Changes,
): void {
  const { index, stamp } = placement;
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
    const source = { arrays: from, at: firstByte + j * chunkBytes, step: chunkBytes };
    plan.run(source, target, count, wrapped);
    for (let i = 0; i < count; i++) block.stamps[chunk + i] = stamp[k + i];
    if (block.tags.length > 0) block.tags.fill(tag, chunk, chunk + count);
    j += count;
  }
}

/** Updates the links to records that have new handles. */
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

/** Recomputes the counts and lists of a slab from its blocks. */
function settleSlab(
  { slab, size, isDebug }: SlabPlacement,
  at: number,
  placement: Placement,
): void {
  slab.allocs += size;
  relinkBlocks(slab, slab.blocks);
  const numbers = isDebug ? numbersOf(at, placement) : undefined;
  const { chunkCount } = slab.geometry;
  settle(slab, {
    ...{ allocs: slab.allocs, frees: slab.frees, peakSize: slab.peakSize },
    reserved: slab.blockSet.reserved,
    current: slab.blocks.findIndex((block) => block.isMapped),
    queue: queueOf(slab),
    ...numbers !== undefined && {
      // Every live record has one.
      numbers: (position, chunk) => numbers.get(position * chunkCount + chunk)!,
    },
  });
}

/** Returns the handles of a slab in debug mode by chunk index: records keep theirs there. */
function numbersOf(at: number, placement: Placement): Map<number, number> {
  const numbers = new Map<number, number>();
  placement.eachRecord((k, _mapping, saved, first) => {
    if (placement.slab[k] === at) {
      numbers.set(placement.index[k], placement.oldHandle(k, saved, first));
    }
  });
  return numbers;
}

/** Returns typed arrays of all types over the bytes of a save. */
function widenArrays({ bytes, u16, words, floats }: SnapshotArrays): Arrays {
  const { buffer, byteOffset } = bytes;
  const f16 = "Float16Array" in globalThis
    ? new Float16Array(buffer, byteOffset, u16.length)
    : undefined as unknown as Float16Array; // without Float16Array no struct has an f16 field
  return {
    ...{ u8: bytes, u16: u16, i32: words, f16, f64: floats },
    f32: new Float32Array(buffer, byteOffset, words.length),
    i64: new BigInt64Array(buffer, byteOffset, floats.length),
  };
}
