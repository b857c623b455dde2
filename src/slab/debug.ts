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
import { ALL_KINDS, type Iteration, loopsOf, RETAIN } from "./iterate.ts";
import { callDirectly } from "./own_code.ts";
import {
  type Slab,
  type SlabClass,
  slabClass,
  type SlabConfig,
  type SlabOwner,
  type SlabState,
} from "./slab.ts";
import type { Compile } from "../struct/scalars.ts";

/** What freed bytes are filled with. */
export const POISON: number = 0xdd;

/** In the place of a stack that nobody knows. */
const FROM_SNAPSHOT = "    by the return to a snapshot";

/** Leaks that a message shows; all of them are in the error's `leaks`. */
const SHOWN_LEAKS = 10;

/** Where this module's files are, whose frames nobody wants to see; empty in a bundle that does not know its address. */
const HERE = folderAbove(import.meta.url);

/** The debug slabs that there are, to tell whose a handle is. */
const debugSlabs = new Set<WeakRef<DebugSlab>>();

/** A slab in debug mode, for others. */
interface DebugSlab extends Slab {
  readonly isDebug: true;
}

/** What {@linkcode SlabClass} makes: a slab with its hot part. */
declare class WholeSlab extends Slab {
  override alloc(): number;
  override free(handle: number): boolean;
  override find(handle: number): Block | undefined;
  override bindTo(view: RecordView, handle: number): number;
  override flipLiveBit(handle: number, expected: boolean): boolean;
  override freeMany(handles: ArrayLike<number>, owner: SlabOwner): number;
  protected override freeChunk(block: Block, chunk: number): void;
  protected override fill(count: number, out: { [i: number]: number }): void;
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
  const Plain = slabClass(config, chunkBytes, compile);
  return config.debug ? debugSlabClass(Plain) : Plain;
}

function debugSlabClass(Plain: SlabClass): SlabClass {
  return class extends (Plain as typeof WholeSlab) implements DebugSlab {
    readonly isDebug = true;
    /** Where each live record was allocated, by handle; `undefined` for one that a snapshot brought back. */
    readonly #origins = new Map<number, Error | undefined>();
    readonly #self = new WeakRef(this);

    constructor(...args: ConstructorParameters<SlabClass>) {
      super(...args);
      debugSlabs.add(this.#self);
    }

    override alloc(): number {
      // Where a block is full, the plain one grows and calls this one again.
      const handle = super.alloc();
      if (handle !== 0 && !this.#origins.has(handle)) this.#origins.set(handle, callerOrigin());
      return handle;
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
      const handle = this.handleAt(block, chunk);
      super.freeChunk(block, chunk);
      this.#origins.delete(handle);
      poison(block, chunk); // of a block that was given back there is nothing to fill
    }

    protected override clearBlock(block: Block): void {
      for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
        this.#origins.delete(this.handleAt(block, chunk));
        poison(block, chunk);
      }
      super.clearBlock(block);
    }

    override settle(state: SlabState): void {
      super.settle(state);
      const before = new Map(this.#origins);
      this.#origins.clear();
      for (const block of this.mounted()) {
        for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
          const handle = this.handleAt(block, chunk);
          this.#origins.set(handle, before.get(handle));
        }
      }
    }

    override ownerOf(handle: number): string | undefined {
      for (const ref of debugSlabs) {
        const other = ref.deref();
        if (other === undefined) debugSlabs.delete(ref);
        else if (differs(this, other) && other.find(handle) !== undefined) return other.label;
      }
      return undefined;
    }
  };
}

/** Whether handles tell two slabs apart: where there are more debug pools than their bits, a stale one may pass for another's. */
function differs({ codec }: Slab, { codec: other }: Slab): boolean {
  return codec.first !== other.first || codec.wraps !== other.wraps;
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
    const walk = new DebugWalk(slab, views, only);
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
    Walk: class extends DebugWalk {
      constructor(slab: Slab) {
        super(slab, views, only);
      }
    },
    ...loopsOf(loop, callDirectly),
  };
}

/** An iterator with a new view for each record. */
class DebugWalk implements IterableIterator<RecordView> {
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
    this.#blocks = slab.mounted();
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

/** Frames of this module at the most between a user's call and where a stack is taken: a writer has one for each field. */
const OWN_FRAMES = 512;

/**
 * Notes where a call comes from. To write the frames out takes ten times as long, and is left for when they are wanted.
 *
 * @returns What {@linkcode framesOf} takes.
 */
export function callerOrigin(): Error {
  // Only V8 has a limit, which counts this module's frames as well.
  const limits = Error as { stackTraceLimit?: number };
  const limit = limits.stackTraceLimit;
  if (limit !== undefined) limits.stackTraceLimit = limit + OWN_FRAMES;
  const origin = new Error();
  if (limit !== undefined) limits.stackTraceLimit = limit;
  return origin;
}

/** The folder that a file's folder is in. By its text, as not every address of a module has folders: `data:` and `blob:` have none. */
function folderAbove(url: string | undefined): string {
  return url === undefined ? "" : url.slice(0, url.lastIndexOf("/", url.lastIndexOf("/") - 1) + 1);
}

/**
 * @param origin Where a call came from.
 * @returns The frames of the stack, those of this module left out, one a line. Where all modules were made one file nothing
 * tells them apart, and so all are there.
 */
export function framesOf(origin: Error): string {
  const { stackTraceLimit } = Error as { stackTraceLimit?: number };
  const frames = (origin.stack ?? "").split("\n").slice(1);
  const others = frames.filter((frame) => !frame.includes(HERE));
  return (others.length > 0 ? others.slice(0, stackTraceLimit) : frames).join("\n");
}

/**
 * Disposes of several slabs that are one to their user, all of them whatever was leaked.
 *
 * @param all The slabs, at least one.
 * @throws {LeakError} for all records that were live, in debug mode.
 */
export function disposeAll(all: readonly Slab[]): void {
  const leaks: Leak[] = [];
  for (const slab of all) {
    try {
      slab.dispose();
    } catch (error) {
      if (!(error instanceof LeakError)) throw error;
      for (const leak of error.leaks) leaks.push(leak);
    }
  }
  if (leaks.length > 0) throw leakError(all[0].label, all[0].name, leaks, "handle");
}

/**
 * @param label How errors call the pool or allocator.
 * @param name Its name.
 * @param leaks What was still live, at least one.
 * @param what What names them, `handle` or `address`.
 * @returns The error for its disposal.
 */
export function leakError(
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
export function throwLeaks(label: string, name: string, origins: Map<number, Error>): void {
  const leaks = Array.from(origins, ([handle, origin]) => ({ handle, stack: framesOf(origin) }));
  origins.clear();
  if (leaks.length > 0) throw leakError(label, name, leaks, "address");
}
