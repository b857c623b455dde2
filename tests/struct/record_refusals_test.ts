/**
 * What is refused where a plain value is written to a record, at every depth, with the path that leads to it; and that nothing has
 * changed then. With code of the pool's own and with the module's.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  type FieldType,
  type PoolOptions,
  ref,
  type ScalarType,
  struct,
} from "../../mod.ts";
import { type Face, FACES } from "../_faces.ts";
import type { ErrorClass } from "../_support.ts";

type Plain = Record<string, unknown>;

const SMALL: PoolOptions = { chunksPerBlock: 16, maxChunks: 16, name: "things" };

// -- structs within each other --

/** What is refused for each type: what its values are called, and values that are none. */
const WRONG: Readonly<Record<ScalarType, [name: string, values: unknown[]]>> = {
  ...Object.fromEntries(
    (["i8", "u8", "i16", "u16", "i32", "u32", "f16", "f32", "f64"] as const).map((type) => [
      type,
      ["number", ["1", true, 1n, null, {}, Symbol("one")]],
    ]),
  ) as unknown as Record<ScalarType, [string, unknown[]]>,
  ref: ["number or null", ["1", true, 1n, {}, Symbol("one")]],
  i64: ["bigint", [1, "1", null, {}]],
  u64: ["bigint", [1, true, null, {}]],
  bool: ["boolean", [1, 0, "true", null, {}]],
};

const TYPES = Object.keys(WRONG) as ScalarType[];

const Vec = struct({ x: "f32", y: "f32" }, { name: "Vec" });

/** The innermost struct, with what can be refused. */
const Inner: AnyStruct = struct({
  pos: Vec,
  color: array("u8", 3),
  dots: array(Vec, 2),
  to: ref(Vec),
  links: array(ref(Vec), 2),
  // A field of each type, and an array of it.
  ...Object.fromEntries(
    TYPES.flatMap((type): [string, FieldType][] => [
      [`${type}Field`, type],
      [`${type}List`, array(type, 2)],
    ]),
  ),
}, { name: "Inner" }) as unknown as AnyStruct; // whatever its fields are

/** A step deeper: what a field `it` of another struct is, how a value gets into that, and the path to it. */
interface Step {
  readonly field: (inner: AnyStruct) => FieldType;
  readonly wrap: (value: unknown) => unknown;
  readonly path: string;
}

const NESTED: Step = { field: (inner) => inner, wrap: (value) => value, path: "it" };
const LISTED: Step = {
  field: (inner) => array(inner, 2),
  wrap: (value) => [{}, value],
  path: "it[1]",
};
/** Longer than a chain through its elements may be. */
const LONG: Step = {
  field: (inner) => array(inner, 20),
  wrap: (value) => ({ length: 1, 0: value }),
  path: "it[0]",
};

/** Where a value is written: the struct, the path to it in a record of that, and what is around it. */
interface Depth {
  readonly type: AnyStruct;
  readonly path: string;
  wrap(value: unknown): unknown;
}

/** The innermost struct in others; the steps lead outwards. */
function deep(steps: readonly Step[]): Depth {
  let at: Depth = { type: Inner, path: "", wrap: (value) => value };
  for (const step of steps) {
    const { type, path, wrap } = at;
    at = {
      type: struct({ before: "u8", it: step.field(type), after: "u8" }),
      path: path === "" ? step.path : `${step.path}.${path}`,
      wrap: (value) => ({ before: 1, it: step.wrap(wrap(value)), after: 2 }),
    };
  }
  return at;
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
].map(deep);

/** The path to a field of the innermost struct. */
function pathTo({ path }: Depth, field: string): string {
  return path === "" ? field : `${path}.${field}`;
}

/** Where something within the innermost struct is said to be. */
function placeOf({ path }: Depth): string {
  return path === "" ? "" : ` at "${path}"`;
}

/** Defines a test for three kinds of pool, with code of the pool's own and with the module's, and each depth. */
function each(claim: string, test: (face: Face, depth: Depth) => void): void {
  for (const name of ["Pool", "ErasedPool", "PoolSet"]) {
    Deno.test(`${name}: ${claim}`, () => {
      for (const specialize of [true, false]) {
        for (const depth of DEPTHS) {
          const face = FACES[name](depth.type, { ...SMALL, specialize });
          test(face, depth);
          face.pool.dispose();
        }
      }
    });
  }
}

/** Everything of a pool that could change, every byte of its records and books included. */
function stateOf({ pool }: Face): unknown {
  // As one string, since that is compared at once.
  const bytes = new TextDecoder("latin1").decode(pool.snapshot(undefined, { checksum: false }));
  return { bytes, ...pool.stats() };
}

/** Asserts that a value is refused in every way of writing one, and that nothing changes. */
function assertRefused(face: Face, value: unknown, errorClass: ErrorClass, message: string): void {
  const handle = face.pool.size === 0 ? face.alloc() : [...face.pool.handles()][0];
  const before = stateOf(face);
  for (
    const write of [
      () => face.alloc(value),
      () => face.tryAlloc(value),
      () => face.scoped(value),
      () => face.set(handle, value),
    ]
  ) {
    assertThrows(write, errorClass, message);
  }
  assertEquals(stateOf(face), before);
}

/** The innermost value of a record. */
function innerOf(face: Face, { path }: Depth, handle: AnyHandle): Plain {
  let found = face.get<{ toJSON(): unknown }>(handle).toJSON();
  for (const step of path.match(/\w+/g) ?? []) found = (found as Plain)[step];
  return found as Plain;
}

function shown(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

// -- unknown names --

each("A name that no field has is refused at every depth, with the path", (face, depth) => {
  const inner = `Cannot write struct "Inner"${placeOf(depth)}: it has no field "z", it has pos, `;
  for (const bad of [{ z: 1 }, { u8Field: 1, u16Field: 2, z: 3 }, { z: undefined, u8Field: 1 }]) {
    assertRefused(face, depth.wrap(bad), TypeError, inner);
  }
  const at = `Cannot write struct "Vec" at "${pathTo(depth, "pos")}": it has no field "z"`;
  assertRefused(face, depth.wrap({ pos: { z: 1 } }), TypeError, at);
  const dot = `Cannot write struct "Vec" at "${pathTo(depth, "dots[1]")}": it has no field "z"`;
  assertRefused(face, depth.wrap({ dots: [{}, { x: 1, y: 2, z: 3 }] }), TypeError, dot);
});

each(
  "A name that no field has is refused where fields are a class's, or inherited",
  (face, depth) => {
    class Value {
      z = 1;
      get u8Field() {
        return 1;
      }
    }
    const inherits = Object.create({ u8Field: 1, z: 2 });
    const bare = Object.assign(Object.create(null), { u8Field: 1, z: 2 });
    for (const bad of [new Value(), inherits, bare]) {
      assertRefused(face, depth.wrap(bad), TypeError, 'it has no field "z", it has pos, ');
    }
  },
);

// -- what is no struct, and no array --

each(
  "What is no object is refused in the place of a struct, at every depth, with the path",
  (face, depth) => {
    for (const bad of [5, "1", null, true, 1n, Symbol("one"), Object]) {
      const got = `it must be an object, got ${shown(bad)}`;
      const at = `Cannot write struct "Inner"${placeOf(depth)}: ${got}`;
      if (depth.path !== "" || bad !== null) assertRefused(face, depth.wrap(bad), TypeError, at);
      const pos = `Cannot write struct "Vec" at "${pathTo(depth, "pos")}": ${got}`;
      assertRefused(face, depth.wrap({ pos: bad }), TypeError, pos);
      const dot = `Cannot write struct "Vec" at "${pathTo(depth, "dots[1]")}": ${got}`;
      assertRefused(face, depth.wrap({ dots: [{}, bad] }), TypeError, dot);
    }
  },
);

each(
  "What is no array, or too long a one, is refused at every depth, with the path",
  (face, depth) => {
    for (const field of ["color", "dots", "links"]) {
      const at = `Cannot write field "${pathTo(depth, field)}": it `;
      for (const bad of [5, "123", null, {}, Array]) {
        const message = `${at}must be array-like, got ${shown(bad)}`;
        assertRefused(face, depth.wrap({ [field]: bad }), TypeError, message);
      }
      const { length } = Inner.fields[field];
      for (const long of [Array(length + 1).fill(0), { length: 2 ** 40 }]) {
        const message = `${at}has ${length} elements, got ${long.length}`;
        assertRefused(face, depth.wrap({ [field]: long }), RangeError, message);
      }
    }
  },
);

// -- wrong types --

each("A value of a wrong type is refused at every depth, with the path", (face, depth) => {
  for (const type of TYPES) {
    const [primitive, values] = WRONG[type];
    const right = primitive === "bigint" ? 1n : primitive === "boolean" ? true : 1;
    for (const bad of values) {
      const problem = `: ${type} must be a ${primitive}, got ${shown(bad)}`;
      const field = `Cannot write field "${pathTo(depth, `${type}Field`)}"${problem}`;
      assertRefused(face, depth.wrap({ [`${type}Field`]: bad }), TypeError, field);
      const element = `Cannot write field "${pathTo(depth, `${type}List[1]`)}"${problem}`;
      assertRefused(face, depth.wrap({ [`${type}List`]: [right, bad] }), TypeError, element);
    }
  }
  assertEquals(new Set(face.pool.blocks[0].bytes), new Set([0]));
});

each(
  "A hole in an array, and an element that is undefined, is refused at every depth",
  (face, depth) => {
    // deno-lint-ignore no-sparse-arrays -- the hole is the point
    for (const color of [[1, , 3], [1, undefined], { length: 2, 0: 1 }]) {
      const message = `field "${pathTo(depth, "color[1]")}": u8 must be a number, got undefined`;
      assertRefused(face, depth.wrap({ color }), TypeError, message);
    }
    const message = `at "${pathTo(depth, "dots[1]")}": it must be an object, got undefined`;
    assertRefused(face, depth.wrap({ dots: [{}, undefined] }), TypeError, message);
  },
);

// -- refs --

each(
  "A ref that is no integer of 32 bits is refused at every depth, with the path",
  (face, depth) => {
    for (const bad of [-1, 1.5, 2 ** 32, 2 ** 52, NaN, Infinity, -Infinity]) {
      const fields: [string, unknown][] = [
        ["refField", bad],
        ["refList[1]", [0, bad]],
        ["to", bad],
        ["links[1]", [0, bad]],
      ];
      for (const [field, value] of fields) {
        const message =
          `Cannot write field "${pathTo(depth, field)}": a ref holds a handle below ` +
          `2^32, got ${bad}`;
        const init = depth.wrap({ [field.replace("[1]", "")]: value });
        assertRefused(face, init, RangeError, message);
      }
    }
  },
);

each("A ref takes every integer of 32 bits at every depth", (face, depth) => {
  for (const good of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    const value = { refField: good, refList: [good, good], to: good, links: [good, good] };
    const found = innerOf(face, depth, face.alloc(depth.wrap(value)));
    assertEquals({ ...found, ...value }, found);
  }
});

// -- undefined --

each(
  "undefined counts as left out at every depth: set() leaves the field, alloc() leaves it zero",
  (face, depth) => {
    const zero = innerOf(face, depth, face.alloc());
    const full: Plain = {
      pos: { x: 2, y: 3 },
      color: [4, 5, 6],
      u8Field: 7,
      u64Field: 8n,
      boolField: true,
      refField: 9,
      f64List: [10, 11],
    };
    const handle = face.alloc(depth.wrap(full));
    const whole = innerOf(face, depth, handle);
    assertEquals(whole, { ...zero, ...full });
    for (const name of Object.keys(full)) {
      face.set(handle, depth.wrap({ [name]: undefined }));
      assertEquals(innerOf(face, depth, handle), whole);
      const without = face.alloc(depth.wrap({ ...full, [name]: undefined }));
      assertEquals(innerOf(face, depth, without), { ...whole, [name]: zero[name] });
      face.pool.free(without);
    }
    face.set(handle, depth.wrap({ pos: { x: undefined, y: 9 } }));
    assertEquals(innerOf(face, depth, handle), { ...whole, pos: { x: 2, y: 9 } });
  },
);

// -- through a view --

Deno.test("A view refuses what does not fit a part of it, with the path from that part on", () => {
  for (const specialize of [true, false]) {
    const Trail = struct({ ages: array("u8", 2), dots: array(Vec, 2) }, { name: "Trail" });
    const Thing = struct({
      pos: Vec,
      trail: Trail,
      trails: array(Trail, 2),
      links: array("ref", 2),
    });
    const face = FACES["Pool"](Thing, { ...SMALL, specialize });
    // deno-lint-ignore no-explicit-any -- nothing that is written here has a right type
    const view = face.get<any>(face.alloc());
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
      [
        () => view.links.set(1, "1"),
        TypeError,
        'field "links[1]": ref must be a number or null, got "1"',
      ],
      [() => view.links.copyFrom([1, 2 ** 32]), RangeError, 'field "links[1]": a ref holds a'],
      [
        () => view.links = [0, 1.5],
        RangeError,
        'field "links[1]": a ref holds a handle below 2^32',
      ],
    ];
    const before = stateOf(face);
    for (const [write, errorClass, message] of cases) {
      assertThrows(write, errorClass, message);
      assertEquals(stateOf(face), before);
    }
  }
});
