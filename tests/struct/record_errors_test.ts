/**
 * Tests of values that cannot be written: wherever in a struct they are, the error has the path,
 * and nothing changes.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Pool, Struct } from "../../mod.ts";
import type { AnyStruct, FieldType, ScalarType } from "../../mod.ts";
import { POOL_KINDS } from "../_kinds.ts";
import { assertError, type ErrorClass, shown, untyped } from "../_support.ts";
import { isArray, SCALARS, zeroOf } from "../model/_values.ts";
import { structsOf } from "./_declarations.ts";
import { type Any, SMALL, stateOf, Thing, thingOf, WRITES } from "./_things.ts";

// -- wrong values by type --

/** A value that is wrong, what the error says of the part that is, and its class. */
type Wrong = [value: unknown, problem: string, errorClass?: ErrorClass];

/** Values of every primitive type, and an object. */
const VALUES = [5, "1", 1n, true, null, {}, Symbol("one"), undefined];
const NO_HANDLES = [-1, 1.5, 2 ** 32, 2 ** 52, NaN, Infinity, -Infinity];

function* wrongScalars(type: ScalarType, title: string): Generator<Wrong> {
  const right = typeof zeroOf(type);
  const name = type === "ref" ? "number or null" : right;
  for (const bad of VALUES) {
    if (typeof bad === right || type === "ref" && bad === null) continue;
    yield [bad, `${title}: ${type} must be a ${name}, got ${shown(bad)}`];
  }
  for (const bad of type === "ref" ? NO_HANDLES : []) {
    yield [bad, `${title}: a ref holds a handle below 2^32, got ${bad}`, RangeError];
  }
}

class Empty {}

/** Objects without fields, and what errors call them. */
const NO_FIELDS: [value: object, name: string][] = [
  [[], "an array"],
  [[1, 2], "an array"],
  [new Map([["x", 1]]), "a Map"],
  [Promise.resolve({ x: 1 }), "a Promise"],
  [new Empty(), "a Empty"],
  [new (class {})(), "an object"],
];

function* wrongStructs(type: AnyStruct, title: string): Generator<Wrong> {
  const known = Object.keys(type.fields);
  const unknown = [
    ...[{ nope: 1 }, { nope: undefined }, { [known[0]]: undefined, nope: 1 }],
    ...[Object.create({ nope: 2 }), Object.assign(Object.create(null), { nope: 2 })],
    Object.assign(new Empty(), { nope: 3 }),
  ];
  for (const bad of unknown) {
    yield [bad, `${title}: it has no field "nope", it has ${known.join(", ")}`];
  }
  for (const bad of [...VALUES.filter((value) => typeof value !== "object"), null, Object]) {
    yield [bad, `${title}: it must be an object, got ${shown(bad)}`];
  }
  for (const [bad, name] of NO_FIELDS) {
    yield [bad, `${title}: it must be an object of fields, got ${name}`];
  }
}

function* wrongLists(length: number, title: string): Generator<Wrong> {
  for (const bad of [5, "123", null, {}, Array, { length: NaN }, { length: "1" }, { length: 1n }]) {
    yield [bad, `${title}: it must be array-like, got ${shown(bad)}`];
  }
  for (const bad of [Array(length + 1).fill(0), { length: 2 ** 53 }, { length: Infinity }]) {
    yield [bad, `${title}: it has ${length} elements, got ${bad.length}`, RangeError];
  }
}

/** Every value of a type that is wrong, by itself or in one of its parts. */
function* wrongsOf(type: FieldType, path = ""): Generator<Wrong> {
  const zero: Any = zeroOf(type);
  if (type instanceof Struct) {
    const title = type.name === "" ? "struct" : `struct "${type.name}"`;
    yield* wrongStructs(type, path === "" ? title : `${title} at "${path}"`);
    for (const [name, field] of Object.entries(type.fields)) {
      for (const [bad, ...said] of wrongsOf(field.type, path === "" ? name : `${path}.${name}`)) {
        if (bad === undefined) continue; // counts as left out
        yield [{ ...zero, [name]: bad }, ...said];
      }
    }
  } else if (isArray(type)) {
    yield* wrongLists(type.length, `field "${path}"`);
    for (const i of zero.slice(0, 4).keys()) {
      for (const [bad, ...said] of wrongsOf(type.element, `${path}[${i}]`)) {
        // Also the last one that is written, of an array-like that is no array.
        yield [{ ...zero.slice(0, i), [i]: bad, length: i + 1 }, ...said];
      }
    }
  } else yield* wrongScalars(typeof type === "string" ? type : "ref", `field "${path}"`);
}

const NAMES = ["x", "y", "hp", "pos", "toString", "valueOf"];
/** Some of the arrays are too long for a chain of calls. */
const structs = structsOf(SCALARS, NAMES, [2, 3, 500]).filter(({ size }) =>
  size > 1 && size < 10_000
);

Deno.test("Pool throws on a wrong value with its path, and changes nothing, in any struct", () => {
  const writes = Object.values(WRITES);
  let turn = 0;
  const property = fc.property(structs, fc.boolean(), (type, specialize) => {
    const kind = POOL_KINDS["Pool"](type, { ...SMALL, specialize });
    const handle = kind.pool.alloc();
    const before = stateOf(kind);
    for (const [init, problem, errorClass = TypeError] of wrongsOf(type)) {
      if (init === undefined || init === null) continue; // alloc(null) is as alloc()
      const write = writes[turn++ % writes.length];
      assertThrows(() => write({ kind, handle }, init), errorClass, `Cannot write ${problem}`);
    }
    assertEquals(stateOf(kind), before);
    kind.pool.dispose();
  });
  fc.assert(property, { numRuns: 60 });
});

Deno.test("A view throws on a wrong value of a part, with the path from there on", () => {
  // As many names as fields, of which two are not enumerable.
  const hidden = Object.defineProperties({ z: 1 }, { x: { value: 2 }, y: { value: 3 } });
  for (const specialize of [true, false]) {
    using pool = new Pool(Thing, { ...SMALL, specialize });
    const view: Any = pool.get(pool.alloc(thingOf(1)));
    const trail = view.trails.get(1);
    const cases: [write: () => void, errorClass: ErrorClass, message: string][] = [
      [() => view.id = 1, TypeError, "BigInt"],
      [() => view.pos = 5, TypeError, 'struct "Vec" at "pos": it must be an object, got 5'],
      [() => view.pos = hidden, TypeError, 'at "pos": it has no field "z"'],
      [() => view.pos = { x: "1" }, TypeError, 'field "pos.x": f32 must be a number, got "1"'],
      [() => view.line = { to: { z: 1 } }, TypeError, 'struct "Vec" at "line.to": it has no'],
      [() => trail.dots = [{}, { x: 1n }], TypeError, 'field "dots[1].x": f32 must be a number'],
      [() => view.trails.set(1, { ages: 5 }), TypeError, '"trails[1].ages": it must be array-like'],
      [() => view.trails.copyFrom([{}, 1]), TypeError, 'at "trails[1]": it must be an object'],
      [() => view.links.set(1, -1), RangeError, 'field "links[1]": a ref holds a handle below'],
      [() => view.links.set(1, "1"), TypeError, 'field "links[1]": ref must be a number or null'],
      // Views of other parts as values.
      [() => view.links.copyFrom(view.speed), RangeError, '"links": it has 2 elements, got 3'],
      [() => view.trails.copyFrom(view.links), TypeError, 'at "trails[0]": it must be an object'],
      [() => view.links.copyFrom(view.many), TypeError, '"links[0]": ref must be a number'],
      [() => pool.alloc(untyped({ pos: view })), TypeError, 'at "pos": it has no field "n"'],
      [() => pool.alloc(view.pos), TypeError, 'it has no field "x"'],
      [() => pool.alloc({ ...view }), TypeError, "a view was spread, which copies its state"],
      [() => pool.alloc({ pos: { ...view.pos } }), TypeError, 'at "pos": a view was spread'],
      [() => pool.alloc({ color: { ...view.color } }), TypeError, '"color": it must be array-like'],
    ];
    for (const bad of [-1, 1.5, 2 ** 32, NaN, undefined]) {
      const message = `Cannot write field "next": a ref holds a handle below 2^32, got ${bad}`;
      cases.push([() => view.next = bad, RangeError, message]);
    }
    for (const [write, ...error] of cases) assertError(pool, write, ...error);
  }
});
