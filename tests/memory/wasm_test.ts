import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  InvalidAddressError,
  OutOfMemoryError,
  Pool,
  struct,
  validate,
  wasmMemory,
} from "../../mod.ts";
import type { MemoryRegion, WasmMemory, WasmMemoryOptions } from "../../mod.ts";
import { assertUnchanged, type ErrorClass, shown, untyped } from "../_support.ts";

const PAGE_BYTES = 65_536;

/** A window in a memory of one page. */
function windowOf(options: WasmMemoryOptions = {}): WasmMemory {
  return wasmMemory(new WebAssembly.Memory({ initial: 1 }), options);
}

function figuresOf(window: WasmMemory): Record<string, number> {
  const { byteOffset, byteLength, usedBytes, freeBytes, largestFreeBytes, regions } = window;
  return { byteOffset, byteLength, usedBytes, freeBytes, largestFreeBytes, regions };
}

function bytesOf({ buffer, byteOffset, byteLength }: MemoryRegion): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Asserts that a call throws and changes no figure of the window. */
function assertFailed<E extends Error>(
  window: WasmMemory,
  call: () => unknown,
  errorClass: ErrorClass<E>,
  message: string,
): E {
  return assertUnchanged(() => figuresOf(window), call, errorClass, message);
}

// -- options --

Deno.test("wasmMemory() throws on a window that is not inside the memory", () => {
  const must = (option: string, most: number, got: unknown) =>
    `Cannot create wasmMemory: ${option} must be an integer from 0 to ${most}, got ${shown(got)}`;
  const at = (byteOffset: unknown, byteLength?: unknown) => () =>
    windowOf(untyped({ byteOffset, byteLength }));
  for (const bad of [-1, 0.5, NaN, Infinity, PAGE_BYTES + 1]) {
    assertThrows(at(bad), RangeError, must("byteOffset", PAGE_BYTES, bad));
  }
  for (const bad of [-1, 0.5, NaN, Infinity, PAGE_BYTES - 99]) {
    assertThrows(at(100, bad), RangeError, must("byteLength", PAGE_BYTES - 100, bad));
  }
  for (const bad of [null, true, {}, 8n, "8"]) {
    assertThrows(at(bad), TypeError, must("byteOffset", PAGE_BYTES, bad));
    assertThrows(at(0, bad), TypeError, must("byteLength", PAGE_BYTES, bad));
  }
});

Deno.test("wasmMemory() throws TypeError on a memory that is not a WebAssembly.Memory", () => {
  const message = "Cannot create wasmMemory: memory must be a WebAssembly.Memory, got ";
  for (const bad of [undefined, null, 1, {}, new ArrayBuffer(8), { buffer: new ArrayBuffer(8) }]) {
    assertThrows(() => wasmMemory(untyped(bad)), TypeError, message + shown(bad));
  }
});

// -- allocate and release --

Deno.test("wasmMemory() allocates in its memory, which it never grows", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  const window = wasmMemory(memory);
  assertStrictEquals(window.memory, memory);
  const { buffer } = memory;
  assertFailed(window, () => window.allocate(PAGE_BYTES + 1, 8), OutOfMemoryError, "65537");
  assertStrictEquals(window.allocate(PAGE_BYTES, 8).buffer, buffer);
  assertStrictEquals(memory.buffer, buffer);
});

Deno.test("wasmMemory().allocate() throws OutOfMemoryError with the sizes, and changes nothing", () => {
  const window = windowOf({ byteOffset: 256, byteLength: 1024 });
  window.allocate(1000, 8);
  const message =
    "Cannot allocate 100 bytes of wasm memory: no free range has room for them at a " +
    "multiple of 8, the largest has 24 bytes of the window's 1024";
  const error = assertFailed(window, () => window.allocate(100, 8), OutOfMemoryError, message);
  assertEquals(error.byteLength, 100);
  for (const bytes of [25, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    assertFailed(window, () => window.allocate(bytes, 8), OutOfMemoryError, `${bytes} bytes`);
  }
  assertEquals(window.allocate(24, 8).byteOffset, 1256);
});

Deno.test("wasmMemory().allocate() throws RangeError on a wrong size or alignment", () => {
  const window = windowOf();
  const assertWrong = (byteLength: unknown, align: unknown, message: string) => {
    const call = () => window.allocate(untyped(byteLength), untyped(align));
    // An OutOfMemoryError is a RangeError as well.
    assertEquals(assertFailed(window, call, RangeError, message).name, "RangeError");
  };
  const title = "Cannot allocate in wasmMemory:";
  const none = [0, -8, 1.5, NaN, Infinity, "8", undefined, null, 8n];
  for (const bad of none) {
    assertWrong(bad, 8, `${title} byteLength must be a positive integer, got ${shown(bad)}`);
  }
  for (
    const bad of [...none.slice(0, 5), ...none.slice(6), 3, 6, 12, 100, 2 ** 32 + 1, 2 ** 50 + 1]
  ) {
    assertWrong(8, bad, `${title} align must be a power of two, got ${shown(bad)}`);
  }
});

Deno.test("wasmMemory().release() throws InvalidAddressError on a region that is not allocated", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const lower = wasmMemory(memory, { byteLength: 1024 });
  const upper = wasmMemory(memory, { byteOffset: 1024 });
  const [released, own, other] = [lower, lower, upper].map((window) => window.allocate(64, 8));
  lower.release(released);
  const successor = lower.allocate(64, 8);
  assertEquals(successor.byteOffset, released.byteOffset);
  const { buffer, byteOffset, byteLength } = own;
  for (const bad of [released, other, { buffer, byteOffset, byteLength }, undefined, null, {}]) {
    const message = "Cannot release in wasmMemory: the region of";
    assertFailed(lower, () => lower.release(untyped(bad)), InvalidAddressError, message);
  }
  const message = "the region of 64 bytes at byte 1024 is not among the 2 that are allocated";
  const error = assertThrows(() => lower.release(other), InvalidAddressError, message);
  assertEquals([error.pool, error.address], ["wasmMemory", 1024]);
  const none = assertThrows(() => lower.release(untyped(undefined)), InvalidAddressError);
  assertEquals(none.address, -1);
});

// -- a module --

/** Imports the memory `env.memory`; exports `scale`, which reads and writes records in it. */
// deno-fmt-ignore
const MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // "\0asm", version 1
  0x01, 0x09, 0x01, // type section, 9 bytes: 1 type
  0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7d, 0x01, 0x7d, // (i32, i32, i32, f32) -> f32
  0x02, 0x0f, 0x01, // import section, 15 bytes: 1 import
  0x03, 0x65, 0x6e, 0x76, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, // "env", "memory"
  0x02, 0x00, 0x01, // a memory of at least 1 page
  0x03, 0x02, 0x01, 0x00, // function section, 2 bytes: 1 function of type 0
  0x07, 0x09, 0x01, // export section, 9 bytes: 1 export
  0x05, 0x73, 0x63, 0x61, 0x6c, 0x65, 0x00, 0x00, // "scale", function 0
  0x0a, 0x3a, 0x01, // code section, 58 bytes: 1 body
  0x38, 0x01, 0x01, 0x7d, // 56 bytes; local 4, the total: f32
  0x02, 0x40, 0x03, 0x40, // block, loop
  0x20, 0x01, 0x45, 0x0d, 0x01, // leave the block if count == 0
  0x20, 0x04, 0x20, 0x00, 0x2a, 0x02, 0x00, 0x92, 0x21, 0x04, // total += f32.load(ptr)
  0x20, 0x00, 0x20, 0x00, 0x2a, 0x02, 0x00, 0x20, 0x03, 0x94, // ptr, f32.load(ptr) * factor
  0x38, 0x02, 0x00, // f32.store
  0x20, 0x00, 0x20, 0x02, 0x6a, 0x21, 0x00, // ptr += stride
  0x20, 0x01, 0x41, 0x01, 0x6b, 0x21, 0x01, // count -= 1
  0x0c, 0x00, 0x0b, 0x0b, // repeat; end of loop, of block
  0x20, 0x04, 0x0b, // the total; end
]);

Deno.test("A wasm module reads and writes the records of a pool", () => {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(MODULE), { env: { memory } });
  const scale = exports.scale as (
    ptr: number,
    count: number,
    stride: number,
    factor: number,
  ) => number; // as the bytes above declare it
  const Body = struct({ id: "u16", mass: "f32", alive: "bool" });
  const window = wasmMemory(memory, { byteOffset: 4096 });
  using pool = new Pool(Body, { chunksPerBlock: 64, memory: window });
  const handles = pool.allocMany(100); // a full block, and 36 records in the next
  handles.forEach((handle, id) => pool.set(handle, { id, mass: id / 4, alive: true }));
  const masses = (from: number, to: number) => (to * (to - 1) - from * (from - 1)) / 2 / 4;
  const [first, second] = pool.blocks.map((it) => it.bytes.byteOffset + Body.fields.mass.offset);
  assertEquals(first, 4096 + Body.fields.mass.offset);
  assertEquals(scale(first, 64, Body.size, 1), masses(0, 64));
  assertEquals(scale(second, 36, Body.size, 2), masses(64, 100));
  for (const [id, handle] of handles.entries()) {
    const mass = id < 64 ? id / 4 : id / 2;
    assertEquals(pool.get(handle).toJSON(), { id, mass, alive: true });
  }
  pool.get(handles[99]).mass += 1;
  assertEquals(scale(second, 36, Body.size, 1), 2 * masses(64, 100) + 1);
  validate(pool);
});

// -- against a model --

/** The model: the allocated regions, and the byte that each is filled with. */
class Intervals {
  readonly memory: WebAssembly.Memory;
  readonly window: WasmMemory;
  readonly start: number;
  /** `undefined` when the window ends with the memory. */
  readonly length: number | undefined;
  /** In order of address. */
  readonly allocated: { region: MemoryRegion; fill: number }[] = [];
  released: MemoryRegion | undefined;
  serial = 0;

  constructor(memory: WebAssembly.Memory, options: WasmMemoryOptions) {
    this.memory = memory;
    new Uint8Array(memory.buffer).fill(0xaa);
    this.window = wasmMemory(memory, options);
    this.start = options.byteOffset ?? 0;
    this.length = options.byteLength;
  }

  get end(): number {
    return this.length === undefined ? this.memory.buffer.byteLength : this.start + this.length;
  }

  /** The gaps between the allocated regions, empty ones too. */
  gaps(): { start: number; end: number }[] {
    const ends = this.allocated.map(({ region }) => region.byteOffset + region.byteLength);
    const starts = this.allocated.map(({ region }) => region.byteOffset);
    return [this.start, ...ends].map((start, i) => ({ start, end: starts[i] ?? this.end }));
  }

  /** First fit, aligned in the memory, zeroed. */
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
    this.allocated.push({ region, fill });
    this.allocated.sort((a, b) => a.region.byteOffset - b.region.byteOffset);
  }

  release(nat: number): void {
    if (this.allocated.length === 0) return;
    const [{ region }] = this.allocated.splice(nat % this.allocated.length, 1);
    this.window.release(region);
    this.released = region;
  }

  releaseAgain(): void {
    const region = this.released;
    if (region !== undefined) assertThrows(() => this.window.release(region), InvalidAddressError);
  }

  /** Asserts that the figures are the model's, and that every allocated byte is as written. */
  compare(): void {
    let used = 0;
    for (const { region, fill } of this.allocated) {
      assert(bytesOf(region).every((byte) => byte === fill), "an allocated byte changed");
      used += region.byteLength;
    }
    assertEquals(figuresOf(this.window), {
      byteOffset: this.start,
      byteLength: this.end - this.start,
      usedBytes: used,
      freeBytes: this.end - this.start - used,
      largestFreeBytes: Math.max(...this.gaps().map((gap) => gap.end - gap.start)),
      regions: this.allocated.length,
    });
  }

  /** Releases everything, allocates the whole window, and looks at the bytes around it. */
  finish(): void {
    while (this.allocated.length > 0) this.release(this.allocated.length * 7);
    this.compare();
    if (this.end === this.start) this.memory.grow(1);
    const region = this.window.allocate(this.end - this.start, 1);
    assertEquals([region.byteOffset, this.window.freeBytes], [this.start, 0]);
    const all = new Uint8Array(this.memory.buffer);
    assert(all.subarray(0, this.start).every((byte) => byte === 0xaa), "a byte below changed");
    // Pages that the memory has grown by are zero.
    assert(all.subarray(this.end).every((byte) => byte === 0xaa || byte === 0), "a byte above");
  }
}

/** Random operations: sizes up to `maxBytes`, half of them small, and growth up to `maxPages`. */
function stepsOn(maxBytes: number, maxPages: number): fc.Arbitrary<((it: Intervals) => void)[]> {
  type Step = (it: Intervals) => void;
  const size = fc.oneof(
    fc.integer({ min: 1, max: maxBytes >> 5 }),
    fc.integer({ min: 1, max: maxBytes }),
  );
  const align = fc.nat(7).map((bits) => 1 << bits);
  const allocate = fc.tuple(size, align).map(([bytes, to]): Step => (it) => it.allocate(bytes, to));
  const release = fc.nat(1000).map((nat): Step => (it) => it.release(nat));
  const again = fc.constant<Step>((it) => it.releaseAgain());
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

const MODELS: Readonly<
  Record<string, [WebAssembly.MemoryDescriptor, WasmMemoryOptions, maxBytes: number, pages: number]>
> = {
  "in a window with a byteLength": [{ initial: 1 }, { byteOffset: 101, byteLength: 1999 }, 600, 2],
  "in a window with a byteOffset": [{ initial: 1 }, { byteOffset: 64_000 }, 40_000, 4],
  "in a shared memory": [{ initial: 0, maximum: 3, shared: true }, {}, 40_000, 3],
  "in an empty window": [{ initial: 1 }, { byteOffset: PAGE_BYTES }, 64, 1],
};

for (const [where, [memory, options, maxBytes, pages]] of Object.entries(MODELS)) {
  Deno.test(`wasmMemory() does what a model of intervals does ${where}, while the memory grows`, () => {
    fc.assert(fc.property(stepsOn(maxBytes, pages), (steps) => {
      const model = new Intervals(new WebAssembly.Memory(memory), options);
      for (const step of steps) {
        step(model);
        model.compare();
      }
      model.finish();
    }));
  });
}
