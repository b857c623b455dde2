/**
 * `compact()`: which records move and where to, what is given back, links, and what its callback may do.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  countingMemory,
  DisposedError,
  ErasedPool,
  type Handle,
  HandleMap,
  heapMemory,
  LeakError,
  type MemoryRegion,
  type MemoryResource,
  OutOfMemoryError,
  Pool,
  type PoolOptions,
  PoolSet,
  ref,
  StaleHandleError,
  struct,
  validate,
  wasmMemory,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { drop } from "../_debug.ts";
import { type Face, FACES, type SomePool } from "../_faces.ts";
import { goOn, stateful, STATES } from "./_snapshots.ts";
import { assertHarmless, assertRefused, counters, forge, holey, untyped } from "../_support.ts";

const Num = struct({ n: "u32" }, { name: "Num" });
const SIXTEENS: PoolOptions = { chunksPerBlock: 16, maxChunks: 256 };

/** How a pool is made, beside what kind it is. */
const WAYS: Readonly<Record<string, PoolOptions>> = {
  "own code": {},
  "shared code": { specialize: false },
  "debug": { debug: true },
  "spread": { reuse: "spread" },
  "spread, debug": { reuse: "spread", debug: true },
};

/** Defines a test for every kind of pool, made in every way. */
function each(claim: string, test: (make: (options?: PoolOptions) => Face) => void): void {
  for (const [name, make] of Object.entries(FACES)) {
    for (const [way, options] of Object.entries(WAYS)) {
      Deno.test(`${name} (${way}): ${claim}`, () => {
        test((more) => make(Num, { ...SIXTEENS, ...options, ...more }));
      });
    }
  }
}

/** Block and chunk of a live record. */
function placeOf({ pool }: { pool: object }, handle: number): [block: number, chunk: number] {
  const slab = slabs.get(pool)!.at(-1)!; // every pool has a slab
  const index = slab.codec.index(handle);
  const { chunkCount } = slab.geometry;
  return [Math.floor(index / chunkCount), index % chunkCount];
}

/** Fills blocks, of which each keeps so many records, spread evenly; the handles of those. */
function thinned(face: Face, keeps: readonly number[]): number[] {
  const handles = Array.from({ length: keeps.length * 16 }, (_, n) => face.alloc({ n }));
  const kept: number[] = [];
  handles.forEach((handle, i) => {
    const keep = keeps[Math.floor(i / 16)];
    const chunk = i % 16;
    if (Math.floor((chunk + 1) * keep / 16) > Math.floor(chunk * keep / 16)) kept.push(handle);
    else face.pool.free(handle);
  });
  return kept;
}

/** The plain value of a nested struct. */
function plain(view: object): unknown {
  return untyped<{ toJSON(): unknown }>(view).toJSON();
}

/** Compacts, and tells what it was told. */
function compacted(pool: SomePool): { moves: [from: number, to: number][]; bytes: number } {
  const moves: [number, number][] = [];
  const bytes = pool.compact((from: number, to: number) => void moves.push([from, to]));
  validate(pool);
  checkCounts(pool);
  return { moves, bytes };
}

/** What slabs count beside what validate() looks at. */
function checkCounts(pool: SomePool): void {
  for (const slab of slabs.get(pool)!) { // every pool has slabs
    const blocks = slab.mappedBlocks();
    assertEquals(slab.blockSet.emptyCount, blocks.filter(({ live }) => live === 0).length);
    assertEquals(slab.blockSet.reserved, 0);
    if (!slab.geometry.spread) continue;
    const { _ready } = slab as unknown as { _ready: number }; // as a slab with a queue has
    assertEquals(_ready, blocks.reduce((sum, { queued }) => sum + queued, 0));
  }
}

// -- what moves, and where to --

each(
  "compact() moves the records of the sparsest blocks into the lowest free chunks of the densest",
  (make) => {
    const face = make({ keepEmptyBlocks: 9 });
    const { pool } = face;
    const kept = thinned(face, [3, 15, 2, 11, 1]); // 32 records: 2 blocks
    const values = new Map(kept.map((handle) => [handle, face.get<{ n: number }>(handle).n]));
    const before = new Map(kept.map((handle) => [handle, placeOf(face, handle)]));
    const { moves, bytes } = compacted(pool);

    assertEquals(pool.blocks.map(({ index, live }) => [index % 16, live]), [[1, 16], [3, 16]]);
    assertEquals(bytes, 3 * 16 * 4);
    const moved = kept.filter((handle) => ![1, 3].includes(before.get(handle)![0]));
    assertEquals(moves.map(([from]) => from), moved);
    const places = moves.map(([, to]) => placeOf(face, to));
    assertEquals(places[0], [1, 0]);
    assertEquals(places.slice(1).map(([block]) => block), [3, 3, 3, 3, 3]);
    assertEquals(places.slice(1), places.slice(1).sort(([, a], [, b]) => a - b));
    for (const [from, to] of moves) {
      assertThrows(() => pool.free(forge(from)), StaleHandleError);
      assertEquals(face.tryGet(from), undefined);
      assertEquals(face.get<{ n: number }>(to).n, values.get(from));
    }
    for (const handle of kept.filter((it) => !moved.includes(it))) {
      assertEquals(face.get<{ n: number }>(handle).n, values.get(handle));
      assertEquals(placeOf(face, handle), before.get(handle));
    }
    drop(face);
  },
);

each("compact() keeps the lowest of blocks that are equally full", (make) => {
  const face = make();
  thinned(face, [4, 4, 4, 4]);
  const { moves } = compacted(face.pool);
  assertEquals(face.pool.blocks.map(({ index }) => index % 16), [0]);
  assertEquals(moves.length, 12);
  drop(face);
});

each("compact() leaves a pool alone that has no block too many", (make) => {
  for (const keeps of [[], [1], [16], [9, 8], [16, 16, 1], [7, 16, 10]]) {
    const face = make();
    thinned(face, keeps);
    assertHarmless(
      face.pool,
      () => untyped<Pool<AnyStruct>>(face.pool).compact(() => assert(false)),
      0,
    );
    drop(face);
  }
});

each("compact() gives every empty block back, whatever is kept and reserved", (make) => {
  const face = make({ keepEmptyBlocks: 3 });
  const { pool } = face;
  face.reserve(100);
  const blocks = pool.blocks.length;
  const byteLength = pool.byteLength;
  assertEquals([blocks, compacted(pool)], [7, { moves: [], bytes: byteLength }]);
  assertEquals(pool.capacity, 0);
  face.reserve(100);
  const handle = face.alloc({ n: 7 });
  assertEquals(compacted(pool), { moves: [], bytes: byteLength - 64 });
  assertEquals([pool.capacity, face.get<{ n: number }>(handle).n], [16, 7]);
  pool.free(handle);
  assertEquals(pool.trim(), 64);
  drop(face);
});

each("compact() is no alloc and no free to the figures", (make) => {
  const face = make();
  thinned(face, [8, 5, 3]);
  const before = face.pool.stats();
  const { size, peakSize, allocs, frees, grown, released } = before;
  compacted(face.pool);
  const after = face.pool.stats();
  assertEquals([after.size, after.peakSize, after.allocs, after.frees], [
    size,
    peakSize,
    allocs,
    frees,
  ]);
  assertEquals([after.grown, after.released, after.blocks], [grown, released + 2, 1]);
  assertEquals(peakSize, 48);
  drop(face);
});

each("after compact() the pool fills its blocks up before it takes others", (make) => {
  const face = make();
  const { pool } = face;
  thinned(face, [8, 5, 9, 1]); // 23 records in 2 blocks
  compacted(pool);
  const more = face.allocMany(9);
  validate(pool);
  assertEquals([pool.size, new Set(pool.handles()).size], [32, 32]);
  const spread = slabs.get(pool)!.at(-1)!.geometry.spread;
  assertEquals(pool.blocks.length, spread ? 3 : 2); // which has others rest
  for (const handle of more) assertEquals(face.get<{ n: number }>(handle).n, 0);
  pool.freeMany(more);
  validate(pool);
  drop(face);
});

each("compact() does not take memory, so that it works where there is none", (make) => {
  const memory = countingMemory(heapMemory, { limit: 5 * 64 });
  const face = make({ memory, reuse: "recent" });
  const kept = thinned(face, [2, 2, 2, 2, 2]);
  assertEquals(memory.usedBytes, 320);
  const { allocations } = memory;
  const { bytes } = compacted(face.pool);
  assertEquals([bytes, memory.usedBytes, memory.allocations], [256, 64, allocations]);
  assertEquals(face.pool.size, kept.length);
  drop(face);
});

Deno.test("compact() twice in a row does nothing the second time", () => {
  const { pool } = holey((n) => n % 3 > 0);
  assertEquals(pool.compact(), 2 * 64);
  assertHarmless(pool, () => pool.compact(() => assert(false)), 0);
});

Deno.test("compact() makes free lists that hold, whatever the size of a chunk and of its link", () => {
  for (const size of [1, 2, 3, 4, 6, 12, 300]) {
    for (const chunksPerBlock of [16, 256, 512, 2048]) {
      if (size === 1 && chunksPerBlock > 256) continue; // no room for a link
      const Bytes = struct({ of: array("u8", size) });
      for (const specialize of [true, false]) {
        const pool = new Pool(Bytes, {
          chunksPerBlock,
          maxChunks: chunksPerBlock * 16,
          specialize,
        });
        const handles = pool.allocMany(chunksPerBlock * 5);
        const bytesOf = (i: number) => Array.from({ length: size }, (_, at) => i * 7 + at & 255);
        const expected = new Map<number, number[]>();
        handles.forEach((handle, i) => {
          pool.set(handle, { of: bytesOf(i) });
          if (i % 5 === 2) expected.set(handle, bytesOf(i));
          else pool.free(handle);
        });
        const { moves } = compacted(untyped(pool));
        for (const [from, to] of moves) {
          expected.set(to, expected.get(from)!);
          expected.delete(from);
        }
        const check = () => {
          for (const [handle, bytes] of expected) {
            assertEquals(pool.get(forge(handle)).of.toArray(), bytes);
          }
        };
        check();
        assert(pool.blocks.length === Math.ceil(pool.size / chunksPerBlock));
        const more = pool.allocMany(pool.capacity - pool.size);
        for (const handle of more) pool.set(handle, { of: bytesOf(handle) });
        validate(pool);
        check();
        for (const handle of more) {
          assertEquals(pool.get(handle).of.toArray(), bytesOf(handle));
          pool.free(handle);
        }
        validate(pool);
        check();
      }
    }
  }
});

// -- links --

const Leaf = struct({ n: "u32" }, { name: "Leaf" });
const Inner = struct({ tag: "u8", leaf: ref(Leaf), inner: ref("self") }, { name: "Inner" });
const Node = struct({
  n: "u32",
  next: ref("self"),
  untyped: "ref",
  near: array(ref("self"), 3),
  inner: Inner,
  many: array(Inner, 2),
  leaf: ref(Leaf),
}, { name: "Node" });

Deno.test("compact() sets links of the pool's own struct right, at any depth, and no others", () => {
  for (const specialize of [true, false]) {
    for (const debug of [true, false]) {
      // Links to nodes within a struct that is nested.
      const Part = struct({ a: "u8", to: ref(Leaf), more: array(ref(Leaf), 2) });
      const Fields = struct({ of: array(Part, 2), to: ref(Leaf) });
      using pool = new Pool(Leaf, { ...SIXTEENS, specialize });
      using others = new ErasedPool({ size: Fields.size, types: [Fields, Leaf] });
      others.alloc(Fields, { to: pool.alloc() }); // of another pool, which is not looked at
      assertEquals(others.compact(), 0);

      const nodes = new Pool(Node, { ...SIXTEENS, specialize, debug });
      const handles = nodes.allocMany(48);
      const [a, b] = [handles[0], handles[40]];
      const stale = handles[41];
      const c = handles[42];
      nodes.freeMany(handles.filter((it, i) => i > 2 && it !== b && it !== c));
      const numbers = { leaf: untyped<Handle<typeof Leaf>>(b), inner: untyped<never>(b) };
      const init = {
        n: b as number,
        next: b,
        untyped: untyped<AnyHandle>(b),
        near: [b, stale, a],
        inner: numbers,
        many: [numbers, numbers],
        leaf: numbers.leaf,
      };
      nodes.set(a, init);
      nodes.set(b, { next: b, near: [c, null, b] });
      nodes.set(c, { next: a, near: [b, b, stale] });
      const { moves } = compacted(untyped(nodes));
      const to = new Map(moves);
      assertEquals([...to.keys()], [b, c]);
      const [b2, c2] = [b, c].map((it) => nodes.handle(to.get(it)!));
      const view = nodes.get(a);
      assertEquals([view.next, ...view.near.toArray()], [b2, b2, stale, a]);
      const left = { tag: 0, leaf: b as number, inner: b as number };
      assertEquals(
        [view.n, view.untyped, view.leaf, plain(view.inner), view.many.toArray()] as unknown[],
        [b, b, b, left, [left, left]],
      );
      assertEquals(
        [nodes.get(b2).next, ...nodes.get(b2).near.toArray()],
        [b2, c2, 0, b2] as never[],
      );
      assertEquals([nodes.get(c2).next, ...nodes.get(c2).near.toArray()], [a, b2, b2, stale]);
      nodes.clear();
      nodes.dispose();
    }
  }
});

Deno.test("compact() of a pool with types sets the links right that lead to the moved record's struct", () => {
  for (const debug of [true, false]) {
    const pool = new ErasedPool({
      size: Node.size,
      types: [Leaf, Inner, Node],
      ...SIXTEENS,
      debug,
    });
    const fill = pool.allocMany(Leaf, 32);
    const leaf = pool.alloc(Leaf, { n: 5 });
    const inner = pool.alloc(Inner, { tag: 7 });
    const node = pool.alloc(Node);
    pool.freeMany(fill.slice(3));
    const both = { leaf, inner };
    // Of another struct than the field's, as plain JavaScript can write it.
    const wrong = { leaf: untyped<typeof leaf>(inner), inner: untyped<typeof inner>(node) };
    pool.set(Node, node, {
      next: node,
      untyped: leaf,
      near: [node, untyped(leaf)],
      inner: both,
      many: [both, wrong],
      leaf,
    });
    pool.set(Inner, inner, both);
    const { moves } = compacted(untyped(pool));
    const to = new Map(moves);
    const [leaf2, inner2, node2] = [leaf, inner, node].map((it) => to.get(it)! as never);
    const moved = { leaf: leaf2, inner: inner2 };
    assertEquals(pool.get(Node, node2).toJSON(), {
      ...{ n: 0, next: node2, untyped: leaf, near: [node2, leaf as never, 0 as never] },
      ...{ inner: { tag: 0, ...moved }, leaf: leaf2 },
      many: [{ tag: 0, ...moved }, { tag: 0, ...wrong }],
    });
    assertEquals(pool.get(Inner, inner2).toJSON(), { tag: 7, ...moved });
    assertEquals(pool.get(Leaf, leaf2).n, 5);
    assertEquals(pool.typeOf(inner2), Inner);
    pool.clear();
    pool.dispose();
  }
});

Deno.test("compact() of a pool without types sets links right where it can tell them, and else refuses", () => {
  const Link = struct({ next: ref("self"), n: "u32" }, { name: "Link" });
  const Other = struct({ link: ref(Link), n: "f32" }, { name: "Other" });
  const Small = struct({ pad: "u8" }, { name: "Small" });
  const Data = struct({ word: "u32" }, { name: "Data" });
  const Loose = struct({ link: "ref" }, { name: "Loose" });
  const Away = struct({ link: ref(Data) }, { name: "Away" });
  for (const debug of [false, true]) {
    const make = () => {
      const pool = new ErasedPool({ size: 8, ...SIXTEENS, debug, name: "cells" });
      const fill = pool.allocMany(Link, 32);
      const link = pool.alloc(Link, { n: 3 });
      pool.set(Link, fill[0], { next: link });
      pool.set(Link, link, { next: link });
      pool.freeMany(fill.slice(2));
      return { pool, first: fill[0], link };
    };
    const drop = (pool: ErasedPool) => {
      pool.clear();
      pool.dispose();
    };
    {
      const { pool, first, link } = make();
      const other = pool.alloc(Other, { link });
      const { moves } = compacted(untyped(pool));
      const to = new Map(moves).get(link) as never;
      assertEquals([pool.get(Link, first).next, pool.get(Link, to).next], [to, to]);
      assertEquals([pool.get(Other, other).link, pool.get(Link, to).n], [to, 3]);
      drop(pool);
    }
    for (
      const [Bad, words] of [[Small, '"Small"'], [Data, '"Data"'], [Loose, '"Loose"'], [
        Away,
        '"Away"',
      ]] as const
    ) {
      const { pool } = make();
      pool.cursor(Bad as AnyStruct); // makes it known
      assertRefused(
        pool,
        () => pool.compact(),
        TypeError,
        `Cannot compact ErasedPool "cells": it was created without types, so it cannot tell a link of struct "Link" at byte 0 from what struct ${words} has there`,
      );
      drop(pool);
    }
    {
      // Nothing that leads into the pool.
      const pool = new ErasedPool({ size: 8, ...SIXTEENS, debug });
      const Far = struct({ to: ref(Link) }, { name: "Far" });
      const fill = pool.allocMany(Far, 33);
      pool.cursor(Data);
      for (const handle of fill) pool.set(Far, handle, { to: untyped<never>(fill[32]) });
      pool.freeMany(fill.slice(1, 32));
      const { moves } = compacted(untyped(pool));
      assertEquals(moves.length, 1);
      assertEquals(pool.get(Far, moves[0][1] as never).to as number, fill[32]);
      drop(pool);
    }
  }
});

Deno.test("compact() of a set sets links right from class to class, and that of one of its pools as well", () => {
  for (
    const options of [{}, { debug: true }, { specialize: false }, {
      reuse: "spread",
    }] as PoolOptions[]
  ) {
    for (const types of [undefined, [Leaf, Inner, Node]]) {
      for (const how of ["set", "pool"]) {
        const set = new PoolSet({
          sizes: [4, 16, 128],
          ...SIXTEENS,
          ...options,
          maxChunks: 1024,
          ...types && { types },
        });
        const fill = [...set.allocMany(Leaf, 32), ...set.allocMany(Node, 32)];
        const leaf = set.alloc(Leaf, { n: 5 });
        const inner = set.alloc(Inner, { tag: 7, leaf });
        set.set(Inner, inner, { inner });
        const node = set.alloc(Node, { leaf, inner: { leaf, inner }, untyped: leaf });
        set.set(Node, node, { next: node });
        set.freeMany(fill.filter((_, i) => i % 32 > 1) as never[]);
        const moves: [number, number][] = [];
        const note = (from: number, to: number) => void moves.push([from, to]);
        if (how === "set") assertEquals(set.compact(note), 2 * 64 + 2 * 16 * 128);
        else assertEquals(set.pools[0].compact(note), 2 * 64);
        validate(set);
        const to = new Map(moves);
        assertEquals([...to.keys()] as number[], how === "set" ? [leaf, node] : [leaf]);
        const leaf2 = to.get(leaf) as never;
        const node2 = (to.get(node) ?? node) as never;
        assertEquals(set.get(Inner, inner).toJSON(), { tag: 7, leaf: leaf2, inner });
        const { next, leaf: link, inner: nested, untyped } = set.get(Node, node2);
        assertEquals(
          [next, link, nested.leaf, nested.inner, untyped],
          [node2, leaf2, leaf2, inner, leaf] as never[],
        );
        assertEquals(set.get(Leaf, leaf2).n, 5);
        set.clear();
        set.dispose();
      }
    }
  }
});

// -- wide handles, and generations --

Deno.test("compact() of a wide pool counts no retired chunk as room, and uses as few blocks as can be", () => {
  for (const state of ["worn chunks", "worn chunks in a block that came again"]) {
    for (const reuse of ["recent", "spread"] as const) {
      const face = stateful(FACES["wide Pool"], state, { reuse });
      const { pool } = face;
      pool.freeMany([...pool.handles()].filter((_, i) => i % 2 === 0));
      const { size, retired } = pool.stats();
      assertEquals([size > 16, retired, pool.blocks.length > 2], [true, 5, true]);
      compacted(pool);
      assertEquals([pool.size, pool.stats().retired, pool.blocks.length], [size, retired, 2]);
      goOn(face, 5, 300);
    }
  }
});

Deno.test("compact() retires the chunk that a record leaves in its last generation, and takes a kept one to its last", () => {
  const pool = counters({ chunksPerBlock: 16, maxChunks: 64, handles: "wide" });
  const handles = pool.allocMany(17);
  pool.freeMany(handles.slice(1, 16));
  const [slab] = slabs.get(pool)!;
  const last = slab.codec.maxGeneration * 2 + 1;
  slab.blocks[1].stamps[0] = last;
  slab.blocks[0].stamps[1] = last - 1;
  const { moves } = compacted(untyped(pool));
  assertEquals(slab.blocks.map(({ stamps, retired }) => [stamps[0], stamps[1], retired]), [[
    3,
    last,
    0,
  ], [0, 2, 1]]);
  assertEquals(moves.map(([, to]) => placeOf({ pool }, to)), [[0, 1]]);
  assertEquals(moves[0][1] > 2 ** 32, true);
  pool.free(forge(moves[0][1]));
  assertEquals(pool.stats().retired, 2);
  validate(pool);
});

Deno.test("compact() retires the chunk that a record leaves in its last generation, where reuse is spread as well", () => {
  const pool = counters({
    ...{ chunksPerBlock: 16, maxChunks: 64, handles: "wide", reuse: "spread" },
  });
  const [slab] = slabs.get(pool)!;
  const handles = pool.allocMany(17).sort((a, b) => slab.codec.index(a) - slab.codec.index(b));
  const block = slab.find(handles[16])!;
  pool.freeMany(handles.filter((handle) => slab.find(handle) !== block).slice(1));
  pool.freeMany(handles.filter((handle) => slab.find(handle) === block).slice(1));
  const chunk = slab.chunkOf([...pool.handles()].find((it) => slab.find(it) === block)!);
  block.stamps[chunk] = slab.codec.maxGeneration * 2 + 1;
  const { moves } = compacted(untyped(pool));
  assertEquals([moves.length, block.isMapped, block.stamps[chunk], block.retired], [
    1,
    false,
    0,
    1,
  ]);
  assertEquals(pool.allocMany(61).length, 61);
  validate(pool);
});

Deno.test("compact() wraps the generation of a chunk that a record leaves, where handles are compact", () => {
  const pool = counters({ chunksPerBlock: 16, maxChunks: 64 });
  const handles = pool.allocMany(17);
  pool.freeMany(handles.slice(1, 16));
  const [slab] = slabs.get(pool)!;
  slab.blocks[1].stamps[0] = slab.codec.maxGeneration * 2 + 1;
  compacted(untyped(pool));
  assertEquals([slab.blocks[1].stamps[0], slab.blocks[1].retired], [2, 0]);
});

Deno.test("compact() refuses where a link would have to hold a wide handle of 2^32 or more, and changes nothing", () => {
  const Link = struct({ n: "u32", next: ref("self") }, { name: "Link" });
  for (const specialize of [true, false]) {
    const pool = new Pool(Link, { ...SIXTEENS, handles: "wide", name: "links", specialize });
    const handles = pool.allocMany(17);
    pool.freeMany(handles.slice(1, 16));
    const [slab] = slabs.get(pool)!;
    slab.blocks[0].stamps[1] = 2 ** 25; // generation 2^24
    const [first, last] = [handles[0], handles[16]];
    pool.set(first, { next: last });
    const to = 2 ** 32 + 1;
    assertEquals(slab.codec.indexBits, 8);
    assertRefused(
      pool,
      () => pool.compact(),
      RangeError,
      `Cannot compact Pool "links": a ref holds a handle below 2^32, and handle ${last}, which one holds, would become ${to}; ` +
        "a wide handle fits in an f64",
    );
    pool.set(first, { next: null });
    assertEquals(compacted(untyped(pool)).moves, [[last, to]]);
  }
});

// -- values beside records --

each("the values of a HandleMap move along", (make) => {
  const face = make();
  const { pool } = face;
  const map = new HandleMap<AnyStruct, number>(untyped(pool));
  const kept = thinned(face, [5, 9, 3]);
  for (const handle of kept) map.set(forge(handle), face.get<{ n: number }>(handle).n);
  const size = map.size;
  const { moves } = compacted(pool);
  for (const [from, to] of moves) {
    assertEquals(map.get(forge(from)), undefined);
    assertEquals(map.get(forge(to)), face.get<{ n: number }>(to).n);
  }
  assertEquals([size, map.size, moves.length], [17, 17, 3 + (pool.blocks.length === 2 ? 0 : 5)]);
  for (const handle of pool.handles()) {
    assertEquals(map.get(handle), face.get<{ n: number }>(handle).n);
  }
  drop(face);
});

// -- spread reuse --

Deno.test("compact() keeps the order in which chunks are to come again where reuse is spread", () => {
  for (const debug of [false, true]) {
    const pool = counters({ chunksPerBlock: 16, maxChunks: 64, reuse: "spread", debug });
    const at = (handle: number) => slabs.get(pool)![0].codec.index(handle);
    const handles = pool.allocMany(64).sort((a, b) => at(a) - at(b));
    const order = [20, 3, 40, 9, 50, 5, 33, 12, 60, 7];
    for (const i of order) pool.free(handles[i]);
    // All of block 2 but two records, and all of block 3.
    const rest = handles.filter((_, i) => i >= 32 && i !== 34 && i !== 35 && !order.includes(i));
    const restAt = rest.map(at); // in debug mode a number tells it while the record is live
    pool.freeMany(rest);
    assertEquals(pool.blocks.length, 4); // their chunks rest
    compacted(untyped(pool));
    assertEquals(pool.blocks.map(({ index, live }) => [index, live]), [[0, 13], [1, 15]]);
    // The lowest two were taken: 3 and 5. Those that were left come last; the blocks that went come back first, and their chunks
    // have kept their places.
    const expected = [...order.filter((i) => i !== 3 && i !== 5), ...restAt, 34, 35];
    const again = pool.allocMany(expected.length);
    assertEquals(again.map(at), expected);
    validate(pool);
    pool.clear();
    pool.dispose();
  }
});

Deno.test("Pools in every state and of every kind go on after compact(), with own code as without", () => {
  for (const [name, make] of Object.entries(FACES)) {
    for (const state of Object.keys(STATES)) {
      if (state.startsWith("worn") && !name.startsWith("wide")) continue;
      for (const reuse of ["recent", "spread"] as const) {
        const [one, other] = [true, false].map((specialize) => {
          const face = stateful(make, state, { reuse, specialize, keepEmptyBlocks: 2 });
          const results: unknown[] = [];
          for (let seed = 0; seed < 3; seed++) {
            results.push(compacted(face.pool), goOn(face, seed, 60));
          }
          return [...results, face.values(), face.pool.snapshot()];
        });
        assertEquals(one, other, `${name}, ${state}, ${reuse}`);
      }
    }
  }
});

Deno.test("After restore() the handles from before compact() are valid again, and those from after it stale", () => {
  for (const options of [{}, { reuse: "spread" }, { debug: true }] as PoolOptions[]) {
    const pool = counters({ ...SIXTEENS, ...options });
    const handles = pool.allocMany(40);
    handles.forEach((handle, n) => pool.set(handle, { n }));
    pool.freeMany(handles.splice(1, 36));
    const saved = pool.snapshot();
    const { moves } = compacted(untyped(pool));
    assert(moves.length > 0);
    const later = pool.snapshot();
    pool.restore(saved);
    validate(pool);
    assertEquals(new Set(pool.handles()), new Set(handles));
    for (const [from, to] of moves) {
      assertEquals([pool.has(forge(from)), pool.has(forge(to))], [true, false]);
    }
    pool.restore(later);
    for (const [from, to] of moves) {
      assertEquals([pool.has(forge(from)), pool.has(forge(to))], [false, true]);
    }
    validate(pool);
    pool.clear();
    pool.dispose();
  }
});

// -- the callback --

each(
  "compact() calls for every record after all is done, and throws the first error at the end",
  (make) => {
    const face = make();
    const { pool } = face;
    const kept = thinned(face, [8, 4, 3]);
    const moves: [number, number][] = [];
    const error = assertThrows(
      () =>
        pool.compact((from: number, to: number) => {
          moves.push([from, to]);
          validate(pool);
          assertEquals([pool.blocks.length, pool.has(forge(from)), pool.has(forge(to))], [
            1,
            false,
            true,
          ]);
          if (moves.length % 2 === 0) throw new RangeError(`number ${moves.length}`);
        }),
      RangeError,
    );
    assertEquals(error.message, "number 2");
    assertEquals(moves.map(([from]) => from), kept.slice(8));
    assertEquals(pool.size, 15);
    goOn(face, 1, 0);
    validate(pool);
    drop(face);
  },
);

Deno.test("compact() throws what its callback throws, undefined as well", () => {
  const { pool } = holey((n) => n % 3 > 0);
  let thrown: unknown = "nothing";
  try {
    pool.compact(() => {
      throw undefined;
    });
  } catch (error) {
    thrown = error;
  }
  assertEquals(thrown, undefined);
});

each("the callback of compact() may alloc, free, compact and dispose", (make) => {
  for (const act of ["alloc", "free", "compact", "clear", "dispose"]) {
    const face = make();
    const { pool } = face;
    const kept = thinned(face, [6, 4, 3]);
    let calls = 0;
    pool.compact((_from: number, to: number) => {
      calls++;
      if (act === "alloc") face.alloc({ n: 9 });
      else if (act === "free") pool.tryFree(forge(to));
      else if (act === "compact") pool.compact(() => assert(false));
      else if (act === "clear") pool.clear();
      else if (calls === 1) drop(face);
      if (act !== "dispose") validate(pool);
    });
    assertEquals(calls, kept.length - 6);
    if (act === "dispose") assertThrows(() => pool.compact(), DisposedError);
    else {
      assertEquals(pool.size, { alloc: 20, free: 6, compact: 13, clear: 0 }[act]);
      drop(face);
    }
  }
});

each("compact() refuses a callback that is none, before anything changes", (make) => {
  const face = make();
  thinned(face, [3, 4]);
  for (const bad of [null, 1, "f", {}, []]) {
    assertRefused(face.pool, () => face.pool.compact(untyped(bad)), TypeError, "Cannot compact in");
  }
  drop(face);
  assertThrows(() => face.pool.compact(untyped(1)), DisposedError);
});

Deno.test("compact() refuses a pool whose memory was detached, and moves nothing", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  for (const options of [{}, { reuse: "spread" }] as PoolOptions[]) {
    const pool = counters({ ...SIXTEENS, ...options, memory: wasmMemory(memory) });
    const handles = pool.allocMany(40);
    pool.freeMany(handles.slice(1, 39));
    memory.grow(1);
    assertThrows(() => pool.compact(), TypeError, "was detached");
    pool.rebind();
    assertEquals(new Set(pool.handles()), new Set([handles[0], handles[39]]));
    assertEquals(compacted(untyped(pool)).moves.length, 1);
    pool.dispose();
  }
});

// -- memory resources --

/** Lends from the heap, and calls before it takes a region back and before it lends one. */
function calling(onRelease: () => void, onAllocate: () => void = () => {}): MemoryResource {
  return {
    allocate(byteLength, align) {
      onAllocate();
      return heapMemory.allocate(byteLength, align);
    },
    release(region: MemoryRegion) {
      onRelease();
      heapMemory.release(region);
    },
  };
}

each("a memory resource that is given blocks by compact() finds a pool that is whole", (make) => {
  let isAsked = false;
  let calls = 0;
  const face: Face = make({
    memory: calling(() => {
      if (!isAsked) return;
      calls++;
      validate(face.pool);
      assertEquals(face.pool.size, 15 + calls - 1);
      face.alloc({ n: 1 });
      face.pool.compact();
    }),
  });
  thinned(face, [8, 4, 3]);
  isAsked = true;
  const moves: number[] = [];
  assert(face.pool.compact((_from: number, to: number) => void moves.push(to)) === 128);
  isAsked = false;
  assert(calls >= 2);
  assertEquals(moves.map((to) => face.pool.has(forge(to))), moves.map(() => true));
  validate(face.pool);
  drop(face);
});

each(
  "compact() gives back all it can and calls for every record when a memory resource throws",
  (make) => {
    let isAsked = false;
    let calls = 0;
    const face: Face = make({
      memory: calling(() => {
        if (isAsked && ++calls === 1) throw new RangeError("the resource");
      }),
    });
    thinned(face, [8, 4, 3]);
    isAsked = true;
    const moves: number[] = [];
    assertThrows(
      () =>
        face.pool.compact((_from: number, to: number) => {
          moves.push(to);
          throw new Error("the callback");
        }),
      RangeError,
      "the resource",
    );
    assertEquals([calls, moves.length, face.pool.blocks.length], [2, 7, 1]);
    validate(face.pool);
    drop(face);
  },
);

each("a memory resource may compact the pool that it is to lend to", (make) => {
  let isAsked = false;
  let calls = 0;
  const face: Face = make({
    memory: calling(() => {}, () => {
      if (isAsked) calls += 1 + face.pool.compact();
    }),
  });
  const kept = thinned(face, [16, 3, 2]);
  isAsked = true;
  const more = face.allocMany(60);
  assertEquals(face.pool.size, kept.length + 60);
  assert(calls > 0);
  validate(face.pool);
  assert(more.length === 60);
  drop(face);
});

Deno.test("A resource that is out of memory can compact other pools for it", () => {
  const memory = countingMemory(heapMemory, { limit: 4 * 64 });
  const first = counters({ ...SIXTEENS, memory });
  const handles = first.allocMany(64);
  first.freeMany(handles.filter((_, i) => i % 4 > 0));
  const second = counters({
    ...SIXTEENS,
    memory: {
      allocate(byteLength, align) {
        try {
          return memory.allocate(byteLength, align);
        } catch (error) {
          assertInstanceOf(error, OutOfMemoryError);
          first.compact();
          return memory.allocate(byteLength, align);
        }
      },
      release: (region) => memory.release(region),
    },
  });
  second.allocMany(48);
  assertEquals([first.blocks.length, first.size, second.size], [1, 16, 48]);
});

// -- debug mode --

Deno.test("In debug mode a moved record keeps the origin of its alloc, and views of it throw", () => {
  for (const [name, make] of Object.entries(FACES)) {
    for (const reuse of ["recent", "spread"] as const) {
      const face = make(Num, { ...SIXTEENS, debug: true, reuse });
      const kept = thinned(face, [6, 4]);
      const special = (function allocatedHere() {
        return face.alloc({ n: 77 });
      })();
      const all = [...kept, special];
      const views = new Map(all.map((it) => [it, face.get<{ n: number }>(it)]));
      const places = new Map(all.map((it) => [it, placeOf(face, it)[0]]));
      const { moves } = compacted(face.pool);
      const to = new Map(moves);
      for (const handle of all) {
        const view = views.get(handle)!;
        if (to.has(handle)) assertThrows(() => view.n, StaleHandleError);
        else assertEquals(view.n, face.get<{ n: number }>(handle).n);
      }
      assertEquals([...to.keys()].every((it) => places.get(it) !== 0), true, name);
      for (const [from, handle] of moves) assert(handle > special && handle !== from);
      const live = all.map((it) => to.get(it) ?? it);
      const { leaks } = assertThrows(() => face.pool.dispose(), LeakError);
      assertEquals(new Set(leaks.map((it) => it.handle)), new Set(live));
      const leak = leaks.find((it) => it.handle === (to.get(special) ?? special))!;
      assert(leak.stack.includes("allocatedHere"), leak.stack);
    }
  }
});

Deno.test("In debug mode the old handle of a moved record is nobody's, to other pools as well", () => {
  const pool = counters({ ...SIXTEENS, debug: true, name: "first" });
  const other = counters({ ...SIXTEENS, debug: true, name: "second" });
  const handles = pool.allocMany(17);
  pool.freeMany(handles.slice(1, 16));
  const message = (handle: number) =>
    assertThrows(() => other.get(forge(handle)), StaleHandleError).message;
  assertEquals(message(handles[16]).includes('is a handle of Pool "first"'), true);
  const [[from, to]] = compacted(untyped(pool)).moves;
  assertEquals(message(from).includes("is stale: it was given out before"), true);
  assertEquals(message(to).includes('is a handle of Pool "first"'), true);
  pool.clear();
  pool.dispose();
  other.dispose();
});

Deno.test("In debug mode compact() fills the chunk that a record leaves, where its memory is still to be seen", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const Pair = struct({ a: "u32", b: "u32" });
  const pool = new Pool(Pair, { ...SIXTEENS, debug: true, memory: wasmMemory(memory) });
  const handles = pool.allocMany(17);
  pool.set(handles[16], { a: 0x11111111, b: 0x22222222 });
  pool.freeMany(handles.slice(1, 16));
  const { byteOffset } = pool.blocks[1].bytes;
  assertEquals(compacted(untyped(pool)).moves.length, 1);
  assertEquals(new Uint32Array(memory.buffer, byteOffset, 2)[1], 0xdddddddd);
  pool.clear();
  pool.dispose();
});

// -- in the middle of something --

each(
  "compact() in the middle of an iteration leaves the pool whole, and the iteration ends",
  (make) => {
    for (const how of ["forEach", "retain", "loop", "for…of"]) {
      const face = make();
      const { pool } = face;
      thinned(face, [5, 16, 2, 3]);
      let seen = 0;
      const visit = () => {
        if (seen++ === 2) pool.compact();
        return true;
      };
      if (how === "forEach") face.forEach(visit);
      else if (how === "retain") assertEquals(face.retain(visit), 0);
      else if (how === "loop") face.loop(visit)();
      else for (const _ of face.views()) visit();
      assert(seen <= 52, `${seen}`);
      assertEquals([pool.size, pool.blocks.length], [26, 2]);
      validate(pool);
      drop(face);
    }
  },
);

each("compact() in a getter of a value leaves the pool whole", (make) => {
  const face = make();
  const { pool } = face;
  const kept = thinned(face, [5, 9]);
  const moved = kept[0];
  const getter = {
    get n() {
      pool.compact();
      return 5;
    },
  };
  assertThrows(() => face.set(moved, getter), StaleHandleError);
  validate(pool);
  const handle = face.alloc(getter);
  assertEquals(face.get<{ n: number }>(handle).n, 5);
  assertEquals(pool.size, 15);
  validate(pool);
  drop(face);
});
