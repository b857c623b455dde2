import { assertEquals } from "@std/assert";
import {
  DisposedError,
  InvalidAddressError,
  InvariantError,
  LeakError,
  LifoOrderError,
  OutOfMemoryError,
  PoolExhaustedError,
  SchemaError,
  SnapshotError,
  StaleHandleError,
  TypeMismatchError,
} from "../mod.ts";

const STALE = { pool: "p", handle: 5121, index: 1, generation: 5, chunkGeneration: 6 };
const LEAKS = [{ handle: 5121, stack: "at main.ts" }];

/** Each error, the class that it extends, and its properties. */
const ERRORS: readonly [Error, Base: new () => Error, properties: Record<string, unknown>][] = [
  [new SchemaError("why", "Enemy", "hp"), TypeError, { struct: "Enemy", field: "hp" }],
  [new PoolExhaustedError("why", "p", 30, 32), RangeError, { pool: "p", size: 30, maxChunks: 32 }],
  [new StaleHandleError("why", STALE), Error, STALE],
  [new TypeMismatchError("why", "p", "A", "B"), TypeError, { pool: "p", struct: "A", actual: "B" }],
  [new OutOfMemoryError("why", 64), RangeError, { byteLength: 64 }],
  [new OutOfMemoryError("why", 64, { cause: 1 }), RangeError, { byteLength: 64, cause: 1 }],
  [new InvalidAddressError("why", "heap", 4096), RangeError, { pool: "heap", address: 4096 }],
  [new LifoOrderError("why", "stack", 8, 16), Error, { pool: "stack", address: 8, newest: 16 }],
  [new DisposedError("why", "p"), Error, { pool: "p" }],
  [new LeakError("why", "p", LEAKS), Error, { pool: "p", leaks: LEAKS }],
  [new SnapshotError("why", "p", 3), Error, { pool: "p", byteOffset: 3 }],
  [new InvariantError("why", "p", 3), Error, { pool: "p", block: 3 }],
];

/** It has the properties that the engine gives to all errors. */
const PLAIN = new Error();

for (const [error, Base, properties] of ERRORS) {
  const { name } = error.constructor;

  Deno.test(`${name} extends ${Base.name} and has its name, its message and its properties`, () => {
    assertEquals(Object.getPrototypeOf(error.constructor), Base);
    const own = Object.getOwnPropertyNames(error).filter((it) => !Object.hasOwn(PLAIN, it));
    const values = Object.fromEntries(own.map((it) => [it, Reflect.get(error, it)]));
    assertEquals(values, { name, message: "why", ...properties });
  });
}
