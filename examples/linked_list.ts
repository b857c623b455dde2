/**
 * A doubly linked list of numbers that can be sorted: `deno run examples/linked_list.ts`.
 *
 * Its nodes are records of a pool, linked by handles. So a node that was removed is known as such,
 * and the links of a million nodes are nothing that a collector has to follow. A sentinel closes
 * the ring, so that no node is ever without neighbours:
 *
 * ```text
 *   ┌→ sentinel ⇄ first ⇄ second ⇄ … ⇄ last ←┐
 *   └────────────────────────────────────────┘
 * ```
 *
 * @module
 */
import { type Handle, Pool, ref, struct, type View } from "@slabs/pool";

const Node = struct({ value: "f64", prev: ref("self"), next: ref("self") }, { name: "Node" });
export type NodeHandle = Handle<"Node">;

export class LinkedList implements Iterable<number>, Disposable {
  readonly #nodes: Pool<typeof Node> = new Pool(Node);
  /** Moved from node to node; it is somewhere else after every call. */
  readonly #at: View<typeof Node> = this.#nodes.cursor();
  readonly #sentinel: NodeHandle = this.#nodes.alloc();

  constructor(values: Iterable<number> = []) {
    this.#link(this.#sentinel, this.#sentinel);
    for (const value of values) this.insert(value);
  }

  get size(): number {
    return this.#nodes.size - 1;
  }

  /** Puts a value before a node, at the end by default, in O(1). */
  insert(value: number, before: NodeHandle = this.#sentinel): NodeHandle {
    const { prev } = this.#nodes.seek(this.#at, before);
    const node = this.#nodes.allocAt(this.#at);
    this.#at.value = value;
    this.#link(prev, node);
    this.#link(node, before);
    return node;
  }

  /** Takes a node out, in O(1), and returns its value. */
  remove(node: NodeHandle): number {
    if (node === this.#sentinel) throw new RangeError("Cannot remove the sentinel");
    const { prev, next, value } = this.#nodes.seek(this.#at, node);
    this.#link(prev, next);
    this.#nodes.free(node);
    return value;
  }

  valueOf(node: NodeHandle): number {
    return this.#nodes.seek(this.#at, node).value;
  }

  /**
   * The nodes from the first on, or from the last one back. Each may be removed while it is looked
   * at.
   */
  *nodes(towards: "next" | "prev" = "next"): Generator<NodeHandle> {
    let node = this.#nodes.seek(this.#at, this.#sentinel)[towards];
    while (node !== this.#sentinel) {
      const following = this.#nodes.seek(this.#at, node)[towards];
      yield node;
      node = following;
    }
  }

  *[Symbol.iterator](): Generator<number> {
    for (const node of this.nodes()) yield this.valueOf(node);
  }

  /**
   * Sorts by the links alone, in O(n log n), equal values in the order they were: the merge sort of
   * runs of 1, 2, 4, … nodes that Simon Tatham describes for linked lists. Nothing is copied, and
   * handles stay what they are.
   */
  sort(): void {
    for (let width = 1; this.#mergeRuns(width) > 1; width *= 2);
  }

  /** Merges sorted runs of so many nodes, two and two, and tells how many runs there are now. */
  #mergeRuns(width: number): number {
    let runs = 0;
    let last = this.#sentinel; // everything up to here is merged
    for (let right = this.#next(last); right !== this.#sentinel; runs++) {
      let left = right;
      let [leftCount, rightCount] = [0, width];
      for (; leftCount < width && right !== this.#sentinel; leftCount++) right = this.#next(right);
      if (right === this.#sentinel) rightCount = 0;
      while (leftCount + rightCount > 0) {
        const isLeft = leftCount > 0 &&
          (rightCount === 0 || this.valueOf(left) <= this.valueOf(right));
        const node = isLeft ? left : right;
        const next = this.#next(node);
        this.#link(last, node);
        last = node;
        if (isLeft) [left, leftCount] = [next, leftCount - 1];
        else [right, rightCount] = [next, next === this.#sentinel ? 0 : rightCount - 1];
      }
    }
    this.#link(last, this.#sentinel);
    return runs;
  }

  #next(node: NodeHandle): NodeHandle {
    return this.#nodes.seek(this.#at, node).next;
  }

  #link(node: NodeHandle, next: NodeHandle): void {
    this.#nodes.seek(this.#at, node).next = next;
    this.#nodes.seek(this.#at, next).prev = node;
  }

  [Symbol.dispose](): void {
    this.#nodes.dispose();
  }
}

/**
 * Sorts random numbers, takes every other one out, and tells what the list looks like after each.
 */
export function demo(count: number): string[] {
  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % 1000;
  using list = new LinkedList(Array.from({ length: count }, random));
  const lines: string[] = [];
  const show = (what: string) => lines.push(`${what.padEnd(8)}${[...list].join(" ")}`);
  show("made");
  list.sort();
  show("sorted");
  let i = 0;
  for (const node of list.nodes()) if (i++ % 2 === 0) list.remove(node);
  show("halved");
  return lines;
}

if (import.meta.main) console.log(demo(16).join("\n"));
