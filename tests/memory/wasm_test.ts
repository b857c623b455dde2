import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { InvalidAddressError, OutOfMemoryError, Pool, struct, wasmMemory } from "../../mod.ts";
import type { MemoryRegion, WasmMemory, WasmMemoryOptions } from "../../mod.ts";
import { assertUnchanged, type ErrorClass, shown, untyped } from "../_support.ts";

const PAGE_BYTES = 65_536;

function figuresOf(window: WasmMemory): Record<string, number> {
  const { byteOffset, byteLength, usedBytes, freeBytes, largestFreeBytes, regions } = window;
  return { byteOffset, byteLength, usedBytes, freeBytes, largestFreeBytes, regions };
}

function bytesOf({ buffer, byteOffset, byteLength }: MemoryRegion): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

// -- errors --

Deno.test("wasmMemory() throws on a memory or a window that is wrong", () => {
  const cannot = "Cannot create wasmMemory: ";
  for (const bad of [undefined, null, 1, {}, new ArrayBuffer(8), { buffer: new ArrayBuffer(8) }]) {
    const message = `${cannot}memory must be a WebAssembly.Memory, got ${shown(bad)}`;
    assertThrows(() => wasmMemory(untyped(bad)), TypeError, message);
  }
  const memory = new WebAssembly.Memory({ initial: 1 });
  for (const bad of [-1, 0.5, NaN, Infinity, PAGE_BYTES + 1, null, true, {}, 8n, "8"]) {
    const errorClass = typeof bad === "number" ? RangeError : TypeError;
    for (const option of ["byteOffset", "byteLength"]) {
      const options = { byteOffset: 100, [option]: bad };
      const most = option === "byteOffset" ? PAGE_BYTES : PAGE_BYTES - 100;
      const message = `${cannot}${option} must be an integer from 0 to ${most}, got ${shown(bad)}`;
      assertThrows(() => wasmMemory(memory, options), errorClass, message);
    }
  }
  const tooLong = { byteOffset: 100, byteLength: PAGE_BYTES - 99 };
  assertThrows(() => wasmMemory(memory, tooLong), RangeError);
});

Deno.test("WasmMemory throws on a wrong request and a region that is not allocated, and changes nothing", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  const window = wasmMemory(memory, { byteOffset: 256, byteLength: 1024 });
  assertStrictEquals(window.memory, memory);
  const { buffer } = memory;
  const released = window.allocate(1000, 8);
  window.release(released);
  const own = window.allocate(1000, 8);
  const other = wasmMemory(memory, { byteOffset: 2048 }).allocate(64, 8);
  const assertFails = <E extends Error>(call: () => unknown, Class: ErrorClass<E>, says: string) =>
    assertUnchanged(() => figuresOf(window), call, Class, says);
  for (const bytes of [25, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const message =
      `Cannot allocate ${bytes} bytes of wasm memory: no free range has room for them at a ` +
      "multiple of 8, the largest has 24 bytes of the window's 1024";
    const error = assertFails(() => window.allocate(bytes, 8), OutOfMemoryError, message);
    assertEquals(error.byteLength, bytes);
  }
  const assertWrong = (byteLength: unknown, align: unknown, must: string) => {
    const call = () => window.allocate(untyped(byteLength), untyped(align));
    const error = assertFails(call, RangeError, `Cannot allocate in wasmMemory: ${must}`);
    assertEquals(error.name, "RangeError"); // an OutOfMemoryError is a RangeError as well
  };
  for (const bad of [0, -8, 1.5, NaN, Infinity, "8", undefined, null, 8n]) {
    assertWrong(bad, 8, `byteLength must be a positive integer, got ${shown(bad)}`);
    assertWrong(8, bad, `align must be a power of two, got ${shown(bad)}`);
  }
  for (const bad of [3, 12, 2 ** 32 + 1, 2 ** 50 + 1]) assertWrong(8, bad, "align must be a power");
  for (const bad of [released, other, { ...own }, undefined, null, {}]) {
    const { byteLength, byteOffset } = untyped<Partial<MemoryRegion>>(bad ?? {});
    const where = `the region of ${byteLength} bytes at byte ${byteOffset}`;
    const message = `Cannot release in wasmMemory: ${where} is not among the 1 that are allocated`;
    const error = assertFails(() => window.release(untyped(bad)), InvalidAddressError, message);
    assertEquals([error.pool, error.address], ["wasmMemory", byteOffset ?? -1]);
  }
  assertEquals(window.allocate(24, 8).byteOffset, 1256);
  assertStrictEquals(memory.buffer, buffer); // it never grows its memory
});

// -- a module --

/** Imports the memory `env.memory`; exports `double`, which doubles the float at an address. */
// deno-fmt-ignore
const MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // "\0asm", version 1
  0x01, 0x05, 0x01, 0x60, 0x01, 0x7f, 0x00, // type section: (i32) -> ()
  0x02, 0x0f, 0x01, // import section, 15 bytes: 1 import
  0x03, 0x65, 0x6e, 0x76, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, // "env", "memory"
  0x02, 0x00, 0x01, // a memory of at least 1 page
  0x03, 0x02, 0x01, 0x00, // function section: 1 function of type 0
  0x07, 0x0a, 0x01, 0x06, 0x64, 0x6f, 0x75, 0x62, 0x6c, 0x65, 0x00, 0x00, // exports it as "double"
  0x0a, 0x14, 0x01, 0x12, 0x00, // code section: 1 body of 18 bytes without locals
  0x20, 0x00, 0x20, 0x00, 0x2a, 0x02, 0x00, // address, f32.load(address)
  0x20, 0x00, 0x2a, 0x02, 0x00, 0x92, // + f32.load(address)
  0x38, 0x02, 0x00, 0x0b, // f32.store; end
]);

Deno.test("A wasm module reads and writes the records of a pool", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(MODULE), { env: { memory } });
  const double = exports.double as (address: number) => void; // as the bytes above declare it
  const Body = struct({ id: "u16", mass: "f32", alive: "bool" });
  const window = wasmMemory(memory, { byteOffset: 4096 });
  using pool = new Pool(Body, { chunksPerBlock: 16, memory: window });
  for (let id = 0; id < 20; id++) pool.alloc({ id, mass: id / 4, alive: true });
  assertEquals(pool.blocks[0].bytes.byteOffset, 4096);
  for (const { bytes, live } of pool.blocks) {
    const first = bytes.byteOffset + Body.fields.mass.offset;
    for (let i = 0; i < live; i++) double(first + i * Body.size);
  }
  const records = Array.from(pool, (it) => it.toJSON());
  assertEquals(records, records.map((_, id) => ({ id, mass: id / 2, alive: true })));
  assertEquals(records.length, 20);
});

// -- against a model --

/** A random step; its kind says which, as `runSteps` has it. */
type Step = readonly [kind: number, size: number, alignBits: number];

/** Bytes of allocated regions, and bytes that were never free: both must stay as they are. */
const MINE = 0xee, AROUND = 0xaa;

/** Runs steps on a window and on its model: the allocated regions in order of address. */
function runSteps(
  memory: WebAssembly.Memory,
  options: WasmMemoryOptions,
  maxPages: number,
  steps: readonly Step[],
): void {
  new Uint8Array(memory.buffer).fill(AROUND);
  const window = wasmMemory(memory, options);
  const { byteOffset: start = 0, byteLength } = options;
  const end = () => byteLength === undefined ? memory.buffer.byteLength : start + byteLength;
  const allocated: MemoryRegion[] = [];

  /** The gaps between the allocated regions, empty ones too. */
  const gaps = () => {
    const ends = allocated.map((it) => it.byteOffset + it.byteLength);
    return [start, ...ends].map((from, i) => ({ from, to: allocated[i]?.byteOffset ?? end() }));
  };
  /** First fit, aligned in the memory, zeroed. */
  const allocate = (size: number, align: number) => {
    const aligned = ({ from }: { from: number }) => from + (align - from % align) % align;
    const gap = gaps().find((it) => aligned(it) + size <= it.to);
    if (gap === undefined) {
      assertThrows(() => window.allocate(size, align), OutOfMemoryError);
      return;
    }
    const region = window.allocate(size, align);
    assertEquals([region.byteOffset, region.byteLength], [aligned(gap), size]);
    assert(bytesOf(region).every((byte) => byte === 0), "the region is not zeroed");
    bytesOf(region).fill(MINE);
    allocated.push(region);
    allocated.sort((a, b) => a.byteOffset - b.byteOffset);
  };
  const release = (nat: number) => {
    if (allocated.length === 0) return;
    const [region] = allocated.splice(nat % allocated.length, 1);
    window.release(region);
    assertThrows(() => window.release(region), InvalidAddressError);
  };
  const compare = () => {
    assert(allocated.every((it) => bytesOf(it).every((byte) => byte === MINE)), "a byte changed");
    const usedBytes = allocated.reduce((sum, it) => sum + it.byteLength, 0);
    assertEquals(figuresOf(window), {
      byteOffset: start,
      byteLength: end() - start,
      usedBytes,
      freeBytes: end() - start - usedBytes,
      largestFreeBytes: Math.max(...gaps().map(({ from, to }) => to - from)),
      regions: allocated.length,
    });
  };

  for (const [kind, size, alignBits] of steps) {
    if (kind < 10) allocate(size, 1 << alignBits);
    else if (kind < 17) release(size);
    else if (memory.buffer.byteLength < maxPages * PAGE_BYTES) memory.grow(1);
    compare();
  }
  while (allocated.length > 0) release(allocated.length * 7);
  compare();
  if (end() > start) allocate(end() - start, 1); // the whole window
  const all = new Uint8Array(memory.buffer);
  assert(all.subarray(0, start).every((byte) => byte === AROUND), "a byte below changed");
  // Pages that the memory has grown by are zero.
  assert(all.subarray(end()).every((byte) => byte === AROUND || byte === 0), "a byte above");
}

/** Windows, the most bytes of a region, and to how many pages the memory grows. */
const WINDOWS: Readonly<
  Record<string, [WebAssembly.MemoryDescriptor, WasmMemoryOptions, maxBytes: number, pages: number]>
> = {
  "in a window with a byteLength": [{ initial: 1 }, { byteOffset: 101, byteLength: 1999 }, 600, 2],
  "in a window with a byteOffset": [{ initial: 1 }, { byteOffset: 64_000 }, 40_000, 4],
  "in a shared memory": [{ initial: 0, maximum: 3, shared: true }, {}, 40_000, 3],
};

for (const [where, [memory, options, max, pages]] of Object.entries(WINDOWS)) {
  Deno.test(`wasmMemory() does what a model of intervals does ${where}, while the memory grows`, () => {
    // Half of the regions are small.
    const size = fc.oneof(fc.integer({ min: 1, max: max >> 5 }), fc.integer({ min: 1, max }));
    const step = fc.tuple(fc.nat(17), size, fc.nat(7));
    fc.assert(fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      runSteps(new WebAssembly.Memory(memory), options, pages, steps);
    }));
  });
}
