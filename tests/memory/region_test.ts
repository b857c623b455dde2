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
  [1, ({ pool, of }) => pool.alloc(...of)],
  [1, ({ pool, of }) => pool.alloc(...of, { n: 7 })],
  [1, ({ pool, of }) => pool.allocMany(...of, 1)],
  [3, ({ pool, of }) => pool.allocMany(...of, 40)],
  [1, (it) => reserveIn(it, 17)],
  [3, (it) => reserveIn(it, 64)],
];

/**
 * Asserts that each call that grows a full pool throws when the resource runs `script`, at the
 * first region and at later ones, that nothing has changed then, and that the pool works
 * afterwards.
 */
function assertThrowsOnGrowth(
  kind: string,
  script: Allocate,
  errorClass: ErrorClass,
  message: string,
  unreleased = 0,
): void {
  for (const [blocks, call] of GROWING) {
    for (let good = 0; good < blocks; good++) {
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
      pool.freeMany([live[3]]);
      live[3] = pool.alloc(...of, { n: 3 }); // needs no memory
      call(it);
      assertEquals(valuesOf(it).slice(0, 16), live.map((_, n) => ({ v: 0, n })));
      validate(pool);
      pool.dispose();
      assertEquals(memory.allocated.size, unreleased);
    }
  }
}

const at = (byteOffset: number, bufferBytes: number, byteLength?: number): Allocate => (bytes) => ({
  buffer: new ArrayBuffer(bufferBytes),
  byteOffset,
  byteLength: byteLength ?? bytes,
});

/** Wrong regions for a block, and what the error says of them. */
const BAD: readonly [Allocate, problem: string][] = [
  [at(0, 255, 255), "a region of 255 bytes, 256 were asked for"],
  [at(0, 0, 0), "a region of 0 bytes, 256 were asked for"],
  [at(0, 256, NaN), "a region of NaN bytes, 256 were asked for"],
  [() => ({ buffer: new ArrayBuffer(256), byteOffset: 0 }), "a region of undefined"],
  ...[1, 4, -8, NaN, 0.5].map((byteOffset): [Allocate, string] => [
    at(byteOffset, 512),
    `a region at byte ${byteOffset}, which is no multiple of 8`,
  ]),
  [at(8, 256), "a region of bytes 8 to 264, its buffer has 256"],
  [at(1024, 256), "a region of bytes 1024 to 1280"],
  [detached, "a region of bytes 0 to 256, its buffer has 0"],
];

function detached(byteLength: number): unknown {
  const buffer = new ArrayBuffer(byteLength);
  buffer.transfer(0);
  return { buffer, byteOffset: 0, byteLength };
}

for (const kind of Object.keys(POOL_KINDS)) {
  const returned = `Cannot grow ${labelOf(kind, "cells")}: its memory resource returned`;

  Deno.test(`${kind} releases a region that is wrong, and is unchanged`, () => {
    for (const [script, problem] of BAD) {
      assertThrowsOnGrowth(kind, script, RangeError, `${returned} ${problem}`);
    }
  });

  Deno.test(`${kind} throws TypeError on a region that has no buffer, and is unchanged`, () => {
    for (const bad of [undefined, null, 5, "region", {}, { buffer: null }, { buffer: {} }, []]) {
      const message = `${returned} ${shown(bad)}, no region of a buffer`;
      assertThrowsOnGrowth(kind, () => bad, TypeError, message, 1);
    }
  });

  Deno.test(`${kind} passes on what the resource throws, and is unchanged`, () => {
    for (const error of [new Error("boom"), new OutOfMemoryError("none left", BLOCK_BYTES)]) {
      const script = () => {
        throw error;
      };
      assertThrowsOnGrowth(kind, script, Error, error.message);
    }
  });

  Deno.test(`${kind} uses no more of a region than it requested, and releases that region`, () => {
    const bytes = new Uint8Array(4096).fill(0xee);
    const memory = new Scripted();
    let regions = 0;
    memory.script = (byteLength) => {
      const byteOffset = 64 + 1024 * regions++;
      bytes.fill(0, byteOffset, byteOffset + byteLength);
      return { buffer: bytes.buffer, byteOffset, byteLength: byteLength + 100 };
    };
    const { pool, of } = poolOver(kind, memory, 0);
    const live: AnyHandle[] = pool.allocMany(...of, 40);
    live.forEach((handle, n) => pool.set(...of, handle, { n }));
    assertEquals([pool.byteLength, pool.capacity], [3 * BLOCK_BYTES, 48]);
    assertEquals(pool.blocks.map((block) => block.bytes.length), [256, 256, 256]);
    const isInBlock = (at: number) => at >= 64 && at < 3 * 1024 && (at - 64) % 1024 < BLOCK_BYTES;
    assert(bytes.every((byte, at) => isInBlock(at) || byte === 0xee));
    pool.freeMany(live);
    assertEquals([memory.allocated.size, regions], [0, 3]);
  });
}
