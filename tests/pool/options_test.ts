/**
 * The options of pools: their defaults, their bounds, and the errors that name the option, what it
 * must be and what it was.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  array,
  debug,
  ErasedPool,
  heapMemory,
  Pool,
  type PoolOptions,
  PoolSet,
  SchemaError,
  spread,
  struct,
} from "../../mod.ts";
import { resolveOptions } from "../../src/pool/options.ts"; // the defaults show nowhere else
import { type ErrorClass, Huge, Num, shown, untyped } from "../_support.ts";

function chunksFor(chunkBytes: number, options: PoolOptions = {}): number {
  return resolveOptions("Pool", "pool", chunkBytes, options).chunksPerBlock;
}

// -- defaults --

Deno.test("resolveOptions() fills in the defaults that the docs give, and keeps what is given", () => {
  const config = resolveOptions("Pool", "Enemy", 64, untyped({ name: undefined }));
  assertEquals([config.name, config.label, config.keepEmptyBlocks], ["Enemy", 'Pool "Enemy"', 1]);
  assertEquals([config.chunksPerBlock, config.maxBlocks], [1024, 2 ** 10]);
  assertEquals([config.codec.wraps, config.codec.indexBits], [true, 20]);
  assertEquals([config.debug, config.specialize, config.reuse], [undefined, true, undefined]);
  assertStrictEquals(config.memory, heapMemory);
  assertEquals(resolveOptions("Pool", "Enemy", 64, { debug }).specialize, false);
  const memory = { allocate: heapMemory.allocate, release: heapMemory.release };
  const numbers = { chunksPerBlock: 32, maxChunks: 128, keepEmptyBlocks: 5 };
  const options = { name: "enemies", handles: "wide", memory, ...numbers } as const;
  const given = resolveOptions("Pool", "Enemy", 64, { ...options, reuse: spread });
  assertEquals([given.label, given.keepEmptyBlocks, given.reuse], ['Pool "enemies"', 5, spread]);
  assertEquals([given.chunksPerBlock, given.maxBlocks], [32, 4]);
  assertEquals([given.codec.wraps, given.codec.indexBits], [false, 7]);
  assertStrictEquals(given.memory, memory);
});

Deno.test("chunksPerBlock is by default what brings a block nearest to 64 KiB, within bounds", () => {
  const sizes = [1, 2, 4, 8, 12, 20, 64, 100, 1000, 4096, 10_000, 2 ** 20];
  const chunks = [256, 32_768, 16_384, 8192, 4096, 4096, 1024, 512, 64, 16, 16, 16];
  assertEquals(sizes.map((size) => chunksFor(size)), chunks);
  assertEquals([1, 4].map((size) => chunksFor(size, { maxChunks: 64 })), [64, 64]);
});

Deno.test("ErasedPool's align is by default what its size allows, at most 8", () => {
  const sizes = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 64];
  const aligns = sizes.map((size) => new ErasedPool({ size }).align);
  assertEquals(aligns, [1, 2, 1, 4, 2, 8, 4, 8, 4, 8, 8]);
});

// -- bounds --

Deno.test("Pools take the least and the most of each number", () => {
  const bounds: PoolOptions[] = [
    { chunksPerBlock: 16, maxChunks: 16, keepEmptyBlocks: 0 },
    { chunksPerBlock: 65_536 },
    { maxChunks: 2 ** 22 },
    { maxChunks: 2 ** 32, handles: "wide" },
    { maxChunks: 16, chunksPerBlock: 16, handles: "wide" },
  ];
  for (const options of bounds) resolveOptions("Pool", "pool", 4, options);
  new Pool({ bytes: array("u8", 2 ** 20) }, { chunksPerBlock: 1024 }).dispose();
  new ErasedPool({ size: 2 ** 26, align: 4096, chunksPerBlock: 16 }).dispose();
  new PoolSet({ sizes: [1, 2, 3], maxChunks: 64, chunksPerBlock: 16 }).dispose();
  new PoolSet({ sizes: [1, 2, 3, 4], maxChunks: 2 ** 22 }).dispose();
  const [a, b] = [8, 16].map((count) => struct({ all: array("u8", count) }));
  using set = new PoolSet({ sizes: [8, 16], maxChunks: 2 ** 32, handles: "wide" });
  assert(set.has(set.alloc(a)) && set.has(set.alloc(b)));
  assertEquals(set.maxChunks, 2 ** 32);
});

// -- errors --

type Bad = [options: Record<string, unknown>, Class: ErrorClass, problem: string];

/** Bad values of one option, what each is shown as, and what the option must be. */
function bad(option: string, Class: ErrorClass, must: string, values: unknown[]): Bad[] {
  const problem = `${option} must be ${must}, got `;
  return values.map((it) => [{ [option]: it }, Class, problem + shown(it)]);
}

const power = (most: number, least = 16) => `a power of two from ${least} to ${most}`;
const HUGE = 'struct "Huge" of 40 bytes, aligned to 8,';
const NO_MEMORIES = [null, 5, {}, { allocate() {} }, { release() {} }];
const REUSES = '"recent" or `spread`, which the module exports';
const NO_POWERS = [8, 0, -16, 100, 16.5, NaN, Infinity, "64", null];

const BAD: readonly Bad[] = [
  ...bad("chunksPerBlock", RangeError, power(65_536), [...NO_POWERS, 131_072]),
  ...bad("maxChunks", RangeError, power(4_194_304), [...NO_POWERS, 1000, 2 ** 23]),
  [{ handles: "wide", maxChunks: 2 ** 33 }, RangeError, `${power(2 ** 32)}, got 8589934592`],
  ...bad("keepEmptyBlocks", RangeError, "an integer from 0", [-1, 0.5, NaN, "1", null]),
  ...bad("handles", TypeError, '"compact" or "wide"', ["narrow", 1, null]),
  ...bad("reuse", TypeError, REUSES, ["spread", 1, null, {}]),
  ...bad("debug", TypeError, "`debug`, which the module exports, or false", ["yes", true, null]),
  ...bad("specialize", TypeError, "a boolean", ["no", 0, null]),
  ...bad("memory", TypeError, "an object with allocate and release", NO_MEMORIES),
  [{ chunksPerBlock: 64, maxChunks: 32 }, RangeError, "at most 32, as maxChunks is 32, got 64"],
];

const BAD_OF_ERASED: readonly Bad[] = [
  ...BAD,
  ...bad("size", RangeError, "an integer from 1 to 67108864", [
    ...[undefined, null, 0, -8, 1.5, NaN, Infinity, "8", 2 ** 26 + 1],
  ]),
  ...bad("align", RangeError, power(4096, 1), [
    ...[null, 0, -8, 0.5, 3, 12, NaN, Infinity, "8", true, [8], 8192],
  ]),
  [{ size: 12, align: 8 }, RangeError, "size must be a multiple of align, which is 8, got 12"],
  [{ size: 100, align: 64 }, RangeError, "size must be a multiple of align, which is 64, got 100"],
  [{ size: 2 ** 20, chunksPerBlock: 2048 }, RangeError, "a block of 2048 chunks of 1048576 by"],
  [{ size: 1, chunksPerBlock: 512 }, RangeError, "at most 256, as a link of 1 byte reaches no"],
  ...bad("types", TypeError, "an array of structs", [null, 5, "Num", {}]),
  [{ types: [undefined] }, TypeError, "the type must be a struct, got undefined"],
  [{ types: [Num, { n: "u8" }] }, TypeError, "the type must be a struct, got an object"],
  [{ types: [Num, Huge] }, SchemaError, `${HUGE} does not fit into`],
];

const BAD_OF_SETS: readonly Bad[] = [
  // Those of maxChunks apply to the set, whose three classes have a quarter each.
  ...BAD.filter(([options]) => !("maxChunks" in options)),
  ...bad("maxChunks", RangeError, power(4_194_304, 64), [...NO_POWERS, 32, 2 ** 23]),
  [{ handles: "wide", maxChunks: 2 ** 33 }, RangeError, `${power(2 ** 32, 64)}, got 8589934592`],
  [
    { chunksPerBlock: 128, maxChunks: 256 },
    RangeError,
    "at most 64, as maxChunks of a class is 64, got",
  ],
  ...bad("sizes", TypeError, "an array of bytes", [undefined, null, 8, "8", new Set([8])]),
  [{ sizes: [] }, RangeError, "sizes must be 1 to 64 different numbers, got "],
  [{ sizes: [8, 16, 8] }, RangeError, "sizes must be 1 to 64 different numbers, got 8, 16, 8"],
  [{ sizes: [...Array(65).keys()].slice(1).concat(65) }, RangeError, "sizes must be 1 to 64 diff"],
  ...bad("each of sizes", RangeError, "an integer from 1", [0, -8, 8.5, NaN, "8", null])
    .map(([of, ...rest]): Bad => [{ sizes: [16, ...Object.values(of)] }, ...rest]),
  [{ sizes: [8, undefined] }, RangeError, "size must be an integer from 1 to 67108864, got undef"],
  [{ sizes: [2 ** 27] }, RangeError, "size must be an integer from 1 to 67108864, got 134217728"],
  ...bad("types", TypeError, "an array of structs", [null, 5, "Num"]),
  [{ types: [{ n: "u8" }] }, TypeError, "the type must be a struct, got an object"],
  [{ types: [Num, Huge] }, SchemaError, `${HUGE} fits none of the`],
];

const CASES: [name: string, create: (options: object) => unknown, bad: readonly Bad[]][] = [
  ["Pool", (options) => new Pool({ n: "u32" }, options), BAD],
  ["ErasedPool", (options) => new ErasedPool({ size: 16, ...options }), BAD_OF_ERASED],
  ["PoolSet", (options) => new PoolSet({ sizes: [4, 8, 16], ...options }), BAD_OF_SETS],
];

for (const [name, create, cases] of CASES) {
  Deno.test(`${name} throws on a bad option, with its name, its value and what it must be`, () => {
    for (const [options, Class, problem] of cases) {
      const error = assertThrows(() => create({ name: "cells", ...options }), Class, problem);
      assert(error.message.startsWith(`Cannot create ${name} "cells": `), error.message);
    }
    for (const bad of [null, 5, {}, true, Symbol("cells")]) {
      const message = `Cannot create ${name}: name must be a string, got ${shown(bad)}`;
      assertThrows(() => create({ name: bad }), TypeError, message);
    }
  });
}

Deno.test("ErasedPool and PoolSet throw TypeError where there are no options", () => {
  for (const [name, Class] of Object.entries({ ErasedPool, PoolSet })) {
    const create = () => new Class(untyped<never>(undefined));
    assertThrows(create, TypeError, `Cannot create ${name}`);
  }
});
