/**
 * The protocol of `src/shared/protocol.ts`, put together as a shared slab does, and copies of it
 * with one fault each, which the interleaving checker must find.
 *
 * @module
 */
import {
  adopt,
  CHUNK_BITS,
  CHUNK_MASK,
  drain,
  enliven,
  freeOwn,
  freeRemote,
  isPending,
  lengthOf,
  ORPHAN,
  PENDING,
  type SharedSteps,
  takeChunk,
} from "../../src/shared/protocol.ts";
import type { Algorithm } from "./_state.ts";

/** The protocol without a fault. */
export const CORRECT: Algorithm = withDrain(drain);

function withDrain(drain: Algorithm["drain"]): Algorithm {
  return {
    alloc(block) {
      let chunk = takeChunk(block);
      if (chunk < 0 && drain(block)) chunk = takeChunk(block);
      return chunk < 0 ? -1 : enliven(block, chunk);
    },
    freeOwn,
    freeRemote,
    drain,
    adopt,
    abandon: (block) => block.storeOwner(ORPHAN),
  };
}

// -- the naive stack --

/**
 * There is no owner. Every thread frees to one stack, and pops by a compare-and-swap of the head
 * alone. Between the load of the head and the swap, the head may have been popped and pushed again
 * with another chunk below it: ABA. The stack holds chunks from 1, as 0 is its end.
 */
export const NAIVE: Algorithm = {
  ...CORRECT,
  isOwnerless: true,
  alloc(block) {
    for (;;) {
      const head = block.loadRemote();
      if (head === 0) return -1;
      const below = block.readLink(head - 1);
      if (block.swapRemote(head, below)) return enliven(block, head - 1);
    }
  },
  freeOwn: freeNaively,
  freeRemote: freeNaively,
};

function freeNaively(block: SharedSteps, chunk: number, live: number, dead: number): boolean {
  if (!block.swapStamp(chunk, live, dead)) return false;
  for (;;) {
    const head = block.loadRemote();
    block.writeLink(chunk, head);
    if (block.swapRemote(head, chunk + 1)) return true;
  }
}

// -- faults --

/** A fault: what it is, the scenario that shows it, and what the checker must find there. */
export type Fault = readonly [
  what: string,
  change: Partial<Algorithm>,
  scenario: string,
  finding: string,
];

/** By the names of scenarios in `protocol_test.ts`. */
export const FAULTS: readonly Fault[] = [
  [
    "a chunk is pushed before its link is written",
    withPush((block, chunk) => {
      let remote: number;
      do remote = block.loadRemote(); while (!block.swapRemote(remote, above(remote, chunk)));
      block.writeLink(chunk, remote & CHUNK_MASK);
    }),
    "the owner allocates and frees while two others free",
    "chunk 0 is written while record 4 lives in it",
  ],
  [
    "a link is not written anew for each try to push",
    withPush((block, chunk) => {
      let remote = block.loadRemote();
      block.writeLink(chunk, remote & CHUNK_MASK);
      while (!block.swapRemote(remote, above(remote, chunk))) remote = block.loadRemote();
    }),
    "two others free the same records",
    "twice",
  ],
  [
    "a chunk is pushed by a store",
    withPush((block, chunk) => {
      const remote = block.loadRemote();
      block.writeLink(chunk, remote & CHUNK_MASK);
      storeRemote(block, above(remote, chunk));
    }),
    "two others free the same records",
    "are lost",
  ],
  [
    "the remote list is emptied by a store",
    withDrain((block) => {
      const remote = block.loadRemote();
      if (remote === 0) return false;
      storeRemote(block, 0);
      return drain(withSteps(block, { loadRemote: () => remote, takeRemote: () => remote }));
    }),
    "the owner allocates and frees while two others free",
    "are lost",
  ],
  [
    "a pending chunk has the stamp of a free one",
    { freeRemote: (block, ...rest) => freeRemote(withoutPending(block), ...rest) },
    "an orphan is adopted while two others free",
    "is written while record 5 lives in it",
  ],
  [
    "a thread that adopts a block takes pending chunks as well",
    {
      adopt: (block, from, thread) =>
        adopt(
          withSteps(block, {
            loadStamp(chunk) {
              const stamp = block.loadStamp(chunk);
              if (isPending(stamp)) block.storeStamp(chunk, stamp & ~PENDING);
              return isPending(stamp) ? stamp & ~PENDING : stamp;
            },
          }),
          from,
          thread,
        ),
    },
    "an orphan is adopted while two others free",
    "is written while record 5 lives in it",
  ],
  [
    "a chunk is live before it is taken from the list",
    {
      alloc(block) {
        if (block.free === 0 && block.bump === block.chunkCount) drain(block);
        const chunk = block.free > 0 ? block.head : block.bump;
        if (chunk === block.chunkCount) return -1;
        const stamp = enliven(block, chunk);
        takeChunk(block);
        block.storeTaken(block.bump - block.free);
        return stamp;
      },
    },
    "the owner allocates and frees while two others free",
    "77",
  ],
  [
    "a block is adopted by a store",
    {
      adopt(block, from, thread) {
        const swapOwner = (_: number, to: number) => {
          block.storeOwner(to);
          return true;
        };
        return adopt(withSteps(block, { swapOwner }), from, thread);
      },
    },
    "an owner is terminated, and two threads adopt its block",
    "two owners",
  ],
  [
    "a block is scanned before it is adopted",
    {
      adopt(block, from, thread) {
        adopt(withSteps(block, { swapOwner: () => true }), from, thread);
        return block.swapOwner(from, thread);
      },
    },
    "two threads adopt an orphan while the last owner frees",
    "is written while record 4 lives in it",
  ],
  [
    "another thread frees a record by a store",
    { freeRemote: (block, ...rest) => freeRemote(withStampsStored(block), ...rest) },
    "two others free the same records",
    "freed twice",
  ],
  [
    "the owner frees a record by a store",
    { freeOwn: (block, ...rest) => freeOwn(withStampsStored(block), ...rest) },
    "the owner frees the records that another thread frees",
    "freed twice",
  ],
  [
    "a chunk goes to the owner after its last generation",
    {
      freeRemote(block, chunk, live, dead) {
        if (!block.swapStamp(chunk, live, dead | PENDING)) return false;
        push(block, chunk);
        return true;
      },
    },
    "records of the last generation are freed, and their chunks retire",
    "a list leads to chunk 1, whose stamp is -2",
  ],
  [
    "the owner drains a block after it has given it up",
    {
      abandon(block) {
        block.storeOwner(ORPHAN);
        drain(block);
      },
    },
    "a block changes its owner while a third thread frees",
    "a chunk is nowhere",
  ],
];

/**
 * Faults that no order of steps shows, as every thread sees each step at once; but plain accesses
 * race.
 */
export const RACES: readonly Fault[] = [
  [
    "another thread first reads a stamp by a plain read",
    {
      freeRemote: (block, chunk, live, dead) =>
        block.ownStamp(chunk) === live && freeRemote(block, chunk, live, dead),
    },
    "the owner frees the records that another thread frees",
    "in no order",
  ],
  [
    "the owner looks for pending chunks by plain reads",
    withDrain((block) => {
      for (let chunk = 0; chunk < block.chunkCount; chunk++) {
        if (isPending(block.ownStamp(chunk))) return drain(block);
      }
      return false;
    }),
    "the owner allocates and frees while another thread frees",
    "in no order",
  ],
  [
    "a thread that adopts a block reads its stamps by plain reads",
    {
      adopt: (block, from, thread) =>
        adopt(withSteps(block, { loadStamp: (chunk) => block.ownStamp(chunk) }), from, thread),
    },
    "a block changes its owner while a third thread frees",
    "in no order",
  ],
];

// -- parts of faults --

function withPush(push: (block: SharedSteps, chunk: number) => void): Partial<Algorithm> {
  return {
    freeRemote(block, chunk, live, dead) {
      if (!block.swapStamp(chunk, live, dead | PENDING)) return false;
      push(block, chunk);
      return true;
    },
  };
}

function push(block: SharedSteps, chunk: number): void {
  for (;;) {
    const remote = block.loadRemote();
    block.writeLink(chunk, remote & CHUNK_MASK);
    if (block.swapRemote(remote, above(remote, chunk))) return;
  }
}

/** The word of a remote list with one more chunk. */
function above(remote: number, chunk: number): number {
  return lengthOf(remote) + 1 << CHUNK_BITS | chunk;
}

/** Stores the word of a remote list, whatever it is; the protocol has no such step. */
function storeRemote(block: SharedSteps, remote: number): void {
  while (!block.swapRemote(block.loadRemote(), remote));
}

/** The same block with swaps of stamps that are loads and stores. */
function withStampsStored(block: SharedSteps): SharedSteps {
  return withSteps(block, {
    swapStamp(chunk, from, to) {
      if (block.loadStamp(chunk) !== from) return false;
      block.storeStamp(chunk, to);
      return true;
    },
  });
}

/** The same block, but chunks that are freed do not become pending. */
function withoutPending(block: SharedSteps): SharedSteps {
  return withSteps(block, {
    swapStamp: (chunk, from, to) =>
      block.swapStamp(chunk, from, isPending(to) ? to & ~PENDING : to),
  });
}

/** The same block with some other steps. */
function withSteps(block: SharedSteps, steps: Partial<SharedSteps>): SharedSteps {
  return new Proxy(block, {
    get(target, name) {
      const value = Reflect.get(name in steps ? steps : target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value),
  });
}
