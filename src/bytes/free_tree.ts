/**
 * `FreeTree`: the free chunks as a red-black tree by size, then by address, its nodes in the
 * chunks.
 *
 * The algorithms and their names are those of Cormen, Leiserson, Rivest and Stein, "Introduction to
 * Algorithms", chapter 13. 0 replaces the sentinel; since 0 has no parent, `deleteFixup` is passed
 * the parent of `x`.
 *
 * @module
 */
import type { Chunks, FreeIndex } from "./chunks.ts";

/** The fewest bytes of a chunk: two tags and three links, rounded up to 8. */
export const TREE_MIN_BYTES = 24;

// Words of a free chunk. UP holds the parent times 2, plus 1 if the node is red.
const LEFT = 1;
const RIGHT = 2;
const UP = 3;
const RED = 1;

/** A red-black tree of free chunks. */
export class FreeTree implements FreeIndex {
  /** The root; 0 when there is no chunk. */
  root = 0;
  private readonly chunks: Chunks;

  /** @param chunks The header words of the chunks. */
  constructor(chunks: Chunks) {
    this.chunks = chunks;
  }

  // -- the index --

  /**
   * Adds a chunk, in O(log n).
   *
   * @param unit A free chunk.
   */
  insert(unit: number): void {
    const { chunks } = this;
    const head = chunks.word(unit, 0);
    let parent = 0;
    let side = LEFT;
    for (let at = this.root; at !== 0; at = chunks.word(at, side)) {
      // All free chunks have the same flags, so their headers compare as their sizes do.
      const other = chunks.word(at, 0);
      parent = at;
      side = head < other || head === other && unit < at ? LEFT : RIGHT;
    }
    chunks.setWord(unit, LEFT, 0);
    chunks.setWord(unit, RIGHT, 0);
    chunks.setWord(unit, UP, parent << 1 | RED);
    if (parent === 0) this.root = unit;
    else chunks.setWord(parent, side, unit);
    this.insertFixup(unit);
  }

  /**
   * Removes a chunk, in O(log n).
   *
   * @param unit A chunk of the tree.
   */
  remove(unit: number): void {
    const left = this.left(unit);
    const right = this.right(unit);
    if (left === 0 || right === 0) {
      const parent = this.parent(unit);
      const child = left === 0 ? right : left;
      this.transplant(unit, child);
      if (!this.isRed(unit)) this.deleteFixup(child, parent);
    } else this.removeInner(unit, left, right);
  }

  /**
   * Finds the smallest chunk with room, the first of equal ones, in O(log n). For an alignment
   * above 8 it takes O(n) at worst, as it tries each chunk that is large enough in turn.
   *
   * @param bytes Size of the chunk that has to fit in.
   * @param align Alignment of its payload.
   * @returns The chunk; 0 when there is none.
   */
  find(bytes: number, align: number): number {
    const { chunks } = this;
    let found = 0;
    for (let at = this.root; at !== 0;) {
      const isEnough = chunks.word(at, 0) >= bytes; // the flags are below 8, the step between sizes
      if (isEnough) found = at;
      at = chunks.word(at, isEnough ? LEFT : RIGHT);
    }
    if (align <= 8) return found;
    while (found !== 0 && !chunks.fits(found, bytes, align)) found = this.successor(found);
    return found;
  }

  /** @returns The largest chunk, the last of equal ones, in O(log n); 0 when there is none. */
  largest(): number {
    let at = this.root;
    for (let right = at; right !== 0; right = this.right(at)) at = right;
    return at;
  }

  /** Removes all chunks. */
  clear(): void {
    this.root = 0;
  }

  // -- nodes --

  /**
   * @param unit A node.
   * @returns Its left child; 0 when there is none.
   */
  left(unit: number): number {
    return this.chunks.word(unit, LEFT);
  }

  /**
   * @param unit A node.
   * @returns Its right child; 0 when there is none.
   */
  right(unit: number): number {
    return this.chunks.word(unit, RIGHT);
  }

  /**
   * @param unit A node.
   * @returns Its parent; 0 at the root.
   */
  parent(unit: number): number {
    return this.chunks.word(unit, UP) >> 1;
  }

  /**
   * @param unit A node, or 0, which is black.
   * @returns Whether it is red.
   */
  isRed(unit: number): boolean {
    return unit !== 0 && (this.chunks.word(unit, UP) & RED) !== 0;
  }

  private setParent(unit: number, parent: number): void {
    this.chunks.setWord(unit, UP, parent << 1 | this.chunks.word(unit, UP) & RED);
  }

  private setRed(unit: number): void {
    this.chunks.setWord(unit, UP, this.chunks.word(unit, UP) | RED);
  }

  private setBlack(unit: number): void {
    this.chunks.setWord(unit, UP, this.chunks.word(unit, UP) & ~RED);
  }

  private copyColor(to: number, from: number): void {
    if (this.isRed(from)) this.setRed(to);
    else this.setBlack(to);
  }

  private successor(unit: number): number {
    let at = this.right(unit);
    if (at !== 0) return this.leftmost(at);
    at = unit;
    let parent = this.parent(at);
    while (parent !== 0 && this.right(parent) === at) {
      at = parent;
      parent = this.parent(at);
    }
    return parent;
  }

  private leftmost(unit: number): number {
    let at = unit;
    for (let left = at; left !== 0; left = this.left(at)) at = left;
    return at;
  }

  // -- shape --

  /** Replaces the subtree at `u` by that at `v`, which may be 0. */
  private transplant(u: number, v: number): void {
    const parent = this.parent(u);
    if (parent === 0) this.root = v;
    else this.chunks.setWord(parent, this.left(parent) === u ? LEFT : RIGHT, v);
    if (v !== 0) this.setParent(v, parent);
  }

  /** Rotates a node down to one side; its child on the other side replaces it. */
  private rotate(unit: number, side: number): void {
    const otherSide = LEFT + RIGHT - side;
    const child = this.chunks.word(unit, otherSide);
    const inner = this.chunks.word(child, side);
    this.transplant(unit, child);
    this.chunks.setWord(unit, otherSide, inner);
    if (inner !== 0) this.setParent(inner, unit);
    this.chunks.setWord(child, side, unit);
    this.setParent(unit, child);
  }

  /** Restores the colours after an insertion: `z` is red, and its parent may be red too. */
  private insertFixup(unit: number): void {
    let z = unit;
    let parent = this.parent(z);
    while (this.isRed(parent)) {
      const grandparent = this.parent(parent); // exists, since the root is black
      const side = this.left(grandparent) === parent ? LEFT : RIGHT;
      const otherSide = LEFT + RIGHT - side;
      const uncle = this.chunks.word(grandparent, otherSide);
      this.setRed(grandparent);
      if (this.isRed(uncle)) {
        this.setBlack(parent);
        this.setBlack(uncle);
        z = grandparent;
      } else {
        if (this.chunks.word(parent, otherSide) === z) {
          z = parent;
          this.rotate(z, side);
        }
        this.setBlack(this.parent(z));
        this.rotate(grandparent, otherSide);
      }
      parent = this.parent(z);
    }
    this.setBlack(this.root);
  }

  /** Removes a node `z` with two children: its successor `y` takes its place and its colour. */
  private removeInner(z: number, left: number, right: number): void {
    const y = this.leftmost(right);
    const x = this.right(y);
    const wasRed = this.isRed(y);
    let parent = y;
    if (y !== right) {
      parent = this.parent(y);
      this.transplant(y, x);
      this.chunks.setWord(y, RIGHT, right);
      this.setParent(right, y);
    }
    this.transplant(z, y);
    this.chunks.setWord(y, LEFT, left);
    this.setParent(left, y);
    this.copyColor(y, z);
    if (!wasRed) this.deleteFixup(x, parent);
  }

  /**
   * Restores the colours after a deletion: paths through `x`, which may be 0, lack a black node.
   */
  private deleteFixup(unit: number, above: number): void {
    let x = unit;
    let parent = above;
    while (parent !== 0 && !this.isRed(x)) {
      const side = this.left(parent) === x ? LEFT : RIGHT;
      const otherSide = LEFT + RIGHT - side;
      const w = this.blackSibling(parent, side, otherSide);
      const outer = this.chunks.word(w, otherSide);
      if (!this.isRed(outer) && !this.isRed(this.chunks.word(w, side))) {
        this.setRed(w);
        x = parent;
        parent = this.parent(x);
      } else {
        this.rotateSibling(parent, side, otherSide, w);
        x = this.root;
        parent = 0;
      }
    }
    if (x !== 0) this.setBlack(x);
  }

  /** Case 1: returns the sibling of `x`, rotated up first if it is red. It exists. */
  private blackSibling(parent: number, side: number, otherSide: number): number {
    const w = this.chunks.word(parent, otherSide);
    if (!this.isRed(w)) return w;
    this.setBlack(w);
    this.setRed(parent);
    this.rotate(parent, side);
    return this.chunks.word(parent, otherSide);
  }

  /** Cases 3 and 4: a red child of the sibling `w` makes up for the missing black node. */
  private rotateSibling(parent: number, side: number, otherSide: number, w: number): void {
    let outer = this.chunks.word(w, otherSide);
    let top = w;
    if (!this.isRed(outer)) {
      top = this.chunks.word(w, side);
      outer = w;
      this.setBlack(top);
      this.setRed(w);
      this.rotate(w, otherSide);
    }
    this.copyColor(top, parent);
    this.setBlack(parent);
    this.setBlack(outer);
    this.rotate(parent, side);
  }
}
