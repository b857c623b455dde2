/**
 * The books of arenas and stacks, for the files that look inside one.
 *
 * @module
 */
import type { AddressSpace, Extent } from "./address_space.ts";

/** What an arena keeps. */
export interface ArenaBooks {
  readonly name: string;
  readonly space: AddressSpace;
  /** The blocks in the order of use; those past the current one are empty. */
  readonly blocks: readonly Extent[];
  /** The current block, and its position; -1 before there is one. */
  readonly block: Extent;
  readonly index: number;
  /** Bytes of the blocks before the current one, and how many of them were given out. */
  readonly before: number;
  readonly usedBefore: number;
  /** The most that was given out whenever some was taken back, ever and of late. */
  readonly peak: number;
  readonly recent: number;
}

/** What a stack keeps. */
export interface StackBooks {
  readonly name: string;
  readonly space: AddressSpace;
  readonly extent: Extent;
  /** Offset of the newest payload; 0 when there is none. */
  readonly newest: number;
  readonly allocations: number;
}

/** How to see the books of each arena. */
export const arenas: WeakMap<object, () => ArenaBooks> = new WeakMap();

/** How to see the books of each stack. */
export const stacks: WeakMap<object, () => StackBooks> = new WeakMap();
