import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { array, heapMemory, Pool, type PoolOptions } from "../../mod.ts";
import { resolveOptions } from "../../src/pool/options.ts";
import { untyped } from "../_support.ts";

function chunksFor(chunkBytes: number, options: PoolOptions = {}): number {
  return resolveOptions("Pool", "pool", chunkBytes, options).chunksPerBlock;
}

// -- defaults --

Deno.test("resolveOptions() fills in the defaults that the docs state", () => {
  const config = resolveOptions("Pool", "Enemy", 64, {});
  assertEquals(config.name, "Enemy");
  assertEquals(config.label, 'Pool "Enemy"');
  assertEquals(config.chunksPerBlock * config.maxBlocks, 2 ** 20);
  assertEquals([config.codec.wraps, config.codec.indexBits], [true, 20]);
  assertEquals(config.keepEmptyBlocks, 1);
  assertStrictEquals(config.memory, heapMemory);
});

Deno.test("resolveOptions() takes undefined for left out", () => {
  const none = untyped<PoolOptions>({ name: undefined, chunksPerBlock: undefined });
  const { name, chunksPerBlock } = resolveOptions("Pool", "pool", 64, none);
  assertEquals([name, chunksPerBlock], ["pool", 1024]);
});

Deno.test("chunksPerBlock is by default what brings a block nearest to 64 KiB", () => {
  const sizes = [2, 4, 8, 12, 20, 64, 100, 1000, 4096];
  const chunks = [32_768, 16_384, 8192, 4096, 4096, 1024, 512, 64, 16];
  assertEquals(sizes.map((size) => chunksFor(size)), chunks);
});

Deno.test("chunksPerBlock is by default at least 16, however large a record is", () => {
  assertEquals([chunksFor(10_000), chunksFor(2 ** 20)], [16, 16]);
});

Deno.test("chunksPerBlock is by default at most maxChunks, and 256 for records of 1 byte", () => {
  assertEquals(chunksFor(1), 256);
  assertEquals(chunksFor(4, { maxChunks: 64 }), 64);
  assertEquals(chunksFor(1, { maxChunks: 64 }), 64);
});

Deno.test("resolveOptions() keeps what was given", () => {
  const memory = { allocate: heapMemory.allocate, release: heapMemory.release };
  const config = resolveOptions("Pool", "Enemy", 64, {
    name: "enemies",
    chunksPerBlock: 32,
    maxChunks: 128,
    handles: "wide",
    keepEmptyBlocks: 5,
    memory,
  });
  assertEquals([config.name, config.label], ["enemies", 'Pool "enemies"']);
  assertEquals([config.chunksPerBlock, config.maxBlocks, config.keepEmptyBlocks], [32, 4, 5]);
  assertEquals([config.codec.wraps, config.codec.indexBits], [false, 7]);
  assertStrictEquals(config.memory, memory);
});

// -- bounds --

Deno.test("resolveOptions() takes the least and the most of each number", () => {
  const bounds: PoolOptions[] = [
    { chunksPerBlock: 16, maxChunks: 16, keepEmptyBlocks: 0 },
    { chunksPerBlock: 65_536 },
    { maxChunks: 2 ** 22 },
    { maxChunks: 2 ** 32, handles: "wide" },
    { maxChunks: 16, chunksPerBlock: 16, handles: "wide" },
  ];
  for (const options of bounds) resolveOptions("Pool", "pool", 4, options);
});

Deno.test("Pool takes 256 chunks of 1 byte in a block, and uses all of them", () => {
  using pool = new Pool({ n: "u8" }, { chunksPerBlock: 256, maxChunks: 256 });
  pool.freeMany(pool.allocMany(256));
  assertEquals(new Set<number>(pool.allocMany(256)).size, 256);
});

// -- errors --

const POWER = "must be a power of two from 16 to";

const BAD: [string, unknown, typeof RangeError | typeof TypeError, string][] = [
  ["chunksPerBlock", 8, RangeError, `${POWER} 65536, got 8`],
  ["chunksPerBlock", 0, RangeError, `${POWER} 65536, got 0`],
  ["chunksPerBlock", -16, RangeError, `${POWER} 65536, got -16`],
  ["chunksPerBlock", 100, RangeError, `${POWER} 65536, got 100`],
  ["chunksPerBlock", 16.5, RangeError, `${POWER} 65536, got 16.5`],
  ["chunksPerBlock", 131_072, RangeError, `${POWER} 65536, got 131072`],
  ["chunksPerBlock", NaN, RangeError, `${POWER} 65536, got NaN`],
  ["chunksPerBlock", Infinity, RangeError, `${POWER} 65536, got Infinity`],
  ["chunksPerBlock", "64", RangeError, `${POWER} 65536, got 64`],
  ["chunksPerBlock", null, RangeError, `${POWER} 65536, got null`],
  ["maxChunks", 8, RangeError, `${POWER} 4194304, got 8`],
  ["maxChunks", 1000, RangeError, `${POWER} 4194304, got 1000`],
  ["maxChunks", 2 ** 23, RangeError, `${POWER} 4194304, got 8388608`],
  ["maxChunks", NaN, RangeError, `${POWER} 4194304, got NaN`],
  ["maxChunks", "1024", RangeError, `${POWER} 4194304, got 1024`],
  ["keepEmptyBlocks", -1, RangeError, "must be an integer from 0, got -1"],
  ["keepEmptyBlocks", 0.5, RangeError, "must be an integer from 0, got 0.5"],
  ["keepEmptyBlocks", NaN, RangeError, "must be an integer from 0, got NaN"],
  ["keepEmptyBlocks", "1", RangeError, "must be an integer from 0, got 1"],
  ["handles", "narrow", TypeError, 'must be "compact" or "wide", got "narrow"'],
  ["handles", 1, TypeError, 'must be "compact" or "wide", got 1'],
  ["handles", null, TypeError, 'must be "compact" or "wide", got null'],
  ["memory", null, TypeError, "must be an object with allocate and release, got null"],
  ["memory", 5, TypeError, "must be an object with allocate and release, got 5"],
  ["memory", {}, TypeError, "must be an object with allocate and release, got"],
  ["memory", { allocate() {} }, TypeError, "must be an object with allocate and release, got"],
  ["memory", { release() {} }, TypeError, "must be an object with allocate and release, got"],
];

for (const [option, value, errorClass, problem] of BAD) {
  const what = JSON.stringify(value) ?? String(value);
  Deno.test(`Pool throws ${errorClass.name} on ${option} ${String(value)} (${what})`, () => {
    const options = untyped<PoolOptions>({ name: "bullets", [option]: value });
    const message = `Cannot create Pool "bullets": ${option} ${problem}`;
    assertThrows(() => new Pool({ n: "u32" }, options), errorClass, message);
  });
}

Deno.test("Pool throws TypeError on a name that is not a string", () => {
  for (const name of [null, 5, {}, true]) {
    const options = untyped<PoolOptions>({ name });
    const message = `Cannot create Pool: name must be a string, got ${name}`;
    assertThrows(() => new Pool({ n: "u32" }, options), TypeError, message);
  }
});

Deno.test("Pool throws RangeError on maxChunks above 2^32 with wide handles", () => {
  const message = `maxChunks ${POWER} ${2 ** 32}, got ${2 ** 33}`;
  const create = () => new Pool({ n: "u32" }, { handles: "wide", maxChunks: 2 ** 33 });
  assertThrows(create, RangeError, message);
});

Deno.test("Pool throws RangeError on a block larger than maxChunks", () => {
  const create = () => new Pool({ n: "u32" }, { chunksPerBlock: 64, maxChunks: 32, name: "b" });
  const message = 'Cannot create Pool "b": chunksPerBlock must be at most 32, as maxChunks is 32';
  assertThrows(create, RangeError, `${message}, got 64`);
});

Deno.test("Pool throws RangeError on a block of more chunks than a link of 1 byte can name", () => {
  const create = () => new Pool({ n: "u8" }, { chunksPerBlock: 512 });
  assertThrows(create, RangeError, "must be at most 256, as a link of 1 byte reaches no further");
});

Deno.test("Pool throws RangeError on a block above 2^30 bytes", () => {
  const large = { bytes: array("u8", 2 ** 20) };
  const create = () => new Pool(large, { chunksPerBlock: 2048 });
  const message = "a block of 2048 chunks of 1048576 bytes exceeds 1073741824 bytes";
  assertThrows(create, RangeError, message);
  new Pool(large, { chunksPerBlock: 1024 }).dispose();
});
