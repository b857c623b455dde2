/**
 * Iteration over the live records of a slab, in block and chunk order.
 *
 * It goes no further than what existed when it began: through the blocks that there were, and in each through the chunks below
 * its bump mark when it came there. So it ends even if every step allocates, and each record that is live throughout is seen once.
 *
 * A chunk's stamp tells whether it is live, and makes its handle; once one is found dead, the rest of the block is walked by its
 * live bits, which skip 32 dead chunks at a time. Iterators are their own results, so that nothing is allocated on the way.
 *
 * @module
 */
import type { Compile } from "../struct/scalars.ts";
import type { RecordView, RecordViewClass } from "../struct/view.ts";
import { type Block, NO_BLOCK } from "./block.ts";
import type { HandleCodec } from "./handle.ts";
import type { Slab } from "./slab.ts";

/** What an iteration calls with each record, and with the arguments of the pass. */
export type Visitor = (view: RecordView, handle: number, ...args: unknown[]) => unknown;

/**
 * Calls a function with each live record.
 *
 * @param slab Whose records.
 * @param blocks Its blocks that have memory.
 * @param view Moved from record to record; where records are of several kinds, the views by their tag.
 * @param fn What is called.
 * @param a Handed on, as many as the loop was made for; and so are `b`, `c` and `d`.
 * @returns How many it freed, where it was made for that.
 */
export type Loop = (
  slab: Slab,
  blocks: readonly Block[],
  view: RecordView,
  fn: Visitor,
  a?: unknown,
  b?: unknown,
  c?: unknown,
  d?: unknown,
) => number;

/** In the place of a number of arguments: the loop frees the records that its function returns a falsy value for. */
export const RETAIN = -1;

/** Most arguments that a loop hands on. */
export const MAX_ARGUMENTS = 4;

/** The tag that stands for every kind. */
export const ALL_KINDS = -1;

/** Makes iterators over the records of a slab. */
export type IteratorClass = new (slab: Slab) => IterableIterator<RecordView>;

/** How the records of a pool are iterated over. */
export interface Iteration {
  readonly RecordIterator: IteratorClass;
  /**
   * @param args Arguments that the loop hands on, or {@linkcode RETAIN}.
   * @returns A loop, compiled for whoever asks.
   */
  loop(args: number): Loop;
  /**
   * @param slab Whose records.
   * @param fn What is called with each.
   * @param makeView Makes a view to be moved along.
   * @returns A function that passes over them with a loop of its own, and hands on up to four arguments.
   */
  call(slab: Slab, fn: Visitor, makeView: () => RecordView): (...args: unknown[]) => void;
}

/**
 * @param View Class of the records' views.
 * @param codec How handles are packed.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Makes it.
 * @returns Iteration over the records of one struct.
 */
export function iterationOf(
  View: RecordViewClass,
  codec: HandleCodec,
  chunkBytes: number,
  compile: Compile,
): Iteration {
  return {
    RecordIterator: compile(defineIterator, View, NO_BLOCK, chunkBytes),
    ...loopsOf((args) => compile(defineLoop, codec, chunkBytes, args), compile),
  };
}

/**
 * @param views The view of each kind, by its tag.
 * @param only Tag of the records that count.
 * @param codec How handles are packed.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Makes it.
 * @returns Iteration over the records of one kind, or of all, in a slab of mixed kinds.
 */
export function mixedIterationOf(
  views: (tag: number) => RecordViewClass,
  only: number,
  codec: HandleCodec,
  chunkBytes: number,
  compile: Compile,
): Iteration {
  let RecordIterator: IteratorClass | undefined; // made when it is wanted, as a pool has one for each kind
  return {
    get RecordIterator() {
      return RecordIterator ??= compile(defineMixedIterator, views, NO_BLOCK, chunkBytes, only);
    },
    ...loopsOf(
      (args) => compile(defineMixedLoop, views, NO_BLOCK, codec, chunkBytes, args, only),
      compile,
    ),
  };
}

/**
 * @param loop Makes a loop.
 * @param compile Makes what calls it.
 * @returns The loops of an iteration.
 */
export function loopsOf(
  loop: Iteration["loop"],
  compile: Compile,
): Pick<Iteration, "loop" | "call"> {
  return {
    loop,
    call: (slab, fn, makeView) => compile(defineCall, slab, fn, makeView, loop),
  };
}

// -- texts that are compiled anew: nothing in them is free but their parameters --

function defineIterator(View: RecordViewClass, noBlock: Block, chunkBytes: number): IteratorClass {
  return class RecordIterator {
    declare done: boolean;
    declare value: RecordView;
    /** Blocks that had memory at the beginning, and which of them the view is in. */
    declare _blocks: readonly Block[];
    declare _at: number;
    /** Where the view is, and what was the bump mark of the block when it came there. */
    declare _block: Block;
    declare _chunk: number;
    declare _end: number;

    constructor(slab: Slab) {
      this.done = false;
      this.value = new View(noBlock, 0);
      this._blocks = slab.iterable();
      this._at = -1;
      this._block = noBlock;
      this._chunk = -1;
      this._end = 0;
    }

    next(): this {
      const chunk = this._chunk + 1;
      const block = this._block;
      if (chunk < this._end && (block.stamps[chunk] & 1) !== 0) {
        this._chunk = chunk;
        const view = this.value;
        view._b = block;
        view._o = chunk * chunkBytes | 0;
      } else this._seek(chunk);
      return this;
    }

    [Symbol.iterator](): this {
      return this;
    }

    _seek(from: number): void {
      const blocks = this._blocks;
      let block = this._block;
      let chunk = block.nextLive(from, this._end);
      while (chunk >= this._end) {
        if (block.u8.length === 0) block.checkAttached("iterate");
        if (++this._at >= blocks.length) {
          this.done = true;
          return;
        }
        block = blocks[this._at];
        this._block = block;
        this._end = block.bump;
        chunk = block.nextLive(0, this._end);
      }
      this._chunk = chunk;
      this.value._b = block;
      this.value._o = chunk * chunkBytes | 0;
    }
  };
}

/**
 * The first record of a block stands before the loop, as the compiler moves nothing out of one: what it has checked there it knows
 * within.
 */
function defineLoop(codec: HandleCodec, chunkBytes: number, args: number): Loop {
  const visit = args < 0
    ? function (slab: Slab, fn: Visitor, view: RecordView, handle: number) {
      // The function may have freed the record itself.
      return !fn(view, handle) && slab.free(handle) ? 1 : 0;
    }
    : args === 0
    ? function (_slab: Slab, fn: Visitor, view: RecordView, handle: number) {
      fn(view, handle);
      return 0;
    }
    : args === 1
    ? function (_slab: Slab, fn: Visitor, view: RecordView, handle: number, a: unknown) {
      fn(view, handle, a);
      return 0;
    }
    : function (
      _slab: Slab,
      fn: Visitor,
      view: RecordView,
      handle: number,
      a: unknown,
      b: unknown,
      c: unknown,
      d: unknown,
    ) {
      if (args === 2) fn(view, handle, a, b);
      else if (args === 3) fn(view, handle, a, b, c);
      else fn(view, handle, a, b, c, d);
      return 0;
    };

  function visitRest(
    slab: Slab,
    block: Block,
    end: number,
    from: number,
    view: RecordView,
    fn: Visitor,
    a: unknown,
    b: unknown,
    c: unknown,
    d: unknown,
  ): number {
    const stamps = block.stamps;
    const bits = block.liveBits;
    const first = block.firstIndex;
    const last = end - 1;
    let freed = 0;
    let mask = -1 << (from & 31);
    for (let word = from >> 5; word <= last >> 5; word++) {
      let left = bits[word] & mask;
      mask = -1;
      while (left !== 0) {
        const chunk = (word << 5) + 31 - Math.clz32(left & -left);
        if (chunk > last) break;
        view._b = block;
        view._o = chunk * chunkBytes | 0;
        const handle = codec.encode(first + chunk, stamps[chunk]);
        freed += visit(slab, fn, view, handle, a, b, c, d);
        // What is left is read again after each call, as that may have freed any record.
        left &= left - 1 & bits[word];
      }
    }
    return freed;
  }

  return function loop(slab, blocks, view, fn, a, b, c, d) {
    let freed = 0;
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i];
      const stamps = block.stamps;
      const first = block.firstIndex;
      const end = block.bump;
      let chunk = 0;
      do {
        if (chunk < end && (stamps[chunk] & 1) !== 0) {
          view._b = block;
          view._o = chunk * chunkBytes | 0;
          freed += visit(slab, fn, view, codec.encode(first + chunk, stamps[chunk]), a, b, c, d);
          chunk++;
          for (let at = chunk * chunkBytes; chunk < end; at += chunkBytes) {
            const stamp = stamps[chunk];
            if ((stamp & 1) === 0 || view._b !== block) break;
            view._o = at;
            freed += visit(slab, fn, view, codec.encode(first + chunk, stamp), a, b, c, d);
            chunk++;
          }
        }
        if (chunk >= end) break;
        if (block.live << 2 < end * 3) {
          freed += visitRest(slab, block, end, chunk, view, fn, a, b, c, d);
          break;
        }
        chunk = block.nextLive(chunk, end);
      } while (chunk < end);
      if (block.u8.length === 0) block.checkAttached("iterate"); // its function may have had the memory grow
    }
    return freed;
  };
}

/** What `loop(fn)` gives: of one slab and one function, so that both are constants in it. */
function defineCall(
  slab: Slab,
  fn: Visitor,
  makeView: () => RecordView,
  makeLoop: (args: number) => Loop,
): (...args: unknown[]) => void {
  // A loop for each number of arguments that it is called with, nearly always one.
  const loops: (Loop | undefined)[] = [undefined, undefined, undefined, undefined, undefined];
  // One view serves all calls but those in the middle of another.
  let spare: RecordView | undefined = undefined;
  return function (a?: unknown, b?: unknown, c?: unknown, d?: unknown) {
    if (slab.disposed) throw slab.disposedError();
    const count = arguments.length < 4 ? arguments.length : 4;
    let loop = loops[count];
    if (loop === undefined) {
      loop = makeLoop(count);
      loops[count] = loop;
    }
    const view: RecordView = spare === undefined ? makeView() : spare;
    spare = undefined;
    loop(slab, slab.iterable(), view, fn, a, b, c, d);
    spare = view;
  };
}

function defineMixedIterator(
  views: (tag: number) => RecordViewClass,
  noBlock: Block,
  chunkBytes: number,
  only: number,
): IteratorClass {
  return class MixedIterator {
    declare done: boolean;
    declare value: RecordView;
    declare _blocks: readonly Block[];
    declare _at: number;
    declare _block: Block;
    declare _chunk: number;
    declare _end: number;
    /** Views of this iteration, by tag. */
    declare _views: (RecordView | undefined)[];

    constructor(slab: Slab) {
      this.done = false;
      this.value = undefined as unknown as RecordView; // nobody reads it before next()
      this._blocks = slab.iterable();
      this._at = -1;
      this._block = noBlock;
      this._chunk = -1;
      this._end = 0;
      this._views = [];
    }

    next(): this {
      const blocks = this._blocks;
      let block = this._block;
      let chunk = this._chunk + 1;
      for (;;) {
        chunk = block.nextLive(chunk, this._end);
        if (chunk >= this._end) {
          if (block.u8.length === 0) block.checkAttached("iterate");
          if (++this._at >= blocks.length) {
            this.done = true;
            return this;
          }
          block = blocks[this._at];
          this._block = block;
          this._end = block.bump;
          chunk = 0;
        } else if (only < 0 || block.tags[chunk] === only) break;
        else chunk++;
      }
      this._chunk = chunk;
      const tag = block.tags[chunk];
      let view = this._views[tag];
      if (view === undefined) {
        view = new (views(tag))(noBlock, 0);
        this._views[tag] = view;
      }
      view._b = block;
      view._o = chunk * chunkBytes | 0;
      this.value = view;
      return this;
    }

    [Symbol.iterator](): this {
      return this;
    }
  };
}

function defineMixedLoop(
  views: (tag: number) => RecordViewClass,
  noBlock: Block,
  codec: HandleCodec,
  chunkBytes: number,
  args: number,
  only: number,
): Loop {
  /** Views of passes that have ended, by tag: nested passes have their own. */
  const spare: (RecordView | undefined)[][] = [];
  return function loop(slab, blocks, _view, fn, a, b, c, d) {
    const own = spare.pop() || [];
    let freed = 0;
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i];
      const stamps = block.stamps;
      const tags = block.tags;
      const bits = block.liveBits;
      const first = block.firstIndex;
      const end = block.bump;
      for (let word = 0; word << 5 < end; word++) {
        let left = bits[word];
        while (left !== 0) {
          const chunk = (word << 5) + 31 - Math.clz32(left & -left);
          if (chunk >= end) break;
          const tag = tags[chunk];
          if (only < 0 || tag === only) {
            let view = own[tag];
            if (view === undefined) {
              view = new (views(tag))(noBlock, 0);
              own[tag] = view;
            }
            view._b = block;
            view._o = chunk * chunkBytes | 0;
            const handle = codec.encode(first + chunk, stamps[chunk]);
            if (args < 0) {
              if (!fn(view, handle) && slab.free(handle)) freed++;
            } else if (args === 0) fn(view, handle);
            else if (args === 1) fn(view, handle, a);
            else if (args === 2) fn(view, handle, a, b);
            else if (args === 3) fn(view, handle, a, b, c);
            else fn(view, handle, a, b, c, d);
          }
          left &= left - 1 & bits[word];
        }
      }
      if (block.u8.length === 0) block.checkAttached("iterate");
    }
    spare.push(own);
    return freed;
  };
}

// -- loops by the text of their function --

/** Function texts that a pool keeps loops for: a program may make functions without end. */
const MAX_TEXTS = 64;

/** Live records from which on a loop of its own pays for finding it. */
const MIN_RECORDS = 16;

const textOf = Function.prototype.toString;

/** What a function's text says that has none: `function () { [native code] }`, of a bound function for instance. */
const NO_TEXT = /\{\s*\[native code\]\s*\}\s*$/;

/**
 * The loops of a struct and geometry, each compiled for the text of one function.
 *
 * @typeParam L The loops.
 */
export class LoopsByText<L = Loop> {
  private readonly make: () => L;
  /** For what has no text, for what comes when there are enough, and for few records. */
  private common: L | undefined;
  private readonly byText = new Map<string, L>();

  /** @param make Makes a loop. */
  constructor(make: () => L) {
    this.make = make;
  }

  /**
   * Finds the loop for a function. A callback written in place is a new function at each pass, and its text the same: `toString`
   * cuts that out of the source in a fraction of a microsecond.
   *
   * @param fn The function.
   * @param size Live records.
   * @returns Its loop.
   */
  find(fn: Visitor, size: number): L {
    if (size < MIN_RECORDS) return this.common ??= this.make();
    const text = textOf.call(fn);
    let loop = this.byText.get(text);
    if (loop === undefined) {
      if (this.byText.size === MAX_TEXTS) return this.common ??= this.make();
      loop = NO_TEXT.test(text) ? this.common ??= this.make() : this.make();
      this.byText.set(text, loop);
    }
    return loop;
  }
}

/**
 * The loops of the two functions that one pool was last passed over with: a function that is the same at each pass costs no text,
 * which is a string on the heap.
 *
 * @typeParam L The loops.
 */
export class RecentLoops<L = Loop> {
  private readonly loops: LoopsByText<L>;
  private fn: unknown = undefined;
  private loop: L | undefined = undefined;
  private otherFn: unknown = undefined;
  private otherLoop: L | undefined = undefined;

  /** @param loops Where others are found. */
  constructor(loops: LoopsByText<L>) {
    this.loops = loops;
  }

  /**
   * @param fn A function.
   * @param size Live records.
   * @returns Its loop.
   */
  find(fn: Visitor, size: number): L {
    if (fn === this.fn) return this.loop!; // which is set with it
    if (fn === this.otherFn) return this.otherLoop!; // as well
    const loop = this.loops.find(fn, size);
    if (size < MIN_RECORDS) return loop; // there may be more the next time
    this.otherFn = this.fn;
    this.otherLoop = this.loop;
    this.fn = fn;
    this.loop = loop;
    return loop;
  }
}

/** An iterator over the handles of a slab's live records. */
export class HandleIterator implements IterableIterator<number> {
  done = false;
  value = 0;
  private readonly slab: Slab;
  /** Tag of the records that count. */
  private readonly only: number;
  /** Blocks that had memory at the beginning, and which of them it is in. */
  private readonly blocks: readonly Block[];
  private at = -1;
  private block: Block = NO_BLOCK;
  private chunk = -1;
  private end = 0;

  /**
   * @param slab Whose handles.
   * @param only Tag of the records that count.
   */
  constructor(slab: Slab, only: number = ALL_KINDS) {
    this.slab = slab;
    this.only = only;
    this.blocks = slab.iterable();
  }

  /** @returns This object: `done`, or `value` the next handle. */
  next(): this {
    do {
      if (!this.step()) {
        this.done = true;
        return this;
      }
    } while (this.only !== ALL_KINDS && this.block.tags[this.chunk] !== this.only);
    this.value = this.slab.handleAt(this.block, this.chunk);
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }

  /** Goes to the next live chunk; tells whether there is one. */
  private step(): boolean {
    let chunk = this.block.nextLive(this.chunk + 1, this.end);
    while (chunk >= this.end) {
      if (++this.at >= this.blocks.length) return false;
      this.block = this.blocks[this.at];
      this.end = this.block.bump;
      chunk = this.block.nextLive(0, this.end);
    }
    this.chunk = chunk;
    return true;
  }
}

/** Several iterators, one after the other. */
export class Chain<T> implements IterableIterator<T> {
  done = false;
  // Nothing before the first step, when nobody looks at it.
  value: T = undefined as T;
  private readonly walks: readonly Iterator<T>[];
  private current = 0;

  /** @param walks What to iterate over. */
  constructor(walks: readonly Iterator<T>[]) {
    this.walks = walks;
  }

  /** @returns This object: `done`, or `value` the next one of the current iterator. */
  next(): this {
    for (; this.current < this.walks.length; this.current++) {
      const { done, value } = this.walks[this.current].next();
      if (done === true) continue;
      this.value = value;
      return this;
    }
    this.done = true;
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }
}
