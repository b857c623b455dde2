/** Snapshots that are good: what comes back, where they are written to, and which pools take them. */
import { assert, assertEquals, assertGreater, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  array,
  countingMemory,
  DisposedError,
  ErasedPool,
  LeakError,
  Pool,
  type PoolOptions,
  PoolSet,
  SnapshotError,
  StaleHandleError,
  struct,
  validate,
  wasmMemory,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { type Face, FACES } from "../_faces.ts";
import {
  assertSameBytes,
  Body,
  contentOf,
  goOn,
  randomOf,
  SNAPPED,
  stateful,
  STATES,
} from "./_snapshots.ts";
import { assertRefused, forge, stateOf, untyped } from "../_support.ts";

const faces = Object.entries(FACES);
const states = Object.keys(STATES);

/** Compact handles wear no chunk out. */
function statesOf(name: string): string[] {
  return states.filter((state) => name.startsWith("wide") || !state.startsWith("worn"));
}

/** Gives a debug pool back without its leaks. */
function drop({ pool }: Face): void {
  pool.clear();
  pool.dispose();
}

// -- there and back --

const MODES: Readonly<Record<string, PoolOptions>> = {
  "": {},
  " in debug mode": { debug: true },
  " with spread reuse": { reuse: "spread" },
  " with spread reuse in debug mode": { reuse: "spread", debug: true },
};

for (const [name, make] of faces) {
  for (const [mode, options] of Object.entries(MODES)) {
    const what = `${name}${mode}`;

    Deno.test(`${what}: restore() brings everything back from any other state`, () => {
      for (const state of statesOf(name)) {
        for (const between of statesOf(name)) {
          const face = stateful(make, state, options);
          const content = contentOf(face);
          const saved = face.pool.snapshot();
          assertEquals(contentOf(face), content, "snapshot() changed something");
          moveOn(face, between);
          face.pool.restore(saved);
          validate(face.pool);
          assertEquals(contentOf(face), content, `${state}, then ${between}`);
          assertSameBytes(face.pool.snapshot(), saved, `${state}, then ${between}`);
          drop(face);
        }
      }
    });

    // In debug mode they give new handles, as none is ever given out twice.
    if (options.debug === true) continue;
    Deno.test(`${what}: the same calls after restore() have the same results`, () => {
      for (const state of statesOf(name)) {
        for (let seed = 1; seed <= 4; seed++) {
          const face = stateful(make, state, { ...options, keepEmptyBlocks: seed % 3 });
          const saved = face.pool.snapshot(undefined, { checksum: seed % 2 === 0 });
          const answers = goOn(face, seed, 60);
          const end = [contentOf(face), face.pool.snapshot()] as const;
          goOn(face, seed + 100, 40);
          face.pool.restore(saved);
          assertEquals(goOn(face, seed, 60), answers, `${state}, seed ${seed}`);
          assertEquals(contentOf(face), end[0]);
          assertSameBytes(face.pool.snapshot(), end[1]);
          drop(face);
        }
      }
    });
  }

  Deno.test(`${name}: a pool created in the same way takes the snapshot, and goes on as the other does`, () => {
    for (const state of statesOf(name)) {
      for (const into of statesOf(name)) {
        const face = stateful(make, state);
        const saved = face.pool.snapshot();
        const other = stateful(make, into, { name: "other", keepEmptyBlocks: 1 });
        other.pool.restore(saved);
        assertEquals(contentOf(other), contentOf(face), `${state} into ${into}`);
        assertEquals(goOn(other, 7, 20), goOn(face, 7, 20), `${state} into ${into}`);
        assertEquals(contentOf(other), contentOf(face));
      }
    }
  });
}

/** Moves a pool from its state on to something like another one. */
function moveOn(face: Face, between: string): void {
  if (between === "nothing") return;
  face.pool.clear();
  if (between.startsWith("all but")) face.pool.trim();
  STATES[between](face);
}

Deno.test("Pool.restore() makes handles of the moment valid again, and later ones stale", () => {
  using pool = new Pool(Body, SNAPPED);
  const kept = pool.alloc({ n: 1 });
  const freed = pool.alloc({ n: 2 });
  const saved = pool.snapshot();
  pool.get(kept).n = 100;
  pool.free(freed);
  const later = pool.allocMany(30);
  pool.restore(saved);
  assertEquals([pool.get(kept).n, pool.get(freed).n, pool.size], [1, 2, 2]);
  for (const handle of later) {
    assertEquals(pool.has(handle), false);
    assertThrows(() => pool.get(handle), StaleHandleError);
  }
  assertEquals([...pool.handles()], [kept, freed]);
  assertEquals(Array.from(pool, (body) => body.n), [1, 2]);
});

Deno.test("Pool.restore() gives blocks back that are not in the snapshot, and takes those that are", () => {
  const memory = countingMemory();
  const pool = new Pool(Body, { ...SNAPPED, memory });
  pool.allocMany(20);
  const saved = pool.snapshot();
  pool.allocMany(44);
  assertEquals(memory.regions, 4);
  pool.restore(saved);
  assertEquals([memory.regions, pool.blocks.length, pool.capacity], [2, 2, 32]);
  pool.freeBlock(0);
  pool.freeBlock(1);
  assertEquals(memory.regions, 0);
  pool.restore(saved);
  assertEquals([memory.regions, pool.blocks.length, pool.size], [2, 2, 20]);
  const { grown, released } = pool.stats();
  assertEquals([grown, released], [memory.allocations, memory.releases]);
  pool.dispose();
  assertEquals(memory.regions, 0);
});

Deno.test("Pool.restore() brings the reserve back", () => {
  const memory = countingMemory();
  using pool = new Pool(Body, { ...SNAPPED, memory, keepEmptyBlocks: 0 });
  pool.reserve(48);
  const saved = pool.snapshot();
  pool.trim();
  pool.restore(saved);
  assertEquals(memory.regions, 3);
  pool.freeMany(pool.allocMany(48));
  assertEquals(memory.regions, 3);
  const none = new Pool(Body, { ...SNAPPED, keepEmptyBlocks: 0 }).snapshot();
  pool.restore(none);
  pool.freeMany(pool.allocMany(48));
  assertEquals(memory.regions, 0);
});

Deno.test("Pool.restore() brings the peak back", () => {
  using pool = new Pool(Body, SNAPPED);
  pool.freeMany(pool.allocMany(10));
  pool.allocMany(4);
  const saved = pool.snapshot();
  pool.allocMany(30);
  pool.clear();
  pool.restore(saved);
  const { peakSize, allocs, frees } = pool.stats();
  assertEquals([peakSize, allocs, frees], [10, 14, 10]);
});

Deno.test("Pool.restore() keeps blocks where they are: bytes of a block that stays are the same array", () => {
  using pool = new Pool(Body, SNAPPED);
  const handle = pool.alloc({ n: 5 });
  const view = pool.get(handle);
  const [{ bytes }] = pool.blocks;
  const saved = pool.snapshot();
  view.n = 6;
  pool.restore(saved);
  assertStrictEquals(pool.blocks[0].bytes, bytes);
  assertEquals(view.n, 5);
});

Deno.test("Pool.snapshot() of links of 2 bytes brings the free list back", () => {
  for (const bytes of [2, 3, 7, 32]) {
    for (const chunksPerBlock of [256, 512, 1024]) {
      const Bytes = struct({ bytes: array("u8", bytes) });
      using pool = new Pool(Bytes, { chunksPerBlock, maxChunks: 2048 });
      const handles = pool.allocMany(1500);
      const random = randomOf(bytes);
      for (let i = 0; i < 700; i++) pool.tryFree(handles[random(1500)]);
      const saved = pool.snapshot();
      const size = pool.size;
      const next = pool.allocMany(1500 - size);
      pool.clear();
      pool.allocMany(1);
      pool.restore(saved);
      assertEquals(pool.allocMany(1500 - size), next);
      validate(pool);
    }
  }
});

Deno.test("Snapshots of 64 pools of a size class each and of one chunk of a byte come back", () => {
  const sizes = Array.from({ length: 64 }, (_, i) => i + 1);
  using set = new PoolSet({ sizes, chunksPerBlock: 16, maxChunks: 1 << 16 });
  const structs = sizes.map((size) => struct({ bytes: array("u8", size) }));
  const handles = structs.map((it, i) => set.alloc(it, { bytes: [i] }));
  const saved = set.snapshot();
  set.clear();
  set.restore(saved);
  handles.forEach((handle, i) => assertEquals(set.get(structs[i], handle).bytes.get(0), i));
  validate(set);
});

Deno.test("Pool.restore() has blocks come again in the same order, though one was worn out since", () => {
  const pool = new Pool(Body, { ...SNAPPED, handles: "wide", keepEmptyBlocks: 0 });
  const [{ codec, blocks }] = slabs.get(pool)!; // every pool has a slab
  pool.allocMany(17);
  pool.freeBlock(0);
  const saved = pool.snapshot();
  const next = [...pool.allocMany(15), ...pool.allocMany(1)];
  const worn = next.filter((handle) => codec.index(handle) < 16);
  assertEquals(worn.length, 1);
  const rest = pool.allocMany(15);
  blocks[0].stamps.fill(codec.maxGeneration * 2 + 1);
  for (let i = 0; i < 16; i++) pool.free(forge(codec.encode(i, blocks[0].stamps[i])));
  assertEquals(pool.stats().retired, 16);
  pool.allocMany(17);
  pool.restore(saved);
  assertEquals([...pool.allocMany(15), ...pool.allocMany(1)], next);
  assertEquals(pool.allocMany(15), rest);
  validate(pool);
});

// -- where to --

Deno.test("Pool.snapshot(into) writes to the array and gives it back, what is beyond left alone", () => {
  const face = stateful(FACES.Pool, "holes");
  const saved = face.pool.snapshot();
  for (const more of [0, 1, 5, 100]) {
    for (const at of [0, 8, 64]) {
      const buffer = new ArrayBuffer(at + saved.length + more);
      const into = new Uint8Array(buffer, at).fill(7);
      assertStrictEquals(face.pool.snapshot(into), into);
      assertSameBytes(into.subarray(0, saved.length), saved);
      assertEquals([...into.subarray(saved.length)], Array(more).fill(7));
      face.pool.restore(into);
      assertSameBytes(face.pool.snapshot(), saved);
    }
  }
});

Deno.test("Pool.snapshot(into) makes a new array where there is no room", () => {
  const face = stateful(FACES.Pool, "holes");
  const saved = face.pool.snapshot();
  for (const length of [0, 8, saved.length - 8, saved.length - 1]) {
    const into = new Uint8Array(length);
    const made = face.pool.snapshot(into);
    assert(made !== into);
    assertSameBytes(made, saved);
    assertEquals([...into], Array(length).fill(0));
  }
  const gone = new Uint8Array(saved.length);
  gone.buffer.transfer();
  assertSameBytes(face.pool.snapshot(gone), saved);
});

Deno.test("Pool.snapshot(into) writes the same whether the array is new, used or shared", () => {
  const face = stateful(FACES.Pool, "holes");
  const saved = face.pool.snapshot();
  const used = face.pool.snapshot(new Uint8Array(2000));
  face.pool.clear();
  const cleared = face.pool.snapshot();
  assertSameBytes(face.pool.snapshot(used).subarray(0, cleared.length), cleared);
  face.pool.restore(saved);
  assertSameBytes(face.pool.snapshot(used).subarray(0, saved.length), saved);
  const shared = new Uint8Array(new SharedArrayBuffer(2000));
  face.pool.clear();
  face.pool.restore(saved);
  assertStrictEquals(face.pool.snapshot(shared), shared);
  assertSameBytes(shared.subarray(0, saved.length), saved);
  face.pool.restore(shared);
});

Deno.test("snapshot() of the same state writes the same bytes, whatever was in the array", () => {
  for (const [name, make] of faces) {
    for (const state of statesOf(name)) {
      const { pool } = stateful(make, state);
      const saved = pool.snapshot();
      assertSameBytes(
        pool.snapshot(new Uint8Array(saved.length).fill(255)),
        saved,
        `${name}, ${state}`,
      );
    }
  }
});

Deno.test("Pool.snapshot(into) follows an array whose buffer is resized", () => {
  using pool = new Pool(Body, SNAPPED);
  const buffer = new ArrayBuffer(128, { maxByteLength: 10_000 });
  const into = new Uint8Array(buffer);
  assertStrictEquals(pool.snapshot(into), into);
  buffer.resize(10_000);
  for (const count of [1, 20, 20]) {
    pool.allocMany(count);
    assertStrictEquals(pool.snapshot(into), into);
    assertSameBytes(into.subarray(0, pool.snapshot().length), pool.snapshot());
    pool.restore(into);
  }
  buffer.resize(3_000);
  assertStrictEquals(pool.snapshot(into), into);
  pool.restore(into);
  validate(pool);
});

Deno.test("Pool.snapshot(into) throws RangeError on an array that starts at no multiple of 8", () => {
  const face = stateful(FACES.Pool, "holes");
  for (const at of [1, 2, 4, 7, 12]) {
    const into = new Uint8Array(new ArrayBuffer(4000), at);
    assertRefused(
      face.pool,
      () => face.pool.snapshot(into),
      RangeError,
      `Cannot snapshot Pool "Body": into must start at a multiple of 8 bytes of its buffer, got ${at}`,
    );
    assertEquals(into.every((byte) => byte === 0), true);
  }
});

Deno.test("Pool.snapshot(into) throws TypeError on what is no Uint8Array", () => {
  const face = stateful(FACES.Pool, "holes");
  for (const bad of [null, 5, "bytes", {}, new ArrayBuffer(4000), new Float32Array(4000)]) {
    assertRefused(
      face.pool,
      () => face.pool.snapshot(untyped(bad)),
      TypeError,
      'Cannot snapshot Pool "Body": into must be a Uint8Array, got',
    );
  }
});

Deno.test("Pool.snapshot() says by its options whether it has a checksum", () => {
  const face = stateful(FACES.Pool, "holes");
  const marks = [undefined, {}, { checksum: true }, { checksum: false }].map((options) =>
    String.fromCharCode(...face.pool.snapshot(undefined, options).subarray(12, 16))
  );
  assertEquals(marks, ["SUM1", "SUM1", "SUM1", "NONE"]);
  assertEquals(String.fromCharCode(...face.pool.snapshot().subarray(0, 4)), "SLAB");
});

// -- where from --

Deno.test("Pool.restore() takes longer arrays, at any byte of a buffer", () => {
  const face = stateful(FACES.Pool, "holes");
  const content = contentOf(face);
  for (const checksum of [true, false]) {
    const saved = face.pool.snapshot(undefined, { checksum });
    for (const at of [0, 1, 2, 3, 4, 8, 13]) {
      for (const more of [0, 1, 8, 1000]) {
        const bytes = new Uint8Array(new ArrayBuffer(at + saved.length + more), at).fill(9);
        bytes.set(saved);
        face.pool.clear();
        face.pool.restore(bytes);
        assertEquals(contentOf(face), content);
        assertSameBytes(bytes.subarray(0, saved.length), saved, "restore() wrote to the snapshot");
      }
    }
  }
});

Deno.test("Pool.restore() takes a subclass whose slice() copies nothing, as Node's Buffer is", () => {
  class Window extends Uint8Array<ArrayBuffer> {
    override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
      return this.subarray(start, end);
    }
  }
  const face = stateful(FACES.Pool, "holes");
  const saved = face.pool.snapshot();
  const window = new Window(new ArrayBuffer(saved.length + 3), 3);
  window.set(saved);
  face.pool.clear();
  face.pool.restore(window);
  assertSameBytes(face.pool.snapshot(), saved);
});

Deno.test("Pool.restore() throws TypeError on what is no Uint8Array", () => {
  const face = stateful(FACES.Pool, "holes");
  for (const bad of [undefined, null, "bytes", [1, 2], face.pool.snapshot().buffer]) {
    assertRefused(
      face.pool,
      () => face.pool.restore(untyped(bad)),
      TypeError,
      'Cannot restore Pool "Body": bytes must be a Uint8Array, got',
    );
  }
});

// -- memory --

Deno.test("Snapshots of pools in wasm memory come back, and detached memory is refused until rebind()", () => {
  for (const [name, make] of faces) {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const face = stateful(make, "holes", { memory: wasmMemory(memory) });
    const content = contentOf(face);
    const saved = face.pool.snapshot();
    face.pool.clear();
    face.pool.restore(saved);
    assertEquals(contentOf(face), content);
    memory.grow(1);
    const { label } = slabs.get(face.pool)![0]; // every pool has a slab
    assertThrows(
      () => face.pool.snapshot(),
      TypeError,
      `Cannot snapshot in ${label}: the memory of block`,
    );
    assertThrows(
      () => face.pool.restore(saved),
      TypeError,
      `Cannot restore in ${label}: the memory of block`,
    );
    face.pool.rebind();
    assertEquals(contentOf(face), content);
    validate(face.pool);
    face.alloc();
    face.pool.restore(saved);
    assertEquals(contentOf(face), content, name);
  }
});

Deno.test("snapshot() and restore() throw DisposedError after dispose()", () => {
  for (const [, make] of faces) {
    const { pool } = stateful(make, "holes");
    const saved = pool.snapshot();
    pool.dispose();
    assertThrows(() => pool.snapshot(), DisposedError);
    assertThrows(() => pool.restore(saved), DisposedError);
  }
});

// -- kinds --

const A = struct({ n: "u32" }, { name: "A" });
const B = struct({ n: "u16", m: "u16" }, { name: "B" });
const C = struct({ n: "f32" }, { name: "C" });

/** Records of A and B in turns; each holds its number. */
function mixed(pool: ErasedPool<AnyStruct> | PoolSet<AnyStruct>): number[] {
  return Array.from({ length: 20 }, (_, n) => pool.alloc<AnyStruct>(n % 3 === 0 ? A : B, { n }));
}

function assertMixed(pool: ErasedPool | PoolSet, handles: readonly number[]): void {
  handles.forEach((handle, n) => {
    const type = n % 3 === 0 ? A : B;
    assertStrictEquals(pool.typeOf(forge(handle)), type);
    assertEquals(pool.get<AnyStruct>(type, forge(handle)).toJSON().n, n);
  });
  validate(pool);
}

Deno.test("PoolSet.restore() knows structs again that the set met in another order", () => {
  const options = { sizes: [4, 8], chunksPerBlock: 16, maxChunks: 64 };
  for (const order of [[A, B], [B, A], [C, B, A], [B, C, A], [A, C, B]]) {
    const set = new PoolSet(options);
    const handles = mixed(set);
    set.free(forge(handles.pop()!)); // not empty
    const saved = set.snapshot();
    const other = new PoolSet(options);
    for (const type of order) other.cursor<AnyStruct>(type);
    other.restore(saved);
    assertMixed(other, handles);
    const count = handles.length;
    assertEquals([other.size, other.alloc(A), other.alloc(B)], [count, set.alloc(A), set.alloc(B)]);
    // And back, where the order is the first one.
    set.clear();
    set.restore(other.snapshot());
    assertMixed(set, handles);
  }
});

Deno.test("ErasedPool.restore() knows its types again in another order", () => {
  const options = { size: 4, chunksPerBlock: 16, maxChunks: 64 };
  const pool = new ErasedPool<AnyStruct>({ ...options, types: [A, B] });
  const handles = mixed(pool);
  const saved = pool.snapshot();
  for (const types of [[A, B], [B, A], [C, B, A], [B, A, C]]) {
    const other = new ErasedPool<AnyStruct>({ ...options, types });
    mixed(other);
    other.restore(saved);
    assertMixed(other, handles);
  }
});

Deno.test("restore() keeps structs apart that are equal to the last field", () => {
  const make = () => struct({ n: "u32" }, { name: "Twin" });
  const [First, Second, Other] = [make(), make(), C];
  const options = { size: 4, chunksPerBlock: 16, maxChunks: 64 };
  const pool = new ErasedPool({ ...options, types: [Other, First, Second] });
  const [a, b] = [pool.alloc(First), pool.alloc(Second)];
  const next = new ErasedPool({ ...options, types: [First, Other, Second] });
  next.restore(pool.snapshot());
  assertEquals([next.typeOf(a) === First, next.typeOf(b) === Second], [true, true]);
});

Deno.test("restore() refuses a struct that the pool does not know, and takes it once it does", () => {
  const options = { sizes: [4, 8], chunksPerBlock: 16, maxChunks: 64 };
  const set = new PoolSet(options);
  const handles = mixed(set);
  const saved = set.snapshot();
  const other = new PoolSet(options);
  other.alloc(A, { n: 1 });
  const error = assertRefused(
    other,
    () => other.restore(saved),
    SnapshotError,
    'Cannot restore PoolSet "pool" from the snapshot: block 0: chunk 1 is of struct number 1, which the pool does not know',
  );
  assertEquals(error.pool, "pool");
  other.cursor(struct({ n: "u16", m: "u16" }, { name: "b" }));
  assertRefused(other, () => other.restore(saved), SnapshotError, "does not know");
  other.cursor(B);
  other.restore(saved);
  assertMixed(other, handles);
});

Deno.test("restore() keeps the structs that the pool has come to know since", () => {
  const set = new PoolSet({ sizes: [4, 8], chunksPerBlock: 16, maxChunks: 64 });
  const handles = mixed(set);
  const saved = set.snapshot();
  const c = set.alloc(C, { n: 1.5 });
  const later = set.snapshot();
  set.restore(saved);
  assertMixed(set, handles);
  assertEquals(set.has(c), false);
  set.restore(later);
  assertEquals(set.get(C, c).n, 1.5);
  assertMixed(set, handles);
});

Deno.test("A pool of a set takes its own snapshots", () => {
  const set = new PoolSet({ sizes: [4, 8], chunksPerBlock: 16, maxChunks: 64 });
  const [small] = set.pools;
  const handles = mixed(set);
  const saved = small.snapshot();
  small.clear();
  small.restore(saved);
  assertMixed(set, handles);
  assertRefused(set, () => set.restore(saved), SnapshotError, "another layout");
  assertRefused(set, () => small.restore(set.snapshot()), SnapshotError, "another layout");
});

Deno.test("restore() asks for no struct of which there is no record", () => {
  const options = { sizes: [4, 8], chunksPerBlock: 16, maxChunks: 64 };
  const set = new PoolSet(options);
  set.free(set.alloc(C));
  const handles = mixed(set);
  const other = new PoolSet(options);
  other.cursor(B);
  other.cursor(A);
  other.restore(set.snapshot());
  assertMixed(other, handles);
});

// -- debug pools --

Deno.test("A view in debug mode is judged by the state that restore() brought back", () => {
  const pool = new Pool(Body, { ...SNAPPED, debug: true });
  const [kept, freed] = pool.allocMany(2);
  const [keptView, freedView] = [pool.get(kept), pool.get(freed)];
  const saved = pool.snapshot();
  pool.free(freed);
  assertThrows(() => freedView.n, StaleHandleError);
  const later = pool.alloc();
  const laterView = pool.get(later);
  assertEquals(laterView.n, 0);
  pool.restore(saved);
  assertEquals([keptView.n, pool.get(freed).n], [0, 0]);
  assertThrows(() => laterView.n, StaleHandleError);
  assertThrows(() => pool.dispose(), LeakError, "2 still live");
});

for (const [name, make] of faces) {
  for (const reuse of ["recent", "spread"] as const) {
    Deno.test(`${name}: a debug pool takes the snapshot of one without, and its handles (${reuse})`, () => {
      for (const state of statesOf(name)) {
        for (const into of statesOf(name)) {
          const face = stateful(make, state, { reuse });
          const other = stateful(make, into, { reuse, debug: true });
          const before = [...other.pool.handles()];
          other.pool.restore(face.pool.snapshot());
          validate(other.pool);
          assertEquals(contentOf(other), contentOf(face), `${state} into ${into}`);
          const handles = [...face.pool.handles()];
          assertEquals([...other.pool.handles()], handles);
          for (const handle of handles) assertEquals(other.pool.has(handle), true);
          for (const handle of before) {
            assertEquals(other.pool.has(handle), handles.includes(handle));
          }
          // What comes after has handles that nobody had.
          const more = Array.from({ length: 5 }, () => other.tryAlloc() ?? 0).filter((it) =>
            it > 0
          );
          for (const handle of more) {
            assert(!handles.includes(forge(handle)) && !before.includes(forge(handle)));
          }
          drop(other);
        }
      }
    });
  }

  Deno.test(`${name}: a debug pool takes the snapshot of another debug pool, and its handles`, () => {
    for (const state of statesOf(name)) {
      if (state.startsWith("worn")) continue; // which reaches past the table of handles
      const face = stateful(make, state, { debug: true });
      const other = stateful(make, "holes", { debug: true });
      other.pool.restore(face.pool.snapshot());
      validate(other.pool);
      assertEquals(contentOf(other), contentOf(face), state);
      assertSameBytes(other.pool.snapshot(), face.pool.snapshot(), state);
      drop(face);
      drop(other);
    }
  });

  Deno.test(`${name}: a pool without debug mode refuses the snapshot of one with it`, () => {
    const debug = stateful(make, "holes", { debug: true });
    const face = stateful(make, "holes");
    assertRefused(
      face.pool,
      () => face.pool.restore(debug.pool.snapshot()),
      SnapshotError,
      "it is of a pool in debug mode, whose handles are others",
    );
    drop(debug);
  });
}

Deno.test("Pool.restore() in debug mode refuses numbers that are no handles, and one that comes twice", () => {
  const pool = new Pool(Body, { ...SNAPPED, debug: true });
  const handles = pool.allocMany(3);
  const saved = pool.snapshot(undefined, { checksum: false });
  const floats = new Float64Array(saved.buffer);
  const at = floats.indexOf(handles[1]);
  for (const bad of [0, -1, 1.5, NaN, Infinity, 2 ** 53, handles[0]]) {
    floats[at] = bad;
    const message = `${bad} is the handle of a record, or of two`;
    assertRefused(pool, () => pool.restore(saved), SnapshotError, message);
  }
  floats[at] = 2 ** 53 - 1;
  pool.restore(saved);
  assertEquals([...pool.handles()], [handles[0], 2 ** 53 - 1, handles[2]]);
  pool.clear();
  pool.dispose();
});

Deno.test("In debug mode handles from a snapshot are not given out again when the counter comes to them", () => {
  const pool = new Pool(Body, { ...SNAPPED, debug: true });
  const first = pool.alloc();
  const saved = pool.snapshot(undefined, { checksum: false });
  const floats = new Float64Array(saved.buffer);
  floats[floats.indexOf(first)] = first + 3;
  pool.restore(saved);
  const given = [pool.alloc(), pool.alloc(), pool.alloc(), pool.alloc()];
  assertEquals(given.map((it) => it - first), [1, 2, 4, 5]);
  pool.clear();
  pool.dispose();
});

// -- figures --

Deno.test("A snapshot has hardly more bytes than the blocks and their books", () => {
  using pool = new Pool({ bytes: array("u8", 32) });
  pool.allocMany(100_000);
  const { byteLength, overheadBytes } = pool.stats();
  const more = pool.snapshot().length - byteLength - overheadBytes;
  assertGreater(more, 0);
  assert(more < 120 + 40 * pool.blocks.length, `${more} bytes more`);
});

Deno.test("Nothing of snapshot() stays behind in the pool", () => {
  const face = stateful(FACES.PoolSet, "holes");
  const before = stateOf(face.pool);
  const into = face.pool.snapshot(new Uint8Array(10_000), { checksum: false });
  into.fill(0);
  assertEquals(stateOf(face.pool), before);
  assertEquals(slabs.get(face.pool)!.length, 2);
});
