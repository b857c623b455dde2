/** Debug mode: what was live at the end and where it came from, and whose a handle is. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  countingMemory,
  DisposedError,
  type Leak,
  LeakError,
  Pool,
  PoolExhaustedError,
  PoolSet,
  StaleHandleError,
  struct,
} from "../../mod.ts";
import { slabs } from "../../src/slab/slab.ts";
import { DEBUG, drop, faces, Word, words, type WordView } from "../_debug.ts";
import { forge, SMALL, stateOf, untyped } from "../_support.ts";

// -- leaks --

/** The place of its caller, as a frame of a stack has it without the column. */
function here(): string {
  const [, , frame] = (new Error().stack ?? "").split("\n");
  return placeOf(frame);
}

function placeOf(frame: string): string {
  const [, place] = frame.match(/([\w]+\.ts:\d+):\d+\)?$/) ?? [];
  assert(place !== undefined, `no place in ${frame}`);
  return place;
}

function assertFrom({ stack }: Leak, place: string): void {
  assertEquals(placeOf(stack.split("\n")[0]), place);
  assert(!stack.includes("/src/"), stack);
}

/** Behind a face the first frames are of that, as the caller's. */
function assertFromFace({ stack }: Leak, place: string): void {
  const frames = stack.split("\n").filter((frame) => !frame.includes("_faces.ts"));
  assertFrom({ handle: 0, stack: frames.join("\n") }, place);
  assertStringIncludes(stack.split("\n")[0], "_faces.ts");
}

for (const [name, make] of faces) {
  Deno.test(`${name}: dispose() tells of every leak where it was allocated`, () => {
    const memory = countingMemory();
    const face = make(Word, { ...DEBUG, name: "leaky", memory });
    const cursor = face.cursor<never>();
    const places: string[] = [];
    const handles: (number | undefined)[] = [];
    // deno-fmt-ignore: each call on the line of its place.
    {
      places.push(here()); handles.push(face.alloc());
      places.push(here()); handles.push(face.alloc({ n: 1 }));
      places.push(here()); handles.push(face.tryAlloc());
      places.push(here()); handles.push(face.tryAlloc({ n: 1 }));
      places.push(here()); handles.push(face.allocAt(cursor));
      places.push(here()); handles.push(face.scoped({ n: 1 }).handle);
      const place = here(); handles.push(...face.allocMany(20)); places.push(...Array(20).fill(place));
    }
    face.pool.free(forge(handles[1]));
    places.splice(1, 1);
    handles.splice(1, 1);
    const error = assertThrows(() => face.pool.dispose(), LeakError);
    assertEquals([memory.regions, memory.usedBytes], [0, 0]);
    assertEquals([error.name, error.pool], ["LeakError", "leaky"]);
    assertEquals(error.leaks.map(({ handle }) => handle), handles);
    error.leaks.forEach((leak, i) => assertFromFace(leak, places[i]));
    assertThrows(() => face.pool.trim(), DisposedError);
    face.pool.dispose(); // harmless
  });

  Deno.test(`${name}: a record leaks no more once it was freed, in whatever way`, () => {
    const { face, handles } = words(make);
    const { pool } = face;
    pool.freeBlock(pool.blocks[1].index);
    pool.free(forge(handles[0]));
    pool.tryFree(forge(handles[1]));
    pool.freeMany([handles[2], handles[3]].map(forge));
    face.retain<WordView>((word) => word.n !== 4);
    const left = face.alloc();
    const error = assertThrows(() => pool.dispose(), LeakError, "12 still live");
    const kept = [...handles.slice(5, 16), left];
    assertEquals(error.leaks.map((leak) => leak.handle), kept);
    const other = words(make).face;
    other.pool.clear();
    other.pool.dispose();
  });

  Deno.test(`${name}: a refused alloc() is no leak, nor is a refused free() the end of one`, () => {
    const { face, handles } = words(make);
    assertThrows(() => face.alloc(), PoolExhaustedError);
    assertEquals(face.tryAlloc(), undefined);
    assertThrows(() => face.allocMany(1), PoolExhaustedError);
    face.pool.free(forge(handles[0]));
    assertThrows(() => face.alloc({ n: "one" }), TypeError);
    assertThrows(() => face.pool.free(forge(handles[0])), StaleHandleError);
    assertThrows(() => face.pool.freeMany([handles[1], handles[0]].map(forge)), StaleHandleError);
    const error = assertThrows(() => face.pool.dispose(), LeakError);
    assertEquals(error.leaks.map((leak) => leak.handle), handles.slice(1));
  });
}

Deno.test("The end of a using scope throws LeakError, after the memory went back", () => {
  const memory = countingMemory();
  const place: string[] = [];
  const error = assertThrows(() => {
    using pool = new Pool(Word, { ...DEBUG, memory, name: "imps" });
    place.push(here()), pool.alloc();
  }, LeakError);
  assertEquals(memory.regions, 0);
  assertFrom(error.leaks[0], place[0]);
  const [{ handle, stack }] = error.leaks;
  assertEquals(
    error.message,
    `Cannot dispose of Pool "imps" cleanly: 1 still live\nhandle ${handle}, allocated\n${stack}`,
  );
});

Deno.test("LeakError's message shows ten leaks, and how many more there are", () => {
  for (const [count, more] of [[1, ""], [10, ""], [11, "\nand 1 more"], [31, "\nand 21 more"]]) {
    const pool = new Pool(Word, DEBUG);
    const handles = pool.allocMany(Number(count));
    const { message, leaks } = assertThrows(() => pool.dispose(), LeakError);
    const shown = handles.slice(0, 10);
    assertEquals([...message.matchAll(/^handle (\d+), allocated$/gm)].map(([, it]) => +it), shown);
    assert(more === "" ? !message.includes("more") : message.endsWith(String(more)), message);
    assertEquals(leaks.length, count);
  }
});

Deno.test("A leak's stack has as many frames as the engine is told, and leaves that as it was", () => {
  const limited = Error as { stackTraceLimit?: number };
  const before = limited.stackTraceLimit;
  const dig = (depth: number, alloc: () => void): void =>
    depth === 0 ? alloc() : dig(depth - 1, alloc);
  try {
    for (const limit of [1, 5, 20]) {
      limited.stackTraceLimit = limit;
      const set = new PoolSet({ ...DEBUG, sizes: [4, 8] });
      dig(40, () => set.scoped(Word, { n: 1 }));
      assertEquals(limited.stackTraceLimit, limit);
      const { leaks } = assertThrows(() => set.dispose(), LeakError);
      assertEquals(leaks[0].stack.split("\n").length, limit);
      assert(!leaks[0].stack.includes("/src/"), leaks[0].stack);
    }
  } finally {
    if (before !== undefined) limited.stackTraceLimit = before;
  }
});

Deno.test("PoolSet.dispose() gives all classes back, and tells of the leaks of each", () => {
  const memory = countingMemory();
  const Half = struct({ n: "u16" });
  const set = new PoolSet({ ...DEBUG, sizes: [2, 4, 8], maxChunks: 64, memory, name: "things" });
  const handles = [set.alloc(Half), set.alloc(Word), set.alloc(Word)];
  const error = assertThrows(
    () => set.dispose(),
    LeakError,
    'PoolSet "things" cleanly: 3 still live',
  );
  assertEquals(error.leaks.map((leak) => leak.handle), handles);
  assertEquals([memory.regions, error.pool], [0, "things"]);
  set.dispose();
});

Deno.test("A pool that leaks says nothing out of debug mode", () => {
  for (const [, make] of faces) {
    const face = make(Word, SMALL);
    face.allocMany(3);
    face.pool.dispose();
  }
});

Deno.test("Records that came back by restore() are leaks as well, with what is known of them", () => {
  const pool = new Pool(Word, DEBUG);
  const place = here(), kept = pool.alloc(), freed = pool.alloc();
  const saved = pool.snapshot();
  pool.free(freed);
  const later = pool.allocMany(20);
  pool.restore(saved);
  const { leaks } = assertThrows(() => pool.dispose(), LeakError);
  assertEquals(leaks.map((leak) => leak.handle), [kept, freed]);
  assert(!leaks.some((leak) => leak.handle === later[1]));
  assertFrom(leaks[0], place);
  // Of the second another record had the handle by then.
  assertEquals(later[0] === freed, false);
  assertEquals(leaks[1].stack, "    by restore() or load()");
});

// -- whose handles --

for (const [mine, make] of faces) {
  for (const [others, makeOther] of faces) {
    Deno.test(`${mine}: a handle of another debug ${others} is recognised`, () => {
      const { face } = words(make);
      const other = makeOther(Word, { ...DEBUG, name: "others" });
      const handle = other.alloc({ n: 1 });
      const { label } = slabs.get(other.pool)![0]; // every pool has a slab
      const refused = [
        () => face.pool.free(forge(handle)),
        () => face.get(handle),
        () => face.set(handle, {}),
        () => face.seek(face.cursor(), handle),
        () => face.pool.freeMany([forge(handle)]),
      ];
      const before = stateOf(face.pool);
      for (const call of refused) {
        const error = assertThrows(call, StaleHandleError, `: ${handle} is a handle of ${label}`);
        assertEquals(error.handle, handle);
      }
      assertEquals([face.pool.has(forge(handle)), face.pool.tryFree(forge(handle))], [
        false,
        false,
      ]);
      assertEquals(face.tryGet(handle), undefined);
      assertEquals(stateOf(face.pool), before);
      other.pool.free(forge(handle));
      const { message } = assertThrows(() => face.pool.free(forge(handle)), StaleHandleError);
      assert(!message.includes("others"), message);
      drop(face);
      drop(other);
    });
  }
}

Deno.test("A handle of a debug pool that was disposed of is of no live record", () => {
  const [pool, other] = [new Pool(Word, DEBUG), new Pool(Word, DEBUG)];
  const handle = other.alloc();
  assertThrows(() => other.dispose(), LeakError);
  assertThrows(
    () => pool.free(handle),
    StaleHandleError,
    `handle ${handle} is stale: it was given out before, and is of no live record`,
  );
  assertThrows(
    () => pool.free(forge(2 ** 40)),
    StaleHandleError,
    `${2 ** 40} is not a handle of this pool`,
  );
  pool.dispose();
});

for (const [name, make] of faces) {
  Deno.test(`${name}: in debug mode no handle is accepted again, however often its chunk is reused`, () => {
    const face = make(Word, { ...DEBUG, maxChunks: name.includes("Set") ? 4096 : 16 });
    const first = face.alloc({ n: 1 });
    const view = face.get<WordView>(first);
    face.pool.free(forge(first));
    const { maxGeneration } = slabs.get(face.pool)![0].codec;
    const rounds = Math.min(maxGeneration, 40_000); // of wide handles not all
    for (let i = 0; i < rounds; i++) {
      const handle = face.alloc();
      assert(!face.pool.has(forge(first)) && face.tryGet(first) === undefined);
      if (i >= rounds - 3) assertThrows(() => view.n, StaleHandleError);
      assertNotEquals(handle, first);
      face.pool.free(forge(handle));
    }
    assertThrows(() => face.pool.free(forge(first)), StaleHandleError, `handle ${first} is stale`);
    face.pool.dispose();
  });

  Deno.test(`${name}: a hundred debug pools have no handle in common`, () => {
    const all = Array.from({ length: 100 }, () => make(Word, DEBUG));
    const handles = all.map((face) => face.alloc());
    assertEquals(new Set(handles).size, 100);
    for (const [i, face] of all.entries()) {
      for (const [at, handle] of handles.entries()) {
        assertEquals(face.pool.has(forge(handle)), i === at);
      }
    }
    for (const face of all) drop(face);
  });
}

Deno.test("Debug pools number their blocks from 0, as others do", () => {
  for (const [, make] of faces) {
    const numbers = [false, true, true].map((debug) => {
      const face = make(Word, { ...SMALL, debug });
      face.allocMany(32);
      const indices = face.pool.blocks.map((block) => block.index);
      drop(face);
      return indices;
    });
    assertEquals(numbers[1], numbers[0]);
    assertEquals(numbers[2], numbers[0]);
  }
  const pool = new Pool(Word, DEBUG);
  assertEquals(pool.blocks.map((block) => block.index), []);
  pool.allocMany(3);
  pool.freeBlock(0);
  pool.dispose();
});

Deno.test("Debug handles are handles: positive, compact below 2^30, wide safe integers", () => {
  for (let i = 0; i < 33; i++) {
    for (const [name, make] of faces) {
      const face = make(Word, DEBUG);
      const handle = face.alloc();
      assertNotEquals(handle, 0);
      const most = name.startsWith("wide") ? Number.MAX_SAFE_INTEGER : 2 ** 30 - 1;
      assert(Number.isInteger(handle) && handle > 0 && handle <= most, `${handle}`);
      drop(face);
    }
  }
});

Deno.test("debug must be a boolean", () => {
  for (const debug of [1, "yes", null]) {
    const error = assertThrows(
      () => new Pool(Word, { debug: untyped<boolean>(debug) }),
      TypeError,
      "debug must be a boolean",
    );
    assertMatch(error.message, /^Cannot create Pool "Word": /);
  }
});
