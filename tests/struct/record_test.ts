/**
 * What writes plain values to records: it reads everything once, before anything changes, whoever else is called meanwhile. On every
 * kind of pool, with code of its own and with the module's.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  array,
  DisposedError,
  Pool,
  PoolExhaustedError,
  type PoolOptions,
  ref,
  SnapshotError,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { type Face, FACES } from "../_faces.ts";
import { asRead, pathsIn, READERS, Vec, Whole, wholeValue } from "./_plain.ts";
import { untyped } from "../_support.ts";

type Plain = Record<string, unknown>;

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things" };

/** Defines a test for each kind of pool, with code of the pool's own and with the module's. */
function each(claim: string, test: (make: (options?: PoolOptions) => Face) => void): void {
  for (const [name, makeFace] of Object.entries(FACES)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const specialize of [true, false]) {
        test((options) => makeFace(Whole, { ...SMALL, specialize, ...options }));
      }
    });
  }
}

/** The same for what views do, which are of one class for all kinds of pools. */
function both(claim: string, test: (make: (options?: PoolOptions) => Face) => void): void {
  Deno.test(claim, () => {
    for (const specialize of [true, false]) {
      test((options) => FACES["Pool"](Whole, { ...SMALL, specialize, ...options }));
    }
  });
}

/** Everything of a pool that could change, every byte of its records and books included. */
function stateOf({ pool }: Face): unknown {
  // As one string, since that is compared at once.
  const bytes = new TextDecoder("latin1").decode(pool.snapshot(undefined, { checksum: false }));
  return { bytes, ...pool.stats() };
}

/** A pool with a record that has all values, and its neighbours. */
function prepare(make: () => Face): { face: Face; handle: AnyHandle } {
  const face = make();
  const handles = [0, 1, 2].map(() => face.alloc(wholeValue()));
  return { face, handle: handles[1] };
}

function plainOf(face: Face, handle: AnyHandle): unknown {
  return face.get<{ toJSON(): unknown }>(handle).toJSON();
}

/** The ways of writing a value to a record; each gives the record's handle. */
const WRITES: Readonly<
  Record<string, (face: Face, handle: AnyHandle, value: unknown) => AnyHandle>
> = {
  "alloc()": (face, _handle, value) => face.alloc(value),
  "tryAlloc()": (face, _handle, value) => face.tryAlloc(value)!, // as there is room
  "scoped()": (face, _handle, value) => face.scoped(value).handle,
  "set()": (face, handle, value) => {
    face.set(handle, value);
    return handle;
  },
};

/** What a view has that is written through. */
type Loose = Record<
  string,
  { copyFrom(values: unknown): void; set(i: number, value: unknown): void }
>;

/** The ways of writing a part of a record through its view: the part, and how. */
const ASSIGNMENTS: readonly [
  name: string,
  field: string,
  of: (value: Plain) => unknown,
  (view: Loose, value: unknown) => void,
][] = [
  ...["pos", "line", "color", "reals", "links", "dots", "trails", "many"].map((
    field,
  ): (typeof ASSIGNMENTS)[number] => [
    `view.${field} = …`,
    field,
    (value) => value[field],
    (view, value) => view[field] = untyped(value),
  ]),
  ...["color", "flags", "dots", "trails", "many"].map((field): (typeof ASSIGNMENTS)[number] => [
    `view.${field}.copyFrom()`,
    field,
    (value) => value[field],
    (view, value) => view[field].copyFrom(value),
  ]),
  ...["dots", "trails", "many"].map((field): (typeof ASSIGNMENTS)[number] => [
    `view.${field}.set()`,
    field,
    (value) => (value[field] as unknown[])[1],
    (view, value) => view[field].set(1, value),
  ]),
];

/** Other values of the same shape. */
function otherValue(value: unknown = wholeValue()): unknown {
  if (typeof value === "number") return value + 100;
  if (typeof value === "bigint") return value + 100n;
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value)) return value.map(otherValue);
  return Object.fromEntries(
    Object.entries(value as Plain).map(([name, part]) => [name, otherValue(part)]),
  );
}

const other = otherValue() as Plain;

// -- everything is read once, and first --

for (const [way, write] of Object.entries(WRITES)) {
  each(`${way} reads each part of a value once, before anything changes`, (make) => {
    for (const read of Object.values(READERS)) {
      const { face, handle } = prepare(make);
      const before = stateOf(face);
      const reads: string[] = [];
      const value = read(other, (path) => {
        reads.push(path);
        assertEquals(stateOf(face), before);
      });
      const written = write(face, handle, value);
      assertEquals(reads.sort(), pathsIn(other).sort());
      assertEquals(plainOf(face, written), asRead(other));
      validate(face.pool);
    }
  });

  each(
    `${way} changes nothing where a part of a value throws when it is read, whichever`,
    (make) => {
      for (const read of Object.values(READERS)) {
        const { face, handle } = prepare(make);
        const before = stateOf(face);
        const error = new Error("boom");
        for (const bad of pathsIn(other)) {
          const value = read(other, (path) => {
            if (path === bad) throw error;
          });
          assertStrictEquals(assertThrows(() => write(face, handle, value)), error);
          assertEquals(stateOf(face), before);
        }
        validate(face.pool);
        assertEquals(plainOf(face, write(face, handle, other)), asRead(other));
      }
    },
  );
}

for (const [way, field, of, write] of ASSIGNMENTS) {
  both(`${way} reads each part of a value once, before anything changes`, (make) => {
    for (const read of Object.values(READERS)) {
      const { face, handle } = prepare(make);
      const before = stateOf(face);
      const value = of(other);
      const reads: string[] = [];
      // Wrapped, as the value itself is read by the test.
      const wrapped = read({ value }, (path) => {
        if (path !== "value") reads.push(path);
        assertEquals(stateOf(face), before);
      });
      write(face.get<Loose>(handle), wrapped.value);
      assertEquals(reads.sort(), pathsIn({ value }).slice(1).sort());
      const expected = asRead(wholeValue());
      if (way.endsWith(".set()")) (expected[field] as unknown[])[1] = value;
      else if (field === "many") (expected[field] as unknown[]).splice(0, 2, ...value as unknown[]);
      else expected[field] = value;
      assertEquals(plainOf(face, handle), expected);
    }
  });

  both(
    `${way} changes nothing where a part of a value throws when it is read, whichever`,
    (make) => {
      for (const read of Object.values(READERS)) {
        const { face, handle } = prepare(make);
        const before = stateOf(face);
        const value = of(other);
        const view = face.get<Loose>(handle);
        const error = new Error("boom");
        for (const bad of pathsIn({ value }).slice(1)) {
          const wrapped = read({ value }, (path) => {
            if (path === bad) throw error;
          });
          assertStrictEquals(assertThrows(() => write(view, wrapped.value)), error);
          assertEquals(stateOf(face), before);
        }
      }
    },
  );
}

// -- null --

for (const [name, write] of Object.entries(WRITES)) {
  each(`${name} takes null for a link, single, nested and in arrays, and writes 0`, (make) => {
    for (const debug of [false, true]) {
      const { face, handle } = prepare(() => make({ debug }));
      const dead = write(face, handle, { link: null, links: [null, 5] });
      assertEquals(face.get<Plain>(dead).link, 0);
      assertEquals((plainOf(face, dead) as Plain).links, [0, 5]);
      if (debug) face.pool.clear();
      face.pool.dispose();
    }
  });
}

/** Links in every place, the last in an array that is longer than a chain through its elements may be. */
const Linked = struct({
  one: "ref",
  part: struct({ it: ref("self") }),
  list: array(struct({ it: "ref" }), 2),
  many: array(struct({ it: "ref", list: array("ref", 2) }), 60),
});

for (const [name, makeFace] of Object.entries(FACES)) {
  Deno.test(`${name}: null is the null handle wherever a link can be`, () => {
    const links = (it: number | null) => ({
      one: it,
      part: { it },
      list: [{ it }, { it }],
      many: Array.from({ length: 60 }, () => ({ it, list: [it, it] })),
    });
    for (const specialize of [true, false]) {
      const face = makeFace(Linked, { ...SMALL, specialize });
      const handle = face.alloc(links(null));
      assertEquals(plainOf(face, handle), links(0));
      face.set(handle, links(9));
      assertEquals(plainOf(face, handle), links(9));
      face.set(handle, links(null));
      assertEquals(plainOf(face, handle), links(0));
      face.pool.dispose();
    }
  });
}

Deno.test("Views take null for a link, in assignments, set() and copyFrom()", () => {
  for (const specialize of [true, false]) {
    const face = FACES["Pool"](Linked, { ...SMALL, specialize });
    // deno-lint-ignore no-explicit-any -- a view's own field has one type to read and to write, which has no null
    const view = face.get<any>(
      face.alloc({ one: 5, part: { it: 6 }, list: [{ it: 7 }, { it: 8 }] }),
    );
    view.one = null;
    view.part.it = null;
    view.list.get(0).it = null;
    view.list.set(1, { it: null });
    const lists = view.many.get(0).list;
    lists.copyFrom([1, 2]);
    lists.set(0, null);
    assertEquals(lists.toArray(), [0, 2]);
    lists.copyFrom([3, null]);
    assertEquals(lists.toArray(), [3, 0]);
    view.part = { it: null };
    view.list = [{ it: 4 }, { it: null }];
    assertEquals([view.one, view.part.it, view.list.get(0).it, view.list.get(1).it], [0, 0, 4, 0]);
    face.pool.dispose();
  }
});

// -- lengths --

/** Something array-like that is longer each time that one looks. */
function growing(items: readonly unknown[], first: number): ArrayLike<unknown> {
  let length = first;
  return new Proxy({ length }, {
    get(target, name) {
      if (name === "length") return length++;
      return typeof name === "string" && /^\d+$/.test(name)
        ? items[Number(name) % items.length]
        : Reflect.get(target, name);
    },
  });
}

const LISTS = ["color", "flags", "reals", "links", "dots", "trails", "many"];

each("An array-like that grows while it is read is written as long as it was at first", (make) => {
  for (const field of LISTS) {
    const { face, handle } = prepare(make);
    const items = other[field] as unknown[];
    const full = Whole.fields[field].length;
    for (const first of [0, 1, full]) {
      const expected = asRead(wholeValue());
      (expected[field] as unknown[]).splice(
        0,
        first,
        ...Array.from({ length: first }, (_, i) => items[i % items.length]),
      );
      face.set(handle, wholeValue());
      face.set(handle, { [field]: growing(items, first) });
      // All fields after it, the records on both sides, and the bytes of the block beyond them.
      assertEquals(plainOf(face, handle), expected);
      face.set(handle, wholeValue());
      face.get<Loose>(handle)[field].copyFrom(growing(items, first));
      assertEquals(plainOf(face, handle), expected);
      const neighbours = face.values().filter((_, i) => i !== 1);
      assertEquals(neighbours, Array(2).fill(asRead(wholeValue())));
    }
    const before = stateOf(face);
    for (
      const write of [
        () => face.set(handle, { [field]: growing(items, full + 1) }),
        () => face.alloc({ [field]: growing(items, full + 1) }),
        () => face.get<Loose>(handle)[field].copyFrom(growing(items, full + 1)),
      ]
    ) {
      assertThrows(write, RangeError, `"${field}": it has ${full} elements, got ${full + 1}`);
      assertEquals(stateOf(face), before);
    }
  }
});

each(
  "An array that its own elements lengthen is written as long as it was, and one that they shorten is refused",
  (make) => {
    const { face, handle } = prepare(make);
    const lengthens: unknown[] = [1, 2];
    Object.defineProperty(lengthens, 0, { get: () => lengthens.push(9, 9, 9, 9, 9) });
    face.set(handle, { color: lengthens });
    assertEquals(plainOf(face, handle), asRead({ ...wholeValue(), color: [7, 2, 12] }));
    const before = stateOf(face);
    const shortens: unknown[] = [1, 2, 3];
    Object.defineProperty(shortens, 0, { get: () => shortens.length = 1, configurable: true });
    assertThrows(() => face.set(handle, { color: shortens }), TypeError, '"color[1]"');
    assertEquals(stateOf(face), before);
  },
);

each(
  "A length that is no whole number writes what is below it, and one that is no number is refused",
  (make) => {
    const { face, handle } = prepare(make);
    const items = { 0: 1, 1: 2, 2: 3 };
    face.set(handle, { color: { ...items, length: 1.5 } });
    assertEquals(plainOf(face, handle), asRead({ ...wholeValue(), color: [1, 2, 12] }));
    face.set(handle, { color: { ...items, length: -1 }, dots: { length: -5 } });
    face.set(handle, { dots: { 0: { x: 1, y: 2 }, 1: { x: 3, y: 4 }, length: 1.5 } });
    const dots = [{ x: 1, y: 2 }, { x: 3, y: 4 }, { x: 22, y: 23 }];
    assertEquals(plainOf(face, handle), asRead({ ...wholeValue(), color: [1, 2, 12], dots }));
    for (const length of [NaN, "2", undefined, null, 1n, Infinity, 2 ** 53]) {
      for (const field of LISTS) {
        const before = stateOf(face);
        assertThrows(
          () => face.set(handle, { [field]: { ...items, length } }),
          typeof length === "number" && length > 0 ? RangeError : TypeError,
          `Cannot write field "${field}"`,
        );
        assertEquals(stateOf(face), before);
      }
    }
  },
);

// -- what is called meanwhile finds the pool in order --

/** Where something is done while a value is read: at the first of its parts, at the last, and in the middle of each kind. */
const PLACES = ["id", "line.to.x", "color.1", "dots.0.y", "trails.1.dots.0.x", "many.1.x", "last"];

/** A value that does something when one of its parts is read. */
function doing(place: string, action: () => void): Plain {
  return READERS["getters"](other, (path) => {
    if (path === place) action();
  });
}

each("A value that allocates while it is read leaves both records right, at any place", (make) => {
  const mine = otherValue(other) as Plain;
  for (const [way, write] of Object.entries(WRITES)) {
    for (const place of PLACES) {
      const { face, handle } = prepare(make);
      const nested: AnyHandle[] = [];
      const value = doing(place, () => {
        nested.push(face.alloc(mine), face.alloc());
        face.get<Loose>(nested[1]).line = untyped(mine.line);
      });
      const written = write(face, handle, value);
      assertEquals(plainOf(face, written), asRead(other), `${way} at ${place}`);
      assertEquals(plainOf(face, nested[0]), asRead(mine));
      assertEquals(new Set([written, ...nested]).size, 3);
      validate(face.pool);
      // And nothing is left of it for the next one.
      assertEquals(plainOf(face, face.alloc(wholeValue())), asRead(wholeValue()));
    }
  }
});

each(
  "Values that write other records while they are read, three deep, leave each record right",
  (make) => {
    for (const [way, write] of Object.entries(WRITES)) {
      for (const place of PLACES) {
        const { face, handle } = prepare(make);
        const [a, b] = [face.alloc(), face.alloc()];
        const values = [wholeValue(), other, otherValue(other) as Plain];
        const at = (depth: number, action: () => void) =>
          READERS["getters"](values[depth], (path) => {
            if (path === place) action();
          });
        const innermost = at(2, () => {});
        const inner = at(0, () => face.set(b, innermost));
        const written = write(face, handle, at(1, () => face.set(a, inner)));
        assertEquals(
          [written, a, b].map((it) => plainOf(face, it)),
          [values[1], values[0], values[2]].map(asRead),
          `${way} at ${place}`,
        );
      }
    }
  },
);

each(
  "A full pool refuses a value and writes it nowhere, not to the record written last either",
  (make) => {
    const { face, handle } = prepare(make);
    while (face.tryAlloc(wholeValue()) !== undefined);
    face.set(handle, wholeValue());
    const before = stateOf(face);
    assertThrows(() => face.alloc(other), PoolExhaustedError);
    assertThrows(() => face.scoped(other), PoolExhaustedError);
    assertEquals(face.tryAlloc(other), undefined);
    assertEquals(stateOf(face), before);
  },
);

each(
  "A value that fills the pool while it is read is refused as by a full pool, and writes nothing",
  (make) => {
    for (const place of PLACES) {
      const { face, handle } = prepare(make);
      const value = doing(place, () => {
        while (face.tryAlloc({ id: 7 }) !== undefined);
      });
      const full = () => face.alloc(value);
      assertThrows(full, RangeError, "are live");
      assertEquals(face.tryAlloc(value), undefined);
      assertEquals(face.pool.size, face.pool.capacity);
      const ids = face.values().map((record) => (record as Plain).id);
      assertEquals(ids.filter((id) => id !== 7), [1, 1, 1]);
      face.set(handle, value);
      assertEquals(plainOf(face, handle), asRead(other));
      validate(face.pool);
    }
  },
);

each(
  "A value that frees the very record that it is written to makes set() throw StaleHandleError",
  (make) => {
    for (const place of PLACES) {
      for (const comesAnother of [false, true]) {
        const { face, handle } = prepare(make);
        const twin = prepare(make);
        const action = (face: Face, handle: AnyHandle) => {
          face.pool.free(handle);
          if (comesAnother) face.alloc({ id: 99 });
        };
        action(twin.face, twin.handle);
        const value = doing(place, () => action(face, handle));
        assertThrows(() => face.set(handle, value), StaleHandleError, "is stale");
        assertEquals(face.values(), twin.face.values());
        assertEquals({ ...face.pool.stats() }, { ...twin.face.pool.stats() });
        validate(face.pool);
      }
    }
  },
);

each(
  "A value that clears the pool while it is read, or gives its block back, is written to what is then",
  (make) => {
    const actions: ((face: Face) => void)[] = [
      ({ pool }) => pool.clear(),
      ({ pool }) => pool.freeBlock(pool.blocks[0].index),
      ({ pool }) => {
        pool.clear();
        pool.trim();
      },
    ];
    for (const action of actions) {
      for (const place of PLACES) {
        const { face, handle } = prepare(make);
        const written = face.alloc(doing(place, () => action(face)));
        assertEquals(face.values(), [asRead(other)]);
        assertEquals(plainOf(face, written), asRead(other));
        assertThrows(() => face.get(handle), StaleHandleError);
        const before = face.pool.size;
        const value = doing(place, () => action(face));
        assertThrows(() => face.set(written, value), StaleHandleError);
        assertEquals([before, face.pool.size], [1, 0]);
        validate(face.pool);
      }
    }
  },
);

each(
  "A value that goes back to a snapshot while it is read is written to what there is then",
  (make) => {
    for (const place of PLACES) {
      const { face, handle } = prepare(make);
      const saved = face.pool.snapshot();
      face.pool.free(handle);
      const later = face.alloc(wholeValue());
      const value = doing(place, () => face.pool.restore(saved));
      const written = face.alloc(value);
      assertEquals(face.pool.size, 4);
      assertEquals(plainOf(face, written), asRead(other));
      face.pool.restore(saved);
      face.set(handle, value);
      assertEquals(plainOf(face, handle), asRead(other));
      assert(!face.pool.has(later));
      face.pool.free(handle);
      const gone = face.alloc(wholeValue());
      assertThrows(() => face.set(gone, value), StaleHandleError);
      assertEquals(face.values(), Array(3).fill(asRead(wholeValue())));
      assertThrows(() => face.pool.restore(new Uint8Array(8)), SnapshotError);
      validate(face.pool);
    }
  },
);

each(
  "A value that disposes of the pool while it is read makes every way throw DisposedError",
  (make) => {
    for (const [, write] of Object.entries(WRITES)) {
      for (const place of PLACES) {
        const { face, handle } = prepare(make);
        const value = doing(place, () => face.pool.dispose());
        assertThrows(() => write(face, handle, value), DisposedError);
        assertEquals([face.pool.size, face.pool.byteLength, face.pool.blocks.length], [0, 0, 0]);
      }
    }
  },
);

each("A value that passes over the pool while it is read sees the records as they were", (make) => {
  for (const [, write] of Object.entries(WRITES)) {
    for (const place of PLACES) {
      const { face, handle } = prepare(make);
      const seen: unknown[] = [];
      const value = doing(place, () => {
        face.forEach<{ toJSON(): unknown }>((view) => seen.push(view.toJSON()));
        face.retain(() => true);
      });
      const written = write(face, handle, value);
      assertEquals(seen, Array(3).fill(asRead(wholeValue())));
      assertEquals(plainOf(face, written), asRead(other));
    }
  }
});

Deno.test("A memory resource that allocates from the pool that grows leaves both records right", () => {
  for (const specialize of [true, false]) {
    const made: AnyHandle[] = [];
    const memory = {
      allocate(byteLength: number) {
        if (pool.size === 16 && made.length === 0) {
          pool.free(first);
          made.push(untyped(pool.alloc({ x: 5, y: 6 })));
        }
        return { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength };
      },
      release() {},
    };
    const pool = new Pool(Vec, { chunksPerBlock: 16, maxChunks: 64, memory, specialize });
    const first = pool.alloc();
    pool.allocMany(15);
    const handle = pool.alloc({ x: 1, y: 2 });
    assertEquals(pool.get(handle).toJSON(), { x: 1, y: 2 });
    assertEquals(pool.get(untyped(made[0])).toJSON(), { x: 5, y: 6 });
    assertEquals([pool.size, pool.capacity], [17, 32]);
    validate(pool);
  }
});

Deno.test("A view that its own value moves while it is read is written where it stands then", () => {
  for (const specialize of [true, false]) {
    using pool = new Pool({ pos: Vec, list: array("u8", 2) }, { ...SMALL, specialize });
    const [a, b] = [pool.alloc(), pool.alloc()];
    const cursor = pool.seek(pool.cursor(), a);
    cursor.pos = {
      get x() {
        pool.seek(cursor, b);
        return 1;
      },
      y: 2,
    };
    cursor.list.copyFrom({
      length: 2,
      get 0() {
        pool.seek(cursor, a);
        return 3;
      },
      1: 4,
    });
    assertEquals([...pool].length, 2);
    assertEquals(pool.get(a).toJSON(), { pos: { x: 0, y: 0 }, list: [3, 4] });
    assertEquals(pool.get(b).toJSON(), { pos: { x: 1, y: 2 }, list: [0, 0] });
  }
});

Deno.test("A part that its own value writes while it is read ends up with that value", () => {
  for (const specialize of [true, false]) {
    const Thing = struct({ pos: Vec, list: array("u8", 3), dots: array(Vec, 2) });
    using pool = new Pool(Thing, { ...SMALL, specialize });
    const view = pool.get(pool.alloc());
    view.pos = {
      get x() {
        view.pos = { x: 8, y: 9 };
        return 1;
      },
      y: 2,
    };
    view.list.copyFrom({
      length: 2,
      get 0() {
        view.list.copyFrom([7, 8, 9]);
        view.list.set(1, 6);
        return 3;
      },
      1: 4,
    });
    view.dots.copyFrom({
      length: 1,
      get 0() {
        view.dots.copyFrom([{ x: 5, y: 6 }, { x: 7, y: 8 }]);
        return { x: 1 };
      },
    });
    assertEquals(view.toJSON(), {
      pos: { x: 1, y: 2 },
      list: [3, 4, 9],
      dots: [{ x: 1, y: 6 }, { x: 7, y: 8 }],
    });
  }
});

Deno.test("Pool.set() leaves alone what is undefined, as it does what is left out", () => {
  using pool = new Pool({ n: "i32", at: struct({ x: "f32" }), big: "i64" });
  const handle = pool.alloc({ n: 7, at: { x: 1 }, big: 5n });
  pool.set(handle, untyped({ n: undefined, at: undefined, big: undefined }));
  pool.set(handle, untyped({ at: { x: undefined } }));
  assertEquals(pool.get(handle).toJSON(), { n: 7, at: { x: 1 }, big: 5n });
});
