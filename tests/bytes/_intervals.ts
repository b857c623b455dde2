/**
 * What the models of the byte allocators share: numbers from a seed, and the allocations that are live, each filled with
 * a pattern of its own.
 *
 * @module
 */
import type { ByteAllocator } from "../../mod.ts";

/** Numbers that follow from a seed: the generator is `mulberry32`. */
export class Numbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 to below a limit. */
  below(limit: number): number {
    let t = this.#state = this.#state + 0x6D2B79F5 | 0;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return Math.floor(((t ^ t >>> 14) >>> 0) / 2 ** 32 * limit);
  }
}

/** An allocation that is live. */
export interface Interval {
  readonly address: number;
  readonly byteLength: number;
  /** What its bytes count up from. */
  readonly pattern: number;
}

/** The allocations that are live, and what is expected of them. */
export class Intervals {
  /** In no order. */
  readonly live: Interval[] = [];
  usedBytes: number = 0;
  peakBytes: number = 0;
  readonly #allocator: ByteAllocator;
  #pattern = 1;

  constructor(allocator: ByteAllocator) {
    this.#allocator = allocator;
  }

  /** Notes an allocation, which must be aligned, zeroed and apart from all others, and fills it. */
  add(address: number, byteLength: number, align: number): void {
    const bytes = this.#allocator.bytes(address, byteLength);
    if (address <= 0 || address % align !== 0) fail(`${address} is not aligned to ${align}`);
    if (bytes.byteOffset % align !== 0) {
      fail(`byte ${bytes.byteOffset} is not aligned to ${align}`);
    }
    this.#checkApart(address, byteLength);
    if (!isZero(bytes, 0)) fail(`${byteLength} bytes at ${address} are not zeroed`);
    this.#push(address, byteLength, bytes);
  }

  /** Notes that an allocation was resized: what was kept is there, and the rest is zeroed. */
  moved(from: Interval, address: number, byteLength: number, align: number): void {
    const bytes = this.#allocator.bytes(address, byteLength);
    if (address <= 0 || address % align !== 0) fail(`${address} is not aligned to ${align}`);
    const kept = Math.min(from.byteLength, byteLength);
    checkPattern(bytes, kept, from);
    if (!isZero(bytes, kept)) {
      fail(`${byteLength} bytes at ${address} are not zeroed from ${kept} on`);
    }
    // Both are there while the bytes are copied.
    const bothBytes = this.usedBytes + (address === from.address ? 0 : byteLength);
    this.peakBytes = Math.max(this.peakBytes, bothBytes);
    this.drop(from);
    this.#checkApart(address, byteLength);
    this.#push(address, byteLength, bytes);
  }

  /** Notes that an allocation goes; its bytes must be as they were filled. */
  remove(it: Interval): void {
    this.check(it);
    this.drop(it);
  }

  /** Checks that the bytes of an allocation are as they were filled. */
  check(it: Interval): void {
    checkPattern(this.#allocator.bytes(it.address, it.byteLength), it.byteLength, it);
  }

  /** Notes that an allocation goes, whatever its bytes. */
  drop(it: Interval): void {
    this.live[this.live.indexOf(it)] = this.live[this.live.length - 1];
    this.live.pop();
    this.usedBytes -= it.byteLength;
  }

  #push(address: number, byteLength: number, bytes: Uint8Array): void {
    const pattern = this.#pattern++ & 255;
    for (let i = 0; i < byteLength; i++) bytes[i] = pattern + i;
    this.live.push({ address, byteLength, pattern });
    this.usedBytes += byteLength;
    this.peakBytes = Math.max(this.peakBytes, this.usedBytes);
  }

  #checkApart(address: number, byteLength: number): void {
    for (const it of this.live) {
      const isApart = address + byteLength <= it.address || it.address + it.byteLength <= address;
      if (!isApart) {
        fail(`${byteLength} bytes at ${address} overlap ${it.byteLength} at ${it.address}`);
      }
    }
  }
}

/**
 * Fails. Models make millions of claims, so each stands in an `if`: `assert` would be handed a message every time, and
 * writing numbers into those takes most of the time.
 */
export function fail(message: string): never {
  throw new Error(message);
}

/**
 * Runs a model with each seed, and says which one failed.
 *
 * Most of the time would go into the stacks of errors that are expected. So there are none, and a seed that fails is run
 * again, with them.
 */
export function eachSeed(seeds: number, run: (seed: number) => void): void {
  const limit = Error.stackTraceLimit;
  for (let seed = 1; seed <= seeds; seed++) {
    Error.stackTraceLimit = 0;
    try {
      run(seed);
    } catch (cause) {
      Error.stackTraceLimit = limit;
      rerun(seed, run);
      throw new Error(`seed ${seed}, once: ${(cause as Error).message}`, { cause });
    } finally {
      Error.stackTraceLimit = limit;
    }
  }
}

function rerun(seed: number, run: (seed: number) => void): void {
  try {
    run(seed);
  } catch (cause) {
    throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
  }
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

function checkPattern(bytes: Uint8Array, length: number, { address, pattern }: Interval): void {
  for (let i = 0; i < length; i++) {
    if (bytes[i] === (pattern + i & 255)) continue;
    throw new Error(
      `byte ${i} at ${address} is ${bytes[i]}, it was filled with ${pattern + i & 255}`,
    );
  }
}
