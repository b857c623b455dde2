/**
 * The algorithm of `src/`, put together as a shared slab does, and copies of it with a fault each,
 * for the interleaving checker to find.
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
  link,
  ORPHAN,
  PENDING,
  RETIRED,
  type SharedSteps,
  takeChunk,
} from "../../src/shared/protocol.ts";
import type { Algorithm } from "./_shared_world.ts";

/** As it is. */
export const CORRECT: Algorithm = {
  alloc(block) {
    let chunk = takeChunk(block);
    if (chunk < 0 && drain(block)) chunk = takeChunk(block);
    return chunk < 0 ? -1 : enliven(block, chunk);
  },
  freeOwn,
  freeRemote,
  drain,
  adopt,
  abandon(block) {
    block.storeOwner(ORPHAN);
  },
};

// -- the naive one --

/**
 * No owner: every thread frees onto one stack, and takes from it with a compare-and-swap of its
 * head alone. Between the load of the head and the swap, the head may have been taken and come
 * back, with another chunk below it: ABA.
 */
export const NAIVE: Algorithm = {
  ...CORRECT,
  isOwnerless: true,
  alloc(block) {
    for (;;) {
      const head = block.loadRemote();
      if (head === 0) return -1;
      const chunk = head - 1;
      const below = block.readLink(chunk);
      if (block.swapRemote(head, below)) return enliven(block, chunk);
    }
  },
  freeOwn: freeNaively,
  freeRemote: freeNaively,
};

/** The stack holds chunks from 1, as 0 is its end. */
function freeNaively(block: SharedSteps, chunk: number, live: number, dead: number): boolean {
  if (!block.swapStamp(chunk, live, dead)) return false;
  for (;;) {
    const head = block.loadRemote();
    block.writeLink(chunk, head);
    if (block.swapRemote(head, chunk + 1)) return true;
  }
}

// -- the faults --

/** The chunk is in the list before it knows what follows it. */
export const LINKED_AFTER_PUSH: Algorithm = {
  ...CORRECT,
  freeRemote: freeWith((block, chunk) => {
    for (;;) {
      const remote = block.loadRemote();
      if (!block.swapRemote(remote, above(remote, chunk))) continue;
      block.writeLink(chunk, remote & CHUNK_MASK);
      return;
    }
  }),
};

/** The link is written once, and not anew for each try. */
export const LINKED_ONCE: Algorithm = {
  ...CORRECT,
  freeRemote: freeWith((block, chunk) => {
    let remote = block.loadRemote();
    block.writeLink(chunk, remote & CHUNK_MASK);
    while (!block.swapRemote(remote, above(remote, chunk))) remote = block.loadRemote();
  }),
};

/** The head is stored without looking whether it is still what it was. */
export const PUSHED_BY_STORE: Algorithm = {
  ...CORRECT,
  freeRemote: freeWith((block, chunk) => {
    const remote = block.loadRemote();
    block.writeLink(chunk, remote & CHUNK_MASK);
    storeRemote(block, above(remote, chunk));
  }),
};

/** The remote list is loaded, and then emptied by a store. */
export const DRAINED_BY_STORE: Algorithm = withDrain((block) => {
  const remote = block.loadRemote();
  if (remote === 0) return false;
  storeRemote(block, 0);
  for (let left = lengthOf(remote), chunk = remote & CHUNK_MASK; left > 0; left--) {
    chunk = recover(block, chunk);
  }
  block.storeTaken(block.bump - block.free);
  return true;
});

/** What is on its way looks as free as what is in the owner's list. */
export const NEVER_PENDING: Algorithm = {
  ...CORRECT,
  freeRemote(block, chunk, live, dead) {
    if (!block.swapStamp(chunk, live, dead)) return false;
    if (dead === RETIRED) block.addRetired();
    else push(block, chunk);
    return true;
  },
};

/** A chunk is declared live while it is still first in the list. */
export const ENLIVENED_BEFORE_TAKEN: Algorithm = {
  ...CORRECT,
  alloc(block) {
    if (block.free === 0 && block.bump === block.chunkCount) drain(block);
    const chunk = block.free > 0 ? block.head : block.bump;
    if (chunk === block.chunkCount) return -1;
    const stamp = enliven(block, chunk);
    takeChunk(block);
    block.storeTaken(block.bump - block.free);
    return stamp;
  },
};

/** Whoever sees that the owner is gone takes the block. */
export const ADOPTED_BY_STORE: Algorithm = {
  ...CORRECT,
  adopt(block, from, thread) {
    const swapOwner = (_: number, to: number) => {
      block.storeOwner(to);
      return true;
    };
    return adopt(withSteps(block, { swapOwner }), from, thread);
  },
};

/** What others are freeing is taken for free as well. */
export const ADOPTED_WITH_PENDING: Algorithm = {
  ...CORRECT,
  adopt(block, from, thread) {
    if (!block.swapOwner(from, thread)) return false;
    block.head = block.free = 0;
    block.bump = block.chunkCount;
    for (let chunk = 0; chunk < block.chunkCount; chunk++) {
      const stamp = block.loadStamp(chunk);
      if (stamp === RETIRED || (stamp & 1) === 1) continue;
      block.storeStamp(chunk, stamp & ~PENDING);
      link(block, chunk);
    }
    block.storeTaken(block.bump - block.free);
    return true;
  },
};

/** The block is looked through before it is the thread's. */
export const ADOPTED_AFTER_SCAN: Algorithm = {
  ...CORRECT,
  adopt(block, from, thread) {
    adopt(withSteps(block, { swapOwner: () => true }), from, thread);
    return block.swapOwner(from, thread);
  },
};

/** The stamp is looked at, and then stored. */
export const FREED_BY_STORE: Algorithm = {
  ...CORRECT,
  freeRemote(block, chunk, live, dead) {
    if (block.loadStamp(chunk) !== live) return false;
    block.storeStamp(chunk, dead | PENDING);
    push(block, chunk);
    return true;
  },
};

/** The owner does so, as nobody else allocates in its block. */
export const OWN_FREED_BY_STORE: Algorithm = {
  ...CORRECT,
  freeOwn(block, chunk, live, dead) {
    if (block.loadStamp(chunk) !== live) return false;
    block.storeStamp(chunk, dead);
    link(block, chunk);
    block.storeTaken(block.bump - block.free);
    return true;
  },
};

/** A chunk of the last generation goes to the owner all the same. */
export const NEVER_RETIRED: Algorithm = {
  ...CORRECT,
  freeRemote: freeWith((block, chunk) => push(block, chunk)),
};

/** The block is given up, and what others have freed is taken after that. */
export const DRAINED_AFTER_ABANDON: Algorithm = {
  ...CORRECT,
  abandon(block) {
    block.storeOwner(ORPHAN);
    drain(block);
  },
};

// -- races --

/** The stamp is looked at plainly before it is swapped. */
export const PEEKED: Algorithm = {
  ...CORRECT,
  freeRemote: (block, chunk, live, dead) =>
    block.ownStamp(chunk) === live && freeRemote(block, chunk, live, dead),
};

/** The owner looks plainly whether a chunk is on its way before it takes the list. */
export const DRAINED_AT_A_GLANCE: Algorithm = withDrain((block) => {
  for (let chunk = 0; chunk < block.chunkCount; chunk++) {
    if (isPending(block.ownStamp(chunk))) return drain(block);
  }
  return false;
});

/** Who adopts a block reads its stamps plainly, as the owner does. */
export const ADOPTED_AT_A_GLANCE: Algorithm = {
  ...CORRECT,
  adopt: (block, from, thread) =>
    adopt(withSteps(block, { loadStamp: (chunk) => block.ownStamp(chunk) }), from, thread),
};

function freeWith(push: (block: SharedSteps, chunk: number) => void): Algorithm["freeRemote"] {
  return (block, chunk, live, dead) => {
    if (!block.swapStamp(chunk, live, dead | PENDING)) return false;
    push(block, chunk);
    return true;
  };
}

function withDrain(drain: Algorithm["drain"]): Algorithm {
  return {
    ...CORRECT,
    alloc(block) {
      let chunk = takeChunk(block);
      if (chunk < 0 && drain(block)) chunk = takeChunk(block);
      return chunk < 0 ? -1 : enliven(block, chunk);
    },
    drain,
  };
}

/** The word of a remote list with one chunk more. */
function above(remote: number, chunk: number): number {
  return lengthOf(remote) + 1 << CHUNK_BITS | chunk;
}

function push(block: SharedSteps, chunk: number): void {
  for (;;) {
    const remote = block.loadRemote();
    block.writeLink(chunk, remote & CHUNK_MASK);
    if (block.swapRemote(remote, above(remote, chunk))) return;
  }
}

/** Moves a chunk of the remote list to the owner's; tells which was behind it. */
function recover(block: SharedSteps, chunk: number): number {
  const next = block.readLink(chunk);
  block.storeStamp(chunk, block.ownStamp(chunk) & ~PENDING);
  link(block, chunk);
  return next;
}

/** A store, of which the steps have none: whatever is there goes. */
function storeRemote(block: SharedSteps, remote: number): void {
  while (!block.swapRemote(block.loadRemote(), remote));
}

/** The same block, but for some of its steps. */
function withSteps(block: SharedSteps, steps: Partial<SharedSteps>): SharedSteps {
  return new Proxy(block, {
    get(target, name) {
      const value = Reflect.get(name in steps ? steps : target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value),
  });
}
