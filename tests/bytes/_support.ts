/**
 * What the tests of the byte allocators need: all that can be seen of one, the claim that a refused call left it alone,
 * and a stand-in for memory of a wasm module.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  type ByteAllocator,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
} from "../../mod.ts";
import { auditHeap } from "../../src/inspect/validate_heap.ts";
import type { AddressSpace } from "../../src/bytes/address_space.ts";
import type { ErrorClass } from "../_support.ts";

/** The address space inside an allocator. */
export function spaceOf(allocator: ByteAllocator): AddressSpace {
  return (allocator as unknown as { _space: AddressSpace })._space; // which only the compiler hides
}

/** Everything about an allocator that can be seen, but the bytes of its memory. */
function booksOf(allocator: ByteAllocator): unknown {
  return {
    stats: { ...allocator.stats() },
    extents: spaceOf(allocator).extents.map(({ base, byteLength, top }) => [base, byteLength, top]),
  };
}

/** Every byte of an allocator's memory, and of the books beside it. */
function bytesOf(allocator: ByteAllocator): Uint8Array[] {
  return spaceOf(allocator).extents.flatMap(({ u8, starts }) => [
    u8.slice(),
    new Uint8Array(starts.slice().buffer),
  ]);
}

/** Asserts that a call throws, and that the allocator is as it was before. */
export function assertUntouched<E extends Error>(
  allocator: ByteAllocator,
  call: () => unknown,
  errorClass: ErrorClass<E>,
  messageIncludes: string,
): E {
  const [books, bytes] = [booksOf(allocator), bytesOf(allocator)];
  const error = assertThrows(call, errorClass, messageIncludes);
  assertEquals(booksOf(allocator), books);
  bytesOf(allocator).forEach((now, i) => {
    // Where, and no more: to show how two long arrays differ takes minutes.
    assertEquals(now.findIndex((byte, at) => byte !== bytes[i][at]), -1);
  });
  auditHeap(allocator); // which looks at nothing else
  return error;
}

/** Regions one after the other in a wasm module's memory, each some bytes past a multiple of 4096. */
export class WasmStandIn implements MemoryResource {
  readonly memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 16 });
  readonly lent: Set<MemoryRegion> = new Set();
  readonly #skew: number;
  #end = 0;

  constructor(skew = 0) {
    this.#skew = skew;
  }

  allocate(byteLength: number, align: number): MemoryRegion {
    const start = Math.ceil(this.#end / 4096) * 4096 + this.#skew;
    const { memory } = this;
    if (start % align !== 0) throw new Error(`asked for an alignment of ${align}`);
    if (start + byteLength > memory.buffer.byteLength) {
      throw new OutOfMemoryError("Cannot allocate: the wasm memory is full", byteLength);
    }
    this.#end = start + byteLength;
    const region = {
      get buffer() {
        return memory.buffer;
      },
      byteOffset: start,
      byteLength,
    };
    this.lent.add(region);
    return region;
  }

  release(region: MemoryRegion): void {
    if (!this.lent.delete(region)) throw new Error("released what was not lent");
  }

  /** Grows the memory, which detaches its buffer and everything laid over it. */
  grow(): void {
    this.memory.grow(1);
  }
}
