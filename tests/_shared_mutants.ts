/**
 * The planted bugs of shared pools, for `mutants.ts`.
 *
 * @module
 */
import { type Mutant, of } from "./_mutant.ts";

/** All of them, from the ground up. */
export const SHARED_MUTANTS: readonly Mutant[] = [
  ...of("_shared_steps.ts", ["model/interleave_test.ts"], [
    {
      what: "a chunk that is drained stays pending",
      find: "block.ownStamp(chunk) & ~PENDING",
      replace: "block.ownStamp(chunk)",
    },
    {
      what: "a drain reads the link after the chunk is in the other list",
      find: "    const next = block.readLink(chunk);\n" +
        "    block.storeStamp(chunk, block.ownStamp(chunk) & ~PENDING);\n" +
        "    link(block, chunk);\n    chunk = next;\n",
      replace: "    block.storeStamp(chunk, block.ownStamp(chunk) & ~PENDING);\n" +
        "    link(block, chunk);\n    chunk = block.readLink(chunk);\n",
    },
    {
      what: "a drain takes the head that it looked at",
      find: "  if (block.loadRemote() === 0) return false;\n  const remote = block.takeRemote();",
      replace: "  const remote = block.loadRemote();\n  if (remote === 0) return false;\n" +
        "  block.takeRemote();",
    },
    {
      what: "a drain leaves the last chunk of the list",
      find: "left = lengthOf(remote); left > 0",
      replace: "left = lengthOf(remote); left > 1",
    },
    {
      what: "a drain is not told to the others",
      find: "    chunk = next;\n  }\n  block.storeTaken(block.bump - block.free);\n",
      replace: "    chunk = next;\n  }\n",
    },
    {
      what: "a free by another thread leaves no mark",
      find: "swapStamp(chunk, live, dead | PENDING)",
      replace: "swapStamp(chunk, live, dead)",
    },
    {
      what: "a push reads the head once",
      find: "  for (;;) {\n    const remote = block.loadRemote();\n",
      replace: "  const remote = block.loadRemote();\n  for (let left = 9; left > 0; left--) {\n",
    },
    {
      what: "a push writes its link when the chunk is in the list",
      find: "    if (block.swapRemote(remote, length << CHUNK_BITS | chunk)) return;",
      replace: "    const isIn = block.swapRemote(remote, length << CHUNK_BITS | chunk);\n" +
        "    block.writeLink(chunk, remote & CHUNK_MASK);\n    if (isIn) return;",
    },
    {
      what: "a push does not count",
      find: "const length = (remote >>> CHUNK_BITS) + 1;",
      replace: "const length = (remote >>> CHUNK_BITS) || 1;",
    },
    {
      what: "another thread pushes a chunk that is used up",
      find: "  if (dead === RETIRED) block.addRetired();\n  else push(block, chunk);",
      replace: "  if (dead === RETIRED) block.addRetired();\n  push(block, chunk);",
    },
    {
      what: "another thread does not count a chunk that is used up",
      find: "  if (dead === RETIRED) block.addRetired();\n  else push(block, chunk);",
      replace: "  if (dead !== RETIRED) push(block, chunk);",
    },
    {
      what: "the owner does not count a chunk that is used up",
      find: "  if (dead === RETIRED) block.addRetired();\n  else link(block, chunk);",
      replace: "  if (dead !== RETIRED) link(block, chunk);",
    },
    {
      what: "the owner frees what is not live",
      find: "if (!block.swapStamp(chunk, live, dead)) return false;",
      replace: "block.swapStamp(chunk, live, dead);",
    },
    {
      what: "the owner frees by a load and a store",
      find: "if (!block.swapStamp(chunk, live, dead)) return false;",
      replace:
        "if (block.loadStamp(chunk) !== live) return false;\n  block.storeStamp(chunk, dead);",
    },
    {
      what: "a block is adopted by whoever comes",
      find: "if (!block.swapOwner(from, thread)) return false;",
      replace: "block.storeOwner(thread);",
    },
    {
      what: "who adopts a block goes on with the list that it once had",
      find: "block.head = block.free = 0;",
      replace: "",
    },
    {
      what: "who adopts a block takes chunks that are on their way",
      find: "if (stamp >= 0 && (stamp & 1) === 0) link(block, chunk);",
      replace: "if (stamp !== RETIRED && (stamp & 1) === 0) link(block, chunk);",
    },
    {
      what: "who adopts a block takes retired chunks",
      find: "if (stamp >= 0 && (stamp & 1) === 0) link(block, chunk);",
      replace: "if (!isPending(stamp) && (stamp & 1) === 0) link(block, chunk);",
    },
    {
      what: "who adopts a block takes the last chunk in use for one that never was",
      find: "  block.bump = bump;\n",
      replace: "  block.bump = bump = Math.max(0, bump - 1);\n",
    },
    {
      what: "who adopts a block reads its stamps plainly",
      find: "const stamp = block.loadStamp(chunk);",
      replace: "const stamp = block.ownStamp(chunk);",
    },
    {
      what: "another thread looks at a stamp plainly before it swaps it",
      find: "if (!block.swapStamp(chunk, live, dead | PENDING)) return false;",
      replace: "if (block.ownStamp(chunk) !== live) return false;\n" +
        "  if (!block.swapStamp(chunk, live, dead | PENDING)) return false;",
    },
    {
      what: "a chunk is given out with the stamp of its last record",
      find: "const stamp = block.ownStamp(chunk) + 1;",
      replace: "const stamp = Math.max(1, block.ownStamp(chunk) - 1);",
    },
    {
      what: "a chunk is cleared when it is live already",
      find: "  block.zero(chunk);\n  return publish(block, chunk);",
      replace: "  const stamp = publish(block, chunk);\n  block.zero(chunk);\n  return stamp;",
    },
  ]),
  ...of("_shared_slab.ts", ["shared_slab_test.ts"], [
    {
      what: "an iteration reads the stamp of a record twice",
      find:
        "        view._o = at;\n        fn(view, codec.encode(firstIndex + chunk, seen[chunk++] + FIRST_STAMP));",
      replace:
        "        view._o = at;\n        fn(view, codec.encode(firstIndex + chunk, stamps[chunk++] + FIRST_STAMP));",
    },
    {
      what: "an iteration trusts that nobody moves its view to another block",
      find: "if (stamps[chunk] !== seen[chunk] || view._b !== block) break;",
      replace: "if (stamps[chunk] !== seen[chunk]) break;",
    },
    {
      what: "a block is nobody's before it counts as that",
      find:
        "    Atomics.add(this.layout.header, HEADER.orphans, 1);\n    block.storeOwner(ORPHAN);\n",
      replace:
        "    block.storeOwner(ORPHAN);\n    Atomics.add(this.layout.header, HEADER.orphans, 1);\n",
    },
    {
      what: "who adds a block takes it, adopted or not",
      find: "if (!block.swapOwner(NEW, this.thread)) continue;",
      replace: "block.storeOwner(this.thread);",
    },
    {
      what: "a block that has no owner yet cannot be adopted",
      find: " || adopt(block, NEW, this.thread)",
      replace: "",
    },
  ]),
  ...of("_shared_audit.ts", ["shared_slab_test.ts"], [
    {
      what: "a stopped thread may leave no retired chunk uncounted",
      find: "block.retired + lost < retired",
      replace: "block.retired < retired",
    },
    {
      what: "any number of retired chunks may be uncounted",
      find: " || block.retired + lost < retired",
      replace: "",
    },
  ]),
];
