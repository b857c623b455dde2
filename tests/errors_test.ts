import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  DisposedError,
  InvalidAddressError,
  InvariantError,
  LifoOrderError,
  OutOfMemoryError,
  PoolExhaustedError,
  SchemaError,
  StaleHandleError,
  TypeMismatchError,
} from "../mod.ts";

const STALE = { pool: "bullets", handle: 5121, index: 1, generation: 5, chunkGeneration: 6 };

Deno.test("SchemaError is a TypeError that names the struct and the field", () => {
  const error = new SchemaError("Cannot define", "Enemy", "hp");
  assertInstanceOf(error, TypeError);
  assertEquals([error.name, error.message], ["SchemaError", "Cannot define"]);
  assertEquals([error.struct, error.field], ["Enemy", "hp"]);
});

Deno.test("PoolExhaustedError is a RangeError that carries its numbers", () => {
  const error = new PoolExhaustedError("Cannot alloc", "bullets", 30, 32);
  assertInstanceOf(error, RangeError);
  assertEquals([error.name, error.message], ["PoolExhaustedError", "Cannot alloc"]);
  assertEquals([error.pool, error.size, error.maxChunks], ["bullets", 30, 32]);
});

Deno.test("StaleHandleError is an Error that carries its numbers", () => {
  const error = new StaleHandleError("Cannot free", STALE);
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.message], ["StaleHandleError", "Cannot free"]);
  const { pool, handle, index, generation, chunkGeneration } = error;
  assertEquals({ pool, handle, index, generation, chunkGeneration }, STALE);
});

Deno.test("OutOfMemoryError is a RangeError that carries the bytes and the cause", () => {
  const cause = new Error("engine");
  const error = new OutOfMemoryError("Cannot allocate", 1024, { cause });
  assertInstanceOf(error, RangeError);
  assertEquals([error.name, error.message], ["OutOfMemoryError", "Cannot allocate"]);
  assertEquals(error.byteLength, 1024);
  assertStrictEquals(error.cause, cause);
  assert(!("cause" in new OutOfMemoryError("Cannot allocate", 1)));
});

Deno.test("DisposedError is an Error that names the pool", () => {
  const error = new DisposedError("Cannot use", "bullets");
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.message, error.pool], ["DisposedError", "Cannot use", "bullets"]);
});

Deno.test("InvariantError is an Error that names the pool and the block", () => {
  const error = new InvariantError("Cannot validate", "bullets", 3);
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.message], ["InvariantError", "Cannot validate"]);
  assertEquals([error.pool, error.block], ["bullets", 3]);
});

Deno.test("TypeMismatchError is a TypeError that names the pool and both structs", () => {
  const error = new TypeMismatchError("Cannot get", "cells", "Bullet", "Spark");
  assertInstanceOf(error, TypeError);
  assertEquals([error.name, error.message], ["TypeMismatchError", "Cannot get"]);
  assertEquals([error.pool, error.struct, error.actual], ["cells", "Bullet", "Spark"]);
});

Deno.test("InvalidAddressError is a RangeError that names the allocator and the address", () => {
  const error = new InvalidAddressError("Cannot free", "heap", 4096);
  assertInstanceOf(error, RangeError);
  assertEquals([error.name, error.message], ["InvalidAddressError", "Cannot free"]);
  assertEquals([error.pool, error.address], ["heap", 4096]);
});

Deno.test("LifoOrderError is an Error that names the stack and both addresses", () => {
  const error = new LifoOrderError("Cannot free", "stack", 4096, 8192);
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.message], ["LifoOrderError", "Cannot free"]);
  assertEquals([error.pool, error.address, error.newest], ["stack", 4096, 8192]);
});
