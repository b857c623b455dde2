import { assert, assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError, validate } from "../../mod.ts";
import type { AnyHandle, MemoryRegion, MemoryResource } from "../../mod.ts";
import { labelOf, type OfKind, POOL_KINDS, reserveIn, valuesOf } from "../_kinds.ts";
import { type ErrorClass, figuresOf, Real, shown, untyped } from "../_support.ts";

/** Bytes of a block of 16 chunks of 16 bytes. */
const BLOCK_BYTES = 256;

function poolOver(kind: string, memory: MemoryResource, keepEmptyBlocks = 1): OfKind {
  const options = { chunksPerBlock: 16, maxChunks: 64, name: "cells" };
  return POOL_KINDS[kind](Real, { ...options, memory, keepEmptyBlocks });
}

/** Makes what a resource returns. */
type Allocate = (byteLength: number) => unknown;

const regionOf: Allocate = (byteLength) => ({
  buffer: new ArrayBuffer(byteLength),
  byteOffset: 0,
  byteLength,
});

/** A resource that returns what a test wants, and checks what is released. */
class Scripted implements MemoryResource {
  /** Called once `good` good regions are allocated. */
  script: Allocate = regionOf;
  good = 0;
  readonly allocated = new Set<unknown>();

  allocate(byteLength: number): MemoryRegion {
    const region = (this.good-- > 0 ? regionOf : this.script)(byteLength);
    this.allocated.add(region);
    return untyped(region);
  }

  release(region: MemoryRegion): void {
    assert(this.allocated.delete(region), "a region was released that is not allocated");
  }
}

/** Calls that need memory, and for how many blocks. */
const GROWING: readonly [blocks: number, (it: OfKind) => unknown][] = [
  [1, ({ pool, of }) => pool.alloc(...of, { n: 7 })],
  [3, ({ pool, of }) => pool.allocMany(...of, 40)],
  [3, (it) => reserveIn(it, 64)],
];

/** Asserts that a call throws and changes nothing, and that the pool then grows and gives back. */
function assertThrowsOnGrowth(
  kind: string,
  [script, errorClass, message, unreleased = 0]: BadScript,
  call: (it: OfKind) => unknown,
  good: number,
): void {
  const memory = new Scripted();
  const it = poolOver(kind, memory);
  const { pool, of } = it;
  const live: AnyHandle[] = pool.allocMany(...of, 16);
  live.forEach((handle, n) => pool.set(...of, handle, { n }));
  const before = figuresOf(pool);
  Object.assign(memory, { script, good });
  assertThrows(() => call(it), errorClass, message);
  assertEquals([figuresOf(pool), memory.allocated.size], [before, 1 + unreleased]);
  validate(pool);
  memory.script = regionOf;
  call(it);
  assertEquals(valuesOf(it).slice(0, 16), live.map((_, n) => ({ v: 0, n })));
  validate(pool);
  pool.dispose();
  assertEquals(memory.allocated.size, unreleased);
}

/** What a resource does, and the error of the pool; last how many of its regions stay. */
type BadScript = readonly [Allocate, ErrorClass, message: string, unreleased?: number];

const at = (byteOffset: number, bufferBytes: number, byteLength?: number): Allocate => (bytes) => ({
  buffer: new ArrayBuffer(bufferBytes),
  byteOffset,
  byteLength: byteLength ?? bytes,
});

/** Wrong regions for a block, and what the error says of them. */
const BAD: readonly [Allocate, problem: string][] = [
  [at(0, 255, 255), "a region of 255 bytes, 256 were asked for"],
  [at(0, 256, NaN), "a region of NaN bytes, 256 were asked for"],
  [() => ({ buffer: new ArrayBuffer(256), byteOffset: 0 }), "a region of undefined"],
  ...[4, -8, NaN, 0.5].map((byteOffset): [Allocate, string] => [
    at(byteOffset, 512),
    `a region at byte ${byteOffset}, which is no multiple of 8`,
  ]),
  [at(8, 256), "a region of bytes 8 to 264, its buffer has 256"],
  [detached, "a region of bytes 0 to 256, its buffer has 0"],
];

/** No regions. */
const NONE = [undefined, null, 5, "region", {}, { buffer: null }, { buffer: {} }, []];

function detached(byteLength: number): unknown {
  const buffer = new ArrayBuffer(byteLength);
  buffer.transfer(0);
  return { buffer, byteOffset: 0, byteLength };
}

function throwing(): never {
  throw new OutOfMemoryError("none left", BLOCK_BYTES);
}

for (const kind of Object.keys(POOL_KINDS)) {
  Deno.test(`${kind} throws where its resource throws or returns a wrong region, and is unchanged`, () => {
    const returned = `Cannot grow ${labelOf(kind, "cells")}: its memory resource returned`;
    const scripts: BadScript[] = [
      ...BAD.map(([script, problem]): BadScript => [script, RangeError, `${returned} ${problem}`]),
      ...NONE.map((bad): BadScript => [
        () => bad,
        TypeError,
        `${returned} ${shown(bad)}, no region of a buffer`,
        1,
      ]),
      [throwing, OutOfMemoryError, "none left"],
    ];
    for (const script of scripts) {
      for (const [blocks, call] of GROWING) {
        for (let good = 0; good < blocks; good++) assertThrowsOnGrowth(kind, script, call, good);
      }
    }
  });

  Deno.test(`${kind} uses no more of a region than it requested, and releases that region`, () => {
    const bytes = new Uint8Array(1024).fill(0xee);
    const memory = new Scripted();
    memory.script = (byteLength) => {
      bytes.fill(0, 64, 64 + byteLength);
      return { buffer: bytes.buffer, byteOffset: 64, byteLength: byteLength + 100 };
    };
    const { pool, of } = poolOver(kind, memory, 0);
    const live: AnyHandle[] = pool.allocMany(...of, 16);
    for (const handle of live) pool.set(...of, handle, { v: -1 / 3, n: 2 ** 32 - 1 });
    assertEquals([pool.byteLength, pool.blocks[0].bytes.length], [BLOCK_BYTES, BLOCK_BYTES]);
    assert(bytes.every((byte, at) => at >= 64 && at < 64 + BLOCK_BYTES || byte === 0xee));
    pool.freeMany(live);
    assertEquals(memory.allocated.size, 0);
  });
}
