/** Pools over resources that return wrong regions, or regions that are larger than requested. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  heapMemory,
  load,
  OutOfMemoryError,
  restore,
  save,
  snapshot,
  validate,
} from "../../mod.ts";
import type { AnyHandle, MemoryResource } from "../../mod.ts";
import { labelOf, type OfKind, POOL_KINDS, reserveIn } from "../_kinds.ts";
import { Ledger } from "../_ledger.ts";
import { type ErrorClass, figuresOf, Real, shown, untyped } from "../_support.ts";

/** Bytes of a block of 16 chunks of 16 bytes. */
const BLOCK_BYTES = 256;

/** Makes what a resource returns. */
type Allocate = () => unknown;

/** A resource that gives some good regions, and then what a script makes. */
function scripted(script: Allocate) {
  /** Good regions that are left, and what `release` throws. */
  const plan: { good: number; error?: Error } = { good: 1 };
  const memory = new Ledger({
    allocate: () => untyped(plan.good-- > 0 ? at(0, BLOCK_BYTES)() : script()),
    release() {
      if (plan.error !== undefined) throw plan.error;
    },
  });
  return { memory, plan };
}

function poolOver(kind: string, memory: MemoryResource): OfKind {
  const options = { chunksPerBlock: 16, maxChunks: 64, keepEmptyBlocks: 0, name: "cells" };
  return POOL_KINDS[kind](Real, { ...options, memory });
}

function at(byteOffset: number, bufferBytes: number, byteLength = BLOCK_BYTES): Allocate {
  return () => ({ buffer: new ArrayBuffer(bufferBytes), byteOffset, byteLength });
}

function detached(): unknown {
  const buffer = new ArrayBuffer(BLOCK_BYTES);
  buffer.transfer(0);
  return { buffer, byteOffset: 0, byteLength: BLOCK_BYTES };
}

function throwing(): never {
  throw new OutOfMemoryError("none left", BLOCK_BYTES);
}

/** What a resource does, the error of the pool, and what that says was returned. */
type Bad = readonly [Allocate, ErrorClass, says: string];

const BAD: readonly Bad[] = [
  [at(0, 255, 255), RangeError, "a region of 255 bytes, 256 were asked for"],
  [at(0, 256, NaN), RangeError, "a region of NaN bytes, 256 were asked for"],
  ...[4, -8, NaN, 0.5].map((byte): Bad => {
    return [at(byte, 512), RangeError, `a region at byte ${byte}, which is no multiple of 8`];
  }),
  [at(8, 256), RangeError, "a region of bytes 8 to 264, its buffer has 256"],
  [detached, RangeError, "a region of bytes 0 to 256, its buffer has 0"],
  ...[undefined, null, 5, "region", {}, { buffer: null }, { buffer: {} }].map((bad): Bad => {
    return [() => bad, TypeError, `${shown(bad)}, no region of a buffer`];
  }),
  [throwing, OutOfMemoryError, "none left"],
];

/** Calls that take blocks, and how many. */
const GROWING: readonly [blocks: number, (it: OfKind) => unknown][] = [
  [1, ({ pool, of }) => pool.alloc(...of, { n: 7 })],
  [3, ({ pool, of }) => pool.allocMany(...of, 40)],
  [3, (it) => reserveIn(it, 64)],
];

for (const kind of Object.keys(POOL_KINDS)) {
  Deno.test(`${kind} throws where its resource throws or returns a wrong region, and is unchanged`, () => {
    for (const [script, errorClass, says] of BAD) {
      for (const [blocks, call] of GROWING) {
        const { memory, plan } = scripted(script);
        const it = poolOver(kind, memory);
        it.pool.allocMany(...it.of, 16);
        const before = figuresOf(it.pool);
        plan.good = blocks - 1;
        const title = `Cannot grow ${labelOf(kind, "cells")}: its memory resource returned `;
        assertThrows(() => call(it), errorClass, script === throwing ? says : title + says);
        // What is no region cannot be released.
        const unreleased = errorClass === TypeError ? 1 : 0;
        assertEquals([figuresOf(it.pool), memory.lent.size], [before, 1 + unreleased]);
        validate(it.pool);
      }
    }
  });

  Deno.test(`${kind} gives back all that a failed call has added, though release() throws`, () => {
    const full = poolOver(kind, heapMemory);
    full.pool.allocMany(...full.of, 64);
    const [image, saved] = [snapshot(full.pool), save(full.pool)];
    const calls = GROWING.slice(1).map(([, call]) => call);
    calls.push(({ pool }) => restore(pool, image), ({ pool }) => load(pool, saved));
    const { memory, plan } = scripted(throwing);
    const it = poolOver(kind, memory);
    it.pool.allocMany(...it.of, 16);
    const before = figuresOf(it.pool);
    for (const call of calls) {
      plan.good = 2;
      plan.error = new Error("boom");
      assertStrictEquals(assertThrows(() => call(it)), plan.error);
      assertEquals([figuresOf(it.pool), memory.lent.size], [before, 1]);
      validate(it.pool);
    }
    plan.good = 3;
    const others = it.pool.allocMany(...it.of, 48);
    assertStrictEquals(assertThrows(() => it.pool.freeMany(others)), plan.error);
    assertEquals([it.pool.size, it.pool.capacity, memory.lent.size], [16, 16, 1]);
  });

  Deno.test(`${kind} uses no more of a region than it requested, and releases that region`, () => {
    const bytes = new Uint8Array(1024).fill(0xee).fill(0, 64, 64 + BLOCK_BYTES);
    const region = { buffer: bytes.buffer, byteOffset: 64, byteLength: BLOCK_BYTES + 100 };
    const memory = new Ledger({ allocate: () => region, release: () => {} });
    const { pool, of } = poolOver(kind, memory);
    const live: AnyHandle[] = pool.allocMany(...of, 16);
    for (const handle of live) pool.set(...of, handle, { v: -1 / 3, n: 2 ** 32 - 1 });
    assertEquals([pool.byteLength, pool.blocks[0].bytes.length], [BLOCK_BYTES, BLOCK_BYTES]);
    assert(bytes.every((byte, at) => at >= 64 && at < 64 + BLOCK_BYTES || byte === 0xee));
    pool.freeMany(live);
    assertEquals(memory.lent.size, 0);
  });
}
