/**
 * The Benchmarks Game's binary-trees, on four kinds of memory: `deno run examples/binary_trees.ts
 * [depth]`.
 *
 * Many small trees are made, walked and dropped, while a large one stays. Each of the four does all
 * of it, and has to come to the same checks, which are printed once; then the times, turn by turn
 * in one process. Trees that die as a whole are what a collector's nursery is best at, so plain
 * objects are hard to beat here.
 *
 * - Plain objects: the collector takes a tree when nobody has it any more.
 * - `Pool`: small trees have a pool to themselves, which is cleared. To free their nodes one by one takes a third longer in all when
 *   it is done while they are counted, and two thirds longer in a walk of its own.
 * - `Arena`: small trees have an arena to themselves, which is reset.
 * - By hand: one typed array and an index that goes up, and back for the next tree. Nothing grows and nothing is checked.
 *
 * @see https://benchmarksgame-team.pages.debian.net/benchmarksgame/description/binarytrees.html
 * @module
 */
import { type AnyHandle, Arena, NULL_HANDLE, Pool, struct, type View } from "@slabs/pool";

/** Memory that trees stand in. A tree of depth 0 is one node. */
export interface Forest {
  readonly name: string;
  /** Makes a tree, counts its nodes and drops it. */
  passing(depth: number): number;
  /** Makes a tree that stays. */
  plant(depth: number): void;
  /** Counts the nodes of that tree and drops it. */
  fell(): number;
}

// -- plain objects --

class TreeNode {
  constructor(readonly left: TreeNode | null, readonly right: TreeNode | null) {}
}

function makeTree(depth: number): TreeNode {
  if (depth === 0) return new TreeNode(null, null);
  return new TreeNode(makeTree(depth - 1), makeTree(depth - 1));
}

function countTree({ left, right }: TreeNode): number {
  return left === null ? 1 : 1 + countTree(left) + countTree(right!); // both or none
}

class ObjectForest implements Forest {
  readonly name = "plain objects";
  #planted: TreeNode | null = null;

  passing(depth: number): number {
    return countTree(makeTree(depth));
  }

  plant(depth: number): void {
    this.#planted = makeTree(depth);
  }

  fell(): number {
    const nodes = countTree(this.#planted!); // planted before
    this.#planted = null;
    return nodes;
  }
}

// -- Pool --

const PoolNode = struct({ left: "ref", right: "ref" });

/** Trees in a pool of their own, and the cursor that they are written through. */
class Grove {
  readonly #pool: Pool<typeof PoolNode> = new Pool(PoolNode);
  readonly #node: View<typeof PoolNode> = this.#pool.cursor();

  make(depth: number): AnyHandle {
    if (depth === 0) return this.#pool.alloc();
    const left = this.make(depth - 1);
    const right = this.make(depth - 1);
    const handle = this.#pool.allocAt(this.#node);
    this.#node.left = left;
    this.#node.right = right;
    return handle;
  }

  count(handle: AnyHandle): number {
    const { left, right } = this.#pool.get(handle);
    return left === NULL_HANDLE ? 1 : 1 + this.count(left) + this.count(right);
  }

  clear(): void {
    this.#pool.clear();
  }
}

class PoolForest implements Forest {
  readonly name = "Pool";
  readonly #passing = new Grove();
  readonly #lasting = new Grove();
  #planted: AnyHandle = NULL_HANDLE;

  passing(depth: number): number {
    const nodes = this.#passing.count(this.#passing.make(depth));
    this.#passing.clear();
    return nodes;
  }

  plant(depth: number): void {
    this.#planted = this.#lasting.make(depth);
  }

  fell(): number {
    const nodes = this.#lasting.count(this.#planted);
    this.#lasting.clear();
    return nodes;
  }
}

// -- Arena --

/** Addresses, 0 for none. */
const ArenaNode = struct({ left: "u32", right: "u32" });

/** Room for the largest tree in one block, where a cursor moves fastest. */
const BLOCK_BYTES = 2 ** 22;

class ArenaForest implements Forest {
  readonly name = "Arena";
  readonly #passing = new Arena({ blockBytes: BLOCK_BYTES });
  readonly #lasting = new Arena({ blockBytes: BLOCK_BYTES });
  /** Moves over both. */
  readonly #node: View<typeof ArenaNode> = this.#lasting.cursor(ArenaNode);
  #planted = 0;

  passing(depth: number): number {
    const nodes = this.#count(this.#passing, this.#make(this.#passing, depth));
    this.#passing.reset();
    return nodes;
  }

  plant(depth: number): void {
    this.#planted = this.#make(this.#lasting, depth);
  }

  fell(): number {
    const nodes = this.#count(this.#lasting, this.#planted);
    this.#lasting.reset();
    return nodes;
  }

  #make(arena: Arena, depth: number): number {
    if (depth === 0) return arena.allocRecord(ArenaNode);
    const left = this.#make(arena, depth - 1);
    const right = this.#make(arena, depth - 1);
    const address = arena.allocAt(this.#node);
    this.#node.left = left;
    this.#node.right = right;
    return address;
  }

  #count(arena: Arena, address: number): number {
    const { left, right } = arena.seek(this.#node, address);
    return left === 0 ? 1 : 1 + this.#count(arena, left) + this.#count(arena, right);
  }
}

// -- by hand --

class HandMadeForest implements Forest {
  readonly name = "by hand";
  /** Two words a node, the indices of its children; 0 for none. */
  readonly #words: Int32Array;
  #top = 2;
  #planted = 0;

  constructor(depth: number) {
    // The largest tree, or the one that stays and the largest that comes while it does, and no node
    // at 0.
    this.#words = new Int32Array(2 ** (depth + 3) + 2);
  }

  passing(depth: number): number {
    const top = this.#top;
    const nodes = this.#count(this.#make(depth));
    this.#top = top;
    return nodes;
  }

  plant(depth: number): void {
    this.#planted = this.#make(depth);
  }

  fell(): number {
    this.#top = 2;
    return this.#count(this.#planted);
  }

  #make(depth: number): number {
    const left = depth === 0 ? 0 : this.#make(depth - 1);
    const right = depth === 0 ? 0 : this.#make(depth - 1);
    const at = this.#top;
    this.#top += 2;
    this.#words[at] = left;
    this.#words[at + 1] = right;
    return at;
  }

  #count(at: number): number {
    const left = this.#words[at];
    return left === 0 ? 1 : 1 + this.#count(left) + this.#count(this.#words[at + 1]);
  }
}

/** All four, for trees of a depth. */
export function forests(depth: number): Forest[] {
  return [new ObjectForest(), new PoolForest(), new ArenaForest(), new HandMadeForest(depth)];
}

// -- the benchmark --

const MIN_DEPTH = 4;

/** The output for a depth, as the Benchmarks Game has it. */
export function checks(forest: Forest, depth: number): string[] {
  const maxDepth = Math.max(MIN_DEPTH + 2, depth);
  const lines = [`stretch tree of depth ${maxDepth + 1}\t check: ${forest.passing(maxDepth + 1)}`];
  forest.plant(maxDepth);
  for (let depth = MIN_DEPTH; depth <= maxDepth; depth += 2) {
    const trees = 2 ** (maxDepth - depth + MIN_DEPTH);
    let check = 0;
    for (let i = 0; i < trees; i++) check += forest.passing(depth);
    lines.push(`${trees}\t trees of depth ${depth}\t check: ${check}`);
  }
  lines.push(`long lived tree of depth ${maxDepth}\t check: ${forest.fell()}`);
  return lines;
}

const ROUNDS = 9;
const WARM_UP = 2;

/**
 * The times of all forests: one after the other in an order that shifts by one each round; in
 * milliseconds, ascending.
 */
function measure(all: readonly Forest[], depth: number): number[][] {
  const times = all.map((): number[] => []);
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (let turn = 0; turn < all.length; turn++) {
      const i = (turn + round) % all.length;
      progress(`round ${round + 1} of ${WARM_UP + ROUNDS}: ${all[i].name}`);
      const start = performance.now();
      checks(all[i], depth);
      if (round >= WARM_UP) times[i].push(performance.now() - start);
    }
  }
  progress("");
  return times.map((row) => row.sort((a, b) => a - b));
}

/** One line that is written over and over; nothing in a pipe. */
function progress(text: string): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r${text.padEnd(40)}\r`));
}

function main(): void {
  const depth = Number(Deno.args[0] ?? 16);
  if (!Number.isInteger(depth) || depth < 0 || depth > 20) {
    console.error(`binary_trees: the depth must be an integer from 0 to 20, got ${Deno.args[0]}`);
    Deno.exit(2);
  }
  const all = forests(Math.max(MIN_DEPTH + 2, depth));
  const outputs = all.map((forest) => checks(forest, depth).join("\n"));
  console.log(outputs[0] + "\n");
  const odd = all.filter((_, i) => outputs[i] !== outputs[0]);
  if (odd.length > 0) {
    console.error(`binary_trees: other checks with ${odd.map(({ name }) => name).join(", ")}`);
    Deno.exit(1);
  }
  const times = measure(all, depth);
  console.log(`× the time of plain objects, median of ${ROUNDS} rounds (fastest, slowest):`);
  const median = (row: readonly number[]) => row[row.length >> 1];
  all.forEach(({ name }, i) => {
    const [ratio, least, most] = [median(times[i]), times[i][0], times[i][ROUNDS - 1]]
      .map((it) => (it / median(times[0])).toFixed(2));
    const millis = median(times[i]).toFixed(0).padStart(6);
    console.log(`${name.padEnd(14)}${ratio}  (${least}, ${most})${millis} ms`);
  });
}

if (import.meta.main) main();
