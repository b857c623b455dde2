/**
 * Tests of values that cannot be written: at every depth the error has the path, and nothing
 * changes.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  type AnyStruct,
  array,
  type FieldType,
  type PoolOptions,
  ref,
  type ScalarType,
  struct,
} from "../../mod.ts";
import { type OfKind, POOL_KINDS } from "../_kinds.ts";
import type { ErrorClass } from "../_support.ts";

type Plain = Record<string, unknown>;

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 16, name: "things" };

/** For each type what its values are called, and values that are not of the type. */
const WRONG: Readonly<Record<string, [name: string, right: unknown, wrong: unknown[]]>> = {
  ...Object.fromEntries(
    ["i8", "u8", "i16", "u16", "i32", "u32", "f16", "f32", "f64"].map((type) => [
      type,
      ["number", 1, ["1", true, 1n, null, {}, Symbol("one")]],
    ]),
  ),
  ref: ["number or null", 1, ["1", true, 1n, {}, Symbol("one")]],
  i64: ["bigint", 1n, [1, "1", null, {}]],
  u64: ["bigint", 1n, [1, true, null, {}]],
  bool: ["boolean", true, [1, 0, "true", null, {}]],
};

const Vec = struct({ x: "f32", y: "f32" }, { name: "Vec" });
const fields: Record<string, FieldType> = {
  pos: Vec,
  color: array("u8", 3),
  dots: array(Vec, 2),
  to: ref(Vec),
  links: array(ref(Vec), 2),
};
for (const type of Object.keys(WRONG) as ScalarType[]) {
  fields[`${type}Field`] = type;
  fields[`${type}List`] = array(type, 2);
}
const Inner: AnyStruct = struct(fields, { name: "Inner" });

// -- structs within each other --

/** A way to nest a struct: the type of the outer field `it`, and how a value gets into that. */
interface Step {
  readonly path: string;
  field(inner: AnyStruct): FieldType;
  wrap(value: unknown): unknown;
}

const NESTED: Step = { field: (inner) => inner, wrap: (value) => value, path: "it" };
const LISTED: Step = {
  field: (inner) => array(inner, 2),
  wrap: (value) => [{}, value],
  path: "it[1]",
};
/** An array that is too long for a chain of calls. */
const LONG: Step = {
  field: (inner) => array(inner, 20),
  wrap: (value) => ({ length: 1, 0: value }),
  path: "it[0]",
};

/** A struct with `Inner` somewhere in it: the path there, and how a value of `Inner` gets there. */
interface Depth {
  readonly type: AnyStruct;
  readonly path: string;
  wrap(value: unknown): unknown;
}

const DEPTHS: readonly Depth[] = [
  [],
  [NESTED],
  [LISTED],
  [LONG],
  [NESTED, NESTED, NESTED],
  [LISTED, NESTED],
  [NESTED, LISTED],
  [LISTED, LISTED],
  [NESTED, LONG, NESTED],
].map((steps) =>
  steps.reduce<Depth>(({ type, path, wrap }, step) => ({
    type: struct({ before: "u8", it: step.field(type), after: "u8" }),
    path: path === "" ? step.path : `${step.path}.${path}`,
    wrap: (value) => ({ before: 1, it: step.wrap(wrap(value)), after: 2 }),
  }), { type: Inner, path: "", wrap: (value) => value })
);

/** The path of a field of `Inner`. */
function pathTo({ path }: Depth, field: string): string {
  return path === "" ? field : `${path}.${field}`;
}

/** Everything of a pool that can change, with every byte of its records and metadata. */
function stateOf({ pool }: OfKind): unknown {
  const bytes = new TextDecoder("latin1").decode(pool.snapshot(undefined, { checksum: false }));
  return { bytes, ...pool.stats() };
}

/** Asserts that every way of writing a value of `Inner` throws, and that nothing changes. */
type AssertWrong = (value: unknown, errorClass: ErrorClass, message: string) => void;

/** Defines a test for three kinds of pool, own and shared code, and each depth. */
function each(
  claim: string,
  test: (assertWrong: AssertWrong, depth: Depth, kind: OfKind) => void,
): void {
  for (const name of ["Pool", "ErasedPool", "PoolSet"]) {
    Deno.test(`${name}: ${claim}, at every depth`, () => {
      for (const specialize of [true, false]) {
        for (const depth of DEPTHS) {
          const kind = POOL_KINDS[name](depth.type, { ...SMALL, specialize });
          const handle = kind.pool.alloc(...kind.of);
          const before = stateOf(kind);
          const assertWrong: AssertWrong = (value, errorClass, message) => {
            const init = depth.wrap(value);
            const writes = [
              () => kind.pool.alloc(...kind.of, init),
              () => kind.pool.tryAlloc(...kind.of, init),
              () => kind.pool.scoped(...kind.of, init),
              () => kind.pool.set(...kind.of, handle, init),
            ];
            for (const write of writes) assertThrows(write, errorClass, message);
            assertEquals(stateOf(kind), before);
          };
          test(assertWrong, depth, kind);
          kind.pool.dispose();
        }
      }
    });
  }
}

function shown(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

// -- names, structs, arrays --

each("A property that is no field throws, own or inherited, set or undefined", (wrong, depth) => {
  class Value {
    z = 1;
    get u8Field() {
      return 1;
    }
  }
  const at = depth.path === "" ? "" : ` at "${depth.path}"`;
  const values = [
    { z: 1 },
    { u8Field: 1, u16Field: 2, z: 3 },
    { z: undefined, u8Field: 1 },
    new Value(),
    Object.create({ u8Field: 1, z: 2 }),
    Object.assign(Object.create(null), { u8Field: 1, z: 2 }),
  ];
  for (const value of values) {
    wrong(value, TypeError, `Cannot write struct "Inner"${at}: it has no field "z", it has pos, `);
  }
  const cases: [string, Plain][] = [
    ["pos", { pos: { z: 1 } }],
    ["dots[1]", { dots: [{}, { x: 1, y: 2, z: 3 }] }],
  ];
  for (const [path, value] of cases) {
    const vec = `Cannot write struct "Vec" at "${pathTo(depth, path)}": it has no field "z"`;
    wrong(value, TypeError, vec);
  }
});

each("A value of a struct that is no object throws", (wrong, depth) => {
  const at = depth.path === "" ? "" : ` at "${depth.path}"`;
  for (const bad of [5, "1", null, true, 1n, Symbol("one"), Object]) {
    const got = `it must be an object, got ${shown(bad)}`;
    // alloc(null) is as alloc().
    const isLeftOut = bad === null && depth.path === "";
    if (!isLeftOut) wrong(bad, TypeError, `Cannot write struct "Inner"${at}: ${got}`);
    const vec = (path: string) => `Cannot write struct "Vec" at "${pathTo(depth, path)}": ${got}`;
    wrong({ pos: bad }, TypeError, vec("pos"));
    wrong({ dots: [{}, bad] }, TypeError, vec("dots[1]"));
  }
  const hole = `at "${pathTo(depth, "dots[1]")}": it must be an object, got undefined`;
  wrong({ dots: [{}, undefined] }, TypeError, hole);
});

each("An array or an object without fields throws as a value of a struct", (wrong, depth) => {
  const at = `Cannot write struct "Vec" at "${
    pathTo(depth, "pos")
  }": it must be an object of fields`;
  class Empty {}
  const values: [unknown, string][] = [
    [[], "an array"],
    [[1, 2], "an array"],
    [new Map([["x", 1]]), "a Map"],
    [Promise.resolve({ x: 1 }), "a Promise"],
    [new Empty(), "a Empty"],
    [new (class {})(), "an object"],
  ];
  for (const [bad, title] of values) wrong({ pos: bad }, TypeError, `${at}, got ${title}`);
});

each("A value of an array that is not array-like, or too long, throws", (wrong, depth) => {
  for (const field of ["color", "dots", "links"]) {
    const start = `Cannot write field "${pathTo(depth, field)}": it `;
    for (const bad of [5, "123", null, {}, Array]) {
      wrong({ [field]: bad }, TypeError, `${start}must be array-like, got ${shown(bad)}`);
    }
    const { length } = Inner.fields[field];
    for (const long of [Array(length + 1).fill(0), { length: 2 ** 40 }]) {
      const message = `${start}has ${length} elements, got ${long.length}`;
      wrong({ [field]: long }, RangeError, message);
    }
  }
});

// -- scalars --

each("A scalar of a wrong type throws, also as an element, and a hole in an array", (
  wrong,
  depth,
) => {
  for (const [type, [primitive, right, values]] of Object.entries(WRONG)) {
    for (const bad of [...values, undefined]) {
      const problem = `: ${type} must be a ${primitive}, got ${shown(bad)}`;
      const field = `Cannot write field "${pathTo(depth, `${type}Field`)}"${problem}`;
      if (bad !== undefined) wrong({ [`${type}Field`]: bad }, TypeError, field);
      const element = `Cannot write field "${pathTo(depth, `${type}List[1]`)}"${problem}`;
      wrong({ [`${type}List`]: [right, bad] }, TypeError, element);
    }
  }
  // deno-lint-ignore no-sparse-arrays -- the hole is the point
  for (const color of [[1, , 3], { length: 2, 0: 1 }]) {
    const message = `field "${pathTo(depth, "color[1]")}": u8 must be a number, got undefined`;
    wrong({ color }, TypeError, message);
  }
});

each("A ref takes every integer of 32 bits, and throws on other numbers", (wrong, depth, kind) => {
  for (const bad of [-1, 1.5, 2 ** 32, 2 ** 52, NaN, Infinity, -Infinity]) {
    const fields: Plain = { refField: bad, "refList[1]": [0, bad], to: bad, "links[1]": [0, bad] };
    for (const [field, value] of Object.entries(fields)) {
      const problem = `a ref holds a handle below 2^32, got ${bad}`;
      const message = `Cannot write field "${pathTo(depth, field)}": ${problem}`;
      wrong({ [field.replace("[1]", "")]: value }, RangeError, message);
    }
  }
  for (const good of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    const value = { refField: good, refList: [good, good], to: good, links: [good, good] };
    const found = innerOf(kind, depth, kind.pool.alloc(...kind.of, depth.wrap(value)));
    assertEquals({ ...found, ...value }, found);
  }
});

/** The value of `Inner` in a record. */
function innerOf(kind: OfKind, { path }: Depth, handle: number): Plain {
  let found: unknown = kind.pool.get<{ toJSON(): unknown }>(...kind.of, handle).toJSON();
  for (const step of path.match(/\w+/g) ?? []) found = (found as Plain)[step];
  return found as Plain;
}

each("A field that is undefined counts as left out, in alloc() and in set()", (_, depth, kind) => {
  const zero = innerOf(kind, depth, kind.pool.alloc(...kind.of));
  const full: Plain = {
    pos: { x: 2, y: 3 },
    color: [4, 5, 6],
    u8Field: 7,
    u64Field: 8n,
    boolField: true,
    refField: 9,
    f64List: [10, 11],
  };
  const handle = kind.pool.alloc(...kind.of, depth.wrap(full));
  const whole = innerOf(kind, depth, handle);
  assertEquals(whole, { ...zero, ...full });
  for (const name of Object.keys(full)) {
    kind.pool.set(...kind.of, handle, depth.wrap({ [name]: undefined }));
    assertEquals(innerOf(kind, depth, handle), whole);
    const without = kind.pool.alloc(...kind.of, depth.wrap({ ...full, [name]: undefined }));
    assertEquals(innerOf(kind, depth, without), { ...whole, [name]: zero[name] });
    kind.pool.free(without as never);
  }
  kind.pool.set(...kind.of, handle, depth.wrap({ pos: { x: undefined, y: 9 } }));
  assertEquals(innerOf(kind, depth, handle), { ...whole, pos: { x: 2, y: 9 } });
});

// -- through a view --

Deno.test("A view throws on a wrong value of a part, with the path from that part on", () => {
  const Trail = struct({ ages: array("u8", 2), dots: array(Vec, 2) }, { name: "Trail" });
  const type = struct({ pos: Vec, trail: Trail, trails: array(Trail, 2), links: array("ref", 2) });
  for (const specialize of [true, false]) {
    const kind = POOL_KINDS["Pool"](type, { ...SMALL, specialize });
    // deno-lint-ignore no-explicit-any -- nothing that is written here has the right type
    const view = kind.pool.get<any>(...kind.of, kind.pool.alloc(...kind.of));
    const cases: [write: () => void, errorClass: ErrorClass, message: string][] = [
      [() => view.pos = 5, TypeError, 'struct "Vec" at "pos": it must be an object, got 5'],
      [() => view.pos = { z: 1 }, TypeError, 'at "pos": it has no field "z"'],
      [() => view.pos = { x: "1" }, TypeError, 'field "pos.x": f32 must be a number, got "1"'],
      [() => view.trail = { dots: [{}, { z: 1 }] }, TypeError, 'at "trail.dots[1]": it has no'],
      [() => view.trail.dots = [{ x: 1n }], TypeError, 'field "dots[0].x": f32 must be a number'],
      [() => view.trail.ages = [1, 2, 3], RangeError, '"ages": it has 2 elements, got 3'],
      [() => view.trails = [{ ages: ["1"] }], TypeError, 'field "trails[0].ages[0]": u8 must'],
      [() => view.trails.set(1, { ages: 5 }), TypeError, '"trails[1].ages": it must be array-like'],
      [() => view.trails.set(1, null), TypeError, 'at "trails[1]": it must be an object, got null'],
      [() => view.trails.copyFrom([{}, 1]), TypeError, 'at "trails[1]": it must be an object'],
      [() => view.links.set(1, -1), RangeError, 'field "links[1]": a ref holds a handle below'],
      [() => view.links.set(1, "1"), TypeError, 'field "links[1]": ref must be a number or null'],
      [() => view.links.copyFrom([1, 2 ** 32]), RangeError, 'field "links[1]": a ref holds a'],
      [() => view.links = [0, 1.5], RangeError, 'field "links[1]": a ref holds a handle below'],
    ];
    const before = stateOf(kind);
    for (const [write, errorClass, message] of cases) {
      assertThrows(write, errorClass, message);
      assertEquals(stateOf(kind), before);
    }
  }
});
