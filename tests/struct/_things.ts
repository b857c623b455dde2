/**
 * A struct with parts of every kind, its records, and the ways to their parts, for the tests of
 * views.
 *
 * @module
 */
import { type AnyStruct, array, struct } from "../../mod.ts";
import type { Any } from "./_holders.ts";

const Vec = struct({ x: "f32", y: "f32" }, { name: "Vec" });

/** More parts than a view has properties for from the start. Some of their structs have no name. */
export const Thing: AnyStruct = struct({
  n: "u32",
  pos: Vec,
  line: struct({ from: Vec, to: Vec }),
  color: array("u8", 4),
  speed: array("f64", 3),
  trails: array(struct({ ages: array("u8", 2), dots: array(Vec, 2), head: Vec }), 3),
  vel: Vec,
  flags: array("bool", 2),
}, { name: "Thing" });

/** The values of record `n`, all different. */
export function thingOf(n: number): Any {
  const vec = (i: number) => ({ x: n + i, y: n - i });
  const trail = (i: number) => ({
    ages: [n % 100, i],
    dots: [vec(i), vec(i + 1)],
    head: vec(i + 2),
  });
  return {
    n,
    pos: vec(1),
    line: { from: vec(2), to: vec(3) },
    color: [n % 100, 4, 5, 6],
    speed: [n + 0.5, 7, 8],
    trails: [trail(10), trail(20), trail(30)],
    vel: vec(9),
    flags: [n % 2 === 0, true],
  };
}

const PATHS = "pos line line.from line.to color speed trails trails.0 trails.2 trails.1.ages " +
  "trails.1.dots trails.2.dots.1 trails.2.head vel flags";
/** The paths of all parts of a view. */
export const PARTS: readonly string[] = PATHS.split(" ");

/** Follows a path in a view or in a plain value. */
export function partAt(it: Any, path: string): Any {
  let part = it;
  for (const name of path.split(".")) {
    part = /^\d/.test(name) && "get" in part ? part.get(Number(name)) : part[name];
  }
  return part;
}
