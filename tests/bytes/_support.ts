/**
 * What the tests of the byte allocators share: kinds of allocators, memory resources, and the
 * assertion that a call that throws changes nothing.
 *
 * @module
 */
import {
  Arena,
  countingMemory,
  FreeListAllocator,
  heapMemory,
  StackAllocator,
  validate,
  wasmMemory,
} from "../../mod.ts";
import type {
  ByteAllocator,
  ByteAllocatorOptions,
  CountingMemory,
  Fit,
  FreeIndexKind,
  MemoryResource,
  WasmMemory,
} from "../../mod.ts";
import type { AddressSpace } from "../../src/bytes/address_space.ts";
import { assertUnchanged, type ErrorClass } from "../_support.ts";

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

// -- memory resources --

/** The memory of a wasm module from an offset on. Each region lies right behind the one before. */
export function wasmAt(byteOffset: number): WasmMemory {
  return wasmMemory(new WebAssembly.Memory({ initial: 100 }), { byteOffset });
}

/**
 * Makes a counted memory resource that makes a call once: before the `allocate` or after the
 * `release` that follows so many others. The call may throw, or use what the memory is for.
 */
export function calling(upstream: MemoryResource = heapMemory): {
  readonly memory: CountingMemory;
  next(call: () => void, after?: number): void;
} {
  let [call, left] = [() => {}, 0];
  const callBack = () => {
    if (left-- === 0) call();
  };
  const memory = countingMemory({
    allocate(byteLength, align) {
      callBack();
      return upstream.allocate(byteLength, align);
    },
    release(region) {
      upstream.release(region);
      callBack();
    },
  });
  return { memory, next: (next, after = 0) => void ([call, left] = [next, after]) };
}

// -- state --

/** The address space inside an allocator. */
export function spaceOf(allocator: ByteAllocator): AddressSpace {
  return (allocator as unknown as { _space: AddressSpace })._space; // hidden by the compiler only
}

/** The figures of an allocator, and every byte of its memory and of its bitmaps. */
function stateOf(allocator: ByteAllocator): unknown {
  const blocks = spaceOf(allocator).extents.map(({ base, byteLength, top, u8, starts }) => {
    // As text, since a diff of two long arrays takes minutes.
    return [base, byteLength, top, new TextDecoder("latin1").decode(u8), starts.join()];
  });
  return { blocks, stats: { ...allocator.stats() } };
}

/** Asserts that a call throws, that the allocator is as before, and that it is consistent. */
export function assertUntouched<E extends Error>(
  allocator: ByteAllocator,
  call: () => unknown,
  errorClass: ErrorClass<E>,
  messageIncludes: string,
): E {
  const error = assertUnchanged(() => stateOf(allocator), call, errorClass, messageIncludes);
  validate(allocator);
  return error;
}
