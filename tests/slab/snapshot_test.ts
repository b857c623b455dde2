/**
 * `snapshot()` and `restore()`: what is restored, where snapshots are written to, and which pools
 * take them.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Arena,
  array,
  debug,
  DisposedError,
  ErasedPool,
  Pool,
  PoolSet,
  restore,
  restoreArena,
  snapshot,
  snapshotArena,
  SnapshotError,
  spread,
  struct,
  validate,
} from "../../mod.ts";
import type { AnyStruct } from "../../mod.ts";
import { Ledger } from "../_ledger.ts";
import { drop, type OfKind, POOL_KINDS } from "../_kinds.ts";
import { assertError, counters, figuresOf, forge, untyped } from "../_support.ts";
import { assertSameBytes, SNAPPED, stateful, statesOf } from "./_snapshots.ts";

// -- there and back --

/** Takes all chunks that are left, frees every third record, and takes their chunks. */
function goOn({ pool, of }: OfKind): unknown[] {
  const takeAll = () =>
    Array.from({ length: 64 }, () => pool.tryAlloc(...of)).map((it) => it && pool.indexOf(it));
  const first = takeAll();
  pool.freeMany([...pool.handles()].filter((_, i) => i % 3 === 0));
  return [...first, pool.trim(), ...takeAll()];
}

for (const kind of Object.keys(POOL_KINDS)) {
  for (const to of [false, debug] as const) {
    const mode = to ? ", into debug mode" : "";
    Deno.test(`${kind}: restore() replaces any state, and the pool goes on as the saved one${mode}`, () => {
      // A worn chunk of debug mode has a handle past the table of handles.
      const states = statesOf(kind).filter((it) => !to || !it.startsWith("worn"));
      for (const reuse of ["recent", spread] as const) {
        for (const state of states) {
          for (const into of states) {
            const memory = new Ledger();
            const old = stateful(kind, state, { reuse });
            const it = stateful(kind, into, { reuse, debug: to, name: "other", memory });
            const known = [...it.pool.handles(), ...old.pool.handles()];
            restore(it.pool, snapshot(old.pool));
            validate(it.pool);
            assertEquals(figuresOf(it.pool), figuresOf(old.pool));
            assertEquals(memory.lent.size, it.pool.blocks.length, `${state} into ${into}`);
            for (const handle of known) assertEquals(it.pool.has(handle), old.pool.has(handle));
            const stale = known.filter((handle) => !it.pool.has(handle));
            assertEquals(goOn(it), goOn(old));
            if (to) assert(!stale.some((handle) => it.pool.has(handle)), "one was given out again");
            else assertSameBytes(snapshot(it.pool), snapshot(old.pool));
            drop(it.pool);
          }
        }
      }
    });
  }
}

Deno.test("restore() keeps the arrays of blocks that stay, and views of them", () => {
  using pool = counters();
  const view = pool.get(pool.alloc({ n: 5 }));
  const [{ bytes }] = pool.blocks;
  const saved = snapshot(pool);
  view.n = 6;
  restore(pool, saved);
  assertStrictEquals(pool.blocks[0].bytes, bytes);
  assertEquals(view.n, 5);
});

// -- where to --

Deno.test("snapshot(into) writes the same bytes to any array that has room, and nothing beyond", () => {
  for (const kind of Object.keys(POOL_KINDS)) {
    const { pool } = stateful(kind, "holes");
    const saved = snapshot(pool);
    for (const [at, more] of [[0, 0], [8, 1], [64, 100]]) {
      for (const Buffer of [ArrayBuffer, SharedArrayBuffer]) {
        const into = new Uint8Array(new Buffer(at + saved.length + more), at).fill(255);
        for (let i = 0; i < 2; i++) assertStrictEquals(snapshot(pool, into), into);
        assertSameBytes(into.subarray(0, saved.length), saved, kind);
        assertEquals([...into.subarray(saved.length)], Array(more).fill(255));
      }
    }
    const gone = new Uint8Array(saved.length);
    gone.buffer.transfer();
    for (const into of [...[0, 8, saved.length - 1].map((it) => new Uint8Array(it)), gone]) {
      const made = snapshot(pool, into); // a new one, as there is no room
      assert(made !== into && (into.length === 0 || into.every((byte) => byte === 0)));
      assertSameBytes(made, saved);
    }
  }
});

Deno.test("snapshot(into) follows an array whose buffer is resized", () => {
  using pool = counters(SNAPPED);
  const buffer = new ArrayBuffer(128, { maxByteLength: 10_000 });
  const into = new Uint8Array(buffer);
  assertStrictEquals(snapshot(pool, into), into);
  for (const length of [10_000, 3_000]) {
    buffer.resize(length);
    pool.allocMany(20);
    assertStrictEquals(snapshot(pool, into), into);
    assertSameBytes(into.subarray(0, snapshot(pool).length), snapshot(pool));
    restore(pool, into);
  }
});

Deno.test("snapshot() and restore() throw on what is no Uint8Array, and on an unaligned one", () => {
  const { pool } = stateful("Pool", "holes");
  for (const bad of [null, 5, "bytes", {}, new ArrayBuffer(4000), new Float32Array(4000)]) {
    const into = 'Cannot snapshot Pool "Body": into must be a Uint8Array, got';
    assertError(pool, () => snapshot(pool, untyped(bad)), TypeError, into);
    const bytes = 'Cannot restore Pool "Body": bytes must be a Uint8Array, got';
    assertError(pool, () => restore(pool, untyped(bad)), TypeError, bytes);
  }
  for (const at of [1, 2, 4, 7, 12]) {
    const into = new Uint8Array(new ArrayBuffer(4000), at);
    const message = `into must start at a multiple of 8 bytes of its buffer, got ${at}`;
    assertError(pool, () => snapshot(pool, into), RangeError, message);
    assert(into.every((byte) => byte === 0));
  }
});

Deno.test("snapshot() looks at the pool after its options, which may have getters", () => {
  const { pool } = stateful("Pool", "holes");
  const options = (call: () => unknown) => ({
    get checksum() {
      call();
      return true;
    },
  });
  assertSameBytes(snapshot(pool, undefined, options(() => pool.clear())), snapshot(pool));
  assertThrows(() => snapshot(pool, undefined, options(() => drop(pool))), DisposedError);
  using arena = new Arena({ blockBytes: 64 });
  arena.alloc(50);
  restoreArena(arena, snapshotArena(arena, undefined, options(() => arena.alloc(60))));
});

Deno.test("restore() takes longer arrays, at any byte of a buffer, and Node's Buffer", () => {
  /** Its slice() copies nothing, as that of Node's Buffer. */
  class Window extends Uint8Array<ArrayBuffer> {
    override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
      return this.subarray(start, end);
    }
  }
  const it = stateful("Pool", "holes");
  const content = figuresOf(it.pool);
  for (const checksum of [true, false]) {
    const saved = snapshot(it.pool, undefined, { checksum });
    for (const at of [0, 1, 2, 3, 4, 8, 13]) {
      const bytes = new Window(new ArrayBuffer(at + saved.length + at), at).fill(9);
      bytes.set(saved);
      it.pool.clear();
      restore(it.pool, bytes);
      assertEquals(figuresOf(it.pool), content);
      assertSameBytes(bytes.subarray(0, saved.length), saved, "restore() wrote to the snapshot");
    }
  }
});

// -- kinds --

const A = struct({ n: "u32" }, { name: "A" });
const B = struct({ n: "u16", m: "u16" }, { name: "B" });
const C = struct({ n: "f32" }, { name: "C" });

/** Pools of several structs, some of which they know, in an order. */
const MIXED: Readonly<Record<string, (types: readonly AnyStruct[]) => PoolSet>> = {
  "PoolSet": (types) => {
    const set = new PoolSet({ ...SNAPPED, sizes: [4, 8] });
    for (const type of types) set.cursor(type);
    return set;
  },
  "ErasedPool": (types) => untyped(new ErasedPool<AnyStruct>({ ...SNAPPED, size: 4, types })),
};

/** Allocates records of A and B in turns; each holds its number. */
function mixed(pool: PoolSet): number[] {
  return Array.from({ length: 20 }, (_, n) => pool.alloc<AnyStruct>(n % 3 === 0 ? A : B, { n }));
}

function assertMixed(pool: PoolSet, handles: readonly number[]): void {
  handles.forEach((handle, n) => {
    const type = n % 3 === 0 ? A : B;
    assertStrictEquals(pool.typeOf(forge(handle)), type);
    assertEquals(pool.get<AnyStruct>(type, forge(handle)).toJSON().n, n);
  });
  assertEquals(pool.size, handles.length);
  validate(pool);
}

for (const [kind, make] of Object.entries(MIXED)) {
  Deno.test(`${kind}: restore() finds structs that the pool knows in another order`, () => {
    const old = make([A, B]);
    const handles = mixed(old);
    old.free(forge(handles.pop()!)); // there are 20
    const saved = snapshot(old);
    const next = [old.alloc(A), old.alloc(B)];
    for (const types of [[A, B], [B, A], [C, B, A], [B, C, A], [A, C, B]]) {
      const pool = make(types);
      mixed(pool);
      restore(pool, saved);
      assertMixed(pool, handles);
      assertEquals([pool.alloc(A), pool.alloc(B)], next);
      pool.freeMany(next);
      restore(old, snapshot(pool));
      assertMixed(old, handles);
    }
  });
}

Deno.test("restore() keeps structs apart that are equal to the last field", () => {
  const [First, Second] = [1, 2].map(() => struct({ n: "u32" }, { name: "Equal" }));
  const pool = MIXED.ErasedPool([C, First, Second]);
  const [a, b] = [pool.alloc(First), pool.alloc(Second)];
  const next = MIXED.ErasedPool([First, C, Second]);
  restore(next, snapshot(pool));
  assertEquals([next.typeOf(a) === First, next.typeOf(b) === Second], [true, true]);
});

Deno.test("restore() throws on records of a struct that the pool does not know, until it does", () => {
  const old = MIXED.PoolSet([]);
  old.free(old.alloc(C)); // there is no record of it
  const handles = mixed(old);
  const saved = snapshot(old);
  const set = MIXED.PoolSet([]);
  set.alloc(A, { n: 1 });
  set.cursor(struct({ n: "u16", m: "u16" }, { name: "b" }));
  const problem =
    'Cannot restore PoolSet "pool" from the snapshot: block 0: chunk 1 is of struct number 2, which the pool does not know';
  assertError(set, () => restore(set, saved), SnapshotError, problem);
  set.cursor(B);
  restore(set, saved);
  assertMixed(set, handles);
});

Deno.test("A pool of a set takes its own snapshots, and not those of the set", () => {
  const set = MIXED.PoolSet([]);
  const [small] = set.pools;
  const handles = mixed(set);
  const saved = snapshot(small);
  small.clear();
  restore(small, saved);
  assertMixed(set, handles);
  assertError(set, () => restore(set, saved), SnapshotError, "another layout");
  assertError(set, () => restore(small, snapshot(set)), SnapshotError, "another layout");
});

// -- debug mode --

Deno.test("restore() in debug mode takes any numbers that can be handles, each once, and gives none out again", () => {
  const pool = counters({ ...SNAPPED, debug });
  const handles = pool.allocMany(3);
  const saved = snapshot(pool, undefined, { checksum: false });
  const floats = new Float64Array(saved.buffer);
  const at = floats.indexOf(handles[1]);
  for (const bad of [0, -1, 1.5, NaN, Infinity, 2 ** 53, handles[0]]) {
    floats[at] = bad;
    const message = `${bad} is the handle of a record, or of two`;
    assertError(pool, () => restore(pool, saved), SnapshotError, message);
  }
  for (const good of [2 ** 53 - 1, handles[2] + 3]) {
    floats[at] = good;
    restore(pool, saved);
    assertEquals([...pool.handles()], [handles[0], good, handles[2]] as never[]);
  }
  const next = pool.allocMany(4).map((it) => it - handles[2]);
  assertEquals(next, [1, 2, 4, 5], "none that a record has");
  drop(pool);
});

Deno.test("restore() into debug mode gives out no number that a record without debug mode has", () => {
  const pool = counters(SNAPPED), other = counters({ ...SNAPPED, debug });
  pool.allocMany(3);
  restore(other, snapshot(pool));
  assertEquals([...other.handles()], [...pool.handles()]);
  assert(other.alloc() >= 2 ** 30, "above all compact handles");
  drop(other);
});

Deno.test("snapshot() takes hardly more bytes than the blocks and their metadata", () => {
  using pool = new Pool({ bytes: array("u8", 32) });
  pool.allocMany(100_000);
  const { byteLength, overheadBytes } = pool.stats();
  const more = snapshot(pool).length - byteLength - overheadBytes;
  assert(more > 0 && more < 120 + 40 * pool.blocks.length, `${more} bytes more`);
});
