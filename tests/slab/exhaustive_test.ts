/**
 * Every sequence of operations up to a length, on slabs so small that generations run out: three
 * chunks, and generations of two bits, 1 to 3.
 *
 * The model predicts each handle except the choice of the chunk. So the tests also prove that
 * compact handles repeat after 2^bits - 1 reuses and no sooner, and that wide ones never do.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { debug as debugMode, type DebugMode, type HandleKind, validate } from "../../mod.ts";
import type { Slab } from "../../src/slab/slab.ts";
import { createSlab } from "../_support.ts";
import { CompactHandles, WHOLE, WideHandles } from "../../src/slab/handle.ts";

const CHUNKS = 3, INDEX_BITS = 2, GENERATION_BITS = 2, LAST_GENERATION = 3;

interface Shape {
  readonly kind: HandleKind;
  readonly chunksPerBlock: number;
  readonly keepEmptyBlocks: number;
  readonly debug?: DebugMode;
}

/** Operations are numbers: these, FREE_BLOCK + its index, and FREE + the position in `known`. */
const ALLOC = 0, CLEAR = 1, FREE_BLOCK = 2, FREE = 100;

/** A slab and the model of it. */
class Pair {
  readonly slab: Slab;
  readonly shape: Shape;
  /** Every handle that was given out so far, without repetition. */
  readonly known: number[] = [];
  /** Handle of the live record of each chunk; 0 if there is none. */
  readonly live: number[] = [0, 0, 0];
  /** How often each chunk was given out. */
  readonly uses: number[] = [0, 0, 0];

  constructor(shape: Shape) {
    const { kind, ...config } = this.shape = shape;
    const Codec = kind === "compact" ? CompactHandles : WideHandles;
    const codec = new Codec(INDEX_BITS, WHOLE, GENERATION_BITS);
    const maxBlocks = CHUNKS / shape.chunksPerBlock;
    this.slab = createSlab({ ...config, maxBlocks, codec }, { chunkBytes: 1 });
  }

  /** The operations that are possible now. */
  get choices(): number[] {
    const blocks = Array.from({ length: CHUNKS / this.shape.chunksPerBlock }, (_, i) => i);
    const frees = this.known.map((_, i) => FREE + i);
    return [ALLOC, CLEAR, ...blocks.map((i) => FREE_BLOCK + i), ...frees];
  }

  apply(operation: number): void {
    if (operation === ALLOC) this.#alloc();
    else if (operation === CLEAR) {
      this.slab.clear();
      this.live.fill(0);
    } else if (operation < FREE) this.#freeBlock(operation - FREE_BLOCK);
    else this.#free(this.known[operation - FREE]);
  }

  #alloc(): void {
    const handle = this.slab.alloc();
    const isTaken = this.live.map((it, chunk) => it !== 0 || this.#isRetired(chunk));
    if (handle === 0) {
      assert(!isTaken.includes(false), "alloc found no chunk, and there is one");
      return;
    }
    const chunk = this.slab.codec.index(handle);
    assert(isTaken[chunk] === false, `alloc gave chunk ${chunk}, which is taken`);
    const generation = this.uses[chunk]++ % LAST_GENERATION + 1;
    if (this.shape.debug) assert(!this.known.includes(handle), `${handle} was given out before`);
    else assertEquals(handle, generation * 2 ** INDEX_BITS + chunk);
    this.live[chunk] = handle;
    if (!this.known.includes(handle)) this.known.push(handle);
  }

  #isRetired(chunk: number): boolean {
    return this.shape.kind === "wide" && this.uses[chunk] === LAST_GENERATION &&
      this.live[chunk] === 0;
  }

  #free(handle: number): void {
    const chunk = this.live.indexOf(handle);
    assertEquals(this.slab.free(handle), chunk >= 0);
    if (chunk >= 0) this.live[chunk] = 0;
  }

  #freeBlock(index: number): void {
    const { chunksPerBlock } = this.shape;
    const isThere = this.slab.mappedBlocks().some((block) => block.index === index);
    assertEquals(this.slab.freeBlock(index), isThere);
    this.live.fill(0, index * chunksPerBlock, (index + 1) * chunksPerBlock);
  }

  /** Only live handles are accepted, the counts agree, and the metadata are valid. */
  check(): void {
    validate(this.slab);
    let size = 0;
    for (const handle of this.live) if (handle !== 0) size++;
    assert(this.slab.size === size, `the size is ${this.slab.size}, expected ${size}`);
    for (const handle of this.known) {
      const block = this.slab.find(handle);
      assert((block !== undefined) === this.live.includes(handle), `handle ${handle} is misjudged`);
    }
  }
}

/** Runs a sequence, checks the end state, and goes on with each longer one; returns how many. */
function explore(shape: Shape, sequence: number[], longest: number): number {
  const pair = new Pair(shape);
  try {
    for (const operation of sequence) pair.apply(operation);
    pair.check();
  } catch (cause) {
    throw new Error(`After the operations ${sequence}`, { cause });
  }
  if (sequence.length === longest) return 1;
  let count = 1;
  for (const operation of pair.choices) {
    sequence.push(operation);
    count += explore(shape, sequence, longest);
    sequence.pop();
  }
  return count;
}

/** Shapes, and the length of the sequences that are explored. */
const SHAPES: readonly [Omit<Shape, "kind">, longest: number][] = [
  [{ chunksPerBlock: 3, keepEmptyBlocks: 0 }, 8],
  [{ chunksPerBlock: 3, keepEmptyBlocks: 1 }, 8],
  [{ chunksPerBlock: 1, keepEmptyBlocks: 0 }, 7],
  [{ chunksPerBlock: 1, keepEmptyBlocks: 1 }, 7],
  [{ chunksPerBlock: 1, keepEmptyBlocks: 0, debug: debugMode }, 5],
];

for (const kind of ["compact", "wide"] as const) {
  for (const [shape, longest] of SHAPES) {
    Deno.test(`Slab does as predicted in every sequence of ${longest} (${kind}, ${JSON.stringify(shape)})`, () => {
      const count = explore({ kind, ...shape }, [], longest);
      assertGreater(count, shape.debug ? 1_000 : 100_000);
    });
  }
}
