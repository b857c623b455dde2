/**
 * Iteration over the live records of a slab, in block and chunk order.
 *
 * It visits only blocks that existed when it began, and in each only chunks that were below the
 * bump pointer when it came to the block. So it ends even if every step allocates, and each record
 * that is live throughout is visited exactly once.
 *
 * While chunks are live, the loop reads their stamps in order. After a dead chunk it follows the
 * live bits, which skip 32 dead chunks at a time. Iterators return themselves as results, so steps
 * allocate nothing.
 *
 * @module
 */
import type { ReusedIterator } from "../struct/array_view.ts";
import type { Compile } from "../struct/scalars.ts";
import { inUnits, type RecordView, type RecordViewClass } from "../struct/view.ts";
import { type Block, NO_BLOCK } from "./block.ts";
import type { HandleCodec } from "./handle.ts";
import { Loops, type LoopsByText, type MakeLoop } from "./loops.ts";
import type { Slab } from "./slab.ts";

/**
 * The callback of an iteration, called with each record and with the extra arguments of the pass.
 */
export type Visitor = (view: RecordView, handle: number, ...args: unknown[]) => unknown;

/**
 * Calls a function with each live record.
 *
 * @param slab The slab.
 * @param blocks Its blocks that have memory.
 * @param view Bound to each record in turn; not used by loops over mixed kinds, which have their
 * own.
 * @param fn The callback.
 * @param a First extra argument; `b`, `c` and `d` follow, as many as the loop was made for.
 * @returns How many records it freed, if it was made for {@linkcode RETAIN}; else 0.
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

/** Encodes handles. */
export type HandleEncoder = Pick<HandleCodec, "encode">;

/** Encodes each handle as 0, for callbacks that take the view alone. */
export const NO_HANDLES: HandleEncoder = /* @__PURE__ */ (() => ({ encode: () => 0 }))();

/** The most extra arguments that a loop passes to its callback. */
export const MAX_ARGUMENTS = 4;

/** Stands for all tags. */
export const ALL_KINDS = -1;

/** The class of iterators over the records of a slab. */
export type IteratorClass = new (slab: Slab) => ReusedIterator<RecordView>;

/** The ways to iterate over the records of a pool. */
export interface Iteration {
  readonly RecordIterator: IteratorClass;
  /**
   * @param args How many extra arguments the loops pass on, 0 to 4, or {@linkcode RETAIN}.
   * @returns The loops by the texts of their callbacks.
   */
  loopsFor(args: number): LoopsByText<Loop>;
  /**
   * @param slab The slab.
   * @param fn The callback.
   * @param makeView Makes a view to bind to the records.
   * @returns A function that runs a loop of its own, and passes up to four extra arguments.
   */
  call(slab: Slab, fn: Visitor, makeView: () => RecordView): (...args: unknown[]) => void;
}

/**
 * @param View Class of the records' views.
 * @param codec The packing of handles.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Compiles its parts.
 * @param only Tag of the records to iterate over; left out in a slab with one struct.
 * @returns Iteration over the records of one struct.
 */
export function iterationOf(
  View: RecordViewClass,
  codec: HandleCodec,
  chunkBytes: number,
  compile: Compile,
  only: number = ALL_KINDS,
): Iteration {
  const chunkUnits = inUnits(View, chunkBytes);
  let RecordIterator: IteratorClass | undefined; // compiled on first use, as pools have many kinds
  return {
    get RecordIterator() {
      return RecordIterator ??= compile(defineIterator, View, NO_BLOCK, chunkUnits, only);
    },
    ...loopsOf((args, isViewAlone) => {
      const handles = isViewAlone ? NO_HANDLES : codec;
      return compile(defineLoop, codec, handles, chunkUnits, args, only, PRIMING);
    }, compile),
  };
}

/**
 * @param views Returns the view class of a tag.
 * @param codec The packing of handles.
 * @param chunkBytes Bytes of a chunk.
 * @param compile Compiles its parts.
 * @returns Iteration over the records of all structs in a slab with several.
 */
export function mixedIterationOf(
  views: (tag: number) => RecordViewClass,
  codec: HandleCodec,
  chunkBytes: number,
  compile: Compile,
): Iteration {
  let RecordIterator: IteratorClass | undefined; // compiled on first use
  return {
    get RecordIterator() {
      return RecordIterator ??= compile(defineMixedIterator, views, NO_BLOCK, chunkBytes);
    },
    ...loopsOf((args, isViewAlone) => {
      const handles = isViewAlone ? NO_HANDLES : codec;
      return compile(defineMixedLoop, views, NO_BLOCK, codec, handles, chunkBytes, args);
    }, compile),
  };
}

/**
 * @param makeLoop Compiles a loop.
 * @param compile Compiles the function that calls it.
 * @returns The loops of an iteration.
 */
export function loopsOf(
  makeLoop: MakeLoop<Loop>,
  compile: Compile,
): Pick<Iteration, "loopsFor" | "call"> {
  const loops = new Loops(makeLoop);
  return {
    loopsFor: (args) => loops.byText(args),
    call(slab, fn, makeView) {
      const isOwn = loops.takeOwn();
      const find = loops.finderFor(fn, isOwn);
      return isOwn
        ? compile(defineCall, slab, fn, makeView, find)
        : defineCall(slab, fn, makeView, find);
    },
  };
}

/**
 * How often a new loop calls an idle function before its first pass: 0 except in SpiderMonkey,
 * which is the engine whose errors have a file name. It expects that a call site always calls the
 * first function it saw, and inlines no other, not even a closure with the same text. After an idle
 * function it inlines by text: `forEach` with a callback written in place takes 7 ns a record and
 * not 24. V8 would inline nothing after an idle function.
 */
const PRIMING = /* @__PURE__ */ (() => "fileName" in new Error() ? 20 : 0)();

// -- code that is compiled again for each pool: it uses only its parameters and globals --

function defineIterator(
  View: RecordViewClass,
  noBlock: Block,
  chunkUnits: number,
  only: number,
): IteratorClass {
  return class RecordIterator {
    declare done: boolean;
    declare value: RecordView;
    /** The blocks that had memory at the beginning. */
    declare _blocks: readonly Block[];
    /** Position in `_blocks` of the current block; -1 before the first. */
    declare _at: number;
    declare _block: Block;
    /** The chunk that the view is bound to; -1 before the first. */
    declare _chunk: number;
    /** The bump pointer of the current block at the moment that the iterator came to it. */
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
      if (
        chunk < this._end && (block.stamps[chunk] & 1) !== 0 &&
        (only < 0 || block.tags[chunk] === only)
      ) {
        this._chunk = chunk;
        const view = this.value;
        view._b = block;
        view._o = chunk * chunkUnits | 0;
      } else this._seek(chunk);
      return this;
    }

    [Symbol.iterator](): this {
      return this;
    }

    _seek(from: number): void {
      const blocks = this._blocks;
      let block = this._block;
      let chunk = from;
      for (;;) {
        chunk = block.nextLive(chunk, this._end);
        if (chunk >= this._end) {
          if (block.u8.length === 0) block.checkAttached("iterate");
          if (++this._at >= blocks.length) {
            this.done = true;
            return;
          }
          block = blocks[this._at];
          this._block = block;
          this._end = block.bump;
          chunk = 0;
        } else if (only < 0 || block.tags[chunk] === only) break;
        else chunk++;
      }
      this._chunk = chunk;
      this.value._b = block;
      this.value._o = chunk * chunkUnits | 0;
    }
  };
}

/**
 * The inner loop ends before `retain` frees a record: a call of `free` in it, however rare, would
 * make the compiler read all fields again for each record. Except for sparse blocks, only the inner
 * loop calls the callback, as V8 inlines callbacks and accessors only up to a total size.
 */
function defineLoop(
  codec: HandleCodec,
  handles: HandleEncoder,
  chunkUnits: number,
  args: number,
  only: number,
  priming: number,
): Loop {
  // Returns whether the record is to be freed.
  const visit = args < 0
    ? function (fn: Visitor, view: RecordView, handle: number) {
      return !fn(view, handle);
    }
    : args === 0
    ? function (fn: Visitor, view: RecordView, handle: number) {
      fn(view, handle);
      return false;
    }
    : args === 1
    ? function (fn: Visitor, view: RecordView, handle: number, a: unknown) {
      fn(view, handle, a);
      return false;
    }
    : function (
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
      return false;
    };

  const idle = function () {
    return true;
  };
  // None of the arguments is used.
  for (let i = 0; i < priming; i++) visit(idle, {} as RecordView, i, 0, 0, 0, 0);

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
    const tags = block.tags;
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
        if (only < 0 || tags[chunk] === only) {
          view._b = block;
          view._o = chunk * chunkUnits | 0;
          const stamp = stamps[chunk];
          if (visit(fn, view, handles.encode(first + chunk, stamp), a, b, c, d)) {
            if (slab.free(codec.encode(first + chunk, stamp))) freed++;
          }
        }
        // The live bits are read again after each call, as that may have freed any record.
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
      const tags = block.tags;
      const first = block.firstIndex;
      const end = block.bump;
      let chunk = 0;
      do {
        view._b = block;
        let stamp = 0;
        let isDoomed = false;
        for (let at = chunk * chunkUnits; chunk < end; at += chunkUnits, chunk++) {
          stamp = stamps[chunk];
          if ((stamp & 1) === 0 || view._b !== block) break;
          if (only >= 0 && tags[chunk] !== only) continue;
          view._o = at;
          if (visit(fn, view, handles.encode(first + chunk, stamp), a, b, c, d)) {
            isDoomed = true;
            break;
          }
        }
        if (isDoomed) {
          // The callback may have freed the record itself.
          if (slab.free(codec.encode(first + chunk, stamp))) freed++;
          chunk++;
          continue;
        }
        if (chunk >= end) break;
        if (block.live << 2 < end * 3) {
          freed += visitRest(slab, block, end, chunk, view, fn, a, b, c, d);
          break;
        }
        chunk = block.nextLive(chunk, end);
      } while (chunk < end);
      // The callback may have detached it.
      if (block.u8.length === 0) block.checkAttached("iterate");
    }
    return freed;
  };
}

/**
 * The function that `loop(fn)` returns, for one slab and one callback, so that both are constants
 * in it.
 */
function defineCall(
  slab: Slab,
  fn: Visitor,
  makeView: () => RecordView,
  findLoop: (args: number) => Loop,
): (...args: unknown[]) => void {
  // A loop for each number of arguments; nearly all callers use one number only.
  const loops: (Loop | undefined)[] = [undefined, undefined, undefined, undefined, undefined];
  // One view serves all calls except nested ones.
  let spare: RecordView | undefined = undefined;
  return function (a?: unknown, b?: unknown, c?: unknown, d?: unknown) {
    if (slab.disposed) throw slab.disposedError();
    const count = arguments.length < 4 ? arguments.length : 4;
    let loop = loops[count];
    if (loop === undefined) {
      loop = findLoop(count);
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
): IteratorClass {
  return class MixedIterator {
    declare done: boolean;
    declare value: RecordView;
    declare _blocks: readonly Block[];
    declare _at: number;
    declare _block: Block;
    declare _chunk: number;
    declare _end: number;
    /** The views of this iterator, by tag. */
    declare _views: (RecordView | undefined)[];

    constructor(slab: Slab) {
      this.done = false;
      this.value = undefined as unknown as RecordView; // not read before next()
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
      let chunk = block.nextLive(this._chunk + 1, this._end);
      while (chunk >= this._end) {
        if (block.u8.length === 0) block.checkAttached("iterate");
        if (++this._at >= blocks.length) {
          this.done = true;
          return this;
        }
        block = blocks[this._at];
        this._block = block;
        this._end = block.bump;
        chunk = block.nextLive(0, this._end);
      }
      this._chunk = chunk;
      const tag = block.tags[chunk];
      let view = this._views[tag];
      if (view === undefined) {
        view = new (views(tag))(noBlock, 0);
        this._views[tag] = view;
      }
      view._b = block;
      view._o = chunk * chunkBytes >> view._u;
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
  handles: HandleEncoder,
  chunkBytes: number,
  args: number,
): Loop {
  /**
   * The views, by tag, of each pass that has ended, for later passes. Nested passes need their own.
   */
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
          let view = own[tag];
          if (view === undefined) {
            view = new (views(tag))(noBlock, 0);
            own[tag] = view;
          }
          view._b = block;
          view._o = chunk * chunkBytes >> view._u;
          const stamp = stamps[chunk];
          const handle = handles.encode(first + chunk, stamp);
          if (args < 0) {
            if (!fn(view, handle) && slab.free(codec.encode(first + chunk, stamp))) freed++;
          } else if (args === 0) fn(view, handle);
          else if (args === 1) fn(view, handle, a);
          else if (args === 2) fn(view, handle, a, b);
          else if (args === 3) fn(view, handle, a, b, c);
          else fn(view, handle, a, b, c, d);
          left &= left - 1 & bits[word];
        }
      }
      if (block.u8.length === 0) block.checkAttached("iterate");
    }
    // The loop serves other pools, too, and a view bound to a block would keep its pool alive.
    for (let tag = 0; tag < own.length; tag++) {
      const view = own[tag];
      if (view !== undefined) view._b = noBlock;
    }
    spare.push(own);
    return freed;
  };
}

// -- handles, and several iterators in a row --

/** An iterator over the live chunks of a slab, in code that all pools share. */
export abstract class LiveChunks<T> implements ReusedIterator<T> {
  done = false;
  /** The current result; not read before the first step. */
  abstract value: T;
  protected readonly slab: Slab;
  /** Tag of the records to iterate over. */
  private readonly only: number;
  /** The blocks that had memory at the beginning. */
  private readonly blocks: readonly Block[];
  /** Position in `blocks` of the current block; -1 before the first. */
  private at = -1;
  private block: Block = NO_BLOCK;
  private chunk = -1;
  /** The bump pointer of the current block at the moment that the iterator came to it. */
  private end = 0;

  /**
   * @param slab The slab.
   * @param only Tag of the records to iterate over.
   */
  constructor(slab: Slab, only: number = ALL_KINDS) {
    this.slab = slab;
    this.only = only;
    this.blocks = slab.iterable();
  }

  /** Sets `value` for a live chunk. */
  protected abstract visit(block: Block, chunk: number): void;

  /** @returns This object: `done`, or `value` for the next live chunk. */
  next(): this {
    for (;;) {
      this.chunk = this.block.nextLive(this.chunk + 1, this.end);
      if (this.chunk >= this.end) {
        if (++this.at >= this.blocks.length) {
          this.done = true;
          return this;
        }
        this.block = this.blocks[this.at];
        this.chunk = -1;
        this.end = this.block.bump;
      } else if (this.only === ALL_KINDS || this.block.tags[this.chunk] === this.only) {
        this.visit(this.block, this.chunk);
        return this;
      }
    }
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** An iterator over the handles of a slab's live records. */
export class HandleIterator extends LiveChunks<number> {
  value = 0;

  protected override visit(block: Block, chunk: number): void {
    this.value = this.slab.handleAt(block, chunk);
  }
}

/** An iterator over the results of several iterators, one after the other. */
export class Chain<T> implements ReusedIterator<T> {
  done = false;
  value: T = undefined as T; // not read before next()
  private readonly iterators: readonly ReusedIterator<T>[];
  private current = 0;

  /** @param iterators The iterators. */
  constructor(iterators: readonly ReusedIterator<T>[]) {
    this.iterators = iterators;
  }

  /** @returns This object: `done`, or `value` the next result. */
  next(): this {
    for (; this.current < this.iterators.length; this.current++) {
      const { done, value } = this.iterators[this.current].next();
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
