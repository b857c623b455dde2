/**
 * Debug mode: a slab that remembers where each record was allocated, overwrites what was freed, and knows the handles of
 * other debug slabs from its own.
 *
 * It is a class of its own, so that a slab without debug mode has not a single test for it.
 *
 * @module
 */
import { type Leak, LeakError, StaleHandleError } from "../errors.ts";
import { TypedArrays } from "../struct/typed_arrays.ts";
import type { RecordView, RecordViewClass } from "../struct/view.ts";
import { type Block, NO_BLOCK } from "./block.ts";
import { callOrigin, framesOf, keepOrigin, type Origin, withOrigin } from "./call_stack.ts";
import { ALL_KINDS, type Iteration, loopsOf, RETAIN } from "./iterate.ts";
import { callDirectly } from "./own_code.ts";
import type { DebugHandles } from "./debug_handles.ts";
import {
  type Slab,
  type SlabClass,
  slabClass,
  type SlabConfig,
  type SlabState,
  type WholeSlab,
} from "./slab.ts";
import { spreadSlabClass } from "./spread.ts";
import type { Compile } from "../struct/scalars.ts";

/** What freed bytes are filled with. */
export const POISON: number = 0xdd;

/** In the place of a stack that nobody knows. */
const FROM_SNAPSHOT = "    by restore() or load()";

/** Leaks that a message shows; all of them are in the error's `leaks`. */
const SHOWN_LEAKS = 10;

/** The debug slabs that there are, to tell whose a handle is. */
const debugSlabs = new Set<WeakRef<DebugSlab>>();

/** A slab in debug mode, for others. */
interface DebugSlab extends Slab {
  readonly isDebug: true;
}

/**
 * @param config Checked options.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Makes the class.
 * @returns The class of such slabs, in debug mode if the options say so.
 */
export function slabClassFor(
  config: SlabConfig,
  chunkBytes: number,
  compile: Compile,
): SlabClass {
  let Made = slabClass(config, chunkBytes, compile);
  if (config.spread) Made = spreadSlabClass(Made, config, chunkBytes, compile);
  return config.debug ? debugSlabClass(Made) : Made;
}

function debugSlabClass(Plain: SlabClass): SlabClass {
  return class extends (Plain as typeof WholeSlab) implements DebugSlab {
    readonly isDebug = true;
    /** Where each live record was allocated, by handle; `undefined` for one that a snapshot brought back. */
    readonly #origins = new Map<number, Origin | undefined>();
    readonly #self = new WeakRef(this);

    constructor(...args: ConstructorParameters<SlabClass>) {
      super(...args);
      debugSlabs.add(this.#self);
    }

    override alloc(): number {
      // Where a block is full, the plain one grows and calls this one again.
      const handle = keepOrigin(() => super.alloc());
      if (handle !== 0 && !this.#origins.has(handle)) this.#origins.set(handle, callOrigin());
      return handle;
    }

    protected override fill(count: number, out: { [i: number]: number }): boolean {
      return withOrigin(() => super.fill(count, out));
    }

    override dispose(): void {
      const leaks = Array.from(this.#origins, ([handle, origin]) => {
        return { handle, stack: origin === undefined ? FROM_SNAPSHOT : framesOf(origin) };
      });
      debugSlabs.delete(this.#self);
      super.dispose();
      if (leaks.length > 0) throw leakError(this.label, this.name, leaks, "handle");
    }

    protected override freeChunk(block: Block, chunk: number): void {
      this.#forget(block, chunk);
      super.freeChunk(block, chunk);
      poison(block, chunk); // of a block that was given back there is nothing to fill
    }

    protected override clearBlock(block: Block): void {
      for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
        this.#forget(block, chunk);
        poison(block, chunk);
      }
      super.clearBlock(block);
    }

    override moveRecord(from: Block, chunk: number, to: Block, target: number): void {
      const before = this.handleAt(from, chunk);
      const origin = this.#origins.get(before);
      super.moveRecord(from, chunk, to, target);
      this.#origins.delete(before);
      this.#handles.free(from.position * from.chunkCount + chunk);
      this.#origins.set(this.handleAt(to, target), origin);
      poison(from, chunk);
    }

    override settle(state: SlabState): void {
      super.settle(state);
      const { numbers } = state;
      const records: [index: number, stamp: number, number: number][] = [];
      for (const block of this.mappedBlocks()) {
        for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
          const index = block.position * block.chunkCount + chunk;
          const number = numbers === undefined ? 0 : numbers(block.position, chunk);
          records.push([index, block.stamps[chunk], number]);
        }
      }
      this.#handles.restore(records);
      const before = new Map(this.#origins);
      this.#origins.clear();
      for (const [index, stamp] of records) {
        const handle = this.codec.encode(this.codec.first + index, stamp);
        this.#origins.set(handle, before.get(handle));
      }
    }

    override lastHandleAt(block: Block, chunk: number): number {
      return this.#handles.last(block.position * block.chunkCount + chunk);
    }

    get #handles(): DebugHandles {
      return this.codec as DebugHandles; // as the options made it
    }

    /** Forgets a record that is about to be freed. */
    #forget(block: Block, chunk: number): void {
      this.#origins.delete(this.handleAt(block, chunk));
      this.#handles.free(block.position * block.chunkCount + chunk);
    }

    override ownerOf(handle: number): string | undefined {
      if (this.codec.liveStamp(handle) >= 0) return undefined; // its own, of a record that is gone
      for (const ref of debugSlabs) {
        const other = ref.deref();
        if (other === undefined) debugSlabs.delete(ref);
        else if ((other.codec as DebugHandles).isLive(handle)) return other.label;
      }
      return undefined;
    }
  };
}

// -- iteration --

/**
 * What the view of an iteration is bound to once that has moved on: the next record has a view of its own, so that one which was
 * kept is noticed.
 */
class MovedOn extends TypedArrays {
  readonly #error: () => Error;

  constructor(slab: Slab, handle: number) {
    super();
    this.#error = () =>
      new StaleHandleError(
        `Cannot use a view in ${slab.label}: its iteration has moved on from handle ${handle}; ` +
          "to keep a view, take pool.get(handle)",
        { pool: slab.name, handle, index: -1, generation: -1, chunkGeneration: -1 },
      );
  }

  override epochAt(): number {
    return NaN; // equal to no epoch, not to itself either
  }

  override staleError(): Error {
    return this.#error();
  }
}

/**
 * @param views The view of each kind, by its tag; of the only kind where the slab has no tags.
 * @param only Tag of the records that count.
 * @returns Iteration in debug mode.
 */
export function debugIterationOf(
  views: (tag: number) => RecordViewClass,
  only: number = ALL_KINDS,
): Iteration {
  const loop: Iteration["loop"] = (args) => (slab, _blocks, _view, fn, ...rest) => {
    let freed = 0;
    const walk = new DebugIterator(slab, views, only);
    try {
      while (!walk.next().done) {
        const { value, handle } = walk;
        const result = fn(value, handle, ...rest.slice(0, Math.max(0, args)));
        if (args === RETAIN && !result && slab.free(handle)) freed++;
      }
    } finally {
      walk.moveOn();
    }
    return freed;
  };
  return {
    RecordIterator: class extends DebugIterator {
      constructor(slab: Slab) {
        super(slab, views, only);
      }
    },
    ...loopsOf(loop, callDirectly),
  };
}

/** An iterator with a new view for each record. */
class DebugIterator implements IterableIterator<RecordView> {
  done = false;
  value: RecordView = undefined as unknown as RecordView; // nobody reads it before next()
  handle = 0;
  readonly #slab: Slab;
  readonly #views: (tag: number) => RecordViewClass;
  readonly #only: number;
  /** Blocks that had memory at the beginning, and which of them the view is in. */
  readonly #blocks: readonly Block[];
  #at = -1;
  #block: Block = NO_BLOCK;
  #chunk = -1;
  #end = 0;

  constructor(slab: Slab, views: (tag: number) => RecordViewClass, only: number) {
    this.#slab = slab;
    this.#views = views;
    this.#only = only;
    this.#blocks = slab.iterable();
  }

  next(): this {
    this.moveOn();
    if (!this.#step()) {
      this.done = true;
      return this;
    }
    const block = this.#block;
    const chunk = this.#chunk;
    this.handle = this.#slab.handleAt(block, chunk);
    this.value = new (this.#views(block.tags[chunk]))(block, chunk * block.chunkBytes);
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }

  /** Has the last view throw from here on. */
  moveOn(): void {
    if (this.handle === 0) return;
    new MovedOn(this.#slab, this.handle).bind(this.value, 0);
    this.handle = 0;
  }

  /** Goes to the next live chunk that counts; tells whether there is one. */
  #step(): boolean {
    for (;;) {
      this.#chunk = this.#block.nextLive(this.#chunk + 1, this.#end);
      if (this.#chunk >= this.#end) {
        if (++this.#at >= this.#blocks.length) return false;
        this.#block = this.#blocks[this.#at];
        this.#end = this.#block.bump;
        this.#chunk = -1;
      } else if (this.#only === ALL_KINDS || this.#block.tags[this.#chunk] === this.#only) {
        return true;
      }
    }
  }
}
/** Fills a chunk past the link, which a freed one needs. */
function poison({ bytes, chunkBytes, linkBytes }: Block, chunk: number): void {
  const at = chunk * chunkBytes;
  bytes.fill(POISON, at + linkBytes, at + chunkBytes);
}

/**
 * Disposes of several slabs that are one to their user, all of them whatever was leaked.
 *
 * @param all The slabs, at least one.
 * @throws {LeakError} for all records that were live, in debug mode.
 */
export function disposeAll(all: readonly Slab[]): void {
  const leaks: Leak[] = [];
  const errors: unknown[] = [];
  for (const slab of all) {
    try {
      slab.dispose();
    } catch (error) {
      if (error instanceof LeakError) leaks.push(...error.leaks);
      else errors.push(error); // a memory resource's
    }
  }
  if (errors.length > 0) throw errors[0];
  if (leaks.length > 0) throw leakError(all[0].label, all[0].name, leaks, "handle");
}

/**
 * @param label How errors call the pool or allocator.
 * @param name Its name.
 * @param leaks What was still live, at least one.
 * @param what What names them, `handle` or `address`.
 * @returns The error for its disposal.
 */
function leakError(
  label: string,
  name: string,
  leaks: readonly Leak[],
  what: string,
): LeakError {
  const shown = leaks.slice(0, SHOWN_LEAKS).map(({ handle, stack }) =>
    `\n${what} ${handle}, allocated\n${stack}`
  );
  const more = leaks.length > SHOWN_LEAKS ? `\nand ${leaks.length - SHOWN_LEAKS} more` : "";
  return new LeakError(
    `Cannot dispose of ${label} cleanly: ${leaks.length} still live${shown.join("")}${more}`,
    name,
    leaks,
  );
}

/**
 * Throws where a byte allocator had something live, and forgets it.
 *
 * @param label How errors call the allocator.
 * @param name Its name.
 * @param origins Where each live allocation was made, by address.
 * @throws {LeakError} when there is any.
 */
export function throwLeaks(label: string, name: string, origins: Map<number, Origin>): void {
  const leaks = Array.from(origins, ([handle, origin]) => ({ handle, stack: framesOf(origin) }));
  origins.clear();
  if (leaks.length > 0) throw leakError(label, name, leaks, "address");
}
