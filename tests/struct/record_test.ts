/**
 * Tests of writing plain values to records, in pools with code of their own and with shared code.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  DisposedError,
  ErasedPool,
  type Fields,
  type FieldType,
  Pool,
  PoolExhaustedError,
  type PoolOptions,
  ref,
  SnapshotError,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { type OfKind, POOL_KINDS, valuesOf, viewsOf } from "../_kinds.ts";
import { assertError, untyped } from "../_support.ts";
import { asRead, pathsIn, READERS, Vec, Whole, wholeValue } from "./_plain.ts";

type Plain = Record<string, unknown>;

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things" };

/** What a test gets: a pool with three records of the same value. */
interface Setup {
  readonly kind: OfKind;
  /** The second record, so that it has neighbours. */
  readonly handle: AnyHandle;
}

function setup(make: (typeof POOL_KINDS)[string], options: PoolOptions): Setup {
  const kind = make(Whole, { ...SMALL, ...options });
  const handles = [0, 1, 2].map(() => kind.pool.alloc(...kind.of, wholeValue()));
  return { kind, handle: handles[1] };
}

/** Defines a test for each kind of pool, with code of its own and with shared code. */
function each(claim: string, test: (make: (options?: PoolOptions) => Setup) => void): void {
  for (const [name, make] of Object.entries(POOL_KINDS)) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const specialize of [true, false]) {
        test((options) => setup(make, { specialize, ...options }));
      }
    });
  }
}

/** Defines a test for what does not depend on the kind of pool, such as views. */
function both(claim: string, test: (options: PoolOptions) => void): void {
  for (const specialize of [true, false]) {
    Deno.test(`${claim} (${specialize ? "own" : "shared"} code)`, () => {
      test({ ...SMALL, specialize });
    });
  }
}

/** Everything of a pool that can change, with every byte of its records and metadata. */
function stateOf({ pool }: OfKind): unknown {
  // One string, which compares fast.
  const bytes = new TextDecoder("latin1").decode(pool.snapshot(undefined, { checksum: false }));
  return { bytes, ...pool.stats() };
}

function plainOf(kind: OfKind, handle: AnyHandle): Plain {
  return kind.pool.get<{ toJSON(): Plain }>(...kind.of, handle).toJSON();
}

/** A value of the same shape, with other numbers. */
function otherValue(value: unknown): unknown {
  if (typeof value === "number") return value + 100;
  if (typeof value === "bigint") return value + 100n;
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value)) return value.map(otherValue);
  return Object.fromEntries(
    Object.entries(value as Plain).map(([name, part]) => [name, otherValue(part)]),
  );
}

const other = otherValue(wholeValue()) as Plain;

/** The arrays of a view, as the tests call them. */
type Loose = Record<
  string,
  { copyFrom(values: unknown): void; set(i: number, value: unknown): void }
>;

// -- every part is read once, before anything changes --

/**
 * A way of writing a value: the part of `other` that it writes, and the value of the record then.
 */
interface Way {
  readonly value: unknown;
  readonly expected: unknown;
  write({ kind, handle }: Setup, value: unknown): AnyHandle;
}

/** The ways of writing a whole value; each returns the handle of the record. */
const WRITES: Readonly<Record<string, Way["write"]>> = {
  "alloc()": ({ kind }, value) => kind.pool.alloc(...kind.of, value),
  "tryAlloc()": ({ kind }, value) => kind.pool.tryAlloc(...kind.of, value)!, // there is room
  "scoped()": ({ kind }, value) => kind.pool.scoped(...kind.of, value).handle,
  "set()": ({ kind, handle }, value) => {
    kind.pool.set(...kind.of, handle, value);
    return handle;
  },
};

/** A way of writing a part through a view of the record. */
function throughView(
  value: unknown,
  change: Plain,
  write: (view: Loose, value: unknown) => void,
): Way {
  return {
    value,
    expected: asRead({ ...wholeValue(), ...change }),
    write: ({ kind, handle }, value) => {
      write(kind.pool.get<Loose>(...kind.of, handle), value);
      return handle;
    },
  };
}

const WAYS: Readonly<Record<string, Way>> = {
  ...Object.fromEntries(
    Object.entries(WRITES).map(([name, write]): [string, Way] => [
      name,
      { value: other, expected: asRead(other), write },
    ]),
  ),
  ...Object.fromEntries(
    ["pos", "line", "color", "flags", "reals", "links", "dots", "trails", "many"].flatMap(
      (name) => {
        const value = other[name];
        const ways: [string, Way][] = [
          [
            `view.${name} = …`,
            throughView(value, { [name]: value }, (view, it) => {
              view[name] = untyped(it);
            }),
          ],
        ];
        if (!Array.isArray(value)) return ways;
        const [first] = wholeValue()[name] as unknown[];
        const copied = throughView(value, { [name]: value }, (view, it) => view[name].copyFrom(it));
        ways.push([`view.${name}.copyFrom()`, copied]);
        if (typeof value[1] !== "object") return ways;
        const rest = (wholeValue()[name] as unknown[]).slice(2);
        const change = { [name]: [first, value[1], ...rest] };
        ways.push([
          `view.${name}.set()`,
          throughView(value[1], change, (view, it) => view[name].set(1, it)),
        ]);
        return ways;
      },
    ),
  ),
};

for (const [name, { value, expected, write }] of Object.entries(WAYS)) {
  const test = (make: () => Setup) => {
    const paths = pathsIn({ value }).slice(1); // without the wrapper
    for (const read of Object.values(READERS)) {
      const subject = make();
      const before = stateOf(subject.kind);
      const reads: string[] = [];
      let bad: string | undefined;
      const error = new Error("boom");
      const wrapped = read({ value }, (path) => {
        if (path === "value") return;
        if (path === bad) throw error;
        if (bad !== undefined) return;
        assertEquals(stateOf(subject.kind), before);
        reads.push(path);
      });
      for (bad of paths) {
        assertStrictEquals(assertThrows(() => write(subject, wrapped.value)), error);
        assertEquals(stateOf(subject.kind), before);
      }
      bad = undefined;
      const written = write(subject, wrapped.value);
      assertEquals(reads.sort(), paths.sort());
      assertEquals(plainOf(subject.kind, written), expected);
      validate(subject.kind.pool);
    }
  };
  const claim = `${name} reads each part of a value once, and changes nothing before the last`;
  if (name in WRITES) each(claim, test);
  else both(claim, (options) => test(() => setup(POOL_KINDS["Pool"], options)));
}

// -- null --

/** Links in every place, the last in an array that is too long for a chain of calls. */
const Linked = struct({
  one: "ref",
  part: struct({ it: ref("self") }),
  list: array(struct({ it: "ref" }), 2),
  many: array(struct({ it: "ref", list: array("ref", 2) }), 60),
});

for (const [name, make] of Object.entries(POOL_KINDS)) {
  Deno.test(`${name}: null is the null handle wherever a link can be`, () => {
    const links = (it: number | null) => ({
      one: it,
      part: { it },
      list: [{ it }, { it }],
      many: Array.from({ length: 60 }, () => ({ it, list: [it, it] })),
    });
    for (const options of [{ specialize: true }, { specialize: false }, { debug: true }]) {
      const kind = make(Linked, { ...SMALL, ...options });
      const handle = kind.pool.alloc(...kind.of, links(null));
      assertEquals(plainOf(kind, handle), links(0));
      kind.pool.set(...kind.of, handle, links(9));
      kind.pool.set(...kind.of, handle, links(null));
      assertEquals(plainOf(kind, handle), links(0));
      // deno-lint-ignore no-explicit-any -- a field of a view has one type, which has no null
      const view = kind.pool.get<any>(...kind.of, handle);
      kind.pool.set(...kind.of, handle, links(9));
      view.one = null;
      view.part.it = null;
      view.list.get(0).it = null;
      view.list.set(1, { it: null });
      view.many.copyFrom([{ it: null }]);
      view.many.get(0).list.copyFrom([1, null]);
      view.many.get(0).list.set(0, null);
      const many = [links(0).many[0], ...links(9).many.slice(1)];
      assertEquals(plainOf(kind, handle), { ...links(0), many });
      kind.pool.clear();
      kind.pool.dispose();
    }
  });
}

// -- lengths --

/** An array-like object that is longer each time that its length is read. */
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

each("An array-like that grows while it is read is written with its first length", (make) => {
  const writes: ((setup: Setup, field: string, items: unknown) => void)[] = [
    ({ kind, handle }, field, items) => kind.pool.set(...kind.of, handle, { [field]: items }),
    ({ kind, handle }, field, items) =>
      kind.pool.get<Loose>(...kind.of, handle)[field].copyFrom(items),
  ];
  for (const field of LISTS) {
    const items = other[field] as unknown[];
    const full = Whole.fields[field].length;
    for (const write of writes) {
      const subject = make();
      const { kind, handle } = subject;
      for (const length of [0, 1, full]) {
        const expected = asRead(wholeValue());
        const written = Array.from({ length }, (_, i) => items[i % items.length]);
        (expected[field] as unknown[]).splice(0, length, ...written);
        kind.pool.set(...kind.of, handle, wholeValue());
        write(subject, field, growing(items, length));
        // Also the fields after it, and the records on both sides.
        const neighbour = asRead(wholeValue());
        assertEquals(valuesOf(kind), [neighbour, expected, neighbour]);
      }
      const before = stateOf(kind);
      const tooLong = () => write(subject, field, growing(items, full + 1));
      assertThrows(tooLong, RangeError, `"${field}": it has ${full} elements, got ${full + 1}`);
      assertEquals(stateOf(kind), before);
    }
  }
});

each("An array whose elements change its length is written with the first length", (make) => {
  const { kind, handle } = make();
  const lengthens: unknown[] = [1, 2];
  Object.defineProperty(lengthens, 0, { get: () => lengthens.push(9, 9, 9, 9, 9) });
  kind.pool.set(...kind.of, handle, { color: lengthens });
  assertEquals(plainOf(kind, handle), asRead({ ...wholeValue(), color: [7, 2, 12] }));
  const before = stateOf(kind);
  const shortens: unknown[] = [1, 2, 3];
  Object.defineProperty(shortens, 0, { get: () => shortens.length = 1, configurable: true });
  assertThrows(
    () => kind.pool.set(...kind.of, handle, { color: shortens }),
    TypeError,
    '"color[1]"',
  );
  assertEquals(stateOf(kind), before);
});

each("A length that is not whole is rounded up, and one that is no number throws", (make) => {
  const { kind, handle } = make();
  const items = { 0: 1, 1: 2, 2: 3 };
  kind.pool.set(...kind.of, handle, { color: { ...items, length: 1.5 } });
  kind.pool.set(...kind.of, handle, { color: { ...items, length: -1 }, dots: { length: -5 } });
  kind.pool.set(...kind.of, handle, {
    dots: { 0: { x: 1, y: 2 }, 1: { x: 3, y: 4 }, length: 1.5 },
  });
  const dots = [{ x: 1, y: 2 }, { x: 3, y: 4 }, { x: 22, y: 23 }];
  assertEquals(plainOf(kind, handle), asRead({ ...wholeValue(), color: [1, 2, 12], dots }));
  const before = stateOf(kind);
  for (const length of [NaN, "2", undefined, null, 1n, Infinity, 2 ** 53]) {
    for (const field of LISTS) {
      const errorClass = typeof length === "number" && length > 0 ? RangeError : TypeError;
      const write = () => kind.pool.set(...kind.of, handle, { [field]: { ...items, length } });
      assertThrows(write, errorClass, `Cannot write field "${field}"`);
    }
  }
  assertEquals(stateOf(kind), before);
});

// -- a value that calls the pool while it is read --

/** Parts at which a value acts: the first, the last, and one in the middle of each kind. */
const PLACES = ["id", "line.to.x", "color.1", "dots.0.y", "trails.1.dots.0.x", "many.1.x", "last"];

/** Makes a value that acts when one of its parts is read. */
type Acting = (action: () => void, value?: Plain) => Plain;

/** Defines a test for each kind of pool and each part at which a value acts. */
function eachPlace(
  claim: string,
  test: (acting: Acting, make: () => Setup, write: Way["write"]) => void,
): void {
  each(claim, (make) => {
    for (const place of PLACES) {
      for (const write of [WRITES["alloc()"], WRITES["set()"]]) {
        const acting: Acting = (action, value = other) =>
          READERS["getters"](value, (path) => {
            if (path === place) action();
          });
        test(acting, make, write);
      }
    }
  });
}

eachPlace("A value that allocates while it is read is written, and so are the new records", (
  acting,
  make,
  write,
) => {
  const { kind, handle } = make();
  const mine = otherValue(other) as Plain;
  const nested: AnyHandle[] = [];
  const value = acting(() => {
    nested.push(kind.pool.alloc(...kind.of, mine), kind.pool.alloc(...kind.of));
    kind.pool.get<Loose>(...kind.of, nested[1]).line = untyped(mine.line);
  });
  const written = write({ kind, handle }, value);
  assertEquals([written, nested[0]].map((it) => plainOf(kind, it)), [other, mine].map(asRead));
  assertEquals(new Set([written, ...nested]).size, 3);
  validate(kind.pool);
  // Nothing of it is left for the next value.
  assertEquals(plainOf(kind, kind.pool.alloc(...kind.of, wholeValue())), asRead(wholeValue()));
});

eachPlace("Values that write other records while they are read are written, three deep", (
  acting,
  make,
  write,
) => {
  const { kind, handle } = make();
  const [a, b] = [kind.pool.alloc(...kind.of), kind.pool.alloc(...kind.of)];
  const values = [other, wholeValue(), otherValue(other) as Plain];
  const inner = acting(() => kind.pool.set(...kind.of, b, acting(() => {}, values[2])), values[1]);
  const written = write(
    { kind, handle },
    acting(() => kind.pool.set(...kind.of, a, inner), values[0]),
  );
  assertEquals([written, a, b].map((it) => plainOf(kind, it)), values.map(asRead));
});

eachPlace("A value that iterates while it is read sees the records unchanged", (
  acting,
  make,
  write,
) => {
  const { kind, handle } = make();
  const seen: unknown[] = [];
  const value = acting(() => {
    kind.pool.forEach(
      ...kind.of,
      (view: { toJSON(): unknown }) => seen.push(view.toJSON()),
    );
    kind.pool.retain(...kind.of, () => true);
  });
  const written = write({ kind, handle }, value);
  assertEquals(seen, Array(3).fill(asRead(wholeValue())));
  assertEquals(plainOf(kind, written), asRead(other));
});

eachPlace("A value that disposes of the pool while it is read throws DisposedError", (
  acting,
  make,
  write,
) => {
  const { kind, handle } = make();
  const value = acting(() => kind.pool.dispose());
  assertThrows(() => write({ kind, handle }, value), DisposedError);
  assertEquals([kind.pool.size, kind.pool.byteLength, kind.pool.blocks.length], [0, 0, 0]);
});

each("A full pool throws on a value, and writes it nowhere", (make) => {
  const { kind, handle } = make();
  while (kind.pool.tryAlloc(...kind.of, wholeValue()) !== undefined);
  kind.pool.set(...kind.of, handle, wholeValue()); // the record that was written last
  const before = stateOf(kind);
  assertThrows(() => kind.pool.alloc(...kind.of, other), PoolExhaustedError);
  assertThrows(() => kind.pool.scoped(...kind.of, other), PoolExhaustedError);
  assertEquals(kind.pool.tryAlloc(...kind.of, other), undefined);
  assertEquals(stateOf(kind), before);
});

eachPlace("A value that fills the pool while it is read can be set, and not allocated", (
  acting,
  make,
) => {
  const { kind, handle } = make();
  const value = acting(() => {
    while (kind.pool.tryAlloc(...kind.of, { id: 7 }) !== undefined);
  });
  assertThrows(() => kind.pool.alloc(...kind.of, value), PoolExhaustedError, "are live");
  assertEquals(kind.pool.tryAlloc(...kind.of, value), undefined);
  assertEquals(kind.pool.size, kind.pool.capacity);
  const ids = valuesOf(kind).map((record) => (record as Plain).id);
  assertEquals(ids.filter((id) => id !== 7), [1, 1, 1]);
  kind.pool.set(...kind.of, handle, value);
  assertEquals(plainOf(kind, handle), asRead(other));
  validate(kind.pool);
});

eachPlace(
  "A value that frees its own record while it is read makes set() throw",
  (acting, make) => {
    for (const isReused of [false, true]) {
      const [subject, same] = [make(), make()];
      const free = ({ kind, handle }: Setup) => {
        kind.pool.free(handle);
        if (isReused) kind.pool.alloc(...kind.of, { id: 99 });
      };
      free(same);
      const value = acting(() => free(subject));
      const { kind, handle } = subject;
      assertThrows(() => kind.pool.set(...kind.of, handle, value), StaleHandleError, "is stale");
      assertEquals(valuesOf(kind), valuesOf(same.kind));
      assertEquals({ ...kind.pool.stats() }, { ...same.kind.pool.stats() });
      validate(kind.pool);
    }
  },
);

eachPlace("A value that clears the pool while it is read can be allocated, and not set", (
  acting,
  make,
) => {
  const actions: ((kind: OfKind) => void)[] = [
    ({ pool }) => pool.clear(),
    ({ pool }) => pool.freeBlock(pool.blocks[0].index),
    ({ pool }) => {
      pool.clear();
      pool.trim();
    },
  ];
  for (const action of actions) {
    const { kind, handle } = make();
    const written = kind.pool.alloc(...kind.of, acting(() => action(kind)));
    assertEquals(valuesOf(kind), [asRead(other)]);
    assertThrows(() => kind.pool.get(...kind.of, handle), StaleHandleError);
    assertThrows(
      () => kind.pool.set(...kind.of, written, acting(() => action(kind))),
      StaleHandleError,
    );
    assertEquals(kind.pool.size, 0);
    validate(kind.pool);
  }
});

eachPlace("A value that restores a snapshot while it is read is written to the restored records", (
  acting,
  make,
) => {
  const { kind, handle } = make();
  const saved = kind.pool.snapshot();
  kind.pool.free(handle);
  const later = kind.pool.alloc(...kind.of, wholeValue());
  const value = acting(() => kind.pool.restore(saved));
  const written = kind.pool.alloc(...kind.of, value);
  assertEquals([kind.pool.size, plainOf(kind, written)], [4, asRead(other)]);
  kind.pool.restore(saved);
  kind.pool.set(...kind.of, handle, value);
  assertEquals([plainOf(kind, handle), kind.pool.has(later)], [asRead(other), false]);
  kind.pool.free(handle);
  const gone = kind.pool.alloc(...kind.of, wholeValue());
  assertThrows(() => kind.pool.set(...kind.of, gone, value), StaleHandleError);
  assertEquals(valuesOf(kind), Array(3).fill(asRead(wholeValue())));
  assertThrows(() => kind.pool.restore(new Uint8Array(8)), SnapshotError);
  validate(kind.pool);
});

both("A memory resource that allocates from the growing pool keeps both records apart", (
  { specialize },
) => {
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
  const pool = new Pool(Vec, { ...SMALL, memory, specialize: specialize! });
  const first = pool.alloc();
  pool.allocMany(15);
  const handle = pool.alloc({ x: 1, y: 2 });
  assertEquals(pool.get(handle).toJSON(), { x: 1, y: 2 });
  assertEquals(pool.get(untyped(made[0])).toJSON(), { x: 5, y: 6 });
  assertEquals([pool.size, pool.capacity], [17, 32]);
  validate(pool);
});

both("A view that its own value binds to another record is written there", (options) => {
  using pool = new Pool({ pos: Vec, list: array("u8", 2) }, options);
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
  assertEquals(pool.get(a).toJSON(), { pos: { x: 0, y: 0 }, list: [3, 4] });
  assertEquals(pool.get(b).toJSON(), { pos: { x: 1, y: 2 }, list: [0, 0] });
});

both("A part that its own value writes while it is read has that value in the end", (options) => {
  using pool = new Pool({ pos: Vec, list: array("u8", 3), dots: array(Vec, 2) }, options);
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
  const dots = [{ x: 1, y: 6 }, { x: 7, y: 8 }];
  assertEquals(view.toJSON(), { pos: { x: 1, y: 2 }, list: [3, 4, 9], dots });
});

// -- views as values --

each(
  "A view can be written as a value: of the same pool, of another, of another struct",
  (make) => {
    const { kind, handle } = make();
    const Same = struct(
      Object.fromEntries(Object.entries(Whole.fields).map(([name, { type }]) => [name, type])),
    );
    using similar = new ErasedPool({ size: Same.size });
    using pool = new Pool(Whole as AnyStruct, { chunksPerBlock: 32 });
    const view = kind.pool.get<never>(...kind.of, handle);
    const views = [view, pool.get(pool.alloc(view)), similar.get(Same, similar.alloc(Same, view))];
    for (const value of views) {
      const set = kind.pool.alloc(...kind.of);
      kind.pool.set(...kind.of, set, value);
      const expected = Array(2).fill(asRead(wholeValue()));
      assertEquals(
        [kind.pool.alloc(...kind.of, value), set].map((it) => plainOf(kind, it)),
        expected,
      );
    }
    assertEquals(kind.pool.size, 9);
    validate(kind.pool);
  },
);

both("The view of an iteration can be written as a value", (options) => {
  const { kind } = setup(POOL_KINDS["Pool"], options);
  const copies = new Pool(Whole as AnyStruct, options);
  for (const view of viewsOf(kind)) copies.alloc(untyped(view));
  kind.pool.forEach((view: unknown) => void copies.alloc(untyped(view)));
  kind.pool.loop((view: unknown) => void copies.alloc(untyped(view)))();
  assertEquals(Array.from(copies, (it) => it.toJSON()), Array(9).fill(asRead(wholeValue())));
});

both("Parts of a view can be written as values, also to swap parts of one record", (options) => {
  const kind = POOL_KINDS["Pool"](Whole, options);
  const handle = kind.pool.alloc(...kind.of, wholeValue());
  // deno-lint-ignore no-explicit-any -- views are not assignable to their own fields
  const view = kind.pool.get<any>(...kind.of, handle);
  const before = asRead(wholeValue()) as ReturnType<typeof asRead> & { line: Plain };
  kind.pool.set(...kind.of, handle, view);
  Object.assign(view, { line: view.line });
  for (const name of LISTS) view[name].copyFrom(view[name]);
  assertEquals(view.toJSON(), before);
  view.line = { from: view.line.to, to: view.line.from };
  for (const name of ["dots", "many", "trails"]) {
    view[name].copyFrom([view[name].get(1), view[name].get(0)]);
  }
  kind.pool.set(...kind.of, handle, { pos: view.line.to, edge: view.line });
  const swapped = (name: string) => {
    const [a, b, ...rest] = before[name] as unknown[];
    return [b, a, ...rest];
  };
  const line = { from: before.line.to, to: before.line.from };
  const expected: Plain = {
    ...before,
    line,
    edge: line,
    pos: line.to,
    ...Object.fromEntries(["dots", "many", "trails"].map((name) => [name, swapped(name)])),
  };
  assertEquals(view.toJSON(), expected);
  const { pos, color, dots, trails, many } = view;
  const made = kind.pool.alloc(...kind.of, { pos, color, dots, trails, many });
  const parts = { pos, color, dots, trails, many };
  const zero = plainOf(kind, kind.pool.alloc(...kind.of));
  const copied = Object.fromEntries(Object.keys(parts).map((name) => [name, expected[name]]));
  assertEquals(plainOf(kind, made), { ...zero, ...copied });
});

both("An array view that is too long or has other elements throws as a value", (options) => {
  using pool = new Pool(Whole as AnyStruct, options);
  // deno-lint-ignore no-explicit-any -- nothing that is written here has the right type
  const view = pool.get(pool.alloc(untyped(wholeValue()))) as any;
  const cases: [() => void, typeof RangeError | typeof TypeError, string][] = [
    [() => view.dots.copyFrom(view.many), RangeError, '"dots": it has 3 elements, got 60'],
    [() => view.color.copyFrom(view.dots), TypeError, '"color[0]": u8 must be a number'],
    [() => view.dots.copyFrom(view.trails), TypeError, 'at "dots[0]": it has no field'],
    [() => view.many.copyFrom(view.color), TypeError, 'at "many[0]": it must be an obj'],
    [() => pool.alloc(untyped({ color: view.dots })), TypeError, '"color[0]": u8 must be'],
    [() => pool.alloc(untyped({ pos: view })), TypeError, 'at "pos": it has no field "id"'],
    [() => pool.alloc(untyped(view.pos)), TypeError, 'it has no field "x"'],
  ];
  for (const [write, errorClass, message] of cases) assertError(pool, write, errorClass, message);
});

Deno.test("A view of a freed record, and a part of it, throws as a value in debug mode", () => {
  const { kind, handle } = setup(POOL_KINDS["Pool"], { debug: true });
  const view = kind.pool.get<Plain>(...kind.of, handle);
  const { pos, color, dots, many } = view;
  kind.pool.free(handle);
  const [b] = [...kind.pool.handles()];
  for (const value of [view, { pos }, { color }, { dots }, { many }, { line: { from: pos } }]) {
    assertThrows(() => kind.pool.set(...kind.of, b, value), StaleHandleError);
    assertThrows(() => kind.pool.alloc(...kind.of, value), StaleHandleError);
  }
  assertEquals(valuesOf(kind), Array(2).fill(asRead(wholeValue())));
  kind.pool.clear();
});

// -- many fields, deep ones, and unusual names --

both(
  "A struct of 300 fields is written whole and in part, and throws at its last field",
  (options) => {
    const kinds: FieldType[] = ["u8", "f32", "i64", "bool", Vec, array("u16", 2)];
    const values = (i: number): unknown =>
      [i % 256, i + 0.5, BigInt(i), true, { x: i, y: -i }, [i, 1]][i % 6];
    const names = Array.from({ length: 300 }, (_, i) => `field${i}`);
    const fields = Object.fromEntries(names.map((name, i) => [name, kinds[i % 6]]));
    using pool = new Pool(struct(fields, { name: "Wide" }) as AnyStruct, options);
    const full = Object.fromEntries(names.map((name, i) => [name, values(i)]));
    const handle = pool.alloc(untyped(full));
    const reversed = Object.fromEntries(Object.entries(full).reverse());
    for (const it of [handle, pool.alloc(untyped(reversed))]) {
      assertEquals(pool.get(it).toJSON() as unknown, full);
    }
    pool.set(handle, untyped({ field299: [7, 8], field0: 9 }));
    assertEquals(pool.get(handle).toJSON() as unknown, { ...full, field299: [7, 8], field0: 9 });
    const bad: [Plain, string][] = [
      [{ ...full, field299: [1, "2"] }, 'field "field299[1]": u16 must be a number'],
      [{ ...full, field298: { z: 1 } }, 'at "field298": it has no field "z"'],
      [{ ...full, field300: 1 }, 'Cannot write struct "Wide": it has no field "field300"'],
    ];
    for (const [value, message] of bad) {
      assertError(pool, () => pool.set(handle, untyped(value)), TypeError, message);
    }
  },
);

both(
  "A struct nested 20 deep in structs and arrays is written, and throws with the path",
  (options) => {
    let Deep = struct({ n: "u8", list: array("u8", 2) }) as AnyStruct;
    for (let depth = 19; depth > 0; depth--) {
      Deep = struct({ n: "u8", inner: depth % 5 === 0 ? array(Deep, 2) : Deep }) as AnyStruct;
    }
    const wrap = (innermost: Plain, empty?: Plain) => {
      let value = innermost;
      let zero = empty;
      for (let depth = 19; depth > 0; depth--) {
        const isList = depth % 5 === 0;
        const pair = isList && zero !== undefined ? [zero, value] : [{}, value];
        value = { n: depth, inner: isList ? pair : value };
        if (zero !== undefined) zero = { n: 0, inner: isList ? [zero, zero] : zero };
      }
      return value;
    };
    using pool = new Pool(Deep, options);
    const innermost = { n: 20, list: [1, 2] };
    const handle = pool.alloc(untyped(wrap(innermost)));
    const read = () => pool.get(handle).toJSON() as unknown;
    assertEquals(read(), wrap(innermost, { n: 0, list: [0, 0] }));
    let view = untyped<Plain & { inner: Plain & { get(i: number): Plain } }>(pool.get(handle));
    for (let depth = 1; depth < 20; depth++) {
      assertStrictEquals(view.inner, view.inner);
      view = untyped(depth % 5 === 0 ? view.inner.get(1) : view.inner);
    }
    view.n = 77;
    assertEquals(read(), wrap({ ...innermost, n: 77 }, { n: 0, list: [0, 0] }));
    const path = Array.from({ length: 19 }, (_, i) => (i + 1) % 5 === 0 ? "inner[1]" : "inner");
    const bad: [Plain, string][] = [
      [{ n: "1" }, `field "${path.join(".")}.n": u8 must be a number`],
      [{ list: [1, 2n] }, `field "${path.join(".")}.list[1]": u8 must be a number`],
      [{ z: 1 }, `at "${path.join(".")}": it has no field "z"`],
    ];
    for (const [value, message] of bad) {
      assertError(pool, () => pool.set(handle, untyped(wrap(value))), TypeError, message);
    }
  },
);

/** Keywords, inherited names, names in the compiled texts, and names that are not ASCII. */
const NAMES = `break case catch class const continue debugger default delete do else enum export
  extends false finally for function if import in instanceof new null return super switch this
  throw true try typeof var void while with let static yield await async of get set implements
  interface package private protected public arguments eval undefined NaN hasOwnProperty
  isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf prototype name length caller
  apply call bind then map push init seen view target handle outer next write spare frame items
  values done Base größe 名前 π ℵ0 été ñ Ωmega क 𝒳 a̐ $ $1`.split(/\s+/);

both("Fields may have the names of keywords and inherited members, in any script", (options) => {
  for (const name of NAMES) {
    const Part = struct({ [name]: "u8", before: "u8" } as Fields) as AnyStruct;
    const of = { [name]: "u16", part: Part, list: array(Part, 2), many: array(Part, 100) };
    using pool = new Pool(struct({ ...of, last: "u8" } as Fields) as AnyStruct, options);
    const read = (handle: number) => pool.get(untyped(handle)).toJSON() as unknown;
    const alloc = (init: unknown) => pool.alloc(untyped(init));
    const empty = { [name]: 0, before: 0 };
    const many = (first: Plain) => [first, ...Array(99).fill(empty)];
    const zero = { [name]: 0, part: empty, list: [empty, empty], many: many(empty), last: 0 };
    for (const handle of [pool.alloc(), alloc({})]) assertEquals(read(handle), zero, name);
    const one = { before: 1 };
    const without = alloc({ part: one, list: [one], many: [one], last: 4 });
    const partly = { ...empty, before: 1 };
    const list = [partly, empty];
    assertEquals(read(without), { ...zero, part: partly, list, many: many(partly), last: 4 }, name);
    const full = { [name]: 5, before: 6 };
    const given = { [name]: 700, part: full, list: [full, full], many: [full], last: 8 };
    const handle = alloc(given);
    pool.set(handle, untyped({}));
    for (const it of [handle, alloc(pool.get(handle))]) {
      assertEquals(read(it), { ...given, many: many(full) }, name);
    }
    const view = untyped<Plain & { part: Plain }>(pool.get(handle));
    view[name] = 9;
    view.part[name] = 10;
    assertEquals([view[name], view.part[name]], [9, 10]);
    for (const bad of [{ [name]: "1" }, { part: { [name]: true } }, { list: [{ [name]: null }] }]) {
      assertThrows(() => alloc(bad), TypeError, `${name}": u`);
    }
    assertThrows(() => alloc({ [`${name}2`]: 1 }), TypeError, "it has no field");
  }
});

both("Structs and arrays may have the names of inherited members", (options) => {
  const type = struct({
    valueOf: Vec,
    toString: array("u8", 2),
    length: "u8",
    hasOwnProperty: array(Vec, 2),
  });
  using pool = new Pool(type, options);
  const zero = { x: 0, y: 0 };
  const empty = { valueOf: zero, toString: [0, 0], length: 0, hasOwnProperty: [zero, zero] };
  assertEquals(pool.get(pool.alloc(untyped({}))).toJSON() as unknown, empty);
  const one = { x: 1, y: 2 };
  const full = { valueOf: one, toString: [3, 4], length: 5, hasOwnProperty: [one, one] };
  const handle = pool.alloc(untyped(full));
  pool.set(handle, untyped({ length: 6 }));
  assertEquals(pool.get(handle).toJSON() as unknown, { ...full, length: 6 });
  assert(pool.has(handle));
});
