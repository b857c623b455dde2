/**
 * The metadata of arenas and stacks, which `validate`, `dump` and snapshots read.
 *
 * @module
 */
import type { AddressSpace, Extent } from "./address_space.ts";
import type { Arena } from "./arena.ts";
import { arenas, stacks } from "./metadata.ts";
import type { StackAllocator } from "./stack_allocator.ts";

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

/**
 * @param allocator Any object.
 * @returns The current metadata of an arena; `undefined` of anything else.
 */
export function arenaMetadata(allocator: object): ArenaMetadata | undefined {
  if (!arenas.has(allocator)) return undefined;
  const arena = allocator as Arena;
  return {
    name: arena.name,
    space: arena["_space"], // private or protected, as are the rest
    blockBytes: arena["_blockBytes"],
    blocks: arena["_blocks"],
    block: arena["_block"],
    index: arena["_index"],
    before: arena["_before"],
    usedBefore: arena["_usedBefore"],
    peak: arena["_peak"],
    recent: arena["_recent"],
  };
}

/**
 * @param allocator Any object.
 * @returns The current metadata of a stack; `undefined` of anything else.
 */
export function stackMetadata(allocator: object): StackMetadata | undefined {
  if (!stacks.has(allocator)) return undefined;
  const stack = allocator as StackAllocator;
  return {
    name: stack.name,
    space: stack["_space"], // private or protected, as are the rest
    extent: stack["_extent"],
    newest: stack["_newest"],
    allocations: stack["_allocations"],
  };
}
