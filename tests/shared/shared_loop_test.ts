/** Passes over a `SharedPool`, with code of its own and with the module's: `forEach` by texts, `loop`, and that they end. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  array,
  DisposedError,
  Pool,
  SharedPool,
  type SharedPoolOptions,
  struct,
  validate,
} from "../../mod.ts";
import {
  assertRefused,
  MIDDLE,
  Num,
  type NumHandle,
  type NumPool,
  slabOf,
  take,
} from "./_shared.ts";

/** Blocks so large that a pass looks for the loop of its callback's text. */
const LARGE: SharedPoolOptions = { chunksPerBlock: 32, maxChunks: 256, name: "motes" };

/** Runs a test for pools with own code and for those that share it. */
function both(name: string, test: (specialize: boolean) => void): void {
  Deno.test(`${name} (own code)`, () => test(true));
  Deno.test(`${name} (shared code)`, () => test(false));
}

/** Two parts in a pool, 100 records in four blocks, of which every third was freed. */
function holey(specialize: boolean): { parts: NumPool[]; live: NumHandle[] } {
  const here = SharedPool.create(Num, { ...LARGE, specialize });
  const there = SharedPool.attach(Num, here.share(), { specialize });
  const taken = take(here, 100);
  taken.forEach((handle, i) => i % 3 === 0 && (i % 2 === 0 ? here : there).free(handle));
  return { parts: [here, there], live: taken.filter((_, i) => i % 3 !== 0) };
}

// -- code --

both(
  "SharedPool.create() and attach() give a SharedPool, of one class for a struct and a geometry",
  (specialize) => {
    const Mote = struct(Num);
    const here = SharedPool.create(Mote, { ...MIDDLE, specialize });
    const there = SharedPool.attach(Mote, here.share(), { specialize });
    const other = SharedPool.create(Mote, { ...MIDDLE, specialize, name: "other" });
    const wide = SharedPool.create(Mote, { ...MIDDLE, specialize, handles: "wide" });
    for (const pool of [here, there, other, wide]) {
      assert(pool instanceof SharedPool);
      assertEquals(pool.constructor.name, "SharedPool");
    }
    const { prototype } = here.constructor;
    assertStrictEquals(Object.getPrototypeOf(there), prototype);
    assertStrictEquals(Object.getPrototypeOf(other), prototype);
    assert(Object.getPrototypeOf(wide) !== prototype);
  },
);

Deno.test("SharedPool.attach() takes code of its own or shares it, whatever the pool's creator does", () => {
  const Mote = struct(Num);
  const here = SharedPool.create(Mote, MIDDLE);
  const there = SharedPool.attach(Mote, here.share(), { specialize: false });
  assert(here.constructor !== there.constructor);
  const handle = here.alloc({ n: 7 });
  assertEquals(there.get(handle).n, 7);
  there.free(handle);
  assertEquals(here.has(handle), false);
});

both("SharedPool.seek() takes any view of the struct, of whichever pool", (specialize) => {
  const Mote = struct(Num);
  const here = SharedPool.create(Mote, { ...MIDDLE, specialize });
  const handle = here.alloc({ n: 7 });
  const others = [SharedPool.create(Mote, LARGE), new Pool(Mote), here];
  for (const cursor of others.map((pool) => pool.cursor())) {
    assertEquals([here.seek(cursor, handle).n, here.handleOf(cursor)], [7, handle]);
    cursor.n = 7;
  }
  const checked = new Pool(Mote, { debug: true }).cursor();
  assertThrows(() => here.seek(checked, handle), TypeError, "is no view of this pool's struct");
});

// -- forEach --

both(
  "SharedPool.forEach() visits the same with any callback: of one text, of many, of none",
  (specialize) => {
    const { parts, live } = holey(specialize);
    for (const part of parts) {
      for (let round = 0; round < 3; round++) {
        const seen: number[] = []; // of another closure in each round, its text the same
        part.forEach((_, handle) => seen.push(handle));
        assertEquals(seen, live as number[]);
      }
      const seen: number[] = [];
      const add = function (this: number[], _: unknown, handle: number) {
        this.push(handle);
      };
      part.forEach(add.bind(seen));
      assertEquals(seen, live as number[]);
    }
  },
);

both(
  "SharedPool.forEach() visits the same with more callbacks than it keeps loops for",
  (specialize) => {
    const { parts: [here], live } = holey(specialize);
    for (let i = 0; i < 200; i++) {
      const seen: number[] = [];
      here.forEach(pusher(i, seen));
      assertEquals(seen, live as number[]);
    }
  },
);

/** A callback whose text no other has, where code may be made. */
function pusher(number: number, seen: number[]): (view: unknown, handle: number) => void {
  try {
    return new Function("seen", `return (_, handle) => /* ${number} */ void seen.push(handle)`)(
      seen,
    );
  } catch {
    return (_, handle) => void seen.push(handle);
  }
}

both("SharedPool.forEach() of one text keeps its callbacks apart where they nest", (specialize) => {
  const { parts: [here], live } = holey(specialize);
  const counter = (inner?: () => void) => {
    let count = 0;
    here.forEach(() => {
      count++;
      inner?.();
    });
    return count;
  };
  let most = 3;
  const innerCounts: number[] = [];
  assertEquals(counter(() => most-- > 0 && innerCounts.push(counter())), live.length);
  assertEquals(innerCounts, [live.length, live.length, live.length]);
});

// -- loop --

both("SharedPool.loop() visits what forEach() does, at each call anew", (specialize) => {
  const { parts: [here, there], live } = holey(specialize);
  for (const part of [here, there]) {
    const seen: [number, number][] = [];
    const loop = part.loop(({ n }, handle) => void seen.push([n, handle]));
    loop();
    const expected = live.map((handle) => [part.get(handle).n, handle]);
    assertEquals(seen as number[][], expected);
    seen.length = 0;
    loop();
    assertEquals(seen as number[][], expected);
  }
  const seen: number[] = [];
  const loop = here.loop((_, handle) => seen.push(handle));
  there.free(live[40]);
  const added = there.alloc({ n: 500 });
  loop();
  assertEquals(seen.toSorted(), [...live.filter((_, i) => i !== 40), added].toSorted());
});

both(
  "SharedPool.loop() is good for a pool without a block, and sees what other parts add",
  (specialize) => {
    const here = SharedPool.create(Num, { ...MIDDLE, specialize });
    const there = SharedPool.attach(Num, here.share(), { specialize });
    let sum = 0;
    const add = here.loop(({ n }) => void (sum += n));
    add();
    assertEquals(sum, 0);
    take(there, 20);
    add();
    assertEquals(sum, 190);
  },
);

both("SharedPool.loop() hands on up to four arguments, and no more", (specialize) => {
  const here = SharedPool.create(Num, { ...MIDDLE, specialize });
  const [handle] = take(here, 1);
  const calls: unknown[][] = [];
  const loop = here.loop((_view, _handle, ...args: unknown[]) =>
    void calls.push([_handle, ...args])
  );
  const args = ["a", undefined, { c: 1 }, 4n, 5];
  for (let count = 0; count <= 5; count++) loop(...args.slice(0, count));
  assertEquals(calls, [0, 1, 2, 3, 4, 4].map((count) => [handle, ...args.slice(0, count)]));
});

both(
  "SharedPool.loop() writes through its view, to nested structs and arrays as well",
  (specialize) => {
    const Thing = struct({ at: struct({ x: "f64" }), of: array("u8", 3) });
    const here = SharedPool.create(Thing, { ...LARGE, specialize });
    const there = SharedPool.attach(Thing, here.share(), { specialize });
    const handles = Array.from({ length: 70 }, (_, i) => here.alloc({ at: { x: i } }));
    there.loop((it, _, by: number) => {
      it.at.x += by;
      it.of.set(1, it.at.x);
    })(0.5);
    assertEquals(
      handles.map((handle) => here.get(handle).toJSON()),
      handles.map((_, i) => ({ at: { x: i + 0.5 }, of: [0, i, 0] })),
    );
  },
);

both("SharedPool.loop()s of stripes visit together what one does", (specialize) => {
  const { parts: [here], live } = holey(specialize);
  for (const workers of [1, 2, 3, 4, 7]) {
    const seen: number[] = [];
    const loops = Array.from(
      { length: workers },
      (_, stripe) => here.loop((_, handle) => void seen.push(handle), { stripe, of: workers }),
    );
    for (const loop of loops) loop();
    const byNumber = (a: number, b: number) => a - b;
    assertEquals(seen.sort(byNumber), live.toSorted(byNumber) as number[]);
  }
});

both("SharedPool.loop() keeps the stripe that it was given", (specialize) => {
  const { parts: [here] } = holey(specialize);
  const stripe = { stripe: 1, of: 2 };
  const blocks = new Set<number>();
  const loop = here.loop((_, handle) => blocks.add((handle & 255) >> 5), stripe);
  Object.assign(stripe, { stripe: 0, of: 0 });
  loop();
  assertEquals([...blocks], [1, 3]);
});

both(
  "SharedPool.loop() in itself has a view of its own, and goes on well after a callback threw",
  (specialize) => {
    const { parts: [here], live } = holey(specialize);
    let visits = 0;
    const loop = here.loop((it, handle, depth: number) => {
      visits++;
      if (depth === 2) throw new Error("mine");
      const { n } = it;
      if (depth === 0 && handle === live[3]) loop(1);
      if (depth === 1 && handle === live[5]) assertThrows(() => loop(2), Error, "mine");
      assertEquals([it.n, here.handleOf(it)], [n, handle as NumHandle]);
    });
    loop(0);
    loop(0);
    assertEquals(visits, 2 * (live.length + live.length + 1));
  },
);

both(
  "SharedPool.loop() throws DisposedError after dispose(), and ends where its part is disposed of meanwhile",
  (specialize) => {
    const { parts: [here, there] } = holey(specialize);
    let visits = 0;
    const loop = here.loop(() => {
      visits++;
      here.dispose();
    });
    loop();
    assert(visits > 0 && visits <= 32);
    assertRefused(there, loop, DisposedError, 'Cannot use SharedPool "motes": it was disposed of');
    assertRefused(there, () => here.loop(() => {}), DisposedError, "it was disposed of");
  },
);

both("SharedPool.loop() and forEach() may free the current record and any other", (specialize) => {
  for (const isLoop of [false, true]) {
    const { parts: [here, there], live } = holey(specialize);
    const seen: number[] = [];
    const visit = (_: unknown, handle: NumHandle) => {
      seen.push(handle);
      const at = live.indexOf(handle);
      if (at % 4 === 0) here.free(handle);
      if (at % 4 === 1 && at + 1 < live.length) there.free(live[at + 1]);
    };
    if (isLoop) here.loop(visit)();
    else here.forEach(visit);
    assertEquals(seen, live.filter((_, i) => i % 4 !== 2) as number[]);
    validate(here);
    validate(there);
  }
});

// -- the end --

both(
  "SharedPool.forEach() and loop() end while every visit allocates, by any part, and enter no block that is new",
  (specialize) => {
    for (const isLoop of [false, true]) {
      for (const allocator of [0, 1]) {
        const here = SharedPool.create(Num, { chunksPerBlock: 16, maxChunks: 4096, specialize });
        const parts = [here, SharedPool.attach(Num, here.share(), { specialize })];
        const taken = take(parts[0], 40); // 8 more fit in their blocks
        const seen: number[] = [];
        const visit = ({ n }: { n: number }) => {
          seen.push(n);
          for (let i = 0; i < 3; i++) parts[allocator].alloc({ n: 1000 });
        };
        if (isLoop) here.loop(visit)();
        else here.forEach(visit);
        assertEquals(seen.filter((n) => n < 1000), taken.map((_, n) => n));
        assert(seen.length <= 48, `${seen.length} visits`);
        parts.forEach(validate);
      }
    }
  },
);

both(
  "SharedPool.forEach() and loop() end where each visit frees its record and allocates another",
  (specialize) => {
    for (const isLoop of [false, true]) {
      const here = SharedPool.create(Num, { chunksPerBlock: 16, maxChunks: 4096, specialize });
      take(here, 48);
      let visits = 0;
      const visit = (_: unknown, handle: NumHandle) => {
        visits++;
        here.free(handle);
        here.alloc();
        here.alloc();
      };
      if (isLoop) here.loop(visit)();
      else here.forEach(visit);
      assert(visits >= 1 && visits <= 48, `${visits} visits`);
      validate(here);
    }
  },
);

// -- what alloc writes --

both(
  "SharedPool.alloc() reads each value once, and takes no chunk before the last is read",
  (specialize) => {
    const Pair = struct({ a: "u32", of: array("u8", 2), b: "u32" });
    const here = SharedPool.create(Pair, { ...MIDDLE, specialize });
    here.alloc({ a: 1 });
    const reads: string[] = [];
    const init = {
      get a() {
        reads.push(`a of ${here.size}`);
        return 5;
      },
      get of() {
        reads.push(`of of ${here.size}`);
        return [1, 2];
      },
      get b() {
        reads.push(`b of ${here.size}`);
        return here.get(here.alloc({ a: 7, b: 8 })).b; // one in the middle of the other
      },
    };
    const handle = here.alloc(init);
    assertEquals(reads, ["a of 1", "of of 1", "b of 1"]);
    assertEquals(here.get(handle).toJSON(), { a: 5, of: [1, 2], b: 8 });
    assertEquals(here.size, 3);
    reads.length = 0;
    here.set(handle, init);
    assertEquals(reads, ["a of 3", "of of 3", "b of 3"]);
  },
);

both("SharedPool.alloc() and set() change nothing where a getter throws", (specialize) => {
  const Pair = struct({ a: "u32", b: "u32" });
  const here = SharedPool.create(Pair, { ...MIDDLE, specialize });
  const handle = here.alloc({ a: 1, b: 2 });
  const bad = {
    a: 5,
    get b(): number {
      throw new Error("no b");
    },
  };
  assertRefused(here, () => here.alloc(bad), Error, "no b");
  assertRefused(here, () => here.tryAlloc(bad), Error, "no b");
  assertRefused(here, () => here.set(handle, bad), Error, "no b");
});

both("SharedPool.alloc() lets others see a record only with its values in it", (specialize) => {
  const here = SharedPool.create(Num, { ...MIDDLE, specialize });
  here.free(here.alloc({ n: 9 }));
  const [block] = slabOf(here).blocks;
  const { storeStamp } = block;
  const written: number[] = [];
  Object.assign(block, {
    storeStamp(this: typeof block, chunk: number, stamp: number) {
      written.push(this.u8[chunk * 4]);
      storeStamp.call(this, chunk, stamp);
    },
  });
  here.alloc({ n: 5 });
  here.tryAlloc({ n: 6 });
  here.alloc();
  assertEquals(written, [5, 6, 0]);
});

both("SharedPool.set() is refused where a getter frees the record", (specialize) => {
  const here: SharedPool<AnyStruct> = SharedPool.create(struct(Num) as AnyStruct, {
    ...MIDDLE,
    specialize,
  });
  const handle = here.alloc();
  const init = {
    get n() {
      here.free(handle);
      return 5;
    },
  };
  assertThrows(() => here.set(handle, init as never), Error, "Cannot set in SharedPool");
  validate(here);
  assertEquals(here.size, 0);
});
