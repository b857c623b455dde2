/**
 * The free chunks as a red-black tree by size, and by address among equals, its nodes in the chunks themselves.
 *
 * The algorithms are those of Cormen, Leiserson, Rivest and Stein, "Introduction to Algorithms", chapter 13, with 0 in
 * the place of the sentinel: where a removal would ask it for its parent, that is carried along.
 *
 * @module
 */
import type { Chunks, FreeIndex } from "./chunks.ts";

/** Two tags and three links, rounded up. */
export const TREE_MIN_BYTES = 24;

// Words of a free chunk. UP is the parent, times 2, plus 1 if the node is red.
const LEFT = 1;
const RIGHT = 2;
const UP = 3;
const RED = 1;

/** A red-black tree of free chunks. */
export class FreeTree implements FreeIndex {
  readonly minBytes: number = TREE_MIN_BYTES;
  /** The root; 0 when there is no chunk. */
  root = 0;
  private readonly chunks: Chunks;

  /** @param chunks Their words. */
  constructor(chunks: Chunks) {
    this.chunks = chunks;
  }

  // -- the index --

  /**
   * Takes up a chunk, in O(log n).
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
    this.mendRed(unit);
  }

  /**
   * Forgets a chunk, in O(log n).
   *
   * @param unit A chunk of the tree.
   */
  remove(unit: number): void {
    const left = this.left(unit);
    const right = this.right(unit);
    if (left === 0 || right === 0) {
      const parent = this.parent(unit);
      const child = left === 0 ? right : left;
      this.replace(unit, child);
      if (!this.isRed(unit)) this.mendBlack(child, parent);
    } else this.removeInner(unit, left, right);
  }

  /**
   * Finds the smallest chunk that has room, the first among equals, in O(log n); for an alignment above 8 in O(n) at worst,
   * as each chunk that is large enough is looked at until one has an aligned place in it.
   *
   * @param bytes Size of what has to fit in.
   * @param align Alignment of its payload.
   * @returns The chunk; 0 when there is none.
   */
  find(bytes: number, align: number): number {
    const { chunks } = this;
    let found = 0;
    for (let at = this.root; at !== 0;) {
      const isEnough = chunks.word(at, 0) >= bytes; // the flags are less than a step between sizes
      if (isEnough) found = at;
      at = chunks.word(at, isEnough ? LEFT : RIGHT);
    }
    if (align <= 8) return found;
    while (found !== 0 && !chunks.fits(found, bytes, align)) found = this.successor(found);
    return found;
  }

  /** @returns The largest chunk, the last among equals, in O(log n); 0 when there is none. */
  largest(): number {
    let at = this.root;
    for (let right = at; right !== 0; right = this.right(at)) at = right;
    return at;
  }

  /** Forgets every chunk. */
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

  /** Puts a node, or none, in the place of another below that one's parent. */
  private replace(old: number, now: number): void {
    const parent = this.parent(old);
    if (parent === 0) this.root = now;
    else this.chunks.setWord(parent, this.left(parent) === old ? LEFT : RIGHT, now);
    if (now !== 0) this.setParent(now, parent);
  }

  /** Turns a node down to one side: its child on the other side takes its place. */
  private rotate(unit: number, side: number): void {
    const otherSide = LEFT + RIGHT - side;
    const child = this.chunks.word(unit, otherSide);
    const inner = this.chunks.word(child, side);
    this.replace(unit, child);
    this.chunks.setWord(unit, otherSide, inner);
    if (inner !== 0) this.setParent(inner, unit);
    this.chunks.setWord(child, side, unit);
    this.setParent(unit, child);
  }

  /** After an insertion: no red node has a red child, but perhaps this one is one. */
  private mendRed(unit: number): void {
    let at = unit;
    let parent = this.parent(at);
    while (this.isRed(parent)) {
      const grandparent = this.parent(parent); // there, as the root is black
      const side = this.left(grandparent) === parent ? LEFT : RIGHT;
      const otherSide = LEFT + RIGHT - side;
      const uncle = this.chunks.word(grandparent, otherSide);
      this.setRed(grandparent);
      if (this.isRed(uncle)) {
        this.setBlack(parent);
        this.setBlack(uncle);
        at = grandparent;
      } else {
        if (this.chunks.word(parent, otherSide) === at) {
          at = parent;
          this.rotate(at, side);
        }
        this.setBlack(this.parent(at));
        this.rotate(grandparent, otherSide);
      }
      parent = this.parent(at);
    }
    this.setBlack(this.root);
  }

  /** Removes a node with two children: the next larger one takes its place and colour. */
  private removeInner(unit: number, left: number, right: number): void {
    const heir = this.leftmost(right);
    const child = this.right(heir);
    const isHeirRed = this.isRed(heir);
    let parent = heir;
    if (heir !== right) {
      parent = this.parent(heir);
      this.replace(heir, child);
      this.chunks.setWord(heir, RIGHT, right);
      this.setParent(right, heir);
    }
    this.replace(unit, heir);
    this.chunks.setWord(heir, LEFT, left);
    this.setParent(left, heir);
    if (this.isRed(unit)) this.setRed(heir);
    else this.setBlack(heir);
    if (!isHeirRed) this.mendBlack(child, parent);
  }

  /** After a removal: the paths through a node, or through none, below a parent have a black node too few. */
  private mendBlack(unit: number, above: number): void {
    let at = unit;
    let parent = above;
    while (parent !== 0 && !this.isRed(at)) {
      const side = this.left(parent) === at ? LEFT : RIGHT;
      const otherSide = LEFT + RIGHT - side;
      const sibling = this.blackSibling(parent, side, otherSide);
      const outer = this.chunks.word(sibling, otherSide);
      if (!this.isRed(outer) && !this.isRed(this.chunks.word(sibling, side))) {
        this.setRed(sibling);
        at = parent;
        parent = this.parent(at);
      } else {
        this.borrow(parent, side, otherSide, sibling);
        at = this.root;
        parent = 0;
      }
    }
    if (at !== 0) this.setBlack(at);
  }

  /** The sibling of a node that lacks black, which exists then; a red one is turned up first. */
  private blackSibling(parent: number, side: number, otherSide: number): number {
    const sibling = this.chunks.word(parent, otherSide);
    if (!this.isRed(sibling)) return sibling;
    this.setBlack(sibling);
    this.setRed(parent);
    this.rotate(parent, side);
    return this.chunks.word(parent, otherSide);
  }

  /** Makes up for a lack of black on one side of a node with a red child of the sibling there. */
  private borrow(parent: number, side: number, otherSide: number, sibling: number): void {
    let nephew = this.chunks.word(sibling, otherSide);
    let heir = sibling;
    if (!this.isRed(nephew)) {
      heir = this.chunks.word(sibling, side);
      nephew = sibling;
      this.setBlack(heir);
      this.setRed(sibling);
      this.rotate(sibling, otherSide);
    }
    if (this.isRed(parent)) this.setRed(heir);
    else this.setBlack(heir);
    this.setBlack(parent);
    this.setBlack(nephew);
    this.rotate(parent, side);
  }
}
