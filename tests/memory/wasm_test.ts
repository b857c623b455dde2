import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { InvalidAddressError, OutOfMemoryError, Pool, struct, wasmMemory } from "../../mod.ts";
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

Deno.test("wasmMemory() throws on a memory or a window that is wrong", () => {
  const title = "Cannot create wasmMemory:";
  for (const bad of [undefined, null, 1, {}, new ArrayBuffer(8), { buffer: new ArrayBuffer(8) }]) {
    const message = `${title} memory must be a WebAssembly.Memory, got ${shown(bad)}`;
    assertThrows(() => wasmMemory(untyped(bad)), TypeError, message);
  }
  const assertWrong = (options: object, errorClass: ErrorClass, must: string, got: unknown) => {
    const message = `${title} ${must}, got ${shown(got)}`;
    assertThrows(() => windowOf(untyped(options)), errorClass, message);
  };
  const byteOffset = 100;
  const most = PAGE_BYTES - byteOffset;
  const [first, second] = [
    `byteOffset must be an integer from 0 to ${PAGE_BYTES}`,
    `byteLength must be an integer from 0 to ${most}`,
  ];
  for (const bad of [-1, 0.5, NaN, Infinity, PAGE_BYTES + 1]) {
    assertWrong({ byteOffset: bad }, RangeError, first, bad);
  }
  for (const bad of [-1, 0.5, NaN, Infinity, most + 1]) {
    assertWrong({ byteOffset, byteLength: bad }, RangeError, second, bad);
  }
  for (const bad of [null, true, {}, 8n, "8"]) {
    assertWrong({ byteOffset: bad }, TypeError, first, bad);
    assertWrong({ byteOffset, byteLength: bad }, TypeError, second, bad);
  }
});

// -- allocate and release --

Deno.test("wasmMemory().allocate() throws OutOfMemoryError with the sizes, and never grows the memory", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  const window = wasmMemory(memory, { byteOffset: 256, byteLength: 1024 });
  assertStrictEquals(window.memory, memory);
  const { buffer } = memory;
  window.allocate(1000, 8);
  for (const bytes of [25, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const message =
      `Cannot allocate ${bytes} bytes of wasm memory: no free range has room for them at a ` +
      "multiple of 8, the largest has 24 bytes of the window's 1024";
    const error = assertFailed(window, () => window.allocate(bytes, 8), OutOfMemoryError, message);
    assertEquals(error.byteLength, bytes);
  }
  assertEquals(window.allocate(24, 8).byteOffset, 1256);
  assertStrictEquals(memory.buffer, buffer);
});

Deno.test("wasmMemory().allocate() throws RangeError on a wrong size or alignment", () => {
  const window = windowOf();
  const assertWrong = (byteLength: unknown, align: unknown, must: string, got: unknown) => {
    const message = `Cannot allocate in wasmMemory: ${must}, got ${shown(got)}`;
    const call = () => window.allocate(untyped(byteLength), untyped(align));
    // An OutOfMemoryError is a RangeError as well.
    assertEquals(assertFailed(window, call, RangeError, message).name, "RangeError");
  };
  for (const bad of [0, -8, 1.5, NaN, Infinity, "8", undefined, null, 8n]) {
    assertWrong(bad, 8, "byteLength must be a positive integer", bad);
  }
  for (
    const bad of [0, -8, 1.5, NaN, Infinity, undefined, null, 8n, 12, 2 ** 32 + 1, 2 ** 50 + 1]
  ) {
    assertWrong(8, bad, "align must be a power of two", bad);
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
    const { byteLength, byteOffset } = untyped<Partial<MemoryRegion>>(bad ?? {});
    const where = `the region of ${byteLength} bytes at byte ${byteOffset}`;
    const message = `Cannot release in wasmMemory: ${where} is not among the 2 that are allocated`;
    const call = () => lower.release(untyped(bad));
    const error = assertFailed(lower, call, InvalidAddressError, message);
    assertEquals([error.pool, error.address], ["wasmMemory", byteOffset ?? -1]);
  }
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

/** The model: the allocated regions in order of address, and the byte that each is filled with. */
class Intervals {
  readonly #memory: WebAssembly.Memory;
  readonly #window: WasmMemory;
  readonly #start: number;
  /** `undefined` when the window ends with the memory. */
  readonly #length: number | undefined;
  readonly #allocated: { region: MemoryRegion; fill: number }[] = [];
  #serial = 0;

  constructor(memory: WebAssembly.MemoryDescriptor, options: WasmMemoryOptions) {
    this.#memory = new WebAssembly.Memory(memory);
    new Uint8Array(this.#memory.buffer).fill(0xaa);
    this.#window = wasmMemory(this.#memory, options);
    this.#start = options.byteOffset ?? 0;
    this.#length = options.byteLength;
  }

  get #end(): number {
    return this.#length === undefined ? this.#memory.buffer.byteLength : this.#start + this.#length;
  }

  /** The gaps between the allocated regions, empty ones too. */
  #gaps(): { start: number; end: number }[] {
    const ends = this.#allocated.map(({ region }) => region.byteOffset + region.byteLength);
    const starts = this.#allocated.map(({ region }) => region.byteOffset);
    return [this.#start, ...ends].map((start, i) => ({ start, end: starts[i] ?? this.#end }));
  }

  /** First fit, aligned in the memory, zeroed. */
  allocate(byteLength: number, align: number): void {
    const aligned = ({ start }: { start: number }) => start + (align - start % align) % align;
    const gap = this.#gaps().find((it) => aligned(it) + byteLength <= it.end);
    if (gap === undefined) {
      assertThrows(() => this.#window.allocate(byteLength, align), OutOfMemoryError);
      return;
    }
    const region = this.#window.allocate(byteLength, align);
    assertEquals([region.byteOffset, region.byteLength], [aligned(gap), byteLength]);
    assert(bytesOf(region).every((byte) => byte === 0), "the region is not zeroed");
    const fill = this.#serial++ % 255 + 1;
    bytesOf(region).fill(fill);
    this.#allocated.push({ region, fill });
    this.#allocated.sort((a, b) => a.region.byteOffset - b.region.byteOffset);
  }

  release(nat: number): void {
    if (this.#allocated.length === 0) return;
    const [{ region }] = this.#allocated.splice(nat % this.#allocated.length, 1);
    this.#window.release(region);
    assertThrows(() => this.#window.release(region), InvalidAddressError);
  }

  grow(maxPages: number): void {
    if (this.#memory.buffer.byteLength < maxPages * PAGE_BYTES) this.#memory.grow(1);
  }

  /** Asserts that the figures are the model's, and that every allocated byte is as written. */
  compare(): void {
    let used = 0;
    for (const { region, fill } of this.#allocated) {
      assert(bytesOf(region).every((byte) => byte === fill), "an allocated byte changed");
      used += region.byteLength;
    }
    const byteLength = this.#end - this.#start;
    assertEquals(figuresOf(this.#window), {
      byteOffset: this.#start,
      byteLength,
      usedBytes: used,
      freeBytes: byteLength - used,
      largestFreeBytes: Math.max(...this.#gaps().map((gap) => gap.end - gap.start)),
      regions: this.#allocated.length,
    });
  }

  /** Releases everything, allocates the whole window, and looks at the bytes around it. */
  finish(): void {
    while (this.#allocated.length > 0) this.release(this.#allocated.length * 7);
    this.compare();
    if (this.#end > this.#start) this.allocate(this.#end - this.#start, 1);
    this.compare();
    const all = new Uint8Array(this.#memory.buffer);
    assert(all.subarray(0, this.#start).every((byte) => byte === 0xaa), "a byte below changed");
    // Pages that the memory has grown by are zero.
    assert(all.subarray(this.#end).every((byte) => byte === 0xaa || byte === 0), "a byte above");
  }
}

/** Windows, the most bytes of a region, and to how many pages the memory grows. */
const MODELS: Readonly<
  Record<string, [WebAssembly.MemoryDescriptor, WasmMemoryOptions, maxBytes: number, pages: number]>
> = {
  "in a window with a byteLength": [{ initial: 1 }, { byteOffset: 101, byteLength: 1999 }, 600, 2],
  "in a window with a byteOffset": [{ initial: 1 }, { byteOffset: 64_000 }, 40_000, 4],
  "in a shared memory": [{ initial: 0, maximum: 3, shared: true }, {}, 40_000, 3],
};

for (const [where, [memory, options, maxBytes, pages]] of Object.entries(MODELS)) {
  Deno.test(`wasmMemory() does what a model of intervals does ${where}, while the memory grows`, () => {
    // Half of the regions are small.
    const size = fc.oneof(
      fc.integer({ min: 1, max: maxBytes >> 5 }),
      fc.integer({ min: 1, max: maxBytes }),
    );
    const step = fc.record({ kind: fc.nat(17), size, align: fc.nat(7) });
    fc.assert(fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const model = new Intervals(memory, options);
      for (const { kind, size, align } of steps) {
        if (kind < 10) model.allocate(size, 1 << align);
        else if (kind < 17) model.release(size);
        else model.grow(pages);
        model.compare();
      }
      model.finish();
    }));
  });
}
