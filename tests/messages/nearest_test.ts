/** The name that was probably meant, and options that nobody knows. */
import { assertEquals, assertThrows } from "@std/assert";
import { checkOptions, nearestName } from "../../src/messages/nearest.ts";
import { untyped } from "../_support.ts";

const KNOWN = ["maxChunks", "chunksPerBlock", "memory", "life", "hp", "x", "name"];

Deno.test("nearestName() finds a name with a letter too few, too many, replaced or swapped", () => {
  for (const name of ["maxChunk", "maxChunkss", "maxChunqs", "maxChukns", "axChunks"]) {
    assertEquals(nearestName(name, KNOWN), "maxChunks");
  }
  assertEquals(nearestName("liev", KNOWN), "life");
  assertEquals(nearestName("nme", KNOWN), "name");
});

Deno.test("nearestName() finds a name in other case, or with other marks, however short", () => {
  const meant = ["maxchunks", "MAX_CHUNKS", "_maxChunks", "max-chunks"].map((name) =>
    nearestName(name, KNOWN)
  );
  assertEquals(meant, Array(4).fill("maxChunks"));
  assertEquals([nearestName("HP", KNOWN), nearestName("_hp", KNOWN)], ["hp", "hp"]);
  assertEquals(nearestName("X", KNOWN), "x");
});

Deno.test("nearestName() finds nothing where nothing is near", () => {
  for (const name of ["", "z", "y", "hq", "color", "chunks", "maximum", "__proto__", "_"]) {
    assertEquals(nearestName(name, KNOWN), undefined, name);
  }
  assertEquals(nearestName("hp", []), undefined);
});

Deno.test("nearestName() prefers the name that is nearer, and of two the one that comes first", () => {
  assertEquals(nearestName("fooo", ["fxxo", "fooz"]), "fooz");
  assertEquals(nearestName("barx", ["bary", "barz"]), "bary");
});

Deno.test("checkOptions() counts what is inherited, passes symbols and what every object has", () => {
  const known = ["name", "debug"];
  class Options {
    name = "it";
    get debug() {
      return true;
    }
  }
  checkOptions("Cannot", new Options(), known);
  checkOptions("Cannot", Object.create({ name: "it" }), known);
  checkOptions("Cannot", { [Symbol("other")]: 1 }, known);
  checkOptions("Cannot", Object.create(null), known);
  assertThrows(
    () => checkOptions("Cannot", Object.create({ nmae: "it" }), known),
    TypeError,
    "nmae",
  );
  Object.assign(Object.prototype, { polluted: 1 });
  try {
    checkOptions("Cannot", {}, known);
  } finally {
    delete (Object.prototype as { polluted?: number }).polluted;
  }
});

Deno.test("checkOptions() refuses what is no object", () => {
  for (const [value, shown] of [[null, "null"], ["a", '"a"'], [1, "1"], [true, "true"]]) {
    assertThrows(
      () => checkOptions("Cannot do it", untyped(value), ["a"]),
      TypeError,
      `Cannot do it: options must be an object, got ${shown}`,
    );
  }
});
