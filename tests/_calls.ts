/**
 * Calls of pools of all kinds, for tests of what makes all of them throw.
 *
 * @module
 */
import { fail } from "@std/assert";
import {
  compact,
  load,
  restore,
  save as savePool,
  snapshot as takeSnapshot,
  validate,
} from "../mod.ts";
import type { AnyHandle } from "../mod.ts";
import { type OfKind, packAny, reserveIn, viewsOf } from "./_kinds.ts";
import { untyped } from "./_support.ts";

/** A pool, and what exists beside it. */
export interface Used extends OfKind {
  /** None, or 26 or more of records, of which that at 3 may be stale. */
  readonly handles: readonly AnyHandle[];
  readonly live: AnyHandle;
  /** Index of a block. */
  readonly block: number;
  readonly view: unknown;
  readonly cursor: unknown;
  readonly loop: () => void;
  readonly snapshot: Uint8Array;
  readonly save: Uint8Array;
}

/** Calls that need the memory of a block, and their verbs in errors. */
export const CALLS: readonly (readonly [verb: string, call: (it: Used) => unknown])[] = [
  ["alloc", ({ pool, of }) => pool.alloc(...of)],
  ["alloc", ({ pool, of }) => pool.alloc(...of, { n: 1 })],
  ["alloc", ({ pool, of }) => pool.tryAlloc(...of)],
  ["alloc", ({ pool, of }) => pool.scoped(...of)],
  ["alloc", ({ pool, of, cursor }) => pool.allocAt(...of, cursor)],
  ["allocMany", ({ pool, of }) => pool.allocMany(...of, 2)],
  ["allocMany", ({ pool, of }) => pool.allocMany(...of, 20)],
  ["free", ({ pool, live }) => pool.free(live)],
  ["free", ({ pool, live }) => pool.tryFree(live)],
  ["freeMany", ({ pool, live, handles }) => pool.freeMany([live, handles[25]])],
  ["freeMany", ({ pool }) => pool.freeMany([])],
  ["use a handle", ({ pool, live }) => pool.has(live)],
  ["use a handle", ({ pool, handles }) => pool.has(handles[3])], // mostly a stale one
  ["use a handle", ({ pool, of, live }) => pool.get(...of, live)],
  ["use a handle", ({ pool, of, live }) => pool.tryGet(...of, live)],
  ["use a handle", ({ pool, of, live }) => pool.set(...of, live, { n: 9 })],
  ["use a handle", ({ pool, cursor, live }) => pool.seek(cursor, live)],
  ["use a handle", ({ pool, live }) => pool.indexOf(live)],
  ["tell the handle", ({ pool, view }) => pool.handleOf(untyped(view))],
  ["iterate", ({ pool, of }) => pool.forEach(...of, () => fail())],
  ["iterate", (it) => viewsOf(it)[Symbol.iterator]()],
  ["iterate", ({ pool, of }) => pool.handles(...of)],
  ["iterate", ({ loop }) => loop()],
  ["retain", ({ pool, of }) => pool.retain(...of, () => false)],
  ["loop", ({ pool, of }) => pool.loop(...of, () => fail())],
  ["make a cursor", ({ pool, of }) => pool.cursor(...of)],
  ["reserve", (it) => reserveIn(it, 1)],
  ["clear", ({ pool }) => pool.clear()],
  ["trim", ({ pool }) => pool.trim()],
  ["freeBlock", ({ pool, block }) => pool.freeBlock(block)],
  ["tell the figures", ({ pool }) => pool.stats()],
  ["snapshot", ({ pool }) => takeSnapshot(pool)],
  ["restore", ({ pool, snapshot }) => restore(pool, snapshot)],
  ["save", ({ pool }) => savePool(pool)],
  ["load", ({ pool, save }) => load(pool, save)],
  ["compact", ({ pool }) => compact(pool)],
  ["pack", ({ pool, of }) => packAny(pool, ...of, new Float64Array(100), ["n"])],
  ["pack", ({ pool, of }) => packAny(pool, ...of, new Uint8Array(1000))],
  ["validate", ({ pool }) => validate(pool)],
];
