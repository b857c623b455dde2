/**
 * Debug mode: a slab that remembers where each record was allocated, overwrites freed chunks, and
 * recognises the handles of other debug slabs; its iteration; and the errors for leaks.
 *
 * It is a subclass, so that slabs without debug mode need no checks for it.
 *
 * @module
 */
import { type Leak, LeakError, StaleHandleError } from "../errors.ts";
import { debugViews } from "../struct/debug_view.ts";
import { type RecordKeeper, TypedArrays } from "../struct/typed_arrays.ts";
import { inUnits, type RecordView, type RecordViewClass } from "../struct/view.ts";
import type { Block } from "./block.ts";
import {
  callOrigin,
  framesOf,
  keepOrigin,
  type Origin,
  traceCalls,
  withOrigin,
} from "./call_stack.ts";
import { type DebugMode, POISON } from "./debug_mode.ts";
import { ALL_KINDS, type Iteration, LiveChunks, type Loop, loopsOf } from "./iterate.ts";
import { RETAIN } from "./loops.ts";
import { callDirectly } from "./own_code.ts";
import { DebugHandles, endOfPacked, skipNumbers } from "./debug_handles.ts";
import { SpaceKeeper } from "./debug_spaces.ts";
import type { SlabState } from "./rebuild.ts";
import type { Slab, SlabClass, WholeSlab } from "./slab.ts";
import { staleError } from "./slab_errors.ts";
import { type Reference, referTo } from "./weak.ts";

/** Stands for the stack of a record that came from a snapshot. */
const FROM_SNAPSHOT = "    by restore() or load()";

/** The most leaks that a message shows; the error's `leaks` has all of them. */
const SHOWN_LEAKS = 10;

/** All debug slabs, to find the pool that a handle belongs to. */
const debugSlabs = new Set<Reference<Slab>>();

/**
 * Makes the class of slabs in debug mode.
 *
 * @param Plain The class of the same slabs without debug mode.
 * @returns The class.
 */
function debugSlabClass(Plain: SlabClass): SlabClass {
  return class extends (Plain as typeof WholeSlab) {
    /** Where each live record was allocated, by handle; `undefined` for one from a snapshot. */
    readonly #origins = new Map<number, Origin | undefined>();
    readonly #self: Reference<Slab> = referTo(this);

    constructor(...args: ConstructorParameters<SlabClass>) {
      super(...args);
      debugSlabs.add(this.#self);
    }

    override alloc(): number {
      // When the current block is full, super.alloc() grows and then calls this method again.
      const handle = keepOrigin(() => super.alloc());
      if (handle !== 0 && !this.#origins.has(handle)) this.#origins.set(handle, callOrigin());
      return handle;
    }

    protected override fill(count: number, out: { [i: number]: number }): boolean {
      return withOrigin(() => super.fill(count, out));
    }

    override dispose(): void {
      const leaks = Array.from(this.#origins, ([handle, origin]) => leakOf(handle, origin));
      debugSlabs.delete(this.#self);
      super.dispose();
      if (leaks.length > 0) throw leakError(this.label, this.name, leaks, "handle");
    }

    protected override freeChunk(block: Block, chunk: number): void {
      this.#forget(block, chunk);
      super.freeChunk(block, chunk);
      poison(block, chunk); // has no effect if the block was given back
    }

    override clearBlock(block: Block): void {
      for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
        this.#forget(block, chunk);
        // What dispose() gives back may be in use again: an arena may have been reset.
        if (!this.disposed) poison(block, chunk);
      }
      super.clearBlock(block);
    }

    override noteMoved(
      before: number,
      from: Block,
      chunk: number,
      to: Block,
      target: number,
    ): void {
      const origin = this.#origins.get(before);
      this.#origins.delete(before);
      this.#handles.free(from.position * from.chunkCount + chunk);
      this.#origins.set(this.handleAt(to, target), origin);
      poison(from, chunk);
    }

    override noteSettled(numbers: SlabState["numbers"]): void {
      if (numbers === undefined) skipNumbers(endOfPacked(this.#handles.packed));
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

    readonly keeper: RecordKeeper = {
      epochAt: (arrays, offset) => {
        const block = arrays as Block; // the keeper is that of blocks of this slab
        const chunk = offset / block.chunkBytes;
        const isLive = (block.stamps[chunk] & 1) === 1 && block.u8.length > 0;
        return isLive ? this.handleAt(block, chunk) : NaN;
      },
      staleError: (arrays, _offset, epoch) => {
        const block = arrays as Block;
        return block.isDetached
          ? this.detachedError("use a view", block)
          : staleError(this, "use a view", epoch, -1);
      },
    };

    override lastHandleAt(block: Block, chunk: number): number {
      return this.#handles.last(block.position * block.chunkCount + chunk);
    }

    get #handles(): DebugHandles {
      return this.codec as DebugHandles; // set by the options in debug mode
    }

    /** Drops the origin and the handle of a record that is about to be freed. */
    #forget(block: Block, chunk: number): void {
      this.#origins.delete(this.handleAt(block, chunk));
      this.#handles.free(block.position * block.chunkCount + chunk);
    }

    override ownerOf(handle: number): string | undefined {
      if (this.codec.liveStamp(handle) >= 0) return undefined; // a stale handle of this slab
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
 * The memory that an iteration's view is bound to once the iteration has moved on. It makes every
 * use of the view throw. In debug mode each record gets a new view, so a view that was kept is
 * noticed.
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

  override get keeper(): RecordKeeper {
    return { epochAt: () => NaN, staleError: this.#error }; // NaN equals no epoch, not even itself
  }
}

/**
 * @param views Returns the view class of a tag; slabs without tags always pass the same.
 * @param only Tag of the records to iterate over.
 * @returns Iteration in debug mode.
 */
function debugIterationOf(
  views: (tag: number) => RecordViewClass,
  only: number = ALL_KINDS,
): Iteration {
  const makeLoop = (args: number): Loop => (slab, _blocks, _view, fn, ...rest) => {
    let freed = 0;
    const iterator = new DebugIterator(slab, views, only);
    try {
      while (!iterator.next().done) {
        const { value, handle } = iterator;
        const result = fn(value, handle, ...rest.slice(0, Math.max(0, args)));
        if (args === RETAIN && !result && slab.free(handle)) freed++;
      }
    } finally {
      iterator.moveOn();
    }
    return freed;
  };
  return {
    RecordIterator: class extends DebugIterator {
      constructor(slab: Slab) {
        super(slab, views, only);
      }
    },
    ...loopsOf(makeLoop, callDirectly),
  };
}

/** An iterator with a new view for each record. */
class DebugIterator extends LiveChunks<RecordView> {
  value: RecordView = undefined as unknown as RecordView; // not read before next()
  /** Handle of the record that `value` is bound to; 0 if there is none. */
  handle = 0;
  readonly #views: (tag: number) => RecordViewClass;

  constructor(slab: Slab, views: (tag: number) => RecordViewClass, only: number) {
    super(slab, only);
    this.#views = views;
  }

  override next(): this {
    this.moveOn();
    return super.next();
  }

  protected override visit(block: Block, chunk: number): void {
    this.handle = this.slab.handleAt(block, chunk);
    const View = this.#views(block.tags[chunk]);
    this.value = new View(block, inUnits(View, chunk * block.chunkBytes));
  }

  /** Makes the last view throw from now on. */
  moveOn(): void {
    if (this.handle === 0) return;
    new MovedOn(this.slab, this.handle).bind(this.value, 0);
    this.handle = 0;
  }
}

// -- freed bytes and leaks --

/** Fills a freed chunk, except for its link. */
function poison({ bytes, chunkBytes, linkBytes }: Block, chunk: number): void {
  if (bytes.length === 0) return; // the block was given back, or its memory was detached
  const at = chunk * chunkBytes;
  bytes.fill(POISON, at + linkBytes, at + chunkBytes);
}

/** Returns the error for the disposal of a pool: one for the leaks of all its slabs. */
function joinErrors({ label, name }: Slab, errors: readonly unknown[]): unknown {
  const other = errors.find((error) => !(error instanceof LeakError)); // from a memory resource
  if (other !== undefined) return other;
  return leakError(label, name, errors.flatMap((error) => (error as LeakError).leaks), "handle");
}

/**
 * @param label The pool or allocator in errors, `Pool "bullets"`.
 * @param name Its name.
 * @param leaks What was still live, at least one.
 * @param what How the message calls its keys, `handle` or `address`.
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
 * @param handle Its handle or address.
 * @param origin Where it was allocated; `undefined` for a record of a snapshot.
 * @returns The leak. Its stack is written when it is read, as there may be a hundred thousand.
 */
function leakOf(handle: number, origin: Origin | undefined): Leak {
  return {
    handle,
    get stack() {
      return origin === undefined ? FROM_SNAPSHOT : framesOf(origin);
    },
  };
}

/**
 * Throws if a byte allocator had live allocations.
 *
 * @param label The allocator in errors, `Arena "frame"`.
 * @param name Its name.
 * @param origins Where each live allocation was made, by address; it is cleared.
 * @throws {LeakError} with all of them, if there are any.
 */
function throwLeaks(label: string, name: string, origins: Map<number, Origin>): void {
  const leaks = Array.from(origins, ([handle, origin]) => leakOf(handle, origin));
  origins.clear();
  if (leaks.length > 0) throw leakError(label, name, leaks, "address");
}

/**
 * Debug mode, the value of the option `debug` of pools and allocators: use it while you look for a
 * bug, and in tests.
 *
 * Freed chunks are filled with `0xdd`. A view that is kept past its record's `free` throws
 * `StaleHandleError`, and so does a view of a loop that is kept past its step. A stale handle is
 * never accepted, however often its chunk was reused. `dispose` throws `LeakError` when records are
 * still live, with the stack of each one's `alloc`. Everything takes several times as long, and
 * allocates on the heap.
 *
 * @category Debugging
 *
 * @example Usage
 * ```ts
 * import { debug, Pool, StaleHandleError } from "@slabs/pool";
 * import { assertThrows } from "@std/assert";
 *
 * using pool = new Pool({ hp: "u8" }, { debug });
 * const imp = pool.alloc({ hp: 7 });
 * const view = pool.get(imp);
 * pool.free(imp);
 * assertThrows(() => view.hp, StaleHandleError);
 * ```
 */
export const debug: DebugMode = {
  views: debugViews,
  handlesFor: (packed) => new DebugHandles(packed),
  slabClass: debugSlabClass,
  iterationOf: debugIterationOf,
  keeperFor: (label, name) => new SpaceKeeper(label, name),
  traceCalls,
  callOrigin,
  keepOrigin,
  joinErrors,
  throwLeaks,
};
