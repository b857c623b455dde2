/**
 * The metadata of arenas and stacks, which `validate`, `dump` and snapshots read.
 *
 * @module
 */
import type { AddressSpace, Extent } from "./address_space.ts";

/** What an arena keeps beside its blocks. */
export interface ArenaMetadata {
  readonly name: string;
  readonly space: AddressSpace;
  /** Bytes of a block, as the option says. */
  readonly blockBytes: number;
  /** The blocks in the order of use; those past the current one are empty. */
  readonly blocks: readonly Extent[];
  /** The current block, and its index; -1 before there is one. */
  readonly block: Extent;
  readonly index: number;
  /** Bytes of the blocks before the current one, and how many of them are allocated. */
  readonly before: number;
  readonly usedBefore: number;
  /** The most bytes that were allocated when some were freed: ever, and recently. */
  readonly peak: number;
  readonly recent: number;
}

/** What a stack keeps beside its extent. */
export interface StackMetadata {
  readonly name: string;
  readonly space: AddressSpace;
  readonly extent: Extent;
  /** Offset of the newest payload; 0 when there is none. */
  readonly newest: number;
  readonly allocations: number;
}

/** Returns the current metadata of each arena. */
export const arenas: WeakMap<object, () => ArenaMetadata> = new WeakMap();

/** Returns the current metadata of each stack. */
export const stacks: WeakMap<object, () => StackMetadata> = new WeakMap();

/** The state that an arena is restored to. */
export interface ArenaState {
  /** The blocks, their contents restored. */
  readonly blocks: readonly Extent[];
  readonly index: number;
  readonly peak: number;
  readonly recent: number;
}
