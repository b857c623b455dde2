/** The address space of the byte allocators, directly, to reach all of its 2^32 addresses. */
import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { countingMemory, heapMemory, OutOfMemoryError } from "../../mod.ts";
import type { MemoryRegion, MemoryResource } from "../../mod.ts";
import { AddressSpace, type Extent, NO_EXTENT } from "../../src/bytes/address_space.ts";
import { flipStart, isStart, mapBeside, shorten } from "../../src/bytes/joining.ts";
import { debug } from "../../src/slab/debug.ts";
import { wasmAt } from "./_support.ts";
import { untyped } from "../_support.ts";
import { Ledger } from "../_ledger.ts";

function spaceIn(memory: MemoryResource = heapMemory, extentBytes = 4096, name?: string) {
  const keeper = name === undefined ? undefined : debug.keeperFor('Arena "test"', name);
  return new AddressSpace('Arena "test"', memory, extentBytes, true, keeper);
}

/** Asserts by `===`, since a diff of two extents takes minutes. */
function assertFound(space: AddressSpace, address: number, extent: Extent): void {
  assert(space.find(address) === extent, `address ${String(address)} has another extent`);
}

function assertFindable(space: AddressSpace, extent: Extent): void {
  const { base, byteLength } = extent;
  for (const at of [0, 1, byteLength >> 1, byteLength - 1]) assertFound(space, base + at, extent);
}

/** Regions of one buffer, each behind the one before. */
class Pieces implements MemoryResource {
  readonly buffer: ArrayBuffer = new ArrayBuffer(1 << 20);
  end = 0;
  readonly aligns: number[] = [];
  readonly released: number[] = [];

  allocate(byteLength: number, align: number): MemoryRegion {
    this.aligns.push(align);
    const byteOffset = Math.ceil(this.end / align) * align;
    this.end = byteOffset + byteLength;
    return { buffer: this.buffer, byteOffset, byteLength };
  }

  release({ byteLength }: MemoryRegion): void {
    this.released.push(byteLength);
  }
}

// -- map() --

Deno.test("AddressSpace.map() gives extents different addresses, equal to offsets modulo 4096", () => {
  for (const skew of [0, 8, 72, 4088]) {
    const space = spaceIn(wasmAt(skew).memory);
    const sizes = [64, 4096, 4097, 100_000, 1, 65_536];
    const extents = sizes.map((bytes) => space.map(bytes, 8));
    for (const extent of extents) {
      assertFindable(space, extent);
      assertEquals(extent.base % 4096, extent.u8.byteOffset % 4096);
      assert(extent.base > 0);
    }
    const ordered = extents.toSorted((a, b) => a.base - b.base);
    for (let i = 1; i < ordered.length; i++) {
      assert(ordered[i - 1].base + ordered[i - 1].byteLength <= ordered[i].base);
    }
    assertEquals(space.byteLength, sizes.reduce((sum, bytes) => sum + bytes));
    const { u8, base } = extents[0];
    assertEquals(space.locate(u8.buffer, u8.byteOffset + 63), base + 63);
    if (skew > 0) assertEquals(space.locate(u8.buffer, u8.byteOffset - 1), 0);
    assertEquals(space.locate(new ArrayBuffer(64), u8.byteOffset), 0);
  }
});

Deno.test("AddressSpace.map() asks for memory that suits every typed array", () => {
  const pieces = new Pieces();
  const space = spaceIn(pieces);
  for (const align of [1, 4, 8, 16, 4096]) space.map(64, align);
  assertEquals(pieces.aligns, [8, 8, 8, 16, 4096]);
});

Deno.test("AddressSpace.map() that throws changes nothing, and releases a bad region", () => {
  const ledger = new Ledger();
  const space = spaceIn(ledger);
  space.map(64, 8);
  const message = '"test": 1073741825 bytes in a row exceed the 1073741824 that there can be';
  const error = assertThrows(() => space.map(2 ** 30 + 1, 8), OutOfMemoryError, message);
  assertEquals([error.byteLength, ledger.lent.size], [2 ** 30 + 1, 1]);
  ledger.budget = 0;
  assertThrows(() => space.map(64, 8), OutOfMemoryError, "the budget is spent");
  assertEquals([space.extents.length, space.byteLength], [1, 64]);

  let released = 0;
  const misaligned = spaceIn({
    allocate: () => ({ buffer: new ArrayBuffer(64), byteOffset: 4, byteLength: 60 }),
    release: () => released++,
  });
  assertThrows(() => misaligned.map(60, 8), RangeError, 'Cannot grow Arena "test"');
  assertEquals([released, misaligned.extents.length], [1, 0]);
});

Deno.test("AddressSpace reaches up to 2^32, then throws, and reuses what was released", () => {
  const region = { buffer: new ArrayBuffer(65_544), byteOffset: 0, byteLength: 65_544 };
  let lent = 0;
  const memory = { allocate: () => (lent++, region), release: () => void lent-- };
  const space = new AddressSpace('Arena "test"', memory, 65_536, false);
  for (let i = 1; i < 65_536; i++) space.map(65_536, 8);
  const last = space.extents[65_534];
  assertEquals(last.base + last.byteLength, 2 ** 32);
  assertFindable(space, last);
  const message = "no 64 addresses in a row are left below 4294967296, 4294901760 bytes are in use";
  assertThrows(() => space.map(64, 8), OutOfMemoryError, message);
  assertEquals(lent, 65_535);

  const freed = [100, 700, 200, 201].map((i) => space.extents[i]);
  for (const extent of freed) space.unmap(extent);
  assertEquals(lent, 65_531);
  const wide = space.map(65_537, 8); // the gaps at 100 and 700 are one granule
  assertFindable(space, wide);
  const bases = [wide.base, space.map(64, 8).base, space.map(64, 8).base];
  assertEquals(bases, [freed[2].base, freed[0].base, freed[1].base]);
  assertThrows(() => space.map(64, 8), OutOfMemoryError, "no 64 addresses");
});

Deno.test("AddressSpace reuses addresses before its table is much longer than what is in use", () => {
  const space = spaceIn();
  const kept = space.map(4096, 8);
  const bases = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    const extent = space.map(10_000, 8);
    assertFindable(space, extent);
    bases.add(extent.base);
    space.unmap(extent);
    if (i === 0) assert(space.map(64, 8).base !== extent.base); // not at once
  }
  assertLessOrEqual(space.table.length, 1 + 1024);
  assertLessOrEqual(bases.size, 1024 / 3);
  assertFindable(space, kept);
  assertEquals([space.granules, space.byteLength], [2, 4096 + 64]);
  const extents = Array.from({ length: 2000 }, () => space.map(4096, 8));
  for (const extent of extents) assertFindable(space, extent);
  assertEquals(space.granules, 2002);
});

// -- neighbours --

Deno.test("mapBeside() appends memory right behind a neighbour, and shorten() releases it", () => {
  for (const debug of [undefined, "it"]) {
    const pieces = new Pieces();
    const space = spaceIn(pieces, 4096, debug);
    const extent = space.map(4096, 8);
    extent.i32[1023] = 7;
    flipStart(extent, 100);
    const { base } = extent;
    assert(mapBeside(space, () => extent, 10_000) === extent);
    assertEquals([extent.base, extent.byteLength, space.byteLength], [base, 14_096, 14_096]);
    assertEquals([extent.u8.length, extent.i32[1023], extent.i32[1024]], [14_096, 7, 0]);
    assertEquals([isStart(extent, 100), isStart(extent, 1761)], [true, false]);
    assertFindable(space, extent);
    assertEquals(space.extents.length, 1);
    flipStart(extent, 1761);
    flipStart(extent, 1761);

    pieces.release(shorten(space, extent));
    assertEquals([extent.byteLength, space.byteLength, extent.u8.length], [4096, 4096, 4096]);
    assertEquals([extent.i32[1023], isStart(extent, 100), pieces.released], [7, true, [10_000]]);
    if (debug === undefined) assertFound(space, base + 8192, NO_EXTENT); // else in the granule
    space.unmap(extent);
    assertEquals([space.granules, space.byteLength, pieces.released.length], [0, 0, 2]);
  }
});

Deno.test("AddressSpace.map() appends nothing that lies elsewhere, or whose addresses are taken", () => {
  const pieces = new Pieces();
  const space = spaceIn(pieces);
  const [a, b] = [space.map(4096, 8), space.map(4096, 8)];
  assert(mapBeside(space, () => a, 4096) !== a); // b is behind it
  pieces.end += 8;
  assert(mapBeside(space, () => space.extents[2], 4096) !== space.extents[2]);
  const odd = space.map(4090, 2);
  pieces.end = odd.u8.byteOffset + 4090 - 8;
  assert(mapBeside(space, () => odd, 64) !== odd);
  space.unmap(b);
  pieces.end = a.u8.byteOffset + 4096;
  assert(mapBeside(space, () => a, 4096) === a); // now that its addresses are free
  assertFindable(space, a);
  pieces.end = a.u8.byteOffset + 8192;
  assert(mapBeside(space, () => a, 4096) !== a);
});

Deno.test("AddressSpace.mapInstead() replaces extents by a new one, or leaves all as they were", () => {
  const ledger = new Ledger(countingMemory(heapMemory, { limit: 20_000 }));
  const space = spaceIn(ledger);
  const extents = [4096, 8192, 4096].map((bytes) => space.map(bytes, 8));
  const spares = extents.slice(0, 2);
  const bases = () => space.extents.map(({ base, byteLength }) => [base, byteLength]);
  const before = bases();
  assertThrows(() => space.map(10_000, 8), OutOfMemoryError);
  assertThrows(() => space.mapInstead(spares, 20_000, 8), OutOfMemoryError);
  assertEquals([bases(), ledger.byteLength], [before, 16_384]);
  for (const extent of extents) assertFindable(space, extent);
  assert(extents[1].u8.every((byte) => byte === 0));

  assertFindable(space, space.mapInstead(spares, 12_000, 8));
  assertEquals(spares.map(({ region }) => region), [undefined, undefined]);
  assertFound(space, before[1][0], NO_EXTENT);
  assertEquals([space.byteLength, ledger.byteLength], [16_096, 16_096]);

  ledger.budget = 1; // not enough to take both again
  const other = space.map(100, 8);
  assertThrows(() => space.mapInstead([other], 10_000, 8), OutOfMemoryError);
  assertEquals([other.region, space.extents.length], [undefined, 2]);
  assertEquals([space.byteLength, ledger.byteLength], [16_096, 16_096]);
});

// -- find() and unmap() --

Deno.test("AddressSpace.find() finds no extent for what is no integer of 32 bits, or was unmapped", () => {
  const ledger = new Ledger();
  const space = spaceIn(ledger);
  const [a, b] = [space.map(10_000, 8), space.map(64, 8)];
  const { base } = a;
  for (const at of [-1, 0.5, base + 0.5, NaN, Infinity, 2 ** 32 + base, -base, "4096", null]) {
    assertFound(space, untyped(at), NO_EXTENT);
  }
  for (const at of [0, 2 ** 32 - 1, untyped<number>(undefined)]) assertFound(space, at, NO_EXTENT);
  space.unmap(a);
  for (const at of [0, 5000, 9999]) assertFound(space, base + at, NO_EXTENT);
  assertFindable(space, b);
  assertEquals([ledger.returned.size, space.byteLength, a.u8.length], [1, 64, 0]);
  space.unmapAll();
  assertEquals([ledger.lent.size, space.extents.length, space.byteLength], [0, 0, 0]);
});
