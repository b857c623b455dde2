/**
 * How threads take and give back the chunks of a block without a lock: each step of it, written once, over whatever
 * carries the steps out. In a pool that is shared memory; in the tests it is a scheduler that tries every order of them.
 *
 * A block has one **owner**, a thread, or none. The owner keeps the free chunks that it knows of in a list of its own,
 * which no other thread reads. What another thread frees comes back through the block's **remote list**, a stack that
 * others push to and that the owner takes whole.
 *
 * ```text
 *             enliven (owner)              free: compare-and-swap, one thread wins
 *   free ────────────────────────▶ live ───────────────┬──────────────────────────▶ free      by the owner
 *    ▲                                                  └──▶ pending ──▶ pushed      by another
 *    └──────────────────────────── drain (owner) ◀───────────────────────┘
 * ```
 *
 * **Whose a chunk is.** Its stamp says it. *Free* (even, 0 or more): the owner's. *Live* (odd): the program's; anybody
 * may try to free it. *Pending* (negative): first of the thread that freed it, then, once pushed, of whoever takes the
 * list. So at any moment one thread alone may write a chunk's link and its stamp, but for the stamp of a live chunk,
 * and that is changed by a compare-and-swap from the very stamp that the handle names. Of two that free one record one
 * wins, and as the generation goes on with each free, none can win against a later record in the same chunk.
 *
 * **No ABA.** A push reads the head, writes it into its own chunk, and swaps head and length at once. If in between the
 * list was taken and grew again to the same head and length, the link just written is right all the same: the swap asks
 * only that the head is that chunk now. A pop, which would need the head's link to be still what it was, does not exist:
 * the owner takes the whole list with one exchange. (This asymmetry is that of the "thread delayed free" list of
 * mimalloc: Leijen, Zorn, de Moura, "Mimalloc: Free List Sharding in Action", 2019; the stack is Treiber's, 1986.)
 *
 * **Memory order.** JavaScript's Atomics are sequentially consistent, and a load that reads what a store wrote happens
 * after it. Links, and the bytes of records, are written plainly, and read
 * - by the owner after its exchange, which reads what the last push wrote; that push had read what the one before
 *   wrote, and so on: so every link of the list, and all that was done to its records, happened before;
 * - by the one that adopts a block after its swap of the owner, which reads what the last owner stored when it left; if that
 *   ended without leaving, after whatever told that it had ended;
 * - by whoever got a handle, after whatever brought it the handle: a message, or an atomic of its own;
 * - in an iteration after an atomic load of the stamp: see `_shared_iterate.ts`.
 *
 * **No lock.** A swap fails only where another thread's has succeeded. Nobody waits: a thread that stops anywhere, for good
 * even, holds up no other. If it stops for good between two steps, the chunk that it was moving, or the list that it had
 * just taken, may be given out no more; no chunk is ever given out twice.
 *
 * @module
 */

/**
 * What the stamps of a shared block leave out of those that handles are made of, so that zeroed memory says: generation 1,
 * free.
 */
export const FIRST_STAMP = 2;

/** Sign bit of a stamp: freed by another thread than the owner, and not yet in its list. */
export const PENDING: number = 1 << 31;

/** Stamp of a chunk whose generations are used up. No other is both even and this. */
export const RETIRED = -2;

/** Bits of a chunk in the word of the remote list; its length is above. */
export const CHUNK_BITS = 15;
/** As many ones. */
export const CHUNK_MASK: number = (1 << CHUNK_BITS) - 1;

/** No thread: the block is there for whoever needs one. Threads count from 1. */
export const ORPHAN = -1;

/** No thread yet: the block was just added, and who did that is about to become its owner. */
export const NEW = 0;

/**
 * @param stamp A stamp.
 * @returns Whether its chunk was freed by another thread than the owner, and is not yet in its list.
 */
export function isPending(stamp: number): boolean {
  return stamp < 0 && stamp !== RETIRED && (stamp & 1) === 0;
}

/** A block, to whom the steps are done. Every method is one step, which nothing interrupts. */
export interface SharedSteps {
  readonly chunkCount: number;

  // -- what the owner alone knows, and forgets when it goes --
  /** First chunk of its free list. */
  head: number;
  /** Chunks in its free list. */
  free: number;
  /** The chunks from here on were never given out. */
  bump: number;

  // -- what all threads see --
  loadStamp(chunk: number): number;
  /** As `loadStamp`, for the one thread that may write it now. */
  ownStamp(chunk: number): number;
  storeStamp(chunk: number, stamp: number): void;
  /** Puts `to` in the place of `from`; tells whether it was there. */
  swapStamp(chunk: number, from: number, to: number): boolean;
  /** The remote list: its length, shifted, and its first chunk. */
  loadRemote(): number;
  swapRemote(from: number, to: number): boolean;
  /** Empties the remote list; tells what it was. */
  takeRemote(): number;
  storeOwner(thread: number): void;
  swapOwner(from: number, to: number): boolean;
  /** How many chunks are neither in the owner's list nor unused, for others to read. */
  storeTaken(chunks: number): void;
  addRetired(): void;

  // -- the chunks themselves, plainly --
  readLink(chunk: number): number;
  writeLink(chunk: number, link: number): void;
  zero(chunk: number): void;
}

/**
 * Takes a chunk from the owner's list, or one that was never used. The owner's step alone, as all but two are.
 *
 * @param block A block.
 * @returns The chunk; -1 when the owner knows of none.
 */
export function takeChunk(block: SharedSteps): number {
  const chunk = block.head;
  if (block.free > 0) {
    block.head = block.readLink(chunk);
    block.free--;
    return chunk;
  }
  return block.bump < block.chunkCount ? block.bump++ : -1;
}

/**
 * Clears a chunk that was taken and declares it live.
 *
 * @param block A block.
 * @param chunk What {@linkcode takeChunk} returned.
 * @returns Its stamp.
 */
export function enliven(block: SharedSteps, chunk: number): number {
  block.zero(chunk);
  return publish(block, chunk);
}

/**
 * Declares a chunk live that was taken, cleared, and perhaps written to: other threads see all of it, or nothing.
 *
 * @param block A block.
 * @param chunk What {@linkcode takeChunk} returned.
 * @returns Its stamp.
 */
export function publish(block: SharedSteps, chunk: number): number {
  const stamp = block.ownStamp(chunk) + 1;
  block.storeStamp(chunk, stamp);
  block.storeTaken(block.bump - block.free);
  return stamp;
}

/**
 * Frees a record in the owner's own block.
 *
 * @param block A block.
 * @param chunk A chunk.
 * @param live Stamp that it must have.
 * @param dead Stamp that it gets.
 * @returns Whether it had that; if not, nothing changed.
 */
export function freeOwn(block: SharedSteps, chunk: number, live: number, dead: number): boolean {
  if (!block.swapStamp(chunk, live, dead)) return false;
  if (dead === RETIRED) block.addRetired();
  else link(block, chunk);
  block.storeTaken(block.bump - block.free);
  return true;
}

/**
 * Frees a record in a block that is another thread's, or nobody's. Any thread's step.
 *
 * @param block A block.
 * @param chunk A chunk.
 * @param live Stamp that it must have.
 * @param dead Stamp that it gets in the end.
 * @returns Whether it had that; if not, nothing changed.
 */
export function freeRemote(block: SharedSteps, chunk: number, live: number, dead: number): boolean {
  if (!block.swapStamp(chunk, live, dead | PENDING)) return false;
  if (dead === RETIRED) block.addRetired();
  else push(block, chunk);
  return true;
}

function push(block: SharedSteps, chunk: number): void {
  for (;;) {
    const remote = block.loadRemote();
    block.writeLink(chunk, remote & CHUNK_MASK);
    const length = (remote >>> CHUNK_BITS) + 1;
    if (block.swapRemote(remote, length << CHUNK_BITS | chunk)) return;
  }
}

/**
 * Moves what others have freed into the owner's list.
 *
 * @param block A block.
 * @returns Whether there was any.
 */
export function drain(block: SharedSteps): boolean {
  if (block.loadRemote() === 0) return false;
  const remote = block.takeRemote();
  let chunk = remote & CHUNK_MASK;
  for (let left = lengthOf(remote); left > 0; left--) {
    const next = block.readLink(chunk);
    block.storeStamp(chunk, block.ownStamp(chunk) & ~PENDING);
    link(block, chunk);
    chunk = next;
  }
  block.storeTaken(block.bump - block.free);
  return true;
}

/**
 * @param remote The word of a remote list.
 * @returns How many chunks are in it.
 */
export function lengthOf(remote: number): number {
  return remote >>> CHUNK_BITS;
}

/**
 * Makes a thread the owner of a block, if it is who one thinks, and finds its free chunks anew: the list of the last owner
 * went with it. A chunk that another thread is freeing meanwhile is live or pending when it is looked at, and so comes
 * back through the remote list alone. Any thread's step.
 *
 * @param block A block.
 * @param from Its owner: {@linkcode ORPHAN}, {@linkcode NEW}, or a thread that runs no more.
 * @param thread Who is to own it.
 * @returns Whether it does now.
 */
export function adopt(block: SharedSteps, from: number, thread: number): boolean {
  if (!block.swapOwner(from, thread)) return false;
  block.head = block.free = 0;
  let bump = block.chunkCount;
  while (bump > 0 && block.loadStamp(bump - 1) === 0) bump--;
  block.bump = bump;
  for (let chunk = bump - 1; chunk >= 0; chunk--) {
    const stamp = block.loadStamp(chunk);
    if (stamp >= 0 && (stamp & 1) === 0) link(block, chunk);
  }
  block.storeTaken(bump - block.free);
  return true;
}

/**
 * Puts a chunk into the owner's list.
 *
 * @param block A block.
 * @param chunk A chunk that is the owner's, and in no list.
 */
export function link(block: SharedSteps, chunk: number): void {
  block.writeLink(chunk, block.head);
  block.head = chunk;
  block.free++;
}
