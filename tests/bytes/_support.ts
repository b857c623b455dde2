/**
 * What the tests of the byte allocators share: kinds of allocators and of memory, the claim that a
 * call that throws changed nothing, and a model of live allocations.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  type ByteAllocator,
  type ByteAllocatorOptions,
  countingMemory,
  type Fit,
  type FreeIndexKind,
  FreeListAllocator,
  heapMemory,
  type MemoryResource,
  sharedMemory,
  StackAllocator,
  validate,
  wasmMemory,
} from "../../mod.ts";
import type { AddressSpace } from "../../src/bytes/address_space.ts";
import type { ErrorClass } from "../_support.ts";

// -- kinds --

/** Each fit with each index that supports it. */
export const FITS: readonly { readonly fit: Fit; readonly index: FreeIndexKind }[] = [
  { fit: "first", index: "list" },
  { fit: "next", index: "list" },
  { fit: "best", index: "list" },
  { fit: "worst", index: "list" },
  { fit: "best", index: "tree" },
];

/** An allocator of any kind. */
export type AnyAllocator = Arena | StackAllocator | FreeListAllocator;

/** Makes an allocator of some kind. */
export type Make = (options?: ByteAllocatorOptions) => AnyAllocator;

/** Each class of allocators, by name. */
export const CLASSES: Readonly<Record<string, Make>> = {
  Arena: (options) => new Arena({ blockBytes: 1024, ...options }),
  StackAllocator: (options) => new StackAllocator(options),
  FreeListAllocator: (options) => new FreeListAllocator({ byteLength: 4096, ...options }),
};

/** Each kind of memory, by name. */
export const SOURCES: Readonly<Record<string, () => MemoryResource>> = {
  "heap memory": () => heapMemory,
  "shared memory": sharedMemory,
  "wasm memory": () => wasmMemory(new WebAssembly.Memory({ initial: 200 })),
  "skewed wasm memory": () =>
    wasmMemory(new WebAssembly.Memory({ initial: 200 }), { byteOffset: 1001 }),
  "counted memory": () => countingMemory(countingMemory()),
  "an arena": () => new Arena({ blockBytes: 16_384 }),
  "a heap": () => new FreeListAllocator({ byteLength: 16_384, grow: true }),
};

/** The memory of a wasm module from an offset on, and what makes it grow, which detaches it. */
export function wasmAt(byteOffset: number): { memory: MemoryResource; grow(): void } {
  const wasm = new WebAssembly.Memory({ initial: 20 });
  return { memory: wasmMemory(wasm, { byteOffset }), grow: () => void wasm.grow(1) };
}

// -- state --

/** The address space inside an allocator. */
export function spaceOf(allocator: ByteAllocator): AddressSpace {
  return (allocator as unknown as { _space: AddressSpace })._space; // hidden by the compiler only
}

/** Every byte of an allocator's memory, and of its bitmaps. */
function bytesOf(allocator: ByteAllocator): Uint8Array[] {
  return spaceOf(allocator).extents.flatMap(({ u8, starts }) => [
    u8.slice(),
    new Uint8Array(starts.slice().buffer),
  ]);
}

function figuresOf(allocator: ByteAllocator): unknown {
  const { extents } = spaceOf(allocator);
  const blocks = extents.map(({ base, byteLength, top }) => [base, byteLength, top]);
  return { blocks, stats: { ...allocator.stats() } };
}

/** Asserts that a call throws, that the allocator is as before, and that it is consistent. */
export function assertUntouched<E extends Error>(
  allocator: ByteAllocator,
  call: () => unknown,
  errorClass: ErrorClass<E>,
  messageIncludes: string,
): E {
  const [figures, bytes] = [figuresOf(allocator), bytesOf(allocator)];
  const error = assertThrows(call, errorClass, messageIncludes);
  assertEquals(figuresOf(allocator), figures);
  bytesOf(allocator).forEach((now, i) => {
    // By index, since a diff of two long arrays takes minutes.
    assertEquals(now.findIndex((byte, at) => byte !== bytes[i][at]), -1);
  });
  validate(allocator);
  return error;
}

// -- models --

/** A live allocation. */
export interface Interval {
  readonly address: number;
  readonly byteLength: number;
  /** The alignment that was asked for. */
  readonly align: number;
  /** The first of the numbers that its bytes count up from. */
  readonly pattern: number;
}

/** The live allocations of an allocator, each filled with a pattern of its own. */
export class Intervals {
  /** The newest last, until one is removed. */
  readonly live: Interval[] = [];
  usedBytes: number = 0;
  peakBytes: number = 0;
  readonly #allocator: ByteAllocator;
  #pattern = 1;

  constructor(allocator: ByteAllocator) {
    this.#allocator = allocator;
  }

  /** Adds an allocation, which must be aligned, zeroed and apart from all others. */
  add(address: number, byteLength: number, align: number): void {
    this.#push(address, byteLength, align, 0);
  }

  /** Replaces an allocation by what it was resized to, which must keep its bytes. */
  resize(from: Interval, address: number, byteLength: number, align: number): void {
    const kept = Math.min(from.byteLength, byteLength);
    checkPattern(this.#allocator.bytes(address, byteLength), kept, from);
    // Both exist while the bytes are copied.
    const bothBytes = this.usedBytes + (address === from.address ? 0 : byteLength);
    this.peakBytes = Math.max(this.peakBytes, bothBytes);
    this.drop(from);
    this.#push(address, byteLength, align, kept);
  }

  /** Checks that the bytes of an allocation are as they were filled. */
  check(it: Interval): void {
    checkPattern(this.#allocator.bytes(it.address, it.byteLength), it.byteLength, it);
  }

  /** Removes an allocation, whatever its bytes. */
  drop(it: Interval): void {
    this.live[this.live.indexOf(it)] = this.live[this.live.length - 1];
    this.live.pop();
    this.usedBytes -= it.byteLength;
  }

  /** Removes all allocations but the oldest ones. */
  truncate(length: number): void {
    while (this.live.length > length) this.drop(this.live[this.live.length - 1]);
  }

  #push(address: number, byteLength: number, align: number, kept: number): void {
    const bytes = this.#allocator.bytes(address, byteLength);
    if (address <= 0 || address % align !== 0 || bytes.byteOffset % align !== 0) {
      fail(`address ${address} at byte ${bytes.byteOffset} is not aligned to ${align}`);
    }
    for (const it of this.live) {
      const isApart = address + byteLength <= it.address || it.address + it.byteLength <= address;
      if (!isApart) fail(`${byteLength} bytes at ${address} overlap those at ${it.address}`);
    }
    const pattern = this.#pattern++ & 255;
    for (let i = 0; i < byteLength; i++) {
      if (i >= kept && bytes[i] !== 0) fail(`byte ${i} at ${address} is not zeroed`);
      bytes[i] = pattern + i;
    }
    this.live.push({ address, byteLength, align, pattern });
    this.usedBytes += byteLength;
    this.peakBytes = Math.max(this.peakBytes, this.usedBytes);
  }
}

function checkPattern(bytes: Uint8Array, length: number, { address, pattern }: Interval): void {
  for (let i = 0; i < length; i++) {
    const expected = pattern + i & 255;
    if (bytes[i] !== expected) fail(`byte ${i} at ${address} is ${bytes[i]}, not ${expected}`);
  }
}

/**
 * Fails. Models make millions of claims, each in an `if`: `assert` would be passed a message every
 * time, and to write those takes longer than all else.
 */
export function fail(message: string): never {
  throw new Error(message);
}

/** Whether a call threw an error of a class; other errors are thrown on. */
export function throws(call: () => unknown, errorClass: ErrorClass): boolean {
  try {
    call();
  } catch (error) {
    if (error instanceof errorClass) return true;
    throw error;
  }
  return false;
}

/**
 * Runs a model with each seed, and names the one that fails.
 *
 * Most of the time would go into the stacks of expected errors. So there are none, until a seed
 * that failed is run again.
 */
export function eachSeed(seeds: number, run: (seed: number) => void): void {
  const limit = Error.stackTraceLimit;
  for (let seed = 1; seed <= seeds; seed++) {
    Error.stackTraceLimit = 0;
    try {
      run(seed);
    } catch (first) {
      Error.stackTraceLimit = limit;
      try {
        run(seed);
      } catch (cause) {
        throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
      }
      throw new Error(`seed ${seed}, once: ${(first as Error).message}`, { cause: first });
    } finally {
      Error.stackTraceLimit = limit;
    }
  }
}
