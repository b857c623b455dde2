/**
 * Debug mode of byte allocators: addresses that differ between allocators, and epochs of bytes, by
 * which views notice that their record was freed.
 *
 * @module
 */
import { StaleHandleError } from "../errors.ts";
import type { RecordKeeper, TypedArrays } from "../struct/typed_arrays.ts";
import { detachedError } from "./slab_errors.ts";
import { type Reference, referTo } from "./weak.ts";

/** Debug spaces start at 32 different addresses in turn; from the 33rd on they share addresses. */
const DEBUG_SPACES = 32;
const DEBUG_STEP = 0x800_0000;

let spaceCount = 0;

/** The keepers of all debug spaces, to find the owner of an address. */
const keepers = new Set<Reference<SpaceKeeper>>();

/** What a keeper uses of its address space. */
interface Space {
  find(address: number): { readonly base: number; readonly byteLength: number };
}

/** A run of addresses of a space. */
interface KeptExtent extends TypedArrays {
  readonly base: number;
  readonly region: object | undefined;
  /** The number of times that each byte was freed. */
  readonly epochs: Uint32Array;
}

/** What debug mode keeps of one address space. */
export class SpaceKeeper implements RecordKeeper {
  /** The space starts at the first granule from here on. */
  readonly start: number = spaceCount++ % DEBUG_SPACES * DEBUG_STEP;
  readonly #label: string;
  readonly #name: string;
  readonly #self: Reference<SpaceKeeper> = referTo(this);
  #space: Space | undefined;

  /**
   * @param label How errors name the allocator.
   * @param name The allocator's name.
   */
  constructor(label: string, name: string) {
    this.#label = label;
    this.#name = name;
  }

  /** @param space The space, once it can be asked for addresses. */
  begin(space: Space): void {
    this.#space = space;
    keepers.add(this.#self);
  }

  /** Every extent of the space was released for good. */
  end(): void {
    keepers.delete(this.#self);
  }

  // Whatever ends a record frees at least its last byte: its whole allocation is freed or made
  // shorter, or the whole block is given back.
  epochAt(arrays: TypedArrays, offset: number, byteLength: number): number {
    const { u8, epochs } = arrays as KeptExtent; // only extents have this keeper
    return u8.length === 0 ? NaN : epochs[offset + byteLength - 1] ?? 0;
  }

  staleError(arrays: TypedArrays, offset: number): Error {
    const { u8, region, base } = arrays as KeptExtent; // only extents have this keeper
    if (u8.length === 0 && region !== undefined) {
      return detachedError(`use a view in ${this.#label}`, "its memory");
    }
    const handle = base + offset;
    return new StaleHandleError(
      `Cannot use a view in ${this.#label}: address ${handle} was freed`,
      { pool: this.#name, handle, index: -1, generation: -1, chunkGeneration: -1 },
    );
  }

  /**
   * Finds the other debug allocator that an address belongs to, in O(debug allocators).
   *
   * @param address Any number.
   * @returns How errors name that allocator; `undefined` when none is known to have the address.
   */
  ownerOf(address: number): string | undefined {
    if (typeof address !== "number") return undefined;
    if (this.#space!.find(address).byteLength > 0) return undefined; // set before any call
    for (const ref of keepers) {
      const other = ref.deref();
      if (other === undefined) keepers.delete(ref);
      else if (other.start !== this.start && other.#has(address)) return other.#label;
    }
    return undefined;
  }

  #has(address: number): boolean {
    const { base, byteLength } = this.#space!.find(address); // set before it is listed
    return address >= base && address - base < byteLength;
  }
}
