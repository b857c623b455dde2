/** Debug mode: what is freed is overwritten, and a view kept past its record throws. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  array,
  DisposedError,
  LeakError,
  Pool,
  type ScalarType,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { DEBUG, drop, faces, Word, words, type WordView } from "../_debug.ts";
import { type Face, type FaceMaker, FACES } from "../_faces.ts";
import { forge, stateOf, untyped } from "../_support.ts";

// -- poison --

/** Bytes of a chunk, and the links that blocks of so many chunks need. */
const LINKS: [number, number][] = [[16, 1], [256, 1], [512, 2], [65_536, 2]];

for (const [chunksPerBlock, linkBytes] of LINKS) {
  Deno.test(`A debug pool fills freed chunks past the link (${chunksPerBlock} chunks a block)`, () => {
    const pool = new Pool({ bytes: array("u8", 7) }, { chunksPerBlock, debug: true });
    const handles = pool.allocMany(5);
    for (const handle of handles) pool.set(handle, { bytes: [1, 2, 3, 4, 5, 6, 7] });
    pool.free(handles[1]);
    pool.free(handles[3]);
    const bytes = [...pool.blocks[0].bytes.subarray(0, 35)];
    const live = [1, 2, 3, 4, 5, 6, 7];
    const dead = (link: number) =>
      [link, 0, ...Array(5).fill(0xdd)].with(1, linkBytes > 1 ? 0 : 0xdd);
    assertEquals(bytes, [live, dead(0), live, dead(1), live].flat());
    pool.freeMany([handles[0], handles[2], handles[4]]);
    pool.dispose();
  });
}

for (const [name, make] of faces) {
  /** Asserts what is in the chunks of a block past the link of 1 byte. */
  const assertPast = (block: Uint8Array, isDead: (chunk: number) => boolean) => {
    for (let at = 0; at < block.length; at += 4) {
      const dead = isDead(at / 4);
      const past = [...block.subarray(at + 1, at + 4)];
      assertEquals(past.every((byte) => byte === 0xdd), dead, `chunk ${at / 4} has ${past}`);
    }
  };

  Deno.test(`${name}: every way of freeing poisons just what it frees`, () => {
    const { face, handles } = words(make);
    const { pool } = face;
    const [first, second] = pool.blocks.map((block) => block.bytes);
    pool.free(forge(handles[3]));
    assertPast(first, (chunk) => chunk === 3);
    assert(pool.tryFree(forge(handles[4])));
    pool.freeMany([handles[6], handles[20]].map(forge));
    assertPast(first, (chunk) => [3, 4, 6].includes(chunk));
    assertPast(second, (chunk) => chunk === 4);
    face.retain<WordView>((word) => word.n !== 8);
    assertPast(first, (chunk) => [3, 4, 6, 8].includes(chunk));
    {
      using _scratch = face.scoped<WordView>({ n: 5 });
      // The newest free chunk of the lowest block.
      assertPast(first, (chunk) => [3, 4, 6].includes(chunk));
    }
    assertPast(first, (chunk) => [3, 4, 6, 8].includes(chunk));
    face.forEach<WordView>((word, handle) => word.n === 9 && pool.free(handle));
    assertPast(first, (chunk) => [3, 4, 6, 8, 9].includes(chunk));
    pool.clear();
    assertPast(first, () => true);
    assertPast(second, () => true);
    validate(pool);
    pool.dispose();
  });

  Deno.test(`${name}: freeBlock() and dispose() poison what goes back to the resource`, () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const bytes = new Uint8Array(memory.buffer);
    const { face } = words(make, { memory: lender(memory) });
    face.pool.freeBlock(face.pool.blocks[0].index);
    assertPast(bytes.subarray(0, 64), () => true);
    assertThrows(() => face.pool.dispose(), LeakError);
    assertPast(bytes.subarray(64, 128), () => true);
  });

  Deno.test(`${name}: a poisoned chunk is zeroed again when it is given out`, () => {
    const { face, handles } = words(make);
    const { pool } = face;
    const values = (n: number) => Array(n).fill({ n: 0 });
    pool.freeMany(handles.map(forge));
    for (const handle of face.allocMany(32)) {
      assertEquals(face.get<WordView>(handle).n, 0);
    }
    pool.clear();
    face.allocMany(32);
    assertEquals(face.values(), values(32));
    pool.freeBlock(pool.blocks[1].index);
    face.allocMany(16);
    assertEquals(face.values(), values(32));
    drop(face);
  });
}

/** Lends a linear memory from its start, and never anything twice. */
function lender(memory: WebAssembly.Memory) {
  let at = 0;
  return {
    allocate(byteLength: number) {
      at += byteLength;
      return { buffer: memory.buffer, byteOffset: at - byteLength, byteLength };
    },
    release() {},
  };
}

// -- accesses --

const SCALARS: Record<ScalarType, unknown> = {
  i8: -1,
  u8: 1,
  bool: true,
  i16: -1,
  u16: 1,
  f16: 0.5,
  i32: -1,
  u32: 1,
  f32: 0.5,
  ref: 1,
  f64: 0.5,
  i64: -1n,
  u64: 1n,
};
const types = Object.keys(SCALARS) as ScalarType[];
const fieldsOf = <T>(of: (type: ScalarType) => T) =>
  Object.fromEntries(types.map((type) => [`$${type}`, of(type)]));

const Scalars = struct(fieldsOf((type) => type));
const Lists = struct(fieldsOf((type) => array(type, 2)));
const Everything: AnyStruct = struct({
  scalars: struct({ here: Scalars }),
  lists: Lists,
  parts: array(Scalars, 2),
  deep: struct({ list: array(struct({ lists: Lists, scalars: Scalars }), 2) }),
  ...fieldsOf((type) => type),
  ...Object.fromEntries(types.map((type) => [`list$${type}`, array(type, 2)])),
}, { name: "Everything" });

/** Anything that a view leads to. */
interface Loose {
  [name: string]: never;
}
const loose = (it: unknown) => it as { [name: string]: unknown } & Record<string, () => unknown>;

/** A way to read or write a record: what may be taken from its view beforehand, and what is done with that. */
interface Access {
  readonly name: string;
  take(view: Loose): unknown;
  use(taken: unknown): unknown;
}

/** Where structs, and where arrays of a type are in a view of everything. */
const STRUCTS: [string, (view: Loose) => unknown][] = [
  ["view", (view) => view],
  ["view.scalars.here", (view) => loose(view.scalars).here],
  ["view.parts.get(1)", (view) => list(view.parts).get(1)],
  ["view.deep.list.get(1).scalars", (view) => loose(secondOf(view)).scalars],
];
const LISTS: [string, (view: Loose, type: ScalarType) => unknown][] = [
  ["view.list", (view, type) => loose(view)[`list$${type}`]],
  ["view.lists.", (view, type) => loose(view.lists)[`$${type}`]],
  ["view.deep.list.get(1).lists.", (view, type) => loose(loose(secondOf(view)).lists)[`$${type}`]],
];

function secondOf(view: Loose): unknown {
  return untyped<{ list: { get(i: number): unknown } }>(view.deep).list.get(1);
}

/** What there is to do with an array. */
interface List {
  get(i: number): unknown;
  set(i: number, value: unknown): void;
  copyFrom(values: unknown[]): void;
  toArray(): unknown;
  toJSON(): unknown;
  [Symbol.iterator](): Iterator<unknown>;
}

const LIST_USES: [string, (list: List, value: unknown) => unknown][] = [
  [".get(0)", (list) => list.get(0)],
  [".set(1)", (list, value) => list.set(1, value)],
  [".copyFrom()", (list, value) => list.copyFrom([value, value])],
  [".copyFrom() of nothing", (list) => list.copyFrom([])],
  [".toArray()", (list) => list.toArray()],
  [".toJSON()", (list) => list.toJSON()],
  ["'s iterator", (list) => [...list]],
];

const ACCESSES: Access[] = [
  ...STRUCTS.flatMap(([where, take]): Access[] => [
    ...types.flatMap((type): Access[] => [
      { name: `${where}.$${type}`, take, use: (it) => loose(it)[`$${type}`] },
      {
        name: `${where}.$${type} =`,
        take,
        use: (it) => loose(it)[`$${type}`] = untyped(SCALARS[type]),
      },
    ]),
    { name: `${where}.toJSON()`, take, use: (it) => (it as { toJSON(): unknown }).toJSON() },
    { name: `JSON of ${where}`, take, use: (it) => JSON.stringify(plain(it)) },
  ]),
  ...LISTS.flatMap(([where, take]) =>
    types.flatMap((type) =>
      LIST_USES.map(([name, use]): Access => ({
        name: `${where}$${type}${name}`,
        take: (view) => take(view, type),
        use: (it) => use(it as List, SCALARS[type]),
      }))
    )
  ),
  ...([
    ["view.scalars =", (view) => loose(view).scalars = untyped({ here: { $u8: 1 } })],
    ["view.scalars = nothing", (view) => loose(view).scalars = untyped({})],
    ["view.scalars.here =", (view) => loose(view.scalars).here = untyped({ $u8: 1 })],
    ["view.lists =", (view) => loose(view).lists = untyped({ $u8: [1] })],
    ["view.lists.$u8 =", (view) => loose(view.lists).$u8 = untyped([1])],
    ["view.list$u8 =", (view) => loose(view).list$u8 = untyped([1, 2])],
    ["view.parts =", (view) => loose(view).parts = untyped([{ $u8: 1 }])],
    ["view.deep =", (view) => loose(view).deep = untyped({ list: [{ scalars: { $u8: 1 } }] })],
    ["view.parts.set()", (view) => list(view.parts).set(0, { $i64: 1n })],
    ["view.parts.copyFrom()", (view) => list(view.parts).copyFrom([{ $u8: 1 }])],
    ["view.parts.toArray()", (view) => list(view.parts).toArray()],
    ["view.parts's iterator", (view) => Array.from(list(view.parts), (it) => loose(it).$u16)],
    ["view.deep.list's iterator", (view) => {
      const { list: parts } = untyped<{ list: List }>(view.deep);
      return Array.from(parts, (it) => loose(loose(it).scalars).$u16);
    }],
  ] as [string, (view: Loose) => unknown][]).map(([name, use]): Access => ({
    name,
    take: (view) => view,
    use: (it) => use(it as Loose),
  })),
];

function list(it: unknown): List {
  return it as List;
}

/** JSON knows no bigint; what is asked for is that the view is read at all. */
function plain(it: unknown): unknown {
  return Object.values((it as { toJSON(): object }).toJSON()).map(String);
}

/** Ways for a record to die: each is told a handle to make an end of. */
const DEATHS: Record<string, (face: Face, handle: number) => void> = {
  "free()": ({ pool }, handle) => pool.free(forge(handle)),
  "tryFree()": ({ pool }, handle) => assert(pool.tryFree(forge(handle))),
  "free() and alloc() of the same chunk": (face, handle) => {
    const { codec } = slabs.get(face.pool)![0]; // every pool has a slab
    const index = codec.index(handle);
    face.pool.free(forge(handle));
    assertEquals(codec.index(face.alloc()), index);
  },
  "freeMany()": ({ pool }, handle) => pool.freeMany([forge(handle)]),
  "retain()": (face, handle) => assertEquals(face.retain((_, it) => it !== handle), 1),
  "clear()": ({ pool }) => pool.clear(),
  "clear() and allocMany()": (face) => {
    face.pool.clear();
    face.allocMany(20);
  },
  "freeBlock()": ({ pool }) => pool.freeBlock(pool.blocks[0].index),
  "freeBlock() and alloc()": (face) => {
    face.pool.freeBlock(face.pool.blocks[0].index);
    face.allocMany(20);
  },
  "free() and trim()": ({ pool }) => {
    pool.freeMany([...pool.handles()].map(forge));
    assert(pool.trim() > 0);
  },
  "free(), trim() and alloc()": (face) => {
    face.pool.freeMany([...face.pool.handles()].map(forge));
    face.pool.trim();
    face.allocMany(20);
  },
  "restore() of an earlier snapshot": ({ pool }) => pool.restore(EMPTY.get(pool)!),
  "dispose()": (face) => void assertThrows(() => face.pool.dispose(), LeakError),
};

/** A snapshot of each pool before its first record. */
const EMPTY = new WeakMap<object, Uint8Array>();

function everything(make: FaceMaker): { face: Face; handle: number } {
  const face = make(Everything, { ...DEBUG, name: "everything" });
  face.cursor(); // makes its struct known
  EMPTY.set(face.pool, face.pool.snapshot());
  const [, handle] = face.allocMany(3);
  return { face, handle };
}

/** Asserts that an access throws for a record that is gone. */
function assertGone(name: string, access: () => unknown, handle: number): void {
  const error = assertThrows(access, StaleHandleError, "Cannot use a view in Pool", name);
  assertEquals([error.handle, error.pool], [handle, "everything"], name);
}

for (const [death, kill] of Object.entries(DEATHS)) {
  Deno.test(`A debug view throws on every read and write after ${death}`, () => {
    const { face, handle } = everything(FACES.Pool);
    const view = face.get<Loose>(handle);
    // Of everything the parts taken while it lived, and those that are taken afterwards.
    const taken = ACCESSES.map((access) => access.take(view));
    ACCESSES.forEach((access, i) => access.use(taken[i]));
    kill(face, handle);
    const before = slabs.get(face.pool)![0].disposed ? undefined : stateOf(face.pool);
    ACCESSES.forEach((access, i) => {
      assertGone(access.name, () => access.use(taken[i]), handle);
      assertGone(access.name, () => access.use(access.take(view)), handle);
    });
    if (before === undefined) return;
    assertEquals(stateOf(face.pool), before);
    validate(face.pool);
    drop(face);
  });
}

Deno.test("A debug view that is dead still tells how long its arrays are", () => {
  const { face, handle } = everything(FACES.Pool);
  const view = face.get<Loose>(handle);
  face.pool.free(forge(handle));
  assertEquals(loose(view.list$u8).length, untyped(2));
  drop(face);
});

/** Ways to come by a view of a record: each is told which. */
const SOURCES: Record<string, (face: Face, handle: number) => Loose> = {
  "get()": (face, handle) => face.get(handle),
  "tryGet()": (face, handle) => face.tryGet<Loose>(handle)!, // a live record's
  "cursor() and seek()": (face, handle) => face.seek(face.cursor<Loose>(), handle),
  "seek() of a view of another": (face, handle) =>
    face.seek(face.get<Loose>([...face.pool.handles()][0]), handle),
  "forEach()": (face, handle) => {
    let kept: Loose | undefined;
    face.forEach<Loose>((view, it) => {
      if (it === handle) kept = face.seek(view, handle);
    });
    return face.seek(kept!, handle); // the iteration has moved it on
  },
  "an iterator": (face, handle) => {
    for (const view of face.views<Loose>()) {
      if (face.pool.handleOf(view) === handle) return view;
    }
    throw new Error("The record was not met");
  },
};

for (const [name, make] of faces) {
  Deno.test(`${name}: views of every source are checked, whatever becomes of the record`, () => {
    for (const [death, kill] of Object.entries(DEATHS)) {
      for (const [source, take] of Object.entries(SOURCES)) {
        // The next iteration moves the view of the one before.
        if (source === "forEach()" && death === "retain()") continue;
        const { face, handle } = everything(make);
        const view = take(face, handle);
        const { scalars, list$u8 } = view;
        assertEquals(view.$u8, untyped(0));
        kill(face, handle);
        const assertGoneHere = (access: () => unknown) => {
          const error = assertThrows(
            access,
            StaleHandleError,
            "Cannot use a view in",
            `${source}, ${death}`,
          );
          assertEquals(error.handle, handle);
        };
        assertGoneHere(() => view.$u8);
        assertGoneHere(() => loose(view).$f64 = untyped(1));
        assertGoneHere(() => loose(loose(scalars).here).$u8);
        assertGoneHere(() => list(list$u8).get(0));
        if (!slabs.get(face.pool)![0].disposed) drop(face);
      }
    }
  });

  Deno.test(`${name}: a view is gone at the end of its scope`, () => {
    const face = make(Word, DEBUG);
    let view: WordView;
    {
      using scratch = face.scoped<WordView>({ n: 1 });
      view = scratch.view;
      assertEquals(view.n, 1);
    }
    assertThrows(() => view.n, StaleHandleError);
    face.pool.dispose();
  });

  Deno.test(`${name}: the view of an iteration is gone when its record is freed in there`, () => {
    const { face } = words(make);
    const { pool } = face;
    let seen = 0;
    const check = (view: WordView) => {
      const { n } = view;
      if (n % 3 === 0) {
        pool.free(forge(pool.handleOf(view)));
        assertThrows(() => view.n, StaleHandleError);
        assertThrows(() => view.n = 1, StaleHandleError);
        assertThrows(() => pool.handleOf(view), StaleHandleError);
      }
      seen++;
    };
    face.forEach<WordView>(check);
    for (const view of face.views<WordView>()) check(view);
    assertEquals([seen, pool.size], [32 + 21, 21]);
    face.retain<WordView>((view, handle) => {
      pool.free(handle);
      assertThrows(() => view.n, StaleHandleError);
      return false;
    });
    assertEquals(pool.size, 0);
    pool.dispose();
  });

  Deno.test(`${name}: a cursor is good again once it is moved to a live record`, () => {
    const { face, handles } = words(make);
    const cursor = face.seek(face.cursor<WordView>(), handles[5]);
    face.pool.free(forge(handles[5]));
    assertThrows(() => cursor.n, StaleHandleError);
    assertEquals(face.seek(cursor, handles[6]).n, 6);
    cursor.n = 66;
    assertEquals(face.get<WordView>(handles[6]).n, 66);
    assertThrows(() => face.seek(cursor, handles[5]), StaleHandleError);
    assertEquals(cursor.n, 66);
    face.pool.free(forge(handles[6]));
    assertThrows(() => cursor.n, StaleHandleError);
    const next = face.allocAt(cursor as never); // a view of its struct
    assertEquals([cursor.n, face.pool.handleOf(cursor)], [0, next]);
    cursor.n = 7;
    assertEquals(face.get<WordView>(next).n, 7);
    face.pool.freeBlock(face.pool.blocks[0].index);
    assertThrows(() => cursor.n, StaleHandleError);
    assertEquals(face.seek(cursor, handles[20]).n, 20);
    drop(face);
  });

  Deno.test(`${name}: a cursor that is bound to no record throws at each access`, () => {
    const face = make(Word, DEBUG);
    const cursor = face.cursor<WordView>();
    const message = "Cannot use a view: it is bound to no record";
    assertThrows(() => cursor.n, StaleHandleError, message);
    assertThrows(() => cursor.n = 5, StaleHandleError, message);
    face.pool.dispose();
    assertThrows(() => cursor.n, StaleHandleError, message);
  });

  Deno.test(`${name}: a dead view is refused as a value, and changes nothing`, () => {
    const { face, handles } = words(make);
    const view = face.get(handles[4]);
    face.pool.free(forge(handles[4]));
    const before = stateOf(face.pool);
    assertThrows(() => face.alloc(view), StaleHandleError);
    assertThrows(() => face.set(handles[5], view), StaleHandleError);
    assertEquals(stateOf(face.pool), before);
    face.set(handles[5], face.get(handles[6]));
    assertEquals(face.get<WordView>(handles[5]).n, 6);
    drop(face);
  });
}

Deno.test("A debug view says what became of its record", () => {
  const { face, handles } = words(FACES.Pool);
  const view = face.get<WordView>(handles[3]);
  face.pool.free(forge(handles[3]));
  const title = `handle ${handles[3]} (index 3, generation 1)`;
  assertThrows(
    () => view.n,
    StaleHandleError,
    `Cannot use a view in Pool "words": ${title} is stale, the chunk is at generation 2`,
  );
  assertThrows(() => face.pool.dispose(), LeakError);
  assertThrows(() => view.n, StaleHandleError, `${title} is stale, the pool was disposed of`);
  assertThrows(() => face.pool.free(forge(handles[3])), DisposedError);
});

Deno.test("A debug view of a chunk's last generation is gone with it, as the chunk is retired", () => {
  const pool = new Pool(Word, { ...DEBUG, handles: "wide" });
  const [slab] = slabs.get(pool)!; // every pool has one
  pool.reserve(1);
  slab.blocks[0].stamps[0] = slab.codec.maxGeneration * 2;
  const handle = pool.alloc();
  const view = pool.get(handle);
  view.n = 5;
  pool.free(handle);
  assertThrows(() => view.n, StaleHandleError, "the chunk is retired");
  validate(pool);
  pool.dispose();
});

Deno.test("A debug view is good again after rebind()", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
  let at = 0;
  const pool = new Pool(Word, {
    ...DEBUG,
    memory: {
      allocate: (byteLength) => ({
        get buffer() {
          return memory.buffer;
        },
        byteOffset: (at += byteLength) - byteLength,
        byteLength,
      }),
      release() {},
    },
  });
  const handle = pool.alloc({ n: 5 });
  const view = pool.get(handle);
  memory.grow(1);
  pool.rebind();
  assertEquals(view.n, 5);
  pool.free(handle);
  assertThrows(() => view.n, StaleHandleError);
  pool.dispose();
});
