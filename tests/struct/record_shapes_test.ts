/**
 * Values of unusual shapes that are written to records: views, structs of very many fields and very deep ones, and fields with unusual
 * names. With code of the pool's own and with the module's.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  array,
  ErasedPool,
  type Fields,
  type FieldType,
  type Handle,
  Pool,
  type PoolOptions,
  StaleHandleError,
  struct,
  validate,
} from "../../mod.ts";
import { FACES } from "../_faces.ts";
import { asRead, Whole, wholeValue } from "./_plain.ts";
import { assertRefused, untyped } from "../_support.ts";

type Plain = Record<string, unknown>;

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 64, name: "things" };

/** Runs a test for pools with own code and for those that share it. */
function both(name: string, test: (specialize: boolean) => void): void {
  Deno.test(`${name} (own code)`, () => test(true));
  Deno.test(`${name} (shared code)`, () => test(false));
}

// -- views as values --

const Vec = struct({ x: "f32", y: "f32" });
const Line = struct({ from: Vec, to: Vec });
const Trail = struct({ ages: array("u8", 2), dots: array(Vec, 2) });
const Thing = struct({
  n: "u8",
  pos: Vec,
  line: Line,
  color: array("u8", 3),
  dots: array(Vec, 2),
  trails: array(Trail, 2),
  many: array(Vec, 60), // longer than a chain through its elements may be
});

function valueOf(n: number) {
  const dot = (i: number) => ({ x: n + i, y: n - i });
  const trail = (i: number) => ({ ages: [n + i, i], dots: [dot(i + 1), dot(i + 2)] });
  return {
    n,
    pos: dot(1),
    line: { from: dot(2), to: dot(3) },
    color: [n + 4, n + 5, n + 6],
    dots: [dot(7), dot(8)],
    trails: [trail(9), trail(12)],
    many: Array.from({ length: 60 }, (_, i) => dot(i)),
  };
}

function things(
  specialize: boolean,
): { pool: Pool<typeof Thing>; handles: Handle<typeof Thing>[] } {
  const pool = new Pool(Thing, { ...SMALL, specialize });
  return { pool, handles: [10, 20, 30].map((n) => pool.alloc(valueOf(n))) };
}

for (const [name, makeFace] of Object.entries(FACES)) {
  both(
    `${name} takes views of its own records, of other pools and of other structs for values`,
    (specialize) => {
      const face = makeFace(Whole, { ...SMALL, specialize });
      const source = face.alloc(wholeValue());
      const Same = struct(Object.fromEntries(
        Object.entries(Whole.fields).map(([name, { type }]) => [name, type]),
      ) as Fields);
      using similar = new ErasedPool({ size: Same.size, specialize: !specialize });
      using other = new Pool(Whole as AnyStruct, { chunksPerBlock: 32, specialize });
      const values = [
        face.get(source),
        other.get(other.alloc(untyped(face.get(source)))),
        similar.get(Same, similar.alloc(Same, untyped(face.get(source)))),
      ];
      for (const value of values) {
        const made = face.alloc(value);
        assertEquals(face.get<{ toJSON(): unknown }>(made).toJSON(), asRead(wholeValue()));
        const set = face.alloc();
        face.set(set, value);
        assertEquals(face.get<{ toJSON(): unknown }>(set).toJSON(), asRead(wholeValue()));
      }
      assertEquals(face.pool.size, 7);
      validate(face.pool);
    },
  );
}

both("A view passes for a value while a pass moves it", (specialize) => {
  const { pool, handles } = things(specialize);
  using copies = new Pool(Thing, { ...SMALL, specialize });
  for (const view of pool) copies.alloc(untyped(view));
  pool.forEach((view) => void copies.alloc(untyped(view)));
  pool.loop((view) => void copies.alloc(untyped(view)))();
  const expected = handles.map((handle) => pool.get(handle).toJSON());
  assertEquals([...copies].length, 9);
  assertEquals(Array.from(copies, (it) => it.toJSON()), [...expected, ...expected, ...expected]);
});

both("A view passes for its own record's value, and its parts for each other's", (specialize) => {
  const { pool, handles: [handle] } = things(specialize);
  const view = pool.get(handle);
  const before = view.toJSON();
  pool.set(handle, untyped(view));
  view.line = untyped(view.line);
  view.dots.copyFrom(untyped(view.dots));
  view.many.copyFrom(untyped(view.many));
  view.color.copyFrom(untyped(view.color));
  assertEquals(view.toJSON(), before);
  // Everything is read before anything is written, so that parts can change places.
  view.line = untyped({ from: view.line.to, to: view.line.from });
  view.dots.copyFrom(untyped([view.dots.get(1), view.dots.get(0)]));
  view.many.copyFrom(untyped([view.many.get(1), view.many.get(0)]));
  view.trails.copyFrom(untyped([view.trails.get(1), view.trails.get(0)]));
  pool.set(
    handle,
    untyped({ pos: view.line.to, color: [0, 1, 2].map((i) => view.color.get(2 - i)) }),
  );
  assertEquals(view.toJSON(), {
    ...before,
    pos: before.line.from,
    line: { from: before.line.to, to: before.line.from },
    color: before.color.toReversed(),
    dots: before.dots.toReversed(),
    trails: before.trails.toReversed(),
    many: [before.many[1], before.many[0], ...before.many.slice(2)],
  });
});

both(
  "Nested views and array views pass for parts of values, of the same pool and of another",
  (specialize) => {
    const { pool, handles: [a, b] } = things(specialize);
    const { pool: other, handles: [, , c] } = things(specialize);
    for (const source of [pool.get(b), other.get(c)]) {
      const values = source.toJSON();
      const parts = {
        pos: source.line.to,
        line: { from: source.pos, to: source.trails.get(1).dots.get(0) },
        color: source.color,
        dots: source.trails.get(0).dots,
        trails: source.trails,
        many: source.many,
      };
      const expected = {
        n: 0,
        pos: values.line.to,
        line: { from: values.pos, to: values.trails[1].dots[0] },
        color: values.color,
        dots: values.trails[0].dots,
        trails: values.trails,
        many: values.many,
      };
      assertEquals(pool.get(pool.alloc(untyped(parts))).toJSON(), expected);
      pool.set(a, untyped({ ...parts, n: 0 }));
      assertEquals(pool.get(a).toJSON(), expected);
      assertEquals(source.toJSON(), values);
    }
  },
);

both(
  "An array view that is too long, or of other elements, is refused as any array is",
  (specialize) => {
    const { pool, handles: [handle] } = things(specialize);
    const view = pool.get(handle);
    const cases: [() => void, typeof RangeError | typeof TypeError, string][] = [
      [
        () => view.dots.copyFrom(untyped(view.many)),
        RangeError,
        '"dots": it has 2 elements, got 60',
      ],
      [() => view.color.copyFrom(untyped(view.dots)), TypeError, '"color[0]": u8 must be a number'],
      [() => view.dots.copyFrom(untyped(view.trails)), TypeError, 'at "dots[0]": it has no field'],
      [() => view.many.copyFrom(untyped(view.color)), TypeError, 'at "many[0]": it must be an obj'],
      [
        () => pool.alloc(untyped({ color: view.dots })),
        TypeError,
        '"color[0]": u8 must be a number',
      ],
      [() => pool.alloc(untyped({ pos: view })), TypeError, 'at "pos": it has no field "n"'],
      [() => pool.alloc(untyped(view.pos)), TypeError, 'it has no field "x"'],
    ];
    for (const [write, errorClass, message] of cases) {
      assertRefused(pool, write, errorClass, message);
    }
  },
);

Deno.test("A view of a dead record is refused as a value in debug mode, and so are its parts", () => {
  using pool = new Pool(Thing, { ...SMALL, debug: true });
  const [a, b] = [pool.alloc(valueOf(1)), pool.alloc(valueOf(2))];
  const view = pool.get(a);
  const { pos, color, dots, many } = view;
  pool.free(a);
  const before = pool.get(b).toJSON();
  for (const value of [view, { pos }, { color }, { dots }, { many }, { line: { from: pos } }]) {
    assertThrows(() => pool.set(b, untyped(value)), StaleHandleError);
    assertThrows(() => pool.alloc(untyped(value)), StaleHandleError);
  }
  assertEquals([pool.size, pool.get(b).toJSON()], [1, before]);
  pool.free(b);
});

// -- many fields, and deep ones --

both(
  "A struct of 300 fields is written and read in whole and in part, and refused at its last field",
  (specialize) => {
    const kinds: FieldType[] = ["u8", "f32", "i64", "bool", Vec, array("u16", 2)];
    const values = (i: number): unknown =>
      [i % 256, i + 0.5, BigInt(i), true, { x: i, y: -i }, [i, 1]][i % 6];
    const names = Array.from({ length: 300 }, (_, i) => `field${i}`);
    const Wide = struct(
      Object.fromEntries(names.map((name, i) => [name, kinds[i % 6]])),
      { name: "Wide" },
    ) as AnyStruct;
    using pool = new Pool(Wide, { ...SMALL, specialize });
    const full = Object.fromEntries(names.map((name, i) => [name, values(i)]));
    const handle = pool.alloc(full as Plain as never);
    assertEquals(pool.get(handle).toJSON() as unknown, full);
    const reversed = Object.fromEntries(Object.entries(full).reverse());
    assertEquals(pool.get(pool.alloc(reversed as never)).toJSON() as unknown, full);
    pool.set(handle, { field299: [7, 8], field0: 9 } as never);
    assertEquals(pool.get(handle).toJSON() as unknown, { ...full, field299: [7, 8], field0: 9 });
    const bad: [Plain, string][] = [
      [{ ...full, field299: [1, "2"] }, 'field "field299[1]": u16 must be a number'],
      [{ ...full, field298: { z: 1 } }, 'at "field298": it has no field "z"'],
      [{ ...full, field300: 1 }, 'Cannot write struct "Wide": it has no field "field300"'],
    ];
    for (const [value, message] of bad) {
      assertRefused(pool, () => pool.alloc(value as never), TypeError, message);
      assertRefused(pool, () => pool.set(handle, value as never), TypeError, message);
    }
  },
);

both(
  "A struct nested 20 deep is written and read, and refused with the whole path",
  (specialize) => {
    let Deep: AnyStruct = struct({ n: "u8", list: array("u8", 2) }) as AnyStruct;
    let value: Plain = { n: 20, list: [1, 2] };
    const wrap = (inner: Plain, depth: number): Plain => ({ n: depth, inner });
    const wrapAll = (innermost: Plain) => {
      let all = innermost;
      for (let depth = 19; depth > 0; depth--) all = wrap(all, depth);
      return all;
    };
    for (let depth = 0; depth < 19; depth++) Deep = struct({ n: "u8", inner: Deep }) as AnyStruct;
    value = wrapAll(value);
    using pool = new Pool(Deep, { ...SMALL, specialize });
    const handle = pool.alloc(value as never);
    assertEquals(pool.get(handle).toJSON() as unknown, value);
    const path = Array(19).fill("inner").join(".");
    const bad: [Plain, string][] = [
      [wrapAll({ n: "1" }), `field "${path}.n": u8 must be a number`],
      [wrapAll({ list: [1, 2n] }), `field "${path}.list[1]": u8 must be a number`],
      [wrapAll({ z: 1 }), `at "${path}": it has no field "z"`],
    ];
    for (const [init, message] of bad) {
      assertRefused(pool, () => pool.alloc(init as never), TypeError, message);
      assertRefused(pool, () => pool.set(handle, init as never), TypeError, message);
    }
    let view = pool.get(handle) as unknown as { n: number; inner: typeof view };
    for (let depth = 1; depth < 20; depth++) {
      assertStrictEquals(view.inner, view.inner);
      assertEquals(view.n, depth);
      view.n += 100;
      view = view.inner;
    }
    let read = pool.get(handle).toJSON() as unknown as { n: number; inner: typeof read };
    for (let depth = 1; depth < 20; depth++) {
      assertEquals(read.n, depth + 100);
      read = read.inner;
    }
  },
);

both("Arrays of structs of arrays of structs are written and read, four deep", (specialize) => {
  const Leaf = struct({ n: "u16", list: array("u8", 2) });
  const Twig = struct({ leaves: array(Leaf, 3), n: "u16" });
  const Branch = struct({ twigs: array(Twig, 2), n: "u16" });
  const Tree = struct({ branches: array(Branch, 4), n: "u16" });
  let count = 0;
  const list = <T>(length: number, make: () => T) => Array.from({ length }, make);
  const leaf = () => ({ n: count++, list: [count % 256, 1] });
  const twig = () => ({ leaves: list(3, leaf), n: count++ });
  const branch = () => ({ twigs: list(2, twig), n: count++ });
  const value = { branches: list(4, branch), n: 999 };
  using pool = new Pool(Tree, { ...SMALL, specialize });
  const view = pool.get(pool.alloc(value));
  assertEquals(view.toJSON(), value);
  view.branches.get(3).twigs.get(1).leaves.get(2).list.set(1, 77);
  assertEquals(view.toJSON().branches[3].twigs[1].leaves[2].list[1], 77);
  const bad = structuredClone(value) as unknown as { branches: { twigs: { leaves: Plain[] }[] }[] };
  bad.branches[2].twigs[1].leaves[0].n = "1";
  const path = "branches[2].twigs[1].leaves[0].n";
  assertRefused(pool, () => pool.alloc(untyped(bad)), TypeError, `"${path}": u16 must be a number`);
});

// -- names --

const NAMES = [
  ..."break case catch class const continue debugger default delete do else enum export extends"
    .split(" "),
  ..."false finally for function if import in instanceof new null return super switch this".split(
    " ",
  ),
  ..."throw true try typeof var void while with let static yield await async of get set".split(" "),
  ..."implements interface package private protected public arguments eval undefined NaN".split(
    " ",
  ),
  // What every object has, or every function, or array.
  ..."hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf".split(" "),
  ..."prototype name length caller apply call bind then map push".split(" "),
  // What the texts that are compiled call their own.
  ..."init seen view target handle outer next write spare frame items values done Base".split(" "),
  // No ASCII.
  ..."größe 名前 π ℵ0 été ñ Ωmega क 𝒳 a̐ $ $1".split(" "),
];

both(
  "Fields may be named like reserved words, like what every object has, and in any script",
  (specialize) => {
    const part = (name: string): Fields => ({ [name]: "u8", before: "u8" });
    for (const name of NAMES) {
      const Part = struct(part(name)) as AnyStruct;
      const Named = struct({
        [name]: "u16",
        part: Part,
        list: array(Part, 2),
        many: array(Part, 100),
        last: "u8",
      }) as AnyStruct;
      using pool = new Pool(Named, { ...SMALL, specialize });
      const empty = { [name]: 0, before: 0 };
      const many = Array(98).fill(empty);
      const zero = {
        [name]: 0,
        part: empty,
        list: [empty, empty],
        many: [empty, empty, ...many],
        last: 0,
      };
      const read = (handle: number) => pool.get(handle as never).toJSON() as unknown;
      assertEquals(read(pool.alloc()), zero, name);
      assertEquals(read(pool.alloc({})), zero, name);
      // Left out everywhere, and given everywhere.
      const left = {
        part: { before: 1 },
        list: [{ before: 2 }, {}],
        many: [{ before: 3 }],
        last: 4,
      };
      const one = { [name]: 0, before: 1 };
      assertEquals(read(pool.alloc(left as never)), {
        [name]: 0,
        part: one,
        list: [{ ...one, before: 2 }, empty],
        many: [{ ...one, before: 3 }, empty, ...many],
        last: 4,
      }, name);
      const full = { [name]: 5, before: 6 };
      const given = { [name]: 700, part: full, list: [full, full], many: [full, full], last: 8 };
      const handle = pool.alloc(given as never);
      const expected = { ...given, many: [full, full, ...many] };
      assertEquals(read(handle), expected, name);
      pool.set(handle, {} as never);
      assertEquals(read(handle), expected, name);
      assertEquals(read(pool.alloc(pool.get(handle) as never)), expected, name);
      const view = pool.get(handle) as unknown as Record<string, unknown>;
      view[name] = 9;
      (view.part as Record<string, unknown>)[name] = 10;
      assertEquals([view[name], (view.part as Record<string, unknown>)[name]], [9, 10]);
      for (
        const bad of [{ [name]: "1" }, { part: { [name]: true } }, { list: [{ [name]: null }] }]
      ) {
        assertRefused(pool, () => pool.alloc(bad as never), TypeError, `${name}": u`);
      }
      assertRefused(
        pool,
        () => pool.alloc({ [`${name}2`]: 1 } as never),
        TypeError,
        "it has no field",
      );
    }
  },
);

both(
  "Structs and arrays may be named like what every object has, and are left out or given",
  (specialize) => {
    const Named = struct({
      valueOf: Vec,
      toString: array("u8", 2),
      length: "u8",
      hasOwnProperty: array(Vec, 2),
    });
    using pool = new Pool(Named, { ...SMALL, specialize });
    const zero = { x: 0, y: 0 };
    const empty = { valueOf: zero, toString: [0, 0], length: 0, hasOwnProperty: [zero, zero] };
    assertEquals(pool.get(pool.alloc(untyped({}))).toJSON() as unknown, empty);
    const one = { x: 1, y: 2 };
    const full = { valueOf: one, toString: [3, 4], length: 5, hasOwnProperty: [one, one] };
    const handle = pool.alloc(untyped(full));
    assertEquals(pool.get(handle).toJSON() as unknown, full);
    pool.set(handle, untyped({ length: 6 }));
    assertEquals(pool.get(handle).toJSON() as unknown, { ...full, length: 6 });
    assert(pool.has(handle));
  },
);
