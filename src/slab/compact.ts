/**
 * Compaction: records leave the sparsest blocks for free chunks of others, and the empty blocks are given back.
 *
 * The densest blocks are kept, as few as have room for all records. Those of the other blocks move, in block and chunk order, each to
 * the lowest chunk that is free. Then the links that lead to moved records are set right, in one pass over all records. Nothing
 * of the program's runs until all of that is done: memory resources, which are given the blocks, and the callback come last.
 *
 * @module
 */
import type { MemoryRegion } from "../memory/resource.ts";
import { fieldBytes, LINK_BYTES, LINK_RANGE, linksOf, linkTargets } from "../struct/links.ts";
import type { AnyStruct } from "../struct/schema.ts";
import { structTitle } from "../struct/text.ts";
import { type Block, NO_BLOCK } from "./block.ts";
import type { Slab } from "./slab.ts";

/** A slab, and what its records are. */
export interface LinkedSlab {
  readonly slab: Slab;
  /** By tag where the slab has tags; else a record may be of any of them. */
  readonly kinds: readonly { readonly struct: AnyStruct }[];
}

/** What may have links to the records of a slab: it itself, and where it is a class of a set the others of that. */
export const linkedSlabsOf: WeakMap<Slab, readonly LinkedSlab[]> = new WeakMap();

/** What is called with the old and the new handle of a record that was moved. */
export type Moved = (from: number, to: number) => void;

/**
 * Compacts slabs that are one to their user, each by itself, in O(blocks × log blocks + chunks of the blocks that records come to
 * + moved records + live records × their links).
 *
 * @param slabs The slabs, usable.
 * @param moved What is called at the end with the handles of each moved record; if it is to be called.
 * @returns Bytes given back.
 * @throws {TypeError} when somebody has detached the memory of a block, or it cannot be told where links are; nothing changes then.
 * @throws {RangeError} when a link cannot hold the new handle; nothing changes then.
 * @throws What a memory resource or `moved` throws first, when all is done.
 */
export function compact(slabs: readonly Slab[], moved: Moved | undefined): number {
  const linkedSlabs = linkedSlabsOf.get(slabs[0])!; // every pool makes its own known
  for (const { slab } of linkedSlabs) slab.checkAttached("compact");
  const links = new Links(linkedSlabs);
  const plans = slabs.map((slab) => new CompactionPlan(slab));
  links.checkFit(plans);
  const moves = new Moves(moved !== undefined);
  for (const plan of plans) plan.moveRecords(links, moves);
  links.forward();
  return finish(plans, moves, moved);
}

/** Gives blocks back and calls for each record that was moved; what of it throws keeps nothing from happening. */
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
  plans.forEach(({ slab }, i) => {
    for (const region of regions[i]) attempt(() => slab.blockSet.giveBack([region]));
  });
  moves.from.forEach((from, i) => attempt(() => moved!(from, moves.to[i]))); // none are noted without
  if (thrown !== undefined) throw thrown.error;
  return bytes;
}

/** Old and new handles, in the order of the moves. */
class Moves {
  readonly from: number[] = [];
  readonly to: number[] = [];
  /** Whether they are noted. */
  readonly areWanted: boolean;

  constructor(areWanted: boolean) {
    this.areWanted = areWanted;
  }

  note(from: number, to: number): void {
    this.from.push(from);
    this.to.push(to);
  }
}

/** What is to be done with the blocks of a slab. */
class CompactionPlan {
  readonly slab: Slab;
  /** Blocks that are given back, and the others, by position. */
  readonly left: readonly Block[];
  readonly #kept: readonly Block[];

  constructor(slab: Slab) {
    this.slab = slab;
    const blocks = slab.mappedBlocks();
    const kept = blocksToKeep(blocks, slab.size);
    this.#kept = kept.size === blocks.length ? blocks : blocks.filter((block) => kept.has(block));
    this.left = kept.size === blocks.length ? [] : blocks.filter((block) => !kept.has(block));
  }

  /**
   * Calls for each record that is to move, and may move it.
   *
   * @returns The blocks that records come to.
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

  /** Moves the records of the blocks that are left, and brings the free chunks of the others in order. */
  moveRecords(links: Links, moves: Moves): void {
    const { slab } = this;
    const filled = this.eachMove((block, chunk, to, target) => {
      const forwards = links.forwardsOf(slab, block.tags[chunk]);
      if (forwards === undefined && !moves.areWanted) {
        slab.moveRecord(block, chunk, to, target);
        return;
      }
      const before = slab.handleAt(block, chunk);
      slab.moveRecord(block, chunk, to, target);
      const after = slab.handleAt(to, target);
      forwards?.set(before, after);
      if (moves.areWanted) moves.note(before, after);
    });
    if (filled.length > 0) slab.noteMoved(filled);
  }

  /** Takes the memory of the blocks that are left, and forgets what was reserved. */
  unmap(): MemoryRegion[] {
    const { blockSet } = this.slab;
    blockSet.reserved = 0;
    return this.left.map((block) => blockSet.unmap(block));
  }
}

/** The chunks of a block that are not retired. */
function roomOf({ chunkCount, retired }: Block): number {
  return chunkCount - retired;
}

/**
 * Chooses as few blocks as have room for all records, and of those the densest: each in its turn if it leaves room enough in those that
 * fill up the number. Where no chunk is retired, that are the densest ones, and the moves the fewest.
 */
function blocksToKeep(blocks: readonly Block[], records: number): Set<Block> {
  // Sorting keeps the order of positions among equals.
  const roomiest = blocks.toSorted((a, b) => roomOf(b) - roomOf(a));
  let count = 0;
  let spare = -records;
  while (spare < 0) spare += roomOf(roomiest[count++]);
  const kept = new Set<Block>();
  if (count === 0) return kept;
  const rank = new Map(roomiest.map((block, i) => [block, i]));
  // The number is filled up by the roomiest up to the last, as far as they are not kept already.
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

/** The free chunks of blocks, from the lowest on. */
class FreeChunks {
  /** Blocks of which a chunk was taken. */
  readonly taken: Block[] = [];
  /** Where the chunk is that was taken last. */
  block: Block = NO_BLOCK;
  chunk = -1;
  readonly #blocks: readonly Block[];

  constructor(blocks: readonly Block[]) {
    this.#blocks = blocks;
  }

  /** Takes the next free chunk, of which there is one. */
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

/** A field with a link to records of which some were moved. */
interface Field {
  /** Bytes from the start of the record. */
  readonly offset: number;
  readonly forwards: Forwards;
}

/** The links to a slab's own records, or to those of the set that it is of. */
class Links {
  readonly #linkedSlabs: readonly LinkedSlab[];
  /** Of the moved records of each struct that a link leads to. */
  readonly #forwards = new Map<AnyStruct, Forwards>();
  /** The same by slab and tag; where a slab has no tags those of its only kind, or of all its kinds together. */
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

  #forwardsByTag(linkedSlab: LinkedSlab): readonly (Forwards | undefined)[] {
    const { slab, kinds } = linkedSlab;
    const forwards = kinds.map(({ struct }) => this.#forwards.get(struct));
    if (slab.geometry.tagged || kinds.length < 2 || this.#forwards.size === 0) return forwards;
    // A record may be of any of them, and so may be what a link leads to.
    checkLinksKnown(linkedSlab);
    const one: Forwards = new Map();
    for (const { struct } of kinds) this.#forwards.set(struct, one);
    return [one];
  }

  /** Where the new handle of a moved record belongs; `undefined` where no link leads to such. */
  forwardsOf(slab: Slab, tag: number = 0): Forwards | undefined {
    return this.#byTag.get(slab)![tag]; // every slab has them
  }

  /**
   * A wide handle that fits in a link may have a successor that does not, as its chunk was used more often.
   *
   * @throws {RangeError} when there is a link whose record would have such.
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

  /** Sets the links to moved records right. */
  forward(): void {
    this.#visit((i32, at, _from, to) => i32[at] = to);
  }

  /** Calls for each link that holds an old handle, with the place of that and the new one. */
  #visit(fn: (i32: Int32Array, at: number, from: number, to: number) => void): void {
    for (const { slab, kinds } of this.#linkedSlabs) {
      const fields = kinds.map(({ struct }) => this.#fieldsOf(struct));
      if (slab.geometry.tagged) visitLinks(slab, fields, fn);
      else visitLinks(slab, [uniqueFields(fields.flat())], fn);
    }
  }

  /** Links to records of which some were moved. */
  #fieldsOf(struct: AnyStruct): Field[] {
    if (this.#forwards.size === 0) return [];
    return linksOf(struct).flatMap(({ offset, target }) => {
      const forwards = this.#forwards.get(target);
      return forwards === undefined || forwards.size === 0 ? [] : [{ offset, forwards }];
    });
  }
}

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

/** Where several kinds have the same. */
function uniqueFields(fields: readonly Field[]): Field[] {
  return [...new Map(fields.map((field) => [field.offset, field])).values()];
}

/**
 * Checks that it can be told where links are in a slab whose records may each be of any kind it has: what is a link in one kind that
 * leads to any of them is one in the others, or padding.
 *
 * @throws {TypeError} when that is not so.
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
