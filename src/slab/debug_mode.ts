/**
 * `DebugMode`: what debug mode adds to pools and allocators, as their option `debug` passes it.
 *
 * Pools and allocators use debug mode through this interface and do not import it, so that a bundle
 * has its code only if the program imports `debug`.
 *
 * @module
 */
import type { DebugViews } from "../struct/debug_view.ts";
import type { RecordViewClass } from "../struct/view.ts";
import type { Origin, TracedCalls } from "./call_stack.ts";
import type { SpaceKeeper } from "./debug_spaces.ts";
import type { HandleCodec } from "./handle.ts";
import type { Iteration } from "./iterate.ts";
import type { Slab, SlabClass, SlabConfig } from "./slab.ts";

/** The value that freed bytes are filled with. */
export const POISON = 0xdd;

/**
 * The type of {@linkcode debug}, the value of the option `debug`. Its members are internal.
 *
 * @category Debugging
 */
export interface DebugMode {
  /** @ignore */
  readonly views: DebugViews;
  /** @ignore */
  handlesFor(packed: HandleCodec): HandleCodec;
  /** @ignore */
  slabClass(Plain: SlabClass): SlabClass;
  /** @ignore */
  iterationOf(views: (tag: number) => RecordViewClass, only?: number): Iteration;
  /** @ignore */
  keeperFor(label: string, name: string): SpaceKeeper;
  /** @ignore */
  traceCalls(it: object, calls: TracedCalls, ...own: readonly object[]): void;
  /** @ignore */
  callOrigin(): Origin;
  /** @ignore */
  keepOrigin<R>(fn: () => R): R;
  /** @ignore */
  joinErrors(slab: Slab, errors: readonly unknown[]): unknown;
  /** @ignore */
  throwLeaks(label: string, name: string, origins: Map<number, Origin>): void;
}

/** The options of a slab and its code. */
export interface EngineConfig extends SlabConfig {
  /** `undefined` without debug mode. */
  readonly debug: DebugMode | undefined;
}

/** How errors describe the values of the option `debug`. */
export const DEBUG_VALUES = "`debug`, which the module exports, or false";

/**
 * @param value A value of the option `debug`.
 * @returns Whether it is allowed.
 */
export function isDebugOption(value: unknown): value is DebugMode | false | undefined {
  return value === undefined || value === false ||
    typeof value === "object" && value !== null && "handlesFor" in value;
}
