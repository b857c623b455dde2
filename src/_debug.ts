/**
 * Debug mode: a slab that remembers where each record was allocated, overwrites what was freed, and knows the handles of
 * other debug slabs from its own.
 *
 * It is a class of its own, so that a slab without debug mode has not a single test for it.
 *
 * @module
 */
import type { Block } from "./_block.ts";
import { type Chunk, Slab, type SlabState } from "./_slab.ts";
import type { RecordView, Visit } from "./_view.ts";
import { type Leak, LeakError } from "./errors.ts";
import type { SlabConfig } from "./options.ts";

/** What freed bytes are filled with. */
export const POISON: number = 0xdd;

/** In the place of a stack that nobody knows. */
const FROM_SNAPSHOT = "    by the return to a snapshot";

/** Leaks that a message shows; all of them are in the error's `leaks`. */
const SHOWN_LEAKS = 10;

/** Where this module's files are, whose frames nobody wants to see. */
const HERE = new URL(".", import.meta.url).href;

/** The debug slabs that there are, to tell whose a handle is. */
const debugSlabs = new Set<WeakRef<DebugSlab>>();

/**
 * @param config Checked options.
 * @param chunk What the slab is told of its chunks.
 * @returns A slab, in debug mode if the options say so.
 */
export function createSlab(config: SlabConfig, chunk: Chunk): Slab {
  return config.debug ? new DebugSlab(config, chunk) : new Slab(config, chunk);
}

/** A slab in debug mode. */
class DebugSlab extends Slab {
  /** Where each live record was allocated, by handle; `undefined` for one that a snapshot brought back. */
  readonly #origins = new Map<number, Error | undefined>();
  readonly #self = new WeakRef(this);

  constructor(config: SlabConfig, chunk: Chunk) {
    super(config, chunk);
    debugSlabs.add(this.#self);
  }

  override alloc(): number {
    const handle = super.alloc();
    if (handle !== 0) this.#origins.set(handle, callerOrigin());
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

  /** A debug view tells where it stands only while its record is live, so nobody asks it. */
  protected override visit(block: Block, view: RecordView, fn: Visit): void {
    for (let chunk = block.nextLive(0); chunk < block.bump; chunk = block.nextLive(chunk + 1)) {
      block.place(view, chunk * block.chunkBytes);
      fn(view, this.handleAt(block, chunk));
    }
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
      else if (this.#differsFrom(other) && other.find(handle) !== undefined) return other.label;
    }
    return undefined;
  }

  /** Whether handles tell: where there are more debug pools than their bits, a stale one may pass for another's. */
  #differsFrom({ codec }: Slab): boolean {
    return codec.first !== this.codec.first || codec.wraps !== this.codec.wraps;
  }
}

/** Fills a chunk past the link, which a freed one needs. */
function poison({ bytes, chunkBytes, linkBytes }: Block, chunk: number): void {
  const at = chunk * chunkBytes;
  bytes.fill(POISON, at + linkBytes, at + chunkBytes);
}

/** Frames of this module at the most between a user's call and where a stack is taken. */
const OWN_FRAMES = 12;

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
