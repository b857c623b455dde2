/** validate() of byte allocators: it finds what tests corrupt by hand. */
import { assertStringIncludes, assertThrows } from "@std/assert";
import { Arena, dump, InvariantError, Pool, StackAllocator, validate } from "../../mod.ts";
import type { ByteAllocator } from "../../mod.ts";
import type { AddressSpace, Extent } from "../../src/bytes/address_space.ts";
import { flipStart } from "../../src/bytes/joining.ts";
import { CLASSES, spaceOf } from "../bytes/_support.ts";
import { untyped } from "../_support.ts";

/** Private fields, which the tests corrupt. */
type Hidden =
  & { _space: AddressSpace; _block: Extent; _blocks: Extent[] }
  & Record<
    "_index" | "_before" | "_usedBefore" | "_peak" | "_recent" | "_newest" | "_allocations",
    number
  >;

/** A fault to plant into an allocator with a first extent, and what the error says. */
type Fault = readonly [plant: (it: Hidden, extent: Extent) => void, says: string];

/** Asserts for each fault that validate() accepts a new allocator, and not with the fault. */
function assertFound(label: string, make: () => ByteAllocator, faults: readonly Fault[]): void {
  for (const [plant, says] of faults) {
    const it = make();
    validate(it);
    plant(it as unknown as Hidden, spaceOf(it).extents[0]); // hidden by the compiler only
    const { message } = assertThrows(() => validate(it), InvariantError, says);
    assertStringIncludes(message, `Cannot validate ${label}: `);
  }
}

Deno.test("validate() and dump() throw TypeError on what is neither a pool nor an allocator", () => {
  const fakes = [{}, [], Pool, new Uint8Array(8), Object.create(Arena.prototype)];
  for (const bad of [...fakes, null, undefined, 5, "pool"]) {
    for (const [verb, call] of [["validate", validate], ["dump", dump]] as const) {
      const message = `Cannot ${verb}: the argument is no pool or allocator of this module`;
      assertThrows(() => call(untyped(bad)), TypeError, message);
    }
  }
});

for (const [kind, make] of Object.entries(CLASSES)) {
  Deno.test(`validate() finds every fault in the address space of a ${kind}`, () => {
    const allocator = () => {
      const it = make({ name: "it" });
      it.alloc(8);
      return it;
    };
    assertFound(`${kind} "it"`, allocator, [
      [({ _space: { table, shift } }, { base }) => table[base >>> shift] = table[0], "elsewhere"],
      [({ _space }, it) => _space.table[0] = it, "granule 0 of the addresses leads elsewhere"],
      [({ _space }, extent) => _space.table.push(extent), "leads elsewhere"],
      [({ _space }) => _space.table.pop(), "is beyond the table"],
      [({ _space }) => _space.byteLength++, "bytes, and has"],
      [({ _space }) => _space.granules++, "granules, and has"],
      [(_, { joinedAt }) => joinedAt.push(64), "0 regions joined it, at 1 places"],
      [(_, extent) => {
        extent.joinedAt.push(64);
        extent.joined.push(extent.region!); // is not 64 bytes behind itself
      }, "block 0: a region that joined it at byte 64 lies elsewhere"],
      [({ _space }, extent) => _space.extents.push(extent), "block 1: shares granule"],
      [({ _space }) => _space.extents.pop(), "leads elsewhere"],
    ]);
  });
}

/** Three blocks of 64 bytes with 40 allocated, and an empty one. */
function arena(): Arena {
  const arena = new Arena({ blockBytes: 64 });
  for (let i = 0; i < 3; i++) arena.bytes(arena.alloc(40), 40).fill(1);
  const mark = arena.mark();
  arena.alloc(60);
  arena.rewind(mark);
  return arena;
}

Deno.test("validate() finds every fault in the metadata of an arena", () => {
  assertFound('Arena "arena"', arena, [
    [({ _block }) => _block.top = 65, "block 2: 65 of its 64 bytes are allocated"],
    [({ _block }) => _block.top = 40.5, "block 2: 40.5 of its 64 bytes"],
    [({ _blocks }) => _blocks[0].top = -8, "block 0: -8 of its 64 bytes"],
    [({ _blocks }) => _blocks[3].top = 8, "block 3: 8 bytes are allocated past the current block"],
    [({ _block }) => _block.u8[63] = 7, "block 2: byte 63, past the 40 that are allocated, is 7"],
    [({ _blocks }) => _blocks[3].u8[0] = 7, "block 3: byte 0, past"],
    [(it) => it._index = 1, "its current block is not that of its position, 1"],
    [(it) => it._index = -1, "its current block is not that of its position, -1"],
    [(it) => it._before += 8, "136 bytes before the current block, and has 128"],
    [(it) => it._usedBefore -= 8, "72 bytes used before the current block, and has 80"],
    [(it) => it._blocks.length = 3, "it has 3 blocks, and memory for 4"],
    [({ _blocks }) => _blocks.push(_blocks[3]), "it has 5 blocks, and memory for 4"],
    [({ _blocks }) => _blocks[3] = _blocks[0], "block 3: 40 bytes are allocated past"],
    [(it) => it._peak = NaN, "the peak is NaN"],
    [(it) => it._recent = 1000, "the recent need is 1000, the peak is "],
  ]);
});

/** Allocations of 24, 3 and 40 bytes, at bytes 8, 40 and 56. */
function stack(): StackAllocator {
  const stack = new StackAllocator({ byteLength: 256 });
  for (const size of [24, 3, 40]) stack.bytes(stack.alloc(size), size).fill(255);
  return stack;
}

Deno.test("validate() finds every fault in the metadata of a stack", () => {
  assertFound('StackAllocator "stack"', stack, [
    [(it) => it._allocations++, "it counts 4 allocations, and has 3"],
    [(it) => it._newest = 40, "an allocation of 3 bytes starts at byte 40"],
    [(it) => it._newest = 0, "the top is 96, and nothing is live"],
    [(_, extent) => extent.top += 8, "an allocation of 40 bytes starts at byte 56, before 104"],
    [(_, { i32 }) => i32[4 / 4] = 16, "an allocation of 16 bytes starts at byte 8, before 40"],
    [(_, { i32 }) => i32[36 / 4] = 9, "an allocation of 9 bytes starts at byte 40, before 56"],
    [(it, { i32 }) => (i32[48 / 4] = 0, it._allocations = 1), "the oldest allocation starts at"],
    [(_, { i32 }) => i32[36 / 4] = 40, "an allocation of 40 bytes starts at byte 40"],
    [(_, { i32 }) => i32[36 / 4] = 0, "an allocation of 0 bytes"],
    [(_, { i32 }) => i32[32 / 4] = 40, "starts at byte 40, before 40"],
    [(_, { i32 }) => i32[32 / 4] = 12, "starts at byte 12"],
    [(_, { i32 }) => i32[32 / 4] = 0, "it counts 3 allocations, and has 2"],
    [(_, extent) => flipStart(extent, 5), "at byte 40 is not marked"],
    [(_, extent) => flipStart(extent, 20), "4 starts are marked, and 3 are live"],
  ]);
});
