/**
 * Compaction: records move from the sparsest blocks to free chunks of the others, and the empty
 * blocks are given back.
 *
 * The densest blocks are kept, as few as have room for all records. The records of the other blocks
 * move, in block and chunk order, each to the lowest free chunk. Then one pass over all records
 * updates the links to moved ones. Memory resources and the callback, which are user code, are
 * called last.
 *
 * @module
 */
import { releaseAll } from "../memory/region.ts";
import type { MemoryRegion } from "../memory/resource.ts";
import { fieldBytes, LINK_BYTES, LINK_RANGE, linksOf, linkTargets } from "../struct/links.ts";
import type { AnyStruct } from "../struct/schema.ts";
import { structTitle } from "../struct/table.ts";
import { type Block, NO_BLOCK } from "./block.ts";
import { moveRecord, relinkBlocks } from "./rebuild.ts";
import type { Slab } from "./slab.ts";
import { type LinkedSlab, linkedSlabsOf, type TypedSlab } from "./typed_slab.ts";

/** A callback with the old and the new handle of a moved record. */
export type Moved = (from: number, to: number) => void;

/**
 * Compacts each slab of a pool, in O(blocks × log blocks + chunks of the blocks that records move
 * to + moved records + live records × their links).
 *
 * @param all The slabs of the pool, not disposed of.
 * @param moved Called at the end with the handles of each moved record.
 * @returns Bytes given back.
 * @throws {TypeError} when the memory of a block is detached, or a pool without types cannot tell
 * links from other data; nothing changes then.
 * @throws {RangeError} when a link cannot hold a new handle; nothing changes then.
 * @throws The first error of a memory resource or of `moved`, after all calls.
 */
export function compactSlabs(all: readonly TypedSlab[], moved: Moved | undefined): number {
  const [{ slab, struct }] = all;
  const linkedSlabs = struct === undefined
    ? linkedSlabsOf.get(slab)! // every pool of several structs has set them
    : [{ slab, kinds: [{ struct }] }];
  for (const { slab } of linkedSlabs) slab.checkAttached("compact");
  const links = new Links(linkedSlabs);
  const plans = all.map(({ slab }) => new CompactionPlan(slab));
  links.checkFit(plans);
  const moves = new Moves(moved !== undefined);
  for (const plan of plans) plan.moveRecords(links, moves);
  links.forward();
  return finish(plans, moves, moved);
}

/** Gives blocks back and calls back for each moved record, all of them even if some calls throw. */
function finish(plans: readonly CompactionPlan[], moves: Moves, moved: Moved | undefined): number {
  const regions = plans.map((plan) => plan.unmap());
  const bytes = plans.reduce((sum, { slab, left }) => {
    return sum + left.length * slab.geometry.chunkCount * slab.chunkBytes;
  }, 0);
  let thrown: { readonly error: unknown } | undefined;
  const attempt = (fn: () => void) => {
    try {
      fn();
    } catch (error) {
      thrown ??= { error };
    }
  };
  plans.forEach(({ slab }, i) =>
    attempt(() => releaseAll(slab.blockSet.config.memory, regions[i]))
  );
  // Without a callback no moves are listed.
  moves.from.forEach((from, i) => attempt(() => moved!(from, moves.to[i])));
  if (thrown !== undefined) throw thrown.error;
  return bytes;
}

/** The old and the new handles of moved records, in order. */
class Moves {
  readonly from: number[] = [];
  readonly to: number[] = [];
  /** Whether they are listed at all. */
  readonly areWanted: boolean;

  constructor(areWanted: boolean) {
    this.areWanted = areWanted;
  }

  add(from: number, to: number): void {
    this.from.push(from);
    this.to.push(to);
  }
}

/** The blocks of a slab that are kept, and those that are given back. */
class CompactionPlan {
  readonly slab: Slab;
  /** Blocks that are given back, by position. */
  readonly left: readonly Block[];
  /** The others, by position. */
  readonly #kept: readonly Block[];

  constructor(slab: Slab) {
    this.slab = slab;
    const blocks = slab.mappedBlocks();
    const kept = blocksToKeep(blocks, slab.size);
    this.#kept = kept.size === blocks.length ? blocks : blocks.filter((block) => kept.has(block));
    this.left = kept.size === blocks.length ? [] : blocks.filter((block) => !kept.has(block));
  }

  /**
   * Calls a function for each record that moves, with its chunk and the chunk that it moves to.
   *
   * @param fn It may move the record.
   * @returns The blocks that records move to.
   */
  eachMove(fn: (block: Block, chunk: number, to: Block, target: number) => void): Block[] {
    const room = new FreeChunks(this.#kept);
    for (const block of this.left) {
      for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
        room.next();
        fn(block, chunk, room.block, room.chunk);
      }
    }
    return room.taken;
  }

  /** Moves the records, and rebuilds the free lists of the blocks that they move to. */
  moveRecords(links: Links, moves: Moves): void {
    const { slab } = this;
    const filled = this.eachMove((block, chunk, to, target) => {
      const forwards = links.forwardsOf(slab, block.tags[chunk]);
      const before = moveRecord(slab, block, chunk, to, target);
      if (forwards === undefined && !moves.areWanted) return;
      const after = slab.handleAt(to, target);
      forwards?.set(before, after);
      if (moves.areWanted) moves.add(before, after);
    });
    if (filled.length > 0) relinkBlocks(slab, filled);
  }

  /** Unmaps the blocks that are given back, and clears the reserve. */
  unmap(): MemoryRegion[] {
    const { blockSet } = this.slab;
    blockSet.reserved = 0;
    return this.left.map((block) => blockSet.unmap(block));
  }
}

/** Returns how many chunks of a block are not retired. */
function roomOf({ chunkCount, retired }: Block): number {
  return chunkCount - retired;
}

/**
 * Chooses the fewest blocks that have room for all records, and prefers dense ones. It tries the
 * blocks from the densest on, and keeps one if the blocks kept so far, completed to that number
 * with the roomiest of the others, still have room for all records. Where no chunk is retired, it
 * keeps the densest blocks, and the fewest records move.
 */
function blocksToKeep(blocks: readonly Block[], records: number): Set<Block> {
  // Sorting is stable: blocks with equal room stay in the order of their positions.
  const roomiest = blocks.toSorted((a, b) => roomOf(b) - roomOf(a));
  let count = 0;
  let spare = -records;
  while (spare < 0) spare += roomOf(roomiest[count++]);
  const kept = new Set<Block>();
  if (count === 0) return kept;
  const rank = new Map(roomiest.map((block, i) => [block, i]));
  // The roomiest blocks up to `last` that are not kept yet complete the number.
  let last = count - 1;
  for (const block of blocks.toSorted((a, b) => b.live - a.live)) {
    if (rank.get(block)! > last) { // every block has a rank
      while (kept.has(roomiest[last])) last--;
      const loss = roomOf(roomiest[last]) - roomOf(block);
      if (loss > spare) continue;
      spare -= loss;
      last--;
    }
    kept.add(block);
    if (kept.size === count) break;
  }
  return kept;
}

/** An iterator over the free chunks of blocks, from the lowest on. */
class FreeChunks {
  /** Blocks with chunks that were taken. */
  readonly taken: Block[] = [];
  /** Block and number of the chunk that was taken last. */
  block: Block = NO_BLOCK;
  chunk = -1;
  readonly #blocks: readonly Block[];

  constructor(blocks: readonly Block[]) {
    this.#blocks = blocks;
  }

  /** Takes the next free chunk; there must be one. */
  next(): void {
    for (;;) {
      const { stamps, chunkCount } = this.block;
      let chunk = this.chunk + 1;
      while (chunk < chunkCount && ((stamps[chunk] & 1) === 1 || stamps[chunk] === 0)) chunk++;
      this.chunk = chunk;
      if (chunk < chunkCount) return;
      this.block = this.#blocks[this.taken.length];
      this.taken.push(this.block);
      this.chunk = -1;
    }
  }
}

/** New handles by old ones. */
type Forwards = Map<number, number>;

/** A link field, and the new handles of the moved records that it can lead to. */
interface Field {
  /** Bytes from the start of the record. */
  readonly offset: number;
  readonly forwards: Forwards;
}

/** The links between the records of a slab, or of all slabs of a set. */
class Links {
  readonly #linkedSlabs: readonly LinkedSlab[];
  /** The forwards of each struct that links lead to. */
  readonly #forwards = new Map<AnyStruct, Forwards>();
  /** The same by slab and tag; a slab without tags has one entry for all its structs. */
  readonly #byTag = new Map<Slab, readonly (Forwards | undefined)[]>();

  constructor(linkedSlabs: readonly LinkedSlab[]) {
    this.#linkedSlabs = linkedSlabs;
    const targets = linkTargets(
      linkedSlabs.flatMap(({ kinds }) => kinds.map(({ struct }) => struct)),
    );
    for (const target of targets) this.#forwards.set(target, new Map());
    for (const linkedSlab of linkedSlabs) {
      this.#byTag.set(linkedSlab.slab, this.#forwardsByTag(linkedSlab));
    }
  }

  /** Returns the forwards of the structs of a slab, by tag. */
  #forwardsByTag(linkedSlab: LinkedSlab): readonly (Forwards | undefined)[] {
    const { slab, kinds } = linkedSlab;
    const forwards = kinds.map(({ struct }) => this.#forwards.get(struct));
    if (slab.geometry.tagged || kinds.length < 2 || this.#forwards.size === 0) return forwards;
    // A record may be of any of the structs, and so may be the target of a link.
    checkLinksKnown(linkedSlab);
    const one: Forwards = new Map();
    for (const { struct } of kinds) this.#forwards.set(struct, one);
    return [one];
  }

  /** Returns the forwards of a struct; `undefined` where no link leads to it. */
  forwardsOf(slab: Slab, tag: number = 0): Forwards | undefined {
    return this.#byTag.get(slab)![tag]; // every slab has them
  }

  /**
   * Checks that links can hold the new handles. A wide handle may not fit in 32 bits if the new
   * chunk was used more often than the old.
   *
   * @throws {RangeError} when a new handle does not fit in a link.
   */
  checkFit(plans: readonly CompactionPlan[]): void {
    const { codec, label } = plans[0].slab;
    if (codec.wraps || codec.areNumbers || this.#forwards.size === 0) return; // all fit
    for (const plan of plans) {
      const { slab } = plan;
      plan.eachMove((block, chunk, to, target) => {
        const forwards = this.forwardsOf(slab, block.tags[chunk]);
        const after = slab.codec.encode(to.firstIndex + target, to.stamps[target] + 1);
        if (after >= LINK_RANGE) forwards?.set(slab.handleAt(block, chunk), after);
      });
    }
    this.#visit((_i32, _at, from, to) => {
      throw new RangeError(
        `Cannot compact ${label}: a ref holds a handle below 2^32, and handle ${from}, which one holds, would become ${to}; ` +
          "a wide handle fits in an f64",
      );
    });
  }

  /** Updates all links to moved records. */
  forward(): void {
    this.#visit((i32, at, _from, to) => i32[at] = to);
  }

  /**
   * Calls a function for each link to a moved record, with its word, its old and its new handle.
   */
  #visit(fn: (i32: Int32Array, at: number, from: number, to: number) => void): void {
    for (const { slab, kinds } of this.#linkedSlabs) {
      const fields = kinds.map(({ struct }) => this.#fieldsOf(struct));
      if (slab.geometry.tagged) visitLinks(slab, fields, fn);
      else visitLinks(slab, [uniqueFields(fields.flat())], fn);
    }
  }

  /** Returns the link fields of a struct that can lead to moved records. */
  #fieldsOf(struct: AnyStruct): Field[] {
    if (this.#forwards.size === 0) return [];
    return linksOf(struct).flatMap(({ offset, target }) => {
      const forwards = this.#forwards.get(target);
      return forwards === undefined || forwards.size === 0 ? [] : [{ offset, forwards }];
    });
  }
}

/** Calls a function for each link in the records of a slab that leads to a moved record. */
function visitLinks(
  slab: Slab,
  fieldsByTag: readonly (readonly Field[])[],
  fn: (i32: Int32Array, at: number, from: number, to: number) => void,
): void {
  if (fieldsByTag.every((fields) => fields.length === 0)) return;
  const { tagged } = slab.geometry;
  for (const block of slab.mappedBlocks()) {
    const { i32, tags, bump, chunkBytes } = block;
    for (let chunk = block.nextLive(0); chunk < bump; chunk = block.nextLive(chunk + 1)) {
      const fields = fieldsByTag[tagged ? tags[chunk] : 0];
      for (let i = 0; i < fields.length; i++) {
        const at = chunk * chunkBytes + fields[i].offset >> 2;
        const from = i32[at] >>> 0;
        const to = from === 0 ? undefined : fields[i].forwards.get(from);
        if (to !== undefined) fn(i32, at, from, to);
      }
    }
  }
}

/** Drops all but one of the fields at the same offset. */
function uniqueFields(fields: readonly Field[]): Field[] {
  return [...new Map(fields.map((field) => [field.offset, field])).values()];
}

/**
 * Checks a slab without tags, whose records may be of any of its structs: where one struct has a
 * link to records of the slab, all others must have such a link or padding.
 *
 * @throws {TypeError} when another struct has other data there.
 */
function checkLinksKnown({ slab, kinds }: LinkedSlab): void {
  const stored = new Set(kinds.map(({ struct }) => struct));
  const known = kinds.map(({ struct }) => ({
    struct,
    bytes: fieldBytes(struct),
    links: new Set(
      linksOf(struct).filter(({ target }) => stored.has(target)).map(({ offset }) => offset),
    ),
  }));
  for (const { struct, links } of known) {
    for (const other of known) {
      for (const offset of links) {
        if (other.links.has(offset)) continue;
        if (!other.bytes.subarray(offset, offset + LINK_BYTES).includes(1)) continue;
        throw new TypeError(
          `Cannot compact ${slab.label}: it was created without types, so it cannot tell a link of ${
            structTitle(struct)
          } at byte ${offset} from what ${structTitle(other.struct)} has there`,
        );
      }
    }
  }
}
