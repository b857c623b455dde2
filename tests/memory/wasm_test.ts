import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import {
  countingMemory,
  InvalidAddressError,
  type MemoryRegion,
  OutOfMemoryError,
  Pool,
  struct,
  validate,
  type WasmMemory,
  wasmMemory,
  type WasmMemoryOptions,
} from "../../mod.ts";
import { assertRefused, untyped } from "../_support.ts";

const PAGE_BYTES = 65_536;

/** A window of one page at the most. */
function windowOf(options: WasmMemoryOptions = {}): WasmMemory {
  return wasmMemory(new WebAssembly.Memory({ initial: 1 }), options);
}

/** Every figure of the window. */
function figuresOf(window: WasmMemory): Record<string, number> {
  const { byteOffset, byteLength, usedBytes, freeBytes, largestFreeBytes, regions } = window;
  return { byteOffset, byteLength, usedBytes, freeBytes, largestFreeBytes, regions };
}

/** The bytes of a region, found anew. */
function bytesOf({ buffer, byteOffset, byteLength }: MemoryRegion): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function offsetsOf(regions: readonly MemoryRegion[]): number[] {
  return regions.map((region) => region.byteOffset);
}

/** Asserts that a call throws, and that the window and the free runs in it are as before. */
function assertUnchanged<E extends Error>(
  window: WasmMemory,
  call: () => unknown,
  // deno-lint-ignore no-explicit-any -- `unknown` would refuse constructors that take arguments
  errorClass: abstract new (...args: any[]) => E,
  message: string,
): E {
  const before = figuresOf(window);
  const error = assertThrows(call, errorClass, message);
  assertEquals(figuresOf(window), before);
  return error;
}

// -- the window --

Deno.test("wasmMemory() takes the whole memory from address 0 on by default", () => {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const window = wasmMemory(memory);
  assertStrictEquals(window.memory, memory);
  const bytes = 2 * PAGE_BYTES;
  const free = { byteOffset: 0, byteLength: bytes, usedBytes: 0, freeBytes: bytes };
  assertEquals(figuresOf(window), { ...free, largestFreeBytes: bytes, regions: 0 });
  const region = window.allocate(bytes, 8);
  assertEquals([region.byteOffset, region.byteLength], [0, bytes]);
  assertStrictEquals(region.buffer, memory.buffer);
});

Deno.test("wasmMemory() keeps to the window, and leaves every byte around it alone", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const all = new Uint8Array(memory.buffer).fill(0xaa);
  const window = wasmMemory(memory, { byteOffset: 1000, byteLength: 64 });
  assertEquals([window.byteOffset, window.byteLength, window.freeBytes], [1000, 64, 64]);
  const region = window.allocate(64, 8);
  assertEquals([region.byteOffset, region.byteLength], [1000, 64]);
  assert(all.every((byte, at) => byte === (at >= 1000 && at < 1064 ? 0 : 0xaa)));
  assertUnchanged(window, () => window.allocate(1, 1), OutOfMemoryError, "window's 64");
});

Deno.test("wasmMemory() with a byteOffset alone ends where the memory ends", () => {
  const window = windowOf({ byteOffset: 65_000 });
  assertEquals([window.byteLength, window.allocate(536, 8).byteOffset], [536, 65_000]);
});

Deno.test("wasmMemory() with an empty window refuses every size", () => {
  for (const options of [{ byteOffset: PAGE_BYTES }, { byteLength: 0 }]) {
    const window = windowOf(options);
    assertEquals([window.byteLength, window.largestFreeBytes], [0, 0]);
    assertUnchanged(window, () => window.allocate(1, 1), OutOfMemoryError, "the window's 0");
  }
});

Deno.test("wasmMemory() throws RangeError on a window that is not inside the memory", () => {
  const must = (option: string, most: number, got: unknown) =>
    `Cannot create wasmMemory: ${option} must be an integer from 0 to ${most}, got ${got}`;
  for (const byteOffset of [-1, 0.5, NaN, Infinity, PAGE_BYTES + 1]) {
    const message = must("byteOffset", PAGE_BYTES, byteOffset);
    assertThrows(() => windowOf({ byteOffset }), RangeError, message);
  }
  for (const byteLength of [-1, 0.5, NaN, Infinity, PAGE_BYTES - 99]) {
    const message = must("byteLength", PAGE_BYTES - 100, byteLength);
    assertThrows(() => windowOf({ byteOffset: 100, byteLength }), RangeError, message);
  }
});

Deno.test("wasmMemory() throws TypeError on an option that is no number", () => {
  const message = "must be an integer from 0 to 65536, got ";
  for (const bad of [null, true, {}, 8n]) {
    const offset = untyped<WasmMemoryOptions>({ byteOffset: bad });
    assertThrows(() => windowOf(offset), TypeError, `byteOffset ${message}${bad}`);
    const length = untyped<WasmMemoryOptions>({ byteLength: bad });
    assertThrows(() => windowOf(length), TypeError, `byteLength ${message}${bad}`);
  }
  assertThrows(() => windowOf(untyped({ byteOffset: "8" })), TypeError, `${message}"8"`);
});

Deno.test("wasmMemory() throws TypeError on what is no WebAssembly.Memory", () => {
  const message = "Cannot create wasmMemory: memory must be a WebAssembly.Memory, got ";
  for (const bad of [undefined, null, 1, {}, new ArrayBuffer(8), { buffer: new ArrayBuffer(8) }]) {
    assertThrows(() => wasmMemory(untyped(bad)), TypeError, message + String(bad));
  }
});

// -- allocate and release --

Deno.test("wasmMemory().allocate() takes the first free run that has room", () => {
  const window = windowOf();
  const regions = [64, 32, 64, 16, 64].map((bytes) => window.allocate(bytes, 8));
  assertEquals(offsetsOf(regions), [0, 64, 96, 160, 176]);
  window.release(regions[1]);
  window.release(regions[3]);
  const again = [16, 24, 16, 8].map((bytes) => window.allocate(bytes, 8));
  assertEquals(offsetsOf(again), [64, 160 + 80, 80, 160]);
});

Deno.test("wasmMemory().allocate() aligns the address in the memory, not the offset in the window", () => {
  const window = windowOf({ byteOffset: 100, byteLength: 1000 });
  assertEquals(window.allocate(1, 1).byteOffset, 100);
  assertEquals(window.allocate(1, 64).byteOffset, 128);
  assertEquals(window.allocate(8, 8).byteOffset, 104);
  assertEquals(window.allocate(1, 512).byteOffset, 512);
  assertUnchanged(window, () => window.allocate(1, 2048), OutOfMemoryError, "multiple of 2048");
});

Deno.test("wasmMemory().allocate() lends the bytes again that an alignment skipped", () => {
  const window = windowOf({ byteOffset: 8, byteLength: 120 });
  const far = window.allocate(64, 64);
  assertEquals([far.byteOffset, window.freeBytes, window.largestFreeBytes], [64, 56, 56]);
  assertEquals(window.allocate(56, 8).byteOffset, 8);
  assertEquals([window.freeBytes, window.largestFreeBytes, window.regions], [0, 0, 2]);
});

Deno.test("wasmMemory().allocate() zeroes a region, also one that is dirty from before", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  new Uint8Array(memory.buffer).fill(0xff);
  const window = wasmMemory(memory);
  for (let round = 0; round < 3; round++) {
    const region = window.allocate(100, 4);
    assert(bytesOf(region).every((byte) => byte === 0));
    bytesOf(region).fill(0xee);
    window.release(region);
  }
});

Deno.test("wasmMemory().release() joins a region with the free runs on either side", () => {
  const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  for (const order of orders) {
    const window = windowOf({ byteOffset: 64, byteLength: 96 });
    const regions = [32, 32, 32].map((bytes) => window.allocate(bytes, 8));
    for (const i of order) window.release(regions[i]);
    assertEquals([window.freeBytes, window.largestFreeBytes, window.regions], [96, 96, 0]);
    assertEquals(window.allocate(96, 8).byteOffset, 64);
  }
});

Deno.test("wasmMemory().release() joins no runs that a lent region keeps apart", () => {
  const window = windowOf({ byteLength: 96 });
  const regions = [32, 32, 32].map((bytes) => window.allocate(bytes, 8));
  window.release(regions[0]);
  window.release(regions[2]);
  assertEquals([window.freeBytes, window.largestFreeBytes], [64, 32]);
  assertUnchanged(window, () => window.allocate(33, 8), OutOfMemoryError, "the largest has 32");
});

Deno.test("wasmMemory().allocate() throws OutOfMemoryError with the sizes, and changes nothing", () => {
  const window = windowOf({ byteOffset: 256, byteLength: 1024 });
  window.allocate(1000, 8);
  const message = "Cannot allocate 100 bytes of wasm memory: no free run has room for them at a " +
    "multiple of 8, the largest has 24 bytes of the window's 1024";
  const error = assertUnchanged(window, () => window.allocate(100, 8), OutOfMemoryError, message);
  assertEquals(error.byteLength, 100);
  for (const bytes of [25, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    assertUnchanged(window, () => window.allocate(bytes, 8), OutOfMemoryError, `${bytes} bytes`);
  }
  assertEquals(window.allocate(24, 8).byteOffset, 1256);
});

for (const bad of [0, -8, 1.5, NaN, Infinity, "8", undefined, null]) {
  Deno.test(`wasmMemory().allocate() throws RangeError on a size or an alignment of ${bad}`, () => {
    const window = windowOf();
    const size = assertUnchanged(
      window,
      () => window.allocate(untyped(bad), 8),
      RangeError,
      `Cannot allocate in wasmMemory: byteLength must be a positive integer, got ${bad}`,
    );
    const align = assertUnchanged(
      window,
      () => window.allocate(8, untyped(bad)),
      RangeError,
      `Cannot allocate in wasmMemory: align must be a power of two, got ${bad}`,
    );
    for (const error of [size, align]) assertEquals(error.name, "RangeError");
  });
}

Deno.test("wasmMemory().allocate() throws RangeError on an alignment that is no power of two", () => {
  const window = windowOf();
  for (const bad of [3, 6, 12, 100, 2 ** 32 + 1, 2 ** 50 + 1]) {
    const error = assertUnchanged(window, () => window.allocate(8, bad), RangeError, `got ${bad}`);
    assertEquals(error.name, "RangeError");
  }
});

Deno.test("wasmMemory().release() throws InvalidAddressError on a second release", () => {
  const window = windowOf();
  const [region] = [window.allocate(64, 8), window.allocate(64, 8)];
  window.release(region);
  const message = "the region of 64 bytes at byte 0 is not among the 1 that are lent";
  assertUnchanged(window, () => window.release(region), InvalidAddressError, message);
  const successor = window.allocate(64, 8); // at the same address
  assertEquals(successor.byteOffset, region.byteOffset);
  assertUnchanged(window, () => window.release(region), InvalidAddressError, "among the 2 that");
  window.release(successor);
});

Deno.test("wasmMemory().release() throws InvalidAddressError on a region that it never lent", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const lower = wasmMemory(memory, { byteLength: 1024 });
  const upper = wasmMemory(memory, { byteOffset: 1024 });
  const [own, other] = [lower.allocate(64, 8), upper.allocate(64, 8)];
  const { buffer, byteOffset, byteLength } = own;
  for (const bad of [other, { buffer, byteOffset, byteLength }, undefined, null, {}]) {
    const call = () => lower.release(untyped(bad));
    assertUnchanged(
      lower,
      call,
      InvalidAddressError,
      "Cannot release in wasmMemory: the region of",
    );
  }
  const error = assertThrows(() => lower.release(other), InvalidAddressError);
  assertEquals([error.pool, error.address], ["wasmMemory", 1024]);
  lower.release(own);
});

// -- growth by others --

Deno.test("A region of wasmMemory() follows the memory to its new buffer, with what it held", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const region = wasmMemory(memory, { byteOffset: 64 }).allocate(16, 8);
  const old = bytesOf(region).fill(9);
  memory.grow(1);
  assertEquals(old.length, 0);
  assertStrictEquals(region.buffer, memory.buffer);
  assertEquals([region.byteOffset, region.byteLength], [64, 16]);
  assert(bytesOf(region).every((byte) => byte === 9));
});

Deno.test("wasmMemory() without byteLength has what the memory grows by", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const window = wasmMemory(memory, { byteOffset: 1024 });
  const region = window.allocate(PAGE_BYTES - 2048, 8);
  assertThrows(() => window.allocate(2048, 8), OutOfMemoryError);
  memory.grow(2);
  // the 1024 bytes that were left join the new ones
  assertEquals(window.allocate(2 * PAGE_BYTES + 1024, 8).byteOffset, PAGE_BYTES - 1024);
  assertEquals([window.byteLength, window.freeBytes], [3 * PAGE_BYTES - 1024, 0]);
  memory.grow(1);
  assertEquals([window.freeBytes, window.largestFreeBytes], [PAGE_BYTES, PAGE_BYTES]);
  window.release(region);
  assertEquals(window.allocate(PAGE_BYTES, 8).byteOffset, 3 * PAGE_BYTES);
});

Deno.test("wasmMemory() tells of what the memory grew by before the next allocate", () => {
  const memory = new WebAssembly.Memory({ initial: 0 });
  for (const figure of ["byteLength", "freeBytes", "largestFreeBytes"] as const) {
    const window = wasmMemory(memory);
    const before = window[figure];
    memory.grow(1);
    assertEquals(window[figure], before + PAGE_BYTES);
  }
});

Deno.test("wasmMemory() with byteLength stays as it is when the memory grows", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const window = wasmMemory(memory, { byteOffset: 1024, byteLength: 512 });
  const region = window.allocate(256, 8);
  const before = figuresOf(window);
  memory.grow(1);
  assertEquals(figuresOf(window), before);
  assertUnchanged(window, () => window.allocate(257, 8), OutOfMemoryError, "window's 512");
  window.release(region);
  assertEquals(window.allocate(512, 8).byteOffset, 1024);
});

Deno.test("wasmMemory() takes a shared memory, whose old views stay good when it grows", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  const window = wasmMemory(memory);
  using pool = new Pool({ n: "u32" }, { chunksPerBlock: 16, memory: window });
  const first = pool.alloc({ n: 7 });
  const { bytes } = pool.blocks[0];
  assertInstanceOf(bytes.buffer, SharedArrayBuffer);
  memory.grow(1);
  assertEquals(window.byteLength, 2 * PAGE_BYTES);
  pool.get(first).n++;
  assertEquals([bytes[0], new Uint8Array(memory.buffer, bytes.byteOffset, 1)[0]], [8, 8]);
  const region = window.allocate(PAGE_BYTES, 8); // reaches into the new page
  assertEquals([region.byteOffset, bytesOf(region).length], [64, PAGE_BYTES]);
  validate(pool);
});

Deno.test("wasmMemory() never grows the memory", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  const { buffer } = memory;
  const window = wasmMemory(memory);
  assertUnchanged(window, () => window.allocate(PAGE_BYTES + 1, 8), OutOfMemoryError, "65537");
  assertStrictEquals(memory.buffer, buffer);
});

// -- pools --

Deno.test("A pool over wasmMemory() lives in the memory, and stops where the window ends", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const window = wasmMemory(memory, { byteOffset: 4, byteLength: 3 * 128 + 8 });
  const pool = new Pool({ n: "u32", x: "f32" }, { chunksPerBlock: 16, memory: window });
  const handles = pool.allocMany(48);
  handles.forEach((handle, n) => pool.set(handle, { n, x: -n }));
  assertEquals(pool.blocks.map(({ bytes }) => bytes.byteOffset), [8, 136, 264]);
  assertEquals([window.usedBytes, window.regions], [pool.byteLength, 3]);
  const inPlace = new Uint32Array(memory.buffer, 8, 96);
  assert(handles.every((_, n) => inPlace[2 * n] === n));
  assertRefused(pool, () => pool.alloc(), OutOfMemoryError, "the largest has 4 bytes");

  pool.freeBlock(1);
  assertEquals([window.usedBytes, window.largestFreeBytes], [256, 128]);
  const again = pool.allocMany(16);
  assert(again.every((handle) => pool.get(handle).n === 0));
  assertEquals(pool.get(handles[47]).toJSON(), { n: 47, x: -47 });
  validate(pool);

  pool.dispose();
  assertEquals([window.usedBytes, window.largestFreeBytes, window.regions], [0, 392, 0]);
});

Deno.test("Two pools over one wasmMemory(), counted, lie side by side", () => {
  const window = windowOf({ byteOffset: 1024 });
  const memory = countingMemory(window, { limit: 1024 });
  const bytes = new Pool({ b: "u8" }, { chunksPerBlock: 16, memory });
  const pairs = new Pool({ lo: "u64", hi: "u64" }, { chunksPerBlock: 16, memory });
  for (let i = 0; i < 48; i++) {
    bytes.alloc({ b: i });
    pairs.alloc({ lo: BigInt(i), hi: ~0n });
  }
  let next = 0;
  for (const it of bytes) assertEquals(it.b, next++);
  for (const it of pairs) assertEquals([it.lo, it.hi], [BigInt(next++ - 48), 2n ** 64n - 1n]);
  assertEquals([memory.usedBytes, window.usedBytes], [48 + 768, 48 + 768]);
  bytes.dispose();
  pairs.dispose();
  assertEquals([memory.regions, window.largestFreeBytes], [0, PAGE_BYTES - 1024]);
});

// -- a module at work on a pool's records --

/** Imports the memory `env.memory`; exports `sum` and `scale`, which take records where they are. */
// deno-fmt-ignore
const MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // "\0asm", version 1

  0x01, 0x0f, // type section, 15 bytes
  0x02, // 2 types
  0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x01, 0x7d, // (i32, i32, i32) -> f32
  0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7d, 0x00, // (i32, i32, i32, f32) -> nothing

  0x02, 0x0f, // import section, 15 bytes
  0x01, // 1 import
  0x03, 0x65, 0x6e, 0x76, // "env"
  0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, // "memory"
  0x02, 0x00, 0x01, // a memory of 1 page at least

  0x03, 0x03, // function section, 3 bytes
  0x02, 0x00, 0x01, // 2 functions, of types 0 and 1

  0x07, 0x0f, // export section, 15 bytes
  0x02, // 2 exports
  0x03, 0x73, 0x75, 0x6d, 0x00, 0x00, // "sum", function 0
  0x05, 0x73, 0x63, 0x61, 0x6c, 0x65, 0x00, 0x01, // "scale", function 1

  0x0a, 0x58, // code section, 88 bytes
  0x02, // 2 bodies
  // sum(ptr: i32, count: i32, stride: i32) -> f32
  0x2b, 0x01, 0x01, 0x7d, // 43 bytes; local 3, the total: f32
  0x02, 0x40, 0x03, 0x40, // block, loop
  0x20, 0x01, 0x45, 0x0d, 0x01, // leave the block if count == 0
  0x20, 0x03, 0x20, 0x00, 0x2a, 0x02, 0x00, 0x92, 0x21, 0x03, // total += f32.load(ptr)
  0x20, 0x00, 0x20, 0x02, 0x6a, 0x21, 0x00, // ptr += stride
  0x20, 0x01, 0x41, 0x01, 0x6b, 0x21, 0x01, // count -= 1
  0x0c, 0x00, 0x0b, 0x0b, // again; end of loop, of block
  0x20, 0x03, 0x0b, // the total; end
  // scale(ptr: i32, count: i32, stride: i32, factor: f32)
  0x2a, 0x00, // 42 bytes; no locals
  0x02, 0x40, 0x03, 0x40, // block, loop
  0x20, 0x01, 0x45, 0x0d, 0x01, // leave the block if count == 0
  0x20, 0x00, 0x20, 0x00, 0x2a, 0x02, 0x00, // ptr, f32.load(ptr)
  0x20, 0x03, 0x94, 0x38, 0x02, 0x00, // f32.store(ptr, that * factor)
  0x20, 0x00, 0x20, 0x02, 0x6a, 0x21, 0x00, // ptr += stride
  0x20, 0x01, 0x41, 0x01, 0x6b, 0x21, 0x01, // count -= 1
  0x0c, 0x00, 0x0b, 0x0b, 0x0b, // again; end of loop, of block, of the body
]);

/** What the module exports. */
interface Work {
  sum(ptr: number, count: number, stride: number): number;
  scale(ptr: number, count: number, stride: number, factor: number): void;
}

Deno.test("A wasm module reads and writes a pool's records where they are", () => {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(MODULE), { env: { memory } });
  const { sum, scale } = exports as unknown as Work; // as the bytes above say

  const Body = struct({ id: "u16", mass: "f32", alive: "bool" });
  const window = wasmMemory(memory, { byteOffset: 4096 });
  using pool = new Pool(Body, { chunksPerBlock: 64, memory: window });
  const handles = pool.allocMany(100); // a full block, and 36 records in the next
  handles.forEach((handle, id) => pool.set(handle, { id, mass: id / 4, alive: true }));

  const view = pool.get(handles[99]);
  const total = (from: number, to: number) => (to * (to - 1) - from * (from - 1)) / 2 / 4;
  const first = 4096 + Body.fields.mass.offset;
  assertEquals(pool.blocks[0].bytes.byteOffset + Body.fields.mass.offset, first);
  assertEquals(sum(first, 64, Body.size), total(0, 64));
  const second = pool.blocks[1].bytes.byteOffset + Body.fields.mass.offset;
  assertEquals(sum(second, 36, Body.size), total(64, 100));
  view.mass += 1; // a write of the pool is seen by the module
  assertEquals(sum(second, 36, Body.size), total(64, 100) + 1);

  scale(second, 36, Body.size, 2); // and a write of the module by the pool
  assertEquals(view.mass, (99 / 4 + 1) * 2);
  for (const [id, handle] of handles.entries()) {
    const mass = id < 64 ? id / 4 : id < 99 ? id / 2 : view.mass;
    assertEquals(pool.get(handle).toJSON(), { id, mass, alive: true });
  }
  validate(pool);
});

// -- against a model --

/** The model: the regions that are lent, and the byte that each is filled with. */
class Intervals {
  readonly memory: WebAssembly.Memory;
  readonly window: WasmMemory;
  readonly start: number;
  /** `undefined` where the window ends with the memory. */
  readonly length: number | undefined;
  /** In order of address. */
  readonly lent: { region: MemoryRegion; fill: number }[] = [];
  released: MemoryRegion | undefined;
  serial = 0;

  constructor(memory: WebAssembly.Memory, options: WasmMemoryOptions) {
    this.memory = memory;
    this.window = wasmMemory(memory, options);
    this.start = options.byteOffset ?? 0;
    this.length = options.byteLength;
  }

  get end(): number {
    return this.length === undefined ? this.memory.buffer.byteLength : this.start + this.length;
  }

  /** The gaps between what is lent, empty ones too. */
  gaps(): { start: number; end: number }[] {
    const ends = this.lent.map(({ region }) => region.byteOffset + region.byteLength);
    const starts = this.lent.map(({ region }) => region.byteOffset);
    return [this.start, ...ends].map((start, i) => ({ start, end: starts[i] ?? this.end }));
  }

  allocate(byteLength: number, align: number): void {
    const aligned = ({ start }: { start: number }) => start + (align - start % align) % align;
    const gap = this.gaps().find((it) => aligned(it) + byteLength <= it.end);
    if (gap === undefined) {
      assertThrows(() => this.window.allocate(byteLength, align), OutOfMemoryError);
      return;
    }
    const region = this.window.allocate(byteLength, align);
    assertEquals([region.byteOffset, region.byteLength], [aligned(gap), byteLength]);
    assert(bytesOf(region).every((byte) => byte === 0), "the region is not zeroed");
    const fill = this.serial++ % 255 + 1;
    bytesOf(region).fill(fill);
    this.lent.push({ region, fill });
    this.lent.sort((a, b) => a.region.byteOffset - b.region.byteOffset);
  }

  release(nat: number): void {
    if (this.lent.length === 0) return;
    const [{ region }] = this.lent.splice(nat % this.lent.length, 1);
    this.window.release(region);
    this.released = region;
  }

  releaseAgain(): void {
    const region = this.released;
    if (region !== undefined) assertThrows(() => this.window.release(region), InvalidAddressError);
  }

  /** Whether the window is as the model has it, and every lent byte as it was written. */
  compare(): void {
    let used = 0;
    let end = this.start;
    for (const { region, fill } of this.lent) {
      assert(region.byteOffset >= end, `the region at ${region.byteOffset} overlaps`);
      assert(bytesOf(region).every((byte) => byte === fill), "a lent byte changed");
      end = region.byteOffset + region.byteLength;
      used += region.byteLength;
    }
    assert(end <= this.end, "a region reaches beyond the window");
    assertEquals(figuresOf(this.window), {
      byteOffset: this.start,
      byteLength: this.end - this.start,
      usedBytes: used,
      freeBytes: this.end - this.start - used,
      largestFreeBytes: Math.max(...this.gaps().map((gap) => gap.end - gap.start)),
      regions: this.lent.length,
    });
  }

  /** Gives everything back, and takes the whole window as one region. */
  finish(): void {
    while (this.lent.length > 0) this.release(this.lent.length * 7);
    this.compare();
    if (this.end === this.start) this.memory.grow(1);
    const region = this.window.allocate(this.end - this.start, 1);
    assertEquals([region.byteOffset, this.window.freeBytes], [this.start, 0]);
  }
}

/** What one random operation does. */
type Step = (model: Intervals) => void;

/** Random operations: sizes up to `maxBytes`, half of them small, and growth up to `maxPages`. */
function stepsOn(maxBytes: number, maxPages: number): fc.Arbitrary<Step[]> {
  const size = fc.oneof(
    fc.integer({ min: 1, max: maxBytes >> 5 }),
    fc.integer({ min: 1, max: maxBytes }),
  );
  const align = fc.nat(7).map((bits) => 1 << bits);
  const allocate = fc.tuple(size, align).map(([bytes, to]): Step => (model) => {
    model.allocate(bytes, to);
  });
  const release = fc.nat(1000).map((nat): Step => (model) => model.release(nat));
  const again = fc.constant<Step>((model) => model.releaseAgain());
  const grow = fc.constant<Step>(({ memory }) => {
    if (memory.buffer.byteLength < maxPages * PAGE_BYTES) memory.grow(1);
  });
  const step = fc.oneof(
    { arbitrary: allocate, weight: 10 },
    { arbitrary: release, weight: 7 },
    { arbitrary: again, weight: 1 },
    { arbitrary: grow, weight: 1 },
  );
  return fc.array(step, { maxLength: 120, size: "max" });
}

function runModel(
  memories: () => WebAssembly.Memory,
  options: WasmMemoryOptions,
  steps: fc.Arbitrary<Step[]>,
): void {
  const property = fc.property(steps, (all) => {
    const model = new Intervals(memories(), options);
    for (const step of all) {
      step(model);
      model.compare();
    }
    model.finish();
  });
  fc.assert(property, { numRuns: 100 });
}

Deno.test("wasmMemory() does what a model of intervals does, in a window of odd bounds", () => {
  const memory = new WebAssembly.Memory({ initial: 1 }); // one for all runs, so that it is dirty
  runModel(() => memory, { byteOffset: 101, byteLength: 1999 }, stepsOn(600, 1));
});

Deno.test("wasmMemory() does what a model of intervals does, while the memory grows", () => {
  const memories = () => new WebAssembly.Memory({ initial: 1 });
  runModel(memories, { byteOffset: 64_000 }, stepsOn(40_000, 4));
});

Deno.test("wasmMemory() does what a model of intervals does, while a shared memory grows", () => {
  const memories = () => new WebAssembly.Memory({ initial: 0, maximum: 3, shared: true });
  runModel(memories, {}, stepsOn(40_000, 3));
});
