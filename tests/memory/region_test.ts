/**
 * Memory resources that anybody may have written: what they return is looked at before it is used, and what is of
 * no use goes back at once.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  countingMemory,
  heapMemory,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
  validate,
} from "../../mod.ts";
import { type Face, figuresOf, POOLS, untyped } from "../_support.ts";
import { Ledger } from "../_ledger.ts";

/** Bytes of a block of 16 chunks of 16 bytes. */
const BLOCK_BYTES = 256;

/** Makes what a resource returns. */
type Lend = (byteLength: number, align: number) => unknown;

const lendWell: Lend = (byteLength) => ({
  buffer: new ArrayBuffer(byteLength),
  byteOffset: 0,
  byteLength,
});

/** Lends what it is told to, and notes what comes back. */
class Bent implements MemoryResource {
  lend: Lend = lendWell;
  /** How many regions are good before `lend` is asked. */
  good = 0;
  readonly lent = new Set<unknown>();
  readonly returned: unknown[] = [];
  asked = 0;

  allocate(byteLength: number, align: number): MemoryRegion {
    this.asked++;
    const region = (this.good-- > 0 ? lendWell : this.lend)(byteLength, align);
    this.lent.add(region);
    return untyped(region);
  }

  release(region: MemoryRegion): void {
    assert(this.lent.delete(region), "something was released that is not lent");
    this.returned.push(region);
  }
}

/** Calls that need memory, and how many blocks. */
const GROWING: readonly [what: string, blocks: number, (face: Face) => unknown][] = [
  ["alloc()", 1, (face) => face.alloc()],
  ["alloc(init)", 1, (face) => face.alloc({ n: 7 })],
  ["allocMany()", 1, (face) => face.allocMany(1)],
  ["allocMany()", 3, (face) => face.allocMany(40)],
  ["reserve()", 1, (face) => face.reserve(17)],
  ["reserve()", 3, (face) => face.reserve(64)],
];

/** A pool with one full block, `n` counted up. */
function fullBlock(name: string, memory: MemoryResource) {
  const face = POOLS[name]({ memory });
  const live = face.allocMany(16);
  live.forEach((handle, n) => face.get(handle).n = n);
  return { face, live, start: `Cannot grow ${name.split(" ")[0]} "cells": ` };
}

const wellAt = (byteOffset: number, bufferBytes: number, byteLength?: number): Lend => (asked) => ({
  buffer: new ArrayBuffer(bufferBytes),
  byteOffset,
  byteLength: byteLength ?? asked,
});

/** What is no region, or one of no use. */
const BAD: readonly [what: string, Lend, problem: string][] = [
  ["one byte too few", wellAt(0, 255, 255), "a region of 255 bytes, 256 were asked for"],
  ["no bytes", wellAt(0, 0, 0), "a region of 0 bytes, 256 were asked for"],
  ["NaN bytes", wellAt(0, 256, NaN), "a region of NaN bytes, 256 were asked for"],
  [
    "no length",
    () => ({ buffer: new ArrayBuffer(256), byteOffset: 0 }),
    "a region of undefined bytes, 256 were asked for",
  ],
  ["an odd offset", wellAt(1, 512), "a region at byte 1, which is no multiple of 8"],
  ["half an alignment", wellAt(4, 512), "a region at byte 4, which is no multiple of 8"],
  ["a negative offset", wellAt(-8, 512), "a region at byte -8, which is no multiple of 8"],
  ["an offset of NaN", wellAt(NaN, 512), "a region at byte NaN, which is no multiple of 8"],
  ["half a byte's offset", wellAt(0.5, 512), "a region at byte 0.5, which is no multiple of 8"],
  ["an end beyond the buffer", wellAt(8, 256), "a region of bytes 8 to 264, its buffer has 256"],
  [
    "a start beyond the buffer",
    wellAt(1024, 256),
    "a region of bytes 1024 to 1280, its buffer has 256",
  ],
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
  for (const [what, lend, problem] of BAD) {
    Deno.test(`${name} gives a region of ${what} back, and is as it was`, () => {
      for (const [, blocks, call] of GROWING) {
        for (let good = 0; good < blocks; good++) {
          const memory = new Bent();
          const { face, live, start } = fullBlock(name, memory);
          const { pool } = face;
          const before = figuresOf(pool);
          memory.lend = lend;
          memory.good = good;
          const message = `${start}its memory resource returned ${problem}`;
          assertThrows(() => call(face), RangeError, message);
          assertEquals(figuresOf(pool), before);
          assertEquals([memory.lent.size, memory.returned.length], [1, good + 1]);
          assertEquals(new Set(memory.returned).size, good + 1);
          validate(pool);

          memory.lend = lendWell;
          call(face);
          assert(live.every((handle, n) => face.get(handle).n === n));
          validate(pool);
          pool[Symbol.dispose]();
          assertEquals(memory.lent.size, 0);
        }
      }
    });
  }

  for (const bad of [undefined, null, 5, "region", {}, { buffer: null }, { buffer: {} }, []]) {
    Deno.test(`${name} throws TypeError where the resource returns ${JSON.stringify(bad)}`, () => {
      const memory = new Bent();
      const { face, live, start } = fullBlock(name, memory);
      const before = figuresOf(face.pool);
      memory.lend = () => bad;
      for (const [, , call] of GROWING) {
        const message = `${start}its memory resource returned ${bad}, no region of a buffer`;
        assertThrows(() => call(face), TypeError, message);
        assertEquals(figuresOf(face.pool), before);
        assertEquals(memory.returned, []); // there is nothing to give back
        validate(face.pool);
      }
      memory.lend = lendWell;
      face.alloc();
      assert(live.every((handle, n) => face.get(handle).n === n));
      validate(face.pool);
    });
  }

  Deno.test(`${name} passes on what the resource itself throws, and is as it was`, () => {
    const memory = new Bent();
    const { face } = fullBlock(name, memory);
    const before = figuresOf(face.pool);
    const cause = new Error("boom");
    memory.lend = () => {
      throw cause;
    };
    for (const [, blocks, call] of GROWING) {
      memory.good = blocks - 1;
      assertThrows(() => call(face), Error, "boom");
      assertEquals([figuresOf(face.pool), memory.lent.size], [before, 1]);
      validate(face.pool);
    }
    memory.lend = lendWell;
    face.allocMany(48);
    validate(face.pool);
  });

  // -- more than was asked for --

  Deno.test(`${name} takes a region that is larger than it asked for, and gives just that back`, () => {
    const bytes = new Uint8Array(4096).fill(0xee);
    const memory = new Bent();
    const regions: MemoryRegion[] = [];
    memory.lend = (byteLength) => {
      const byteOffset = 64 + regions.length * 1024;
      bytes.fill(0, byteOffset, byteOffset + byteLength);
      regions.push({ buffer: bytes.buffer, byteOffset, byteLength: byteLength + 100 });
      return regions.at(-1);
    };
    const face = POOLS[name]({ memory, keepEmptyBlocks: 0 });
    const live = face.allocMany(40);
    live.forEach((handle, n) => face.get(handle).n = n);
    assertEquals([face.pool.byteLength, face.pool.capacity], [3 * BLOCK_BYTES, 48]);
    assertEquals(face.pool.blocks.map((block) => block.bytes.length), [256, 256, 256]);
    assert(live.every((handle, n) => face.get(handle).n === n));
    const touched = bytes.findIndex((byte, at) => {
      const isLent = regions.some((it) => at >= it.byteOffset && at < it.byteOffset + 256);
      return !isLent && byte !== 0xee;
    });
    assertEquals(touched, -1);
    face.pool.freeMany(live);
    assertEquals([memory.lent.size, memory.returned.length], [0, 3]);
    assert(regions.every((region) => memory.returned.includes(region)));
  });

  // -- nothing left --

  for (const [what, blocks, call] of GROWING) {
    for (let budget = 0; budget < blocks; budget++) {
      const when = `${budget} of ${blocks} blocks are to be had`;
      Deno.test(`${name}.${what} leaves the pool as it was where ${when}`, () => {
        const memory = new Ledger();
        const { face, live } = fullBlock(name, memory);
        const before = figuresOf(face.pool);
        memory.budget = budget;
        const error = assertThrows(() => call(face), OutOfMemoryError, "the budget is spent");
        assertEquals([error.byteLength, memory.refusals], [BLOCK_BYTES, 1]);
        assertEquals([figuresOf(face.pool), memory.lent.size], [before, 1]);
        validate(face.pool);

        face.pool.freeMany([live[3]]);
        live[3] = face.alloc({ n: 3 }); // in the chunk that was just freed
        memory.budget = Infinity;
        call(face);
        assert(live.every((handle, n) => face.get(handle).n === n));
        validate(face.pool);
        face.pool[Symbol.dispose]();
        assertEquals(memory.lent.size, 0);
      });
    }
  }

  Deno.test(`${name} over countingMemory() stops at the limit, and gives everything back`, () => {
    const memory = countingMemory(heapMemory, { limit: 2 * BLOCK_BYTES });
    const { face } = fullBlock(name, memory);
    face.allocMany(16);
    assertThrows(() => face.alloc(), OutOfMemoryError, "512 of 512 bytes are in use");
    assertEquals([face.pool.size, memory.regions], [32, 2]);
    face.pool[Symbol.dispose]();
    assertEquals([memory.usedBytes, memory.releases], [0, 2]);
  });
}
