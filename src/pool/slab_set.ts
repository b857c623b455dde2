/**
 * The slabs of the size classes of a set as one: a `PoolSet` uses it as other pools use their only
 * slab.
 *
 * @module
 */
import type { Block } from "../slab/block.ts";
import type { DebugMode } from "../slab/debug_mode.ts";
import type { HandleCodec } from "../slab/handle.ts";
import type { Slab, SlabOwner } from "../slab/slab.ts";
import type { Slabs } from "./pool_base.ts";

/** All slabs of a set. */
export class SlabSet implements Slabs {
  readonly #slabs: readonly Slab[];
  /** Finds the class of a handle. */
  readonly #parts: Pick<HandleCodec, "partOf">;
  readonly #debug: DebugMode | undefined;
  /** The mapped blocks of each slab at the last call of {@linkcode mappedBlocks}, and all of them. */
  readonly #mapped: (readonly Block[])[] = [];
  #blocks: readonly Block[] = [];

  /**
   * @param slabs The slabs, at least one.
   * @param parts Finds the class of a handle.
   * @param debug Debug mode, if the set is in it.
   */
  constructor(
    slabs: readonly Slab[],
    parts: Pick<HandleCodec, "partOf">,
    debug: DebugMode | undefined,
  ) {
    this.#slabs = slabs;
    this.#parts = parts;
    this.#debug = debug;
  }

  get name(): string {
    return this.#slabs[0].name;
  }

  get label(): string {
    return this.#slabs[0].label;
  }

  get disposed(): boolean {
    return this.#slabs[0].disposed;
  }

  get size(): number {
    return this.#sum("size");
  }

  get capacity(): number {
    return this.#sum("capacity");
  }

  get maxChunks(): number {
    return this.#sum("maxChunks");
  }

  get byteLength(): number {
    return this.#sum("byteLength");
  }

  /** @returns The blocks of all slabs; the same array until blocks come or go. */
  mappedBlocks(): readonly Block[] {
    let isSame = true;
    for (let i = 0; i < this.#slabs.length; i++) {
      const mapped = this.#slabs[i].mappedBlocks();
      if (mapped === this.#mapped[i]) continue;
      this.#mapped[i] = mapped;
      isSame = false;
    }
    if (!isSame) this.#blocks = this.#mapped.flat();
    return this.#blocks;
  }

  _slabOf(handle: number): Slab {
    const part = typeof handle === "number" ? this.#parts.partOf(handle) : -1;
    return this.#slabs[part] ?? this.#slabs[0];
  }

  checkThere(): void {
    this.#slabs[0].checkThere();
  }

  checkUsable(verb: string): void {
    for (let i = 0; i < this.#slabs.length; i++) this.#slabs[i].checkUsable(verb);
  }

  freeMany(handles: readonly number[], count: number, owner: SlabOwner): number {
    return this.#slabs[0].freeMany(handles, count, owner);
  }

  clear(): void {
    for (const slab of this.#slabs) slab.clear();
  }

  freeBlock(index: number): boolean {
    return this.#slabs.some((slab) => slab.freeBlock(index));
  }

  trim(): number {
    return this.#call("trim");
  }

  rebind(): void {
    for (const slab of this.#slabs) slab.rebind();
  }

  dispose(): void {
    this.#call("dispose");
  }

  /** Calls a method of all slabs, even if some calls throw; returns the sum of the results. */
  #call(method: "trim" | "dispose"): number {
    let sum = 0;
    let errors: unknown[] | undefined;
    for (let i = 0; i < this.#slabs.length; i++) {
      try {
        sum += this.#slabs[i][method]() || 0;
      } catch (error) {
        (errors ??= []).push(error);
      }
    }
    if (errors !== undefined) throw this.#debug?.joinErrors(this.#slabs[0], errors) ?? errors[0];
    return sum;
  }

  #sum(figure: "size" | "capacity" | "maxChunks" | "byteLength"): number {
    let sum = 0;
    for (let i = 0; i < this.#slabs.length; i++) sum += this.#slabs[i][figure];
    return sum;
  }
}
