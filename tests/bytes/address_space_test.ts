/** The address space of the byte allocators, directly, to reach all of its 2^32 addresses. */
import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { heapMemory, type MemoryResource, OutOfMemoryError } from "../../mod.ts";
import { AddressSpace, type Extent, NO_EXTENT } from "../../src/bytes/address_space.ts";
import { mapBeside } from "../../src/bytes/joining.ts";
import { debug } from "../../src/slab/debug.ts";
import { wasmAt } from "./_support.ts";

function spaceIn(memory: MemoryResource, extentBytes = 4096, isDebug = false): AddressSpace {
  const keeper = isDebug ? debug.keeperFor('Arena "test"', "test") : undefined;
  return new AddressSpace('Arena "test"', memory, extentBytes, true, keeper);
}

/** Asserts by `===`, since a diff of two extents takes minutes. */
function assertFindable(space: AddressSpace, extent: Extent): void {
  const { base, byteLength } = extent;
  for (const at of [0, 1, byteLength >> 1, byteLength - 1]) {
    assert(space.find(base + at) === extent, `address ${base + at} has another extent`);
  }
}

Deno.test("AddressSpace reaches up to 2^32, then throws, and reuses what was released", () => {
  const buffer = new ArrayBuffer(65_544);
  let lent = 0;
  let byteOffset = 0;
  const allocate = (byteLength: number) => (lent++, { buffer, byteOffset, byteLength });
  const space = spaceIn({ allocate, release: () => void lent-- }, 65_536);
  for (let i = 1; i < 65_536; i++) space.map(65_536, 8);
  const last = space.extents[65_534];
  assertEquals(last.base + last.byteLength, 2 ** 32);
  assertFindable(space, last);
  const message = "no 64 addresses in a row are left below 4294967296, 4294901760 bytes are in use";
  assertThrows(() => space.map(64, 8), OutOfMemoryError, message);
  byteOffset = 65_536; // right behind the last extent, but past all addresses
  assertThrows(() => mapBeside(space, () => last, 8), OutOfMemoryError, "no 8 addresses");
  const bytes = 2 ** 30 + 1;
  const error = assertThrows(() => space.map(bytes, 8), OutOfMemoryError, `"test": ${bytes} bytes`);
  assertEquals([error.byteLength, lent, space.extents.length], [bytes, 65_535, 65_535]);

  byteOffset = 0;
  const freed = [100, 700, 200, 201].map((i) => space.extents[i]);
  space.release(freed.flatMap((extent) => space.withdraw([extent])));
  assertEquals(lent, 65_531);
  byteOffset = 8; // so that 65,536 bytes are in two granules, and the gaps at 100 and 700 are one
  const wide = space.map(65_536, 8);
  byteOffset = 0;
  assertFindable(space, wide);
  const bases = [wide.base - 8, space.map(64, 8).base, space.map(64, 8).base];
  assertEquals(bases, [freed[2].base, freed[0].base, freed[1].base]);
  assertThrows(() => space.map(64, 8), OutOfMemoryError, "no 64 addresses");
});

Deno.test("AddressSpace of debug mode takes addresses before its first ones as a last resort", () => {
  const spaces = [1, 2].map(() => spaceIn(heapMemory, 65_536, true));
  const space = spaces.find(({ firstGranule }) => firstGranule > 1)!; // no two begin at the same
  for (let i = 1; i < 65_536; i++) space.map(1, 8);
  assertThrows(() => space.map(1, 8), OutOfMemoryError, "no 1 addresses");
});

Deno.test("AddressSpace reuses addresses late, and before its table is much longer than what is in use", () => {
  const memories = [heapMemory, wasmAt(72)];
  for (const space of [...memories.map((it) => spaceIn(it)), spaceIn(heapMemory, 4096, true)]) {
    const kept = space.map(4096, 8);
    const bases = new Set<number>();
    for (let i = 0; i < 1500; i++) {
      const extent = space.map(3 << space.shift, 8);
      assertFindable(space, extent);
      bases.add(extent.base);
      space.release(space.withdraw([extent]));
    }
    assertLessOrEqual(space.table.length, space.firstGranule + 1024);
    assertLessOrEqual(bases.size, 1024 / 3);
    assertLessOrEqual(200, bases.size);
    const extents = Array.from({ length: 400 }, () => space.map(64, 8));
    for (const extent of [kept, ...extents]) assertFindable(space, extent);
    space.unmapAll();
    assertEquals([space.extents.length, space.byteLength, space.granules], [0, 0, 0]);
  }
});

Deno.test("AddressSpace appends nothing that lies elsewhere, or whose addresses are taken", () => {
  const buffer = new ArrayBuffer(16_384);
  let byteOffset = 0;
  const allocate = (byteLength: number) => ({ buffer, byteOffset, byteLength });
  const space = spaceIn({ allocate, release() {} });
  /** Maps what starts at a byte, as the end of an extent if that can be. */
  const mapAt = (at: number, beside: Extent = NO_EXTENT) => {
    byteOffset = at;
    return mapBeside(space, () => beside, 4096);
  };
  const [a, b] = [mapAt(0), mapAt(4096)];
  assert(mapAt(8200, b) !== b);
  assert(mapAt(4096, a) !== a); // the addresses are those of b
  space.release(space.withdraw([b]));
  assert(mapAt(4096, a) === a);
  assertFindable(space, a);
  assert(mapAt(8192, a) !== a); // the addresses are those of an extent from before
});
