import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import {
  countingMemory,
  heapMemory,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
} from "../../mod.ts";
import { AddressSpace, type Extent, NO_EXTENT } from "../../src/bytes/address_space.ts";
import { WasmStandIn } from "./_support.ts";
import { Ledger } from "../_ledger.ts";

function space(extentBytes = 4096, memory: MemoryResource = heapMemory): AddressSpace {
  return new AddressSpace('Arena "test"', memory, extentBytes, true);
}

/** As `assertStrictEquals`, which would take minutes to show how two extents differ. */
function assertFound(addresses: AddressSpace, address: number, extent: Extent): void {
  assert(addresses.find(address) === extent, `address ${String(address)} leads elsewhere`);
}

/** Every address at and around the edges of an extent leads to where it must. */
function assertFindable(addresses: AddressSpace, extent: Extent): void {
  const { base, byteLength } = extent;
  for (const at of [0, 1, byteLength >> 1, byteLength - 1]) {
    assertFound(addresses, base + at, extent);
  }
}

// -- mount() --

Deno.test("AddressSpace.mount() gives extents of any size addresses that find() knows, and none twice", () => {
  const addresses = space();
  const extents = [64, 4096, 4097, 100_000, 1, 65_536].map((bytes) => addresses.map(bytes, 8));
  extents.forEach((it) => assertFindable(addresses, it));
  const ordered = extents.toSorted((a, b) => a.base - b.base);
  for (let i = 1; i < ordered.length; i++) {
    assert(ordered[i - 1].base + ordered[i - 1].byteLength <= ordered[i].base);
  }
  assertEquals(addresses.byteLength, 64 + 4096 + 4097 + 100_000 + 1 + 65_536);
});

Deno.test("AddressSpace.mount() gives nothing the address 0", () => {
  for (const skew of [0, 8, 4088]) {
    const addresses = space(64, new WasmStandIn(skew));
    assert(addresses.map(64, 8).base > 0);
    assertFound(addresses, 0, NO_EXTENT);
  }
});

Deno.test("AddressSpace.mount() makes addresses equal to offsets in the buffer modulo 4096", () => {
  for (const skew of [0, 8, 72, 4088]) {
    const addresses = space(4096, new WasmStandIn(skew));
    for (let i = 0; i < 3; i++) {
      const extent = addresses.map(4096, 8);
      assertEquals(extent.base % 4096, extent.u8.byteOffset % 4096);
      assertEquals(extent.u8.byteOffset % 4096, skew);
      assertFindable(addresses, extent);
    }
  }
});

Deno.test("AddressSpace.mount() lays every lane over the same bytes", () => {
  const extent = space().map(64, 8);
  extent.u8.fill(1, 8, 16);
  assertEquals([extent.u16[4], extent.i32[2], extent.i64[1]], [
    0x0101,
    0x01010101,
    0x0101010101010101n,
  ]);
  assertEquals(extent.f64[1], new Float64Array(extent.u8.slice(8, 16).buffer)[0]);
  assertEquals(extent.f32[2], new Float32Array(extent.u8.slice(8, 12).buffer)[0]);
  assertEquals(extent.f16[4], new Float16Array(extent.u8.slice(8, 10).buffer)[0]);
});

Deno.test("AddressSpace.mount() asks for memory that every lane can lie on", () => {
  const asked: number[] = [];
  const memory = {
    allocate(byteLength: number, align: number): MemoryRegion {
      asked.push(align);
      return { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength };
    },
    release() {},
  };
  const addresses = space(64, memory);
  for (const align of [1, 4, 8, 16, 4096]) addresses.map(64, align);
  assertEquals(asked, [8, 8, 8, 16, 4096]);
});

Deno.test("AddressSpace.mount() passes on that the resource has nothing left, and changes nothing", () => {
  const ledger = new Ledger();
  const addresses = space(4096, ledger);
  addresses.map(64, 8);
  ledger.budget = 0;
  assertThrows(() => addresses.map(64, 8), OutOfMemoryError, "the budget is spent");
  assertEquals([addresses.extents.length, addresses.byteLength], [1, 64]);
});

Deno.test("AddressSpace.mount() refuses more than 2^30 bytes without asking the resource", () => {
  const ledger = new Ledger();
  const error = assertThrows(
    () => space(4096, ledger).map(2 ** 30 + 1, 8),
    OutOfMemoryError,
    'Cannot grow Arena "test": 1073741825 bytes in a row exceed the 1073741824 that there can be',
  );
  assertEquals([error.byteLength, ledger.lent.size], [2 ** 30 + 1, 0]);
});

Deno.test("AddressSpace.mount() gives a bad region back", () => {
  const released: MemoryRegion[] = [];
  const memory = {
    allocate: () => ({ buffer: new ArrayBuffer(64), byteOffset: 4, byteLength: 60 }),
    release: (region: MemoryRegion) => void released.push(region),
  };
  const addresses = space(64, memory);
  assertThrows(() => addresses.map(60, 8), RangeError, 'Cannot grow Arena "test"');
  assertEquals([released.length, addresses.extents.length], [1, 0]);
});

/** Lends one buffer over and over, so that an address space can be filled up. */
const oneBuffer = {
  region: { buffer: new ArrayBuffer(65_544), byteOffset: 0, byteLength: 65_544 },
  lent: 0,
  allocate(): MemoryRegion {
    this.lent++;
    return this.region;
  },
  release(): void {
    this.lent--;
  },
};

Deno.test("AddressSpace reaches up to 2^32, then says that no addresses are left, and reuses those given back", () => {
  oneBuffer.lent = 0;
  const addresses = new AddressSpace('Arena "test"', oneBuffer, 65_536, false);
  for (let i = 1; i < 65_536; i++) addresses.map(65_536, 8);
  const last = addresses.extents[65_534];
  assertEquals(last.base + last.byteLength, 2 ** 32);
  assertFindable(addresses, last);
  assertThrows(
    () => addresses.map(64, 8),
    OutOfMemoryError,
    "no 64 addresses in a row are left below 4294967296, 4294901760 bytes are in use",
  );
  assertEquals(oneBuffer.lent, 65_535);

  const freed = [addresses.extents[700], addresses.extents[200], addresses.extents[201]];
  addresses.unmap(addresses.extents[100]);
  freed.forEach((it) => addresses.unmap(it));
  assertEquals(oneBuffer.lent, 65_531);
  const wide = addresses.map(65_537, 8); // needs two granules in a row, so neither that at 100 nor the one at 700
  assertEquals(wide.base, freed[1].base);
  assertFindable(addresses, wide);
  assertEquals(addresses.map(64, 8).base, 101 * 65_536);
  assertEquals(addresses.map(64, 8).base, freed[0].base);
  assertThrows(() => addresses.map(64, 8), OutOfMemoryError, "no 64 addresses");
});

Deno.test("AddressSpace uses addresses again before its table is much longer than what is in use", () => {
  const addresses = space(4096);
  const kept = addresses.map(4096, 8);
  const bases = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    const extent = addresses.map(10_000, 8);
    assertFindable(addresses, extent);
    bases.add(extent.base);
    addresses.unmap(extent);
  }
  assertLessOrEqual(addresses.table.length, 1 + 1024);
  assertLessOrEqual(bases.size, 1024 / 3); // at the end as long as that goes, and from then on the lowest
  assertFindable(addresses, kept);
  assertEquals([addresses.granules, addresses.byteLength], [1, 4096]);
  const extents = Array.from({ length: 2000 }, () => addresses.map(4096, 8));
  extents.forEach((it) => assertFindable(addresses, it));
  assertEquals(addresses.granules, 2001);
});

// -- neighbours --

/** Lends one piece of a buffer after the other. */
class Pieces {
  readonly buffer: ArrayBuffer = new ArrayBuffer(1 << 20);
  end = 0;
  readonly released: MemoryRegion[] = [];

  allocate(byteLength: number, align: number): MemoryRegion {
    const byteOffset = Math.ceil(this.end / align) * align;
    this.end = byteOffset + byteLength;
    return { buffer: this.buffer, byteOffset, byteLength };
  }

  release(region: MemoryRegion): void {
    this.released.push(region);
  }
}

Deno.test("AddressSpace.mount() makes a neighbour longer by memory that lies right behind it, and shorten() shorter", () => {
  for (const debug of [undefined, "it"]) {
    const pieces = new Pieces();
    const addresses = new AddressSpace('Arena "test"', pieces, 4096, true, debug);
    const extent = addresses.map(4096, 8);
    extent.i32[1023] = 7;
    extent.flipStart(100);
    const { base } = extent;
    assert(addresses.map(10_000, 8, extent) === extent);
    assertEquals([extent.base, extent.byteLength, addresses.byteLength], [base, 14_096, 14_096]);
    assertEquals([extent.u8.length, extent.i32[1023], extent.i32[1024]], [14_096, 7, 0]);
    assertEquals([extent.isStart(100), extent.isStart(1761)], [true, false]);
    assertFindable(addresses, extent);
    assertEquals(addresses.extents.length, 1);
    extent.flipStart(1761);
    extent.flipStart(1761);

    addresses.shorten(extent);
    assertEquals([extent.byteLength, addresses.byteLength, extent.u8.length], [4096, 4096, 4096]);
    assertEquals(pieces.released.map((it) => it.byteLength), [10_000]);
    assertEquals([extent.i32[1023], extent.isStart(100)], [7, true]);
    if (debug === undefined) assertFound(addresses, base + 8192, NO_EXTENT); // else it is in the granule
    addresses.unmap(extent);
    assertEquals([addresses.granules, addresses.byteLength, pieces.released.length], [0, 0, 2]);
  }
});

Deno.test("AddressSpace.mount() joins nothing that lies elsewhere, or whose addresses are another's", () => {
  const pieces = new Pieces();
  const addresses = space(4096, pieces);
  const [a, b] = [addresses.map(4096, 8), addresses.map(4096, 8)];
  assert(addresses.map(4096, 8, a) !== a); // b lies behind it
  pieces.end += 8;
  assert(addresses.map(4096, 8, addresses.extents[2]) !== addresses.extents[2]);
  const odd = addresses.map(4090, 2);
  pieces.end = odd.u8.byteOffset + 4090 - 8;
  assert(addresses.map(64, 8, odd) !== odd);
  addresses.unmap(b);
  pieces.end = a.u8.byteOffset + 4096;
  assert(addresses.map(4096, 8, a) === a); // now that nothing is there
  assertFindable(addresses, a);
  pieces.end = a.u8.byteOffset + 8192;
  assert(addresses.map(4096, 8, a) !== a);
});

Deno.test("AddressSpace.mapInstead() takes an extent in the place of others, or leaves all as it was", () => {
  const ledger = new Ledger(countingMemory(heapMemory, { limit: 20_000 }));
  const addresses = space(4096, ledger);
  const extents = [4096, 8192, 4096].map((bytes) => addresses.map(bytes, 8));
  const bases = () => addresses.extents.map(({ base, byteLength }) => [base, byteLength]);
  const before = bases();
  assertThrows(() => addresses.map(10_000, 8), OutOfMemoryError);
  assertThrows(
    () => addresses.mapInstead(extents.slice(0, 2), 20_000, 8),
    OutOfMemoryError,
  );
  assertEquals([bases(), ledger.byteLength], [before, 16_384]);
  extents.forEach((it) => assertFindable(addresses, it));
  assert(extents[1].u8.every((byte) => byte === 0));

  const made = addresses.mapInstead(extents.slice(0, 2), 12_000, 8);
  assertFindable(addresses, made);
  assertEquals([extents[0].region, extents[1].region], [undefined, undefined]);
  assertFound(addresses, before[1][0], NO_EXTENT);
  assertEquals([addresses.byteLength, ledger.byteLength], [16_096, 16_096]);

  ledger.budget = 1; // not enough to have both again
  const other = addresses.map(100, 8);
  assertThrows(() => addresses.mapInstead([other], 10_000, 8), OutOfMemoryError);
  assertEquals([other.region, addresses.extents.length], [undefined, 2]);
  assertEquals([addresses.byteLength, ledger.byteLength], [16_096, 16_096]);
});

// -- find() --

Deno.test("AddressSpace.find() knows no number that is no integer of 32 bits", () => {
  const addresses = space(65_536);
  const { base } = addresses.map(65_536, 8);
  const wrong = [
    -1,
    0.5,
    base + 0.5,
    NaN,
    Infinity,
    2 ** 32 + base,
    -base,
    "4096",
    null,
    undefined,
  ];
  for (const address of wrong) {
    assertFound(addresses, address as number, NO_EXTENT);
  }
  assertFound(addresses, 2 ** 32 - 1, NO_EXTENT);
});

// -- unmount() and rebind() --

Deno.test("AddressSpace.unmap() gives the region back, and nothing finds the extent any more", () => {
  const ledger = new Ledger();
  const addresses = space(4096, ledger);
  const [a, b] = [addresses.map(10_000, 8), addresses.map(64, 8)];
  addresses.unmap(a);
  for (const at of [0, 5000, 9999]) assertFound(addresses, a.base + at, NO_EXTENT);
  assertFindable(addresses, b);
  assertEquals([ledger.returned.size, addresses.byteLength, a.u8.length], [1, 64, 0]);
  assertNotEquals(addresses.map(64, 8).base, a.base); // while there are others
});

Deno.test("AddressSpace.unmapAll() gives every region back", () => {
  const ledger = new Ledger();
  const addresses = space(4096, ledger);
  for (let i = 0; i < 5; i++) addresses.map(4096, 8);
  addresses.unmapAll();
  assertEquals([ledger.lent.size, ledger.returned.size], [0, 5]);
  assertEquals([addresses.extents.length, addresses.byteLength], [0, 0]);
});

Deno.test("AddressSpace.rebind() lays lanes over the buffer that took the place of a detached one", () => {
  const memory = new WasmStandIn(16);
  const addresses = space(4096, memory);
  const extents = [addresses.map(64, 8), addresses.map(64, 8)];
  extents.forEach((it, i) => it.i32[3] = i + 7);
  assertEquals(addresses.isDetached, false);
  memory.grow();
  assertEquals(addresses.isDetached, true);
  addresses.rebind();
  assertEquals(addresses.isDetached, false);
  assertEquals(extents.map((it) => it.i32[3]), [7, 8]);
});

Deno.test("AddressSpace.locate() tells the address of a byte in a buffer, 0 for any other", () => {
  const addresses = space(4096, new WasmStandIn(8));
  const [a, b] = [addresses.map(64, 8), addresses.map(64, 8)];
  assertEquals(addresses.locate(b.u8.buffer, b.u8.byteOffset + 5), b.base + 5);
  assertEquals(addresses.locate(a.u8.buffer, a.u8.byteOffset + 63), a.base + 63);
  assertEquals(addresses.locate(a.u8.buffer, a.u8.byteOffset + 64), 0);
  assertEquals(addresses.locate(a.u8.buffer, a.u8.byteOffset - 1), 0);
  assertEquals(addresses.locate(new ArrayBuffer(64), a.u8.byteOffset), 0);
});
