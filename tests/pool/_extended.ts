/**
 * Kinds of pools whose classes are the user's and extend those of the module.
 *
 * @module
 */
import { ErasedPool, Pool, PoolSet } from "../../mod.ts";
import type { AnyHandle } from "../../mod.ts";
import { type KindMaker, ofKind } from "../_kinds.ts";
import { untyped } from "../_support.ts";

/** A pool of such a class, which overrides two members and writes down the calls of them. */
export interface Extended {
  readonly log: string[];
  alloc(...args: unknown[]): AnyHandle;
  free(handle: AnyHandle): void;
}
// deno-lint-ignore no-explicit-any -- the constructor of a mixin's base takes any arguments
type PoolClass = new (...args: any[]) => Extended;

function extending(base: unknown): PoolClass {
  return class extends untyped<PoolClass>(base) {
    override readonly log: string[] = [];

    override alloc(...args: unknown[]): AnyHandle {
      this.log.push("alloc");
      return super.alloc(...args);
    }

    override free(handle: AnyHandle): void {
      this.log.push("free");
      super.free(handle);
    }
  };
}

export const EXTENDED: Readonly<Record<string, KindMaker>> = {
  "class that extends Pool": (struct, options) => ofKind(new (extending(Pool))(struct, options)),
  "class that extends ErasedPool": (struct, options) =>
    ofKind(new (extending(ErasedPool))({ ...options, size: struct.size, types: [struct] }), struct),
  "class that extends one that extends ErasedPool": (struct, options) => {
    class Further extends extending(ErasedPool) {}
    return ofKind(new Further({ ...options, size: struct.size }), struct);
  },
  "class that extends PoolSet": (struct, { maxChunks = 1 << 18, ...options } = {}) => {
    const sized = { maxChunks: 2 * maxChunks, sizes: [1, struct.size] };
    return ofKind(new (extending(PoolSet))({ ...options, ...sized }), struct);
  },
};
