/**
 * The lock-free protocol by which threads allocate and free the chunks of a block. Every step is a
 * method of {@linkcode SharedSteps}: in a pool it acts on shared memory, in the tests on a model
 * that tries every order of the steps.
 *
 * A block has one **owner**, a thread, or none; a block without an owner is an orphan. The owner
 * keeps a free list that no other thread reads. What another thread frees goes to the block's
 * **remote list**, a stack: other threads push to it, and the owner **drains** it, that is, makes
 * its chunks free and takes all of them at once.
 *
 * ```text
 *             enliven (owner)              free: compare-and-swap, one thread wins
 *   free ────────────────────────▶ live ───────────────┬──────────────────────────▶ free      by the owner
 *    ▲                                                  └──▶ pending ──▶ pushed      by another
 *    └──────────────────────────── drain (owner) ◀───────────────────────┘
 * ```
 *
 * **Who may write the link of a chunk, and clear it.** Its **stamp**, generation and live bit in
 * one word, says so.
 * - *Free* (even, 0 or more): the owner.
 * - *Live* (odd): nobody; its bytes are the program's. Any thread may try to free it.
 * - *Pending* (negative): the thread that freed it, until it has pushed the chunk; then the thread
 *   that drains the list.
 *
 * So at any moment only one thread may write a chunk's link and stamp. The stamp of a live chunk is
 * the exception: it is changed by a compare-and-swap from the very stamp that the handle names. Of
 * two threads that free the same record one wins. Each free raises the generation, so an old handle
 * never matches a later record in the same chunk.
 *
 * The program may also write to a record that was freed: nothing can make its check of a handle and
 * its write one step. So links lie outside the chunks. What a late write can change is the next
 * record in the chunk.
 *
 * **No ABA problem.** A push reads the head of the remote list, writes it as the link of its own
 * chunk, and swaps head and length in one word. The list may have been taken meanwhile and have
 * grown to the same head and length again. The link is still right, as it need only name the
 * current head. A pop would need the link of the head to be unchanged as well, and there is no pop:
 * the owner takes the whole list with one swap. Between its load and the swap the list can only
 * grow, so the swap succeeds only if nothing was pushed. (The stack is Treiber's, 1986. That any
 * thread pushes and only the owner takes is as in the "thread delayed free" list of mimalloc:
 * Leijen, Zorn, de Moura, "Mimalloc: Free List Sharding in Action", 2019.)
 *
 * **Memory order.** JavaScript's `Atomics` are sequentially consistent: a load that reads what a
 * store wrote happens after that store. Links and the bytes of records are written by plain stores,
 * and read
 * - by the owner after it has loaded the head of the list, which the last push wrote. That push had
 *   read what the one before wrote, and so on. So all links of the list, and all accesses to its
 *   records, happened before;
 * - by a thread that adopts a block after it has swapped the owner, which reads what the last owner
 *   stored when it left. If that thread ended without leaving, then after whatever reported its
 *   end;
 * - by a thread that got a handle after whatever brought it: a message, or an atomic of the
 *   program's;
 * - in an iteration after an atomic load of the stamp: see `iterate.ts`.
 *
 * **Lock-free.** A swap fails only where that of another thread succeeded, and no thread waits for
 * another. A thread that stops for good between two steps may lose one chunk, which it had freed
 * and not pushed yet: that chunk is never given out again. No chunk is given out twice. An owner
 * that stops loses no chunk: it marks chunks as free before it takes them off the remote list, so
 * that the thread that adopts the block finds them by their stamps.
 *
 * @module
 */

/**
 * What is subtracted from the stamps of handles, which start at 2 (generation 1, free), so that
 * zeroed memory is a block of free chunks of generation 1.
 */
export const FIRST_STAMP = 2;

/**
 * Sign bit of a stamp: a thread that is not the owner freed the chunk, and the owner has not
 * drained it yet.
 */
export const PENDING: number = 1 << 31;

/** Stamp of a chunk whose generations are used up. No pending stamp has this value. */
export const RETIRED = -2;

/** Bits for the first chunk in the word of a remote list. The bits above hold the length. */
export const CHUNK_BITS = 15;
/** Mask of these bits. */
export const CHUNK_MASK: number = (1 << CHUNK_BITS) - 1;

/** Owner of a block that any thread may adopt. Threads are numbered from 1. */
export const ORPHAN = -1;

/** Owner of a block that was just added. The thread that added it is about to become the owner. */
export const NEW = 0;

/**
 * @param stamp A stamp.
 * @returns Whether another thread than the owner freed its chunk, and the owner has not drained it
 * yet.
 */
export function isPending(stamp: number): boolean {
  return stamp < 0 && stamp !== RETIRED && (stamp & 1) === 0;
}

/** A block as the protocol sees it. Every method is one step, which no other thread interrupts. */
export interface SharedSteps {
  readonly chunkCount: number;

  // -- private to the owner, and lost when it ends --
  /** First chunk of its free list. */
  head: number;
  /** Chunks in its free list. */
  free: number;
  /** The bump pointer: chunks from here on were never given out. */
  bump: number;

  // -- seen by all threads --
  loadStamp(chunk: number): number;
  /** As `loadStamp`, but plain: for the only thread that may write it now. */
  ownStamp(chunk: number): number;
  storeStamp(chunk: number, stamp: number): void;
  /** Replaces `from` by `to` with a compare-and-swap; returns whether the stamp was `from`. */
  swapStamp(chunk: number, from: number, to: number): boolean;
  /** Returns the remote list: its length above {@linkcode CHUNK_BITS}, and its first chunk. */
  loadRemote(): number;
  swapRemote(from: number, to: number): boolean;
  storeOwner(thread: number): void;
  swapOwner(from: number, to: number): boolean;
  /** Publishes how many chunks are neither in the owner's free list nor past the bump pointer. */
  storeTaken(chunks: number): void;
  addRetired(): void;

  // -- links, and bytes of the chunks, by plain accesses --
  readLink(chunk: number): number;
  writeLink(chunk: number, link: number): void;
  zero(chunk: number): void;
}

/**
 * Takes a chunk from the owner's free list, or one that was never used, in O(1). Only the owner may
 * call it; the same holds for all functions here but {@linkcode freeRemote} and {@linkcode adopt}.
 *
 * @param block A block.
 * @returns The chunk; -1 when the list is empty and all chunks were used.
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
 * Clears a taken chunk and makes it live, in O(bytes of a chunk).
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
 * Makes a chunk live that was taken, cleared and perhaps written to, in O(1). Other threads see it
 * with all that was written, or not at all.
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
 * Frees a record in a block of this thread's, in O(1).
 *
 * @param block A block.
 * @param chunk A chunk.
 * @param live The stamp that it must have.
 * @param dead The stamp that it gets.
 * @returns Whether it had stamp `live`; if not, nothing changed.
 */
export function freeOwn(block: SharedSteps, chunk: number, live: number, dead: number): boolean {
  if (!block.swapStamp(chunk, live, dead)) return false;
  if (dead === RETIRED) block.addRetired();
  else link(block, chunk);
  block.storeTaken(block.bump - block.free);
  return true;
}

/**
 * Frees a record in a block of another thread's, or in an orphan. Any thread may call it. O(1), but
 * for swaps that fail because others push at the same moment.
 *
 * @param block A block.
 * @param chunk A chunk.
 * @param live The stamp that it must have.
 * @param dead The stamp that it has once the owner has drained it.
 * @returns Whether it had stamp `live`; if not, nothing changed.
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
 * Moves the chunks that other threads freed into the owner's free list, in O(moved chunks).
 *
 * @param block A block.
 * @returns Whether there were any.
 */
export function drain(block: SharedSteps): boolean {
  const remote = takeRemote(block);
  if (remote === 0) return false;
  block.head = remote & CHUNK_MASK;
  block.free += lengthOf(remote);
  block.storeTaken(block.bump - block.free);
  return true;
}

/**
 * Makes the chunks of the remote list free, links the last of them to the free list, and empties
 * the remote list. Returns what it was.
 */
function takeRemote(block: SharedSteps): number {
  for (let done = 0;;) {
    const remote = block.loadRemote();
    if (remote === 0) return 0;
    let chunk = remote & CHUNK_MASK;
    let last = chunk;
    // What was pushed since the last try lies before the rest.
    for (let left = lengthOf(remote) - done; left > 0; left--) {
      block.storeStamp(chunk, block.ownStamp(chunk) & ~PENDING);
      last = chunk;
      chunk = block.readLink(chunk);
    }
    if (done === 0) block.writeLink(last, block.head);
    if (block.swapRemote(remote, 0)) return remote;
    done = lengthOf(remote);
  }
}

/**
 * @param remote The word of a remote list.
 * @returns How many chunks are in it.
 */
export function lengthOf(remote: number): number {
  return remote >>> CHUNK_BITS;
}

/**
 * Makes a thread the owner of a block, and builds a new free list, as that of the last owner is
 * lost. Any thread may call it. O(chunks of the block).
 *
 * The remote list is emptied first, as a last owner that has ended may have made some of its chunks
 * free already. A chunk that another thread frees after that is live or pending when its stamp is
 * read here. So it comes back through the remote list only.
 *
 * @param block A block.
 * @param from The present owner: {@linkcode ORPHAN}, {@linkcode NEW}, or a thread that has ended.
 * @param thread The new owner.
 * @returns Whether `from` was the owner; if not, nothing changed.
 */
export function adopt(block: SharedSteps, from: number, thread: number): boolean {
  if (!block.swapOwner(from, thread)) return false;
  takeRemote(block);
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
 * Puts a chunk at the head of the owner's free list, in O(1).
 *
 * @param block A block.
 * @param chunk A free chunk that is in no list.
 */
export function link(block: SharedSteps, chunk: number): void {
  block.writeLink(chunk, block.head);
  block.head = chunk;
  block.free++;
}
