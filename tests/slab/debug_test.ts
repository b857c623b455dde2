/**
 * Debug mode: leaks are reported, handles of other pools are recognised, freed bytes are
 * overwritten, and views throw whose records are gone or that their iteration has left.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  array,
  countingMemory,
  debug,
  DisposedError,
  LeakError,
  Pool,
  restore,
  snapshot,
  StaleHandleError,
  struct,
  validate,
  wasmMemory,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct, PoolOptions } from "../../mod.ts";
// Chunks are reused where the index shows it, and generations worn out, only in the slab.
import { slabs } from "../../src/slab/slab.ts";
import { type Counted, drop, fillKind, ITERATIONS, type KindMaker } from "../_kinds.ts";
import { type OfKind, POOL_KINDS, valuesOf, viewsOf, type Visit } from "../_kinds.ts";
import { SCALARS as TYPES } from "../model/_values.ts";
import { forge, SMALL, stateOf, untyped } from "../_support.ts";

const DEBUG: PoolOptions = { ...SMALL, debug };
const Word = struct({ n: "u32" }, { name: "Word" });
type WordView = { n: number };

/** A full debug pool: 32 words in two blocks, `n` counted up. */
function words(make: KindMaker, options?: PoolOptions): OfKind & { handles: AnyHandle[] } {
  const it = make(Word, { ...DEBUG, name: "words", ...options });
  return { ...it, handles: fillKind(it, 32) };
}

/** Defines a test for each kind of pool. */
function each(claim: string, test: (make: KindMaker, kind: string) => void): void {
  for (const [kind, make] of Object.entries(POOL_KINDS)) {
    Deno.test(`${kind} in debug mode: ${claim}`, () => test(make, kind));
  }
}

// -- leaks --

each("dispose() reports each leak with its stack, and frees the memory", (make) => {
  const memory = countingMemory();
  const { pool, of } = make(Word, { ...DEBUG, name: "leaky", memory });
  const cursor = pool.cursor(...of);
  const handles = (function allocatedHere() {
    return [
      pool.alloc(...of),
      pool.alloc(...of, { n: 1 }),
      pool.tryAlloc(...of)!, // there is room
      pool.tryAlloc(...of, { n: 1 })!,
      pool.allocAt(...of, cursor),
      pool.scoped(...of, { n: 1 }).handle,
      ...pool.allocMany(...of, 20),
    ];
  })();
  const error = assertThrows(() => pool.dispose(), LeakError, "cleanly: 26 still live");
  assertEquals([memory.regions, memory.usedBytes, error.pool], [0, 0, "leaky"]);
  assertEquals(error.leaks.map(({ handle }) => handle), handles);
  for (const { stack } of error.leaks) {
    assert(stack.split("\n")[0].includes("allocatedHere") && !stack.includes("/src/"), stack);
  }
  assertThrows(() => pool.trim(), DisposedError);
  pool.dispose(); // harmless
});

Deno.test("LeakError writes the stacks of leaks when they are read, which JSON does as well", () => {
  const pool = new Pool(Word, DEBUG);
  for (let i = 0; i < 30; i++) pool.alloc();
  const { leaks } = assertThrows(() => pool.dispose(), LeakError);
  const { stack, handle } = leaks[29];
  assertEquals(Object.getOwnPropertyDescriptor(leaks[29], "stack")?.value, undefined);
  assertEquals(JSON.parse(JSON.stringify(leaks))[29], { handle, stack });
});

Deno.test("LeakError's message shows ten leaks with their stacks, and how many more there are", () => {
  for (const [count, more] of [[1, ""], [10, ""], [11, "\nand 1 more"], [31, "\nand 21 more"]]) {
    const { message, leaks } = assertThrows(() => {
      using pool = new Pool(Word, { ...DEBUG, name: "imps" });
      pool.allocMany(Number(count));
    }, LeakError);
    const shown = leaks.slice(0, 10).map(({ handle, stack }) =>
      `\nhandle ${handle}, allocated\n${stack}`
    );
    const title = `Cannot dispose of Pool "imps" cleanly: ${count} still live`;
    assertEquals(message, title + shown.join("") + more);
    assertEquals(leaks.length, count);
  }
});

Deno.test("Records that came back by restore() have their views, and are leaks with their stack if known", () => {
  const pool = new Pool(Word, DEBUG);
  const [kept, freed] = (function allocatedHere() {
    return pool.allocMany(2);
  })();
  const view = pool.get(kept);
  const saved = snapshot(pool);
  pool.free(freed);
  pool.allocMany(20);
  restore(pool, saved);
  assertEquals([view.n, pool.get(freed).n], [0, 0]);
  const { leaks } = assertThrows(() => pool.dispose(), LeakError);
  assertEquals(leaks.map((leak) => leak.handle), [kept, freed]);
  assert(leaks[0].stack.includes("allocatedHere"), leaks[0].stack);
  assertEquals(leaks[1].stack, "    by restore() or load()");
});

// -- handles --

each("a live handle of another debug pool is recognised, and nothing changes", (make) => {
  for (const makeOther of Object.values(POOL_KINDS)) {
    const { pool, of } = words(make);
    const other = makeOther(Word, { ...DEBUG, name: "others" });
    const handle = other.pool.alloc(...other.of);
    const { label } = slabs.get(other.pool)![0]; // every pool has a slab
    const before = stateOf(pool);
    const calls = [
      () => pool.free(handle),
      () => pool.get(...of, handle),
      () => pool.set(...of, handle, {}),
      () => pool.seek(pool.cursor(...of), handle),
      () => pool.freeMany([handle]),
    ];
    for (const call of calls) {
      const error = assertThrows(call, StaleHandleError, `: ${handle} is a handle of ${label}`);
      assertEquals(error.handle, handle);
    }
    assertEquals([pool.has(handle), pool.tryFree(handle)], [false, false]);
    assertEquals([pool.tryGet(...of, handle), stateOf(pool)], [undefined, before]);
    other.pool.free(handle);
    assertThrows(() => pool.free(handle), StaleHandleError, `handle ${handle} is stale: it was`);
    drop(other.pool);
    assertThrows(() => pool.free(forge(2 ** 40)), StaleHandleError, "is not a handle of this pool");
    drop(pool);
  }
});

each("no handle is accepted again, however often its chunk is reused", (make, kind) => {
  const { pool, of } = make(Word, { ...DEBUG, maxChunks: kind.includes("Set") ? 4096 : 16 });
  const first = pool.alloc(...of);
  const view = pool.get<WordView>(...of, first);
  pool.free(first);
  const { maxGeneration } = slabs.get(pool)![0].codec;
  const most = kind.startsWith("wide") ? Number.MAX_SAFE_INTEGER : 2 ** 30 - 1;
  for (let i = Math.min(maxGeneration, 40_000); i > 0; i--) {
    const handle = pool.alloc(...of);
    assert(handle > first && handle <= most);
    assert(!pool.has(first) && pool.tryGet(...of, first) === undefined);
    pool.free(handle);
  }
  pool.alloc(...of);
  assertThrows(() => view.n, StaleHandleError);
  assertThrows(() => pool.free(first), StaleHandleError, `handle ${first} is stale`);
  drop(pool);
});

each("a hundred pools have no handle in common, and number their blocks as without", (make) => {
  const plain = make(Word, SMALL);
  plain.pool.alloc(...plain.of);
  const all = Array.from({ length: 100 }, () => make(Word, DEBUG));
  const handles = all.map(({ pool, of }) => pool.alloc(...of));
  for (const [i, { pool }] of all.entries()) {
    assertEquals(handles.filter((it) => pool.has(it)), [handles[i]]);
    assertEquals(pool.blocks.map((it) => it.index), plain.pool.blocks.map((it) => it.index));
    drop(pool);
  }
  plain.pool.dispose(); // which leaks, but is not in debug mode
});

// -- poison --

Deno.test("Freed chunks are filled with 0xdd past the link, whatever bytes that has", () => {
  const live = [1, 2, 3, 4, 5, 6, 7];
  for (const [chunksPerBlock, linkBytes] of [[16, 1], [256, 1], [512, 2], [65_536, 2]]) {
    const pool = new Pool({ bytes: array("u8", 7) }, { chunksPerBlock, debug });
    const handles = pool.allocMany(5);
    for (const handle of handles) pool.set(handle, { bytes: live });
    pool.free(handles[1]);
    pool.free(handles[3]);
    const dead = (link: number) => [link, ...linkBytes > 1 ? [0] : [0xdd], ...Array(5).fill(0xdd)];
    const bytes = [...pool.blocks[0].bytes.subarray(0, 35)];
    assertEquals(bytes, [live, dead(0), live, dead(1), live].flat());
    drop(pool);
  }
});

/** Asserts which chunks of 4 bytes are poisoned past the link of 1 byte, of all if none is given. */
function assertPoisoned(bytes: Uint8Array, ...expected: number[]): void {
  const isDead = (at: number) => bytes.subarray(at * 4 + 1, at * 4 + 4).every((it) => it === 0xdd);
  const chunks = Array.from({ length: bytes.length / 4 }, (_, i) => i);
  assertEquals(chunks.filter(isDead), expected.length === 0 ? chunks : expected);
}

each("every way of freeing poisons just what it frees, and alloc zeroes it again", (make) => {
  const { pool, of, handles } = words(make);
  const [first, second] = pool.blocks.map((block) => block.bytes);
  pool.free(handles[3]);
  assertPoisoned(first, 3);
  assert(pool.tryFree(handles[4]));
  pool.freeMany([handles[6], handles[20]]);
  assertPoisoned(first, 3, 4, 6);
  assertPoisoned(second, 4);
  pool.retain(...of, (word: WordView) => word.n !== 8);
  pool.forEach(...of, (word: WordView, handle: AnyHandle) => word.n === 9 && pool.free(handle));
  const scratch = pool.scoped(...of, { n: 0x01010101 });
  assertPoisoned(first, 3, 4, 6, 8); // it has the newest free chunk of the lowest block
  scratch[Symbol.dispose]();
  assertPoisoned(first, 3, 4, 6, 8, 9);
  pool.clear();
  for (const bytes of [first, second]) assertPoisoned(bytes);
  pool.allocMany(...of, 32);
  assertEquals(valuesOf({ pool, of }), Array(32).fill({ n: 0 }));
  drop(pool);
});

each(
  "freeBlock() poisons what goes back to the memory resource, and dispose() leaves it alone",
  (make) => {
    const { buffer } = new Uint8Array(128);
    let byteOffset = -64;
    const allocate = (byteLength: number) => ({ buffer, byteOffset: byteOffset += 64, byteLength });
    const { pool } = words(make, { memory: { allocate, release() {} } });
    pool.freeBlock(pool.blocks[0].index);
    assertPoisoned(new Uint8Array(buffer, 0, 64));
    const rest = new Uint8Array(buffer, 64).fill(7); // as of an arena that was reset, and is in use
    assertThrows(() => pool.dispose(), LeakError);
    assert(rest.every((byte) => byte === 7));
  },
);

// -- every access to a record that is gone --

const SCALARS = Object.fromEntries(TYPES.map((type) => [`$${type}`, type]));
const LISTS = Object.fromEntries(TYPES.map((type) => [`list$${type}`, array(type, 2)]));
const [Scalars, Lists] = [struct(SCALARS), struct(LISTS)];
const Everything: AnyStruct = struct({
  ...{ ...SCALARS, ...LISTS, scalars: Scalars, lists: Lists, parts: array(Scalars, 2) },
  deep: array(struct({ list: array(Lists, 2), scalars: Scalars }), 2),
});

/** A view, or a part of one. */
type Part = Record<string, unknown> & { toJSON(): Record<string, unknown> };
type List = Iterable<unknown> & {
  get(i: number): Part;
  set(i: number, value: unknown): void;
  copyFrom(values: unknown): void;
  toArray(): unknown;
};

/** Every way to read or write a part of a view, and the parts in it; they write what is there. */
function* usesOf(name: string, part: Part): Generator<[name: string, use: () => unknown]> {
  const values = part.toJSON();
  const list = Array.isArray(values) ? untyped<List>(part) : undefined;
  yield [`${name}.toJSON()`, () => part.toJSON()];
  if (list !== undefined) {
    yield [`${name}.copyFrom()`, () => list.copyFrom(values)];
    yield [`${name}.copyFrom() of nothing`, () => list.copyFrom([])];
    yield [`${name}.toArray()`, () => list.toArray()];
    yield [`${name}'s iterator`, () => Array.from(list, (it) => (it as Part).toJSON?.())];
  }
  // Of a list the last element.
  for (const [key, value] of Object.entries(values).slice(list && -1)) {
    const get = () => (list === undefined ? part[key] : list.get(Number(key))) as Part;
    const set = (to: unknown) => list === undefined ? part[key] = to : list.set(Number(key), to);
    yield [`${name}.${key} =`, () => set(value)];
    yield [`${name}.${key}, taken now`, () => get().toJSON?.()];
    if (typeof value !== "object") continue;
    if (!Array.isArray(value)) yield [`${name}.${key} = {}`, () => set({})];
    yield* usesOf(`${name}.${key}`, get());
  }
}

/** Ways for a record to go, the second of three. */
const ENDS: Readonly<Record<string, (it: OfKind, handle: AnyHandle, empty: Uint8Array) => void>> = {
  "free()": ({ pool }, handle) => pool.free(handle),
  "tryFree()": ({ pool }, handle) => assert(pool.tryFree(handle)),
  "freeMany()": ({ pool }, handle) => pool.freeMany([handle]),
  "retain()": ({ pool, of }, handle) =>
    assertEquals(pool.retain(...of, (_: unknown, it: AnyHandle) => it !== handle), 1),
  "clear()": ({ pool }) => pool.clear(),
  "freeBlock()": ({ pool }) => pool.freeBlock(pool.blocks[0].index),
  "freeMany() and trim()": ({ pool }) => {
    pool.freeMany([...pool.handles()]);
    assert(pool.trim() > 0);
  },
  "restore() of an earlier snapshot": ({ pool }, _, empty) => restore(pool, empty),
  "dispose()": ({ pool }) => void assertThrows(() => pool.dispose(), LeakError),
};

/** Three records of everything, and a snapshot from before them. */
function everything(make: KindMaker): { it: OfKind; handle: AnyHandle; empty: Uint8Array } {
  const it = make(Everything, { ...DEBUG, name: "everything" });
  it.pool.cursor(...it.of); // makes its struct known
  const empty = snapshot(it.pool);
  const [, handle] = it.pool.allocMany(...it.of, 3);
  return { it, handle, empty };
}

/** Ways to get a view of a record. */
const SOURCES: Readonly<Record<string, (it: OfKind, handle: AnyHandle) => Part>> = {
  "get()": ({ pool, of }, handle) => pool.get(...of, handle),
  "tryGet()": ({ pool, of }, handle) => pool.tryGet<Part>(...of, handle)!, // it is live
  "cursor() and seek()": ({ pool, of }, handle) => pool.seek(pool.cursor<Part>(...of), handle),
  "seek() of a view of forEach()": ({ pool, of }, handle) => {
    let kept: Part | undefined;
    pool.forEach(...of, (view: Part) => kept ??= view);
    return pool.seek(kept!, handle); // it is set at the first record
  },
  "an iterator": (it, handle) => {
    for (const view of viewsOf<Part>(it)) {
      if (it.pool.handleOf(untyped(view)) === handle) return view;
    }
    throw new Error("The iterator did not visit the record");
  },
};

each("every access throws, by a view of any source, whatever became of the record", (make) => {
  for (const [end, run] of Object.entries(ENDS)) {
    for (const isTakenAgain of end === "dispose()" ? [false] : [false, true]) {
      const { it, handle, empty } = everything(make);
      const index = it.pool.indexOf(handle);
      const views = Object.values(SOURCES).map((take) => take(it, handle));
      const uses = views.flatMap((view, i) => [...usesOf(Object.keys(SOURCES)[i], view)]);
      for (const [, use] of uses) use();
      it.pool.set(...it.of, handle, views[0]); // a live one is a value
      run(it, handle, empty);
      const again: AnyHandle[] = isTakenAgain ? it.pool.allocMany(...it.of, 20) : [];
      assertEquals(again.some((other) => it.pool.indexOf(other) === index), isTakenAgain);
      const before = end === "dispose()" || stateOf(it.pool);
      for (const [name, use] of uses) {
        const what = `${name}, ${end}`;
        const error = assertThrows(use, StaleHandleError, "Cannot use a view in", what);
        assertEquals([error.handle, error.pool], [handle, "everything"], what);
      }
      assertEquals((views[0] as { list$u8: unknown[] } & Part).list$u8.length, 2);
      if (end === "dispose()") continue;
      assertEquals(stateOf(it.pool), before);
      validate(it.pool);
      drop(it.pool);
    }
  }
});

each("a cursor and a part of it can be used while the cursor is bound to a live record", (make) => {
  type Cursor = Part & { scalars: { $u8: number } };
  const { it: { pool, of }, handle } = everything(make);
  const [first] = pool.handles();
  pool.set(...of, first, { scalars: { $u8: 5 } });
  const cursor = pool.cursor<Cursor>(...of);
  const { scalars } = cursor;
  const assertGone = (problem: string) => {
    const uses = [() => scalars.$u8, () => scalars.$u8 = 5, () => cursor.$u8];
    for (const use of uses) assertThrows(use, StaleHandleError, problem);
  };
  assertGone("Cannot use a view: it is bound to no record");
  assertEquals(pool.seek(cursor, handle).$u8, 0);
  pool.free(handle);
  assertGone("is stale");
  pool.seek(cursor, first);
  assertThrows(() => pool.seek(cursor, handle), StaleHandleError);
  assertEquals(scalars.$u8, 5);
  pool.free(first);
  const next = pool.allocAt(...of, cursor);
  assertEquals([scalars.$u8, pool.handleOf(untyped(cursor))], [0, next]);
  drop(pool);
});

Deno.test("A debug view says what became of its record", () => {
  const pool = new Pool(Word, { ...DEBUG, handles: "wide", name: "words" });
  pool.reserve(1);
  const [{ blocks: [block], codec }] = slabs.get(pool)!; // every pool has a slab
  block.stamps[1] = codec.maxGeneration * 2;
  const [first, worn] = pool.allocMany(2);
  const views = [pool.get(first), pool.get(worn)];
  pool.freeMany([first, worn]);
  const assertSays = (view: WordView, problem: string) =>
    assertThrows(() => view.n, StaleHandleError, `Cannot use a view in Pool "words": ${problem}`);
  const title = `handle ${first} (index 0, generation 1) is stale`;
  assertSays(views[0], `${title}, the chunk is at generation 2`);
  const last = `handle ${worn} (index 1, generation ${2 ** 30 - 1}) is stale`;
  assertSays(views[1], `${last}, the chunk is`);
  validate(pool);
  pool.dispose();
  assertSays(views[0], `${title}, the pool was disposed of`);
});

each("takes no cursor of a pool without debug mode", (make) => {
  const plain = make(Word);
  const { pool, of, handles } = words(make);
  const cursor = plain.pool.cursor<WordView>(...plain.of);
  assertThrows(() => pool.seek(cursor, handles[0]), TypeError, "is no view of");
  pool.free(handles[0]);
  assertThrows(() => pool.allocAt(...of, cursor), TypeError, "is no view of");
  drop(pool);
});

Deno.test("A debug view can be used again after rebind(), and leaks are told without", () => {
  const wasm = new WebAssembly.Memory({ initial: 1 });
  const memory = countingMemory(wasmMemory(wasm));
  const pool = new Pool(Word, { ...DEBUG, memory });
  const handle = pool.alloc({ n: 5 });
  const view = pool.get(handle);
  wasm.grow(1);
  pool.rebind();
  assertEquals(view.n, 5);
  wasm.grow(1);
  const { leaks } = assertThrows(() => pool.dispose(), LeakError);
  assertEquals([leaks.map((it) => it.handle), memory.usedBytes], [[handle], 0]);
});

// -- views of an iteration --

/** The iterations with views, over one struct and, if the pool knows which are whose, over all. */
function iterationsOf(kind: string): [string, (it: OfKind, visit: Visit) => void][] {
  const knowsAll = kind === "ErasedPool" || kind.includes("Set");
  const one = Object.entries(ITERATIONS).filter(([name]) => name !== "handles()");
  return !knowsAll ? one : one.flatMap(([name, iterate]) => [
    [name, iterate],
    [`${name} over all`, ({ pool }, visit) => iterate({ pool, of: [] }, visit)],
  ]);
}

const Ship = struct({ n: "u32", at: struct({ x: "f32" }), color: array("u8", 3) });

function assertMovedOn(use: () => unknown, handle: number): void {
  const error = assertThrows(use, StaleHandleError, `has moved on from handle ${handle}`);
  assert(error.message.includes("pool.get(handle)"), error.message);
  assertEquals(error.handle, handle);
}

each("a view and its parts throw once the iteration has moved on", (make, kind) => {
  for (const [, iterate] of iterationsOf(kind)) {
    const it = make(Ship, DEBUG);
    const handles = fillKind(it, 20);
    const kept: { view: Counted; uses: (() => unknown)[] }[] = [];
    iterate(it, (view) => {
      assertEquals(view.n, kept.length);
      if (kept.length > 0) assertMovedOn(() => kept.at(-1)!.view.n, handles[kept.length - 1]);
      kept.push({ view, uses: Array.from(usesOf("", untyped(view)), ([, use]) => use) });
    });
    assertEquals(kept.length, 20);
    kept.forEach(({ view, uses }, i) => {
      for (const use of uses) assertMovedOn(use, handles[i]);
      assertMovedOn(() => it.pool.handleOf(untyped(view)), handles[i]);
      assertMovedOn(() => it.pool.alloc(...it.of, view), handles[i]);
      assertMovedOn(() => it.pool.set(...it.of, handles[i], view), handles[i]);
    });
    assertEquals(it.pool.seek(kept[0].view, handles[7]).n, 7); // but it can be bound again
    drop(it.pool);
  }
});

each("a view dies when its callback throws, but not when for…of breaks", (make, kind) => {
  const it = make(Ship, DEBUG);
  const handles = fillKind(it, 20);
  for (const [name, iterate] of iterationsOf(kind)) {
    let kept: Counted | undefined;
    const boom = () =>
      iterate(it, (view) => {
        kept = view;
        if (view.n === 3) throw new Error("boom");
      });
    assertThrows(boom, Error, "boom");
    if (name.startsWith("for…of")) assertEquals(kept?.n, 3);
    else assertMovedOn(() => kept!.n, handles[3]);
  }
  drop(it.pool);
});
