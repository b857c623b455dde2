import { assert, assertEquals, assertThrows } from "@std/assert";
import { type MemoryRegion, type MemoryResource, OutOfMemoryError, validate } from "../../mod.ts";
import { type ErrorClass, type Face, figuresOf, POOLS, untyped } from "../_support.ts";

/** Bytes of a block of 16 chunks of 16 bytes. */
const BLOCK_BYTES = 256;

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
const GROWING: readonly [blocks: number, (face: Face) => unknown][] = [
  [1, (face) => face.alloc()],
  [1, (face) => face.alloc({ n: 7 })],
  [1, (face) => face.allocMany(1)],
  [3, (face) => face.allocMany(40)],
  [1, (face) => face.reserve(17)],
  [3, (face) => face.reserve(64)],
];

/**
 * Asserts that each call that grows a full pool throws when the resource runs `script`, at the
 * first region and at later ones, that nothing has changed then, and that the pool works
 * afterwards.
 */
function assertThrowsOnGrowth(
  name: string,
  script: Allocate,
  errorClass: ErrorClass,
  message: string,
  unreleased = 0,
): void {
  for (const [blocks, call] of GROWING) {
    for (let good = 0; good < blocks; good++) {
      const memory = new Scripted();
      const face = POOLS[name]({ memory });
      const { pool } = face;
      const live = face.allocMany(16);
      live.forEach((handle, n) => face.get(handle).n = n);
      const before = figuresOf(pool);
      Object.assign(memory, { script, good });
      assertThrows(() => call(face), errorClass, message);
      assertEquals([figuresOf(pool), memory.allocated.size], [before, 1 + unreleased]);
      validate(pool);

      memory.script = regionOf;
      pool.freeMany([live[3]]);
      live[3] = face.alloc({ n: 3 }); // needs no memory
      call(face);
      assert(live.every((handle, n) => face.get(handle).n === n));
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

const BAD: readonly [what: string, Allocate, problem: string][] = [
  ["one byte too few", at(0, 255, 255), "a region of 255 bytes, 256 were asked for"],
  ["no bytes", at(0, 0, 0), "a region of 0 bytes, 256 were asked for"],
  ["NaN bytes", at(0, 256, NaN), "a region of NaN bytes, 256 were asked for"],
  ["no length", () => ({ buffer: new ArrayBuffer(256), byteOffset: 0 }), "a region of undefined"],
  ["an odd offset", at(1, 512), "a region at byte 1, which is no multiple of 8"],
  ["half an alignment", at(4, 512), "a region at byte 4, which is no multiple of 8"],
  ["a negative offset", at(-8, 512), "a region at byte -8, which is no multiple of 8"],
  ["an offset of NaN", at(NaN, 512), "a region at byte NaN, which is no multiple of 8"],
  ["an offset of 0.5", at(0.5, 512), "a region at byte 0.5, which is no multiple of 8"],
  ["an end beyond the buffer", at(8, 256), "a region of bytes 8 to 264, its buffer has 256"],
  ["a start beyond the buffer", at(1024, 256), "a region of bytes 1024 to 1280"],
  [
    "a detached buffer",
    (byteLength) => {
      const buffer = new ArrayBuffer(byteLength);
      buffer.transfer(0);
      return { buffer, byteOffset: 0, byteLength };
    },
    "a region of bytes 0 to 256, its buffer has 0",
  ],
];

for (const name of Object.keys(POOLS)) {
  const returned = `Cannot grow ${name.split(" ")[0]} "cells": its memory resource returned`;

  for (const [what, script, problem] of BAD) {
    Deno.test(`${name} releases a region with ${what}, and is unchanged`, () => {
      assertThrowsOnGrowth(name, script, RangeError, `${returned} ${problem}`);
    });
  }

  Deno.test(`${name} throws TypeError on a region that has no buffer, and is unchanged`, () => {
    for (const bad of [undefined, null, 5, "region", {}, { buffer: null }, { buffer: {} }, []]) {
      const message = `${returned} ${bad}, no region of a buffer`;
      assertThrowsOnGrowth(name, () => bad, TypeError, message, 1);
    }
  });

  Deno.test(`${name} passes on what the resource throws, and is unchanged`, () => {
    for (const error of [new Error("boom"), new OutOfMemoryError("none left", BLOCK_BYTES)]) {
      const script = () => {
        throw error;
      };
      assertThrowsOnGrowth(name, script, Error, error.message);
    }
  });

  Deno.test(`${name} uses no more of a region than it requested, and releases that region`, () => {
    const bytes = new Uint8Array(4096).fill(0xee);
    const memory = new Scripted();
    let regions = 0;
    memory.script = (byteLength) => {
      const byteOffset = 64 + 1024 * regions++;
      bytes.fill(0, byteOffset, byteOffset + byteLength);
      return { buffer: bytes.buffer, byteOffset, byteLength: byteLength + 100 };
    };
    const face = POOLS[name]({ memory, keepEmptyBlocks: 0 });
    const live = face.allocMany(40);
    live.forEach((handle, n) => face.get(handle).n = n);
    assertEquals([face.pool.byteLength, face.pool.capacity], [3 * BLOCK_BYTES, 48]);
    assertEquals(face.pool.blocks.map((block) => block.bytes.length), [256, 256, 256]);
    const isInBlock = (at: number) => at >= 64 && at < 3 * 1024 && (at - 64) % 1024 < BLOCK_BYTES;
    assert(bytes.every((byte, at) => isInBlock(at) || byte === 0xee));
    face.pool.freeMany(live);
    assertEquals([memory.allocated.size, regions], [0, 3]);
  });
}
