/**
 * Tests of unbound views: of no record yet, of a released block, of a disposed pool, of a
 * `WebAssembly.Memory` that has grown. They read zero and writes do nothing; in debug mode they
 * throw.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { array, StaleHandleError, struct, wasmMemory } from "../../mod.ts";
import { POOL_KINDS } from "../_kinds.ts";
import { forge } from "../_support.ts";
import { ALL_HOLDERS, type Any, type Holder, type HolderOptions, HOLDERS } from "./_holders.ts";

// deno-fmt-ignore: one line each, to compare them easily
const ZERO = { u8: 0, i8: 0, bool: false, u16: 0, i16: 0, i32: 0, u32: 0, f16: 0, f32: 0, f64: 0, i64: 0n, u64: 0n, ref: 0 };
// deno-fmt-ignore
const FULL = { u8: 1, i8: -1, bool: true, u16: 2, i16: -2, i32: -3, u32: 3, f16: 2, f32: 0.5, f64: 1.5, i64: -4n, u64: 4n, ref: 5 };

const SCALARS = Object.keys(ZERO) as (keyof typeof ZERO)[];
const Part = struct(Object.fromEntries(SCALARS.map((type) => [type, type])));
const lists = Object.fromEntries(SCALARS.map((type) => [`${type}s`, array(type, 2)]));
const All = struct({
  ...Object.fromEntries(SCALARS.map((type) => [type, type])),
  part: Part,
  list: array(Part, 2),
  ...lists,
});

/** A record with the same values in its fields, its parts and its arrays. */
function recordOf(values: typeof ZERO): Record<string, unknown> {
  const pairs = SCALARS.map((type) => [`${type}s`, [values[type], values[type]]]);
  return { ...values, part: values, list: [values, values], ...Object.fromEntries(pairs) };
}

const EMPTY = recordOf(ZERO);
const VALUES = recordOf(FULL);

/** Asserts that every field reads zero, and that writes to fields and parts do nothing. */
function assertUnbound(view: Any, why: string): void {
  assertEquals(view.toJSON(), EMPTY, why);
  for (const [name, value] of Object.entries(VALUES)) {
    view[name] = value;
    assertEquals(view.toJSON(), EMPTY, `${why}, after a write to ${name}`);
  }
  Object.assign(view.part, FULL);
  assertEquals(view.toJSON(), EMPTY, `${why}, after a write to a part`);
}

type ErrorClass = typeof StaleHandleError | typeof TypeError;

/** Asserts that each field throws when it is read and when it is written. */
function assertThrowing(view: Any, error: ErrorClass, why: string): void {
  for (const [name, value] of Object.entries(FULL)) {
    assertThrows(() => view[name], error, "Cannot use a view", `${why}: ${name}`);
    assertThrows(() => view[name] = value, error, "Cannot use a view", `${why}: ${name}`);
  }
  assertThrows(() => view.toJSON(), error, "Cannot use a view", why);
}

/** A holder in a memory that can grow. */
function inMemory(
  make: (typeof HOLDERS)[string],
  options: HolderOptions = {},
): { memory: WebAssembly.Memory; holder: Holder } {
  const memory = new WebAssembly.Memory({ initial: 4 });
  return { memory, holder: make(All, VALUES, { memory: wasmMemory(memory), ...options }) };
}

Deno.test("SharedPool: a cursor that is bound to no record reads zero, and writes do nothing", () => {
  const holder = ALL_HOLDERS["SharedPool"](All, VALUES);
  const cursor = holder.cursor();
  assertUnbound(cursor, "a new cursor");
  assertEquals(holder.seek(cursor).toJSON(), VALUES);
  holder.dispose();
});

for (const [name, make] of Object.entries(HOLDERS)) {
  Deno.test(`${name}: an unbound view reads zero, and writes do nothing`, () => {
    const { memory, holder } = inMemory(make);
    const cursor = holder.cursor();
    assertUnbound(cursor, "a new cursor");
    assertEquals(holder.seek(cursor).toJSON(), VALUES);
    const { part } = holder.view;
    memory.grow(1);
    for (const view of [holder.view, cursor]) assertUnbound(view, "grow()");
    assertEquals(part.toJSON(), ZERO);
    assertThrows(() => holder.seek(cursor), TypeError, "call rebind() first");
    assertThrows(() => holder.clear(), TypeError, "call rebind() first");
    holder.rebind();
    assertEquals([holder.view.toJSON(), part.toJSON()], [VALUES, FULL]);
    holder.dispose();
    for (const view of [holder.view, cursor]) assertUnbound(view, "dispose()");
  });

  Deno.test(`${name}: an unbound view throws in debug mode`, () => {
    const { memory, holder } = inMemory(make, { debug: true });
    const cursor = holder.cursor();
    assertThrowing(cursor, StaleHandleError, "a new cursor");
    holder.seek(cursor);
    memory.grow(1);
    for (const view of [holder.view, cursor]) assertThrowing(view, TypeError, "grow()");
    holder.rebind();
    assertEquals([holder.view.toJSON(), cursor.toJSON()], [VALUES, VALUES]);
    holder.clear();
    for (const view of [holder.view, cursor]) assertThrowing(view, StaleHandleError, "clear()");
    holder.dispose();
    for (const view of [holder.view, cursor]) assertThrowing(view, StaleHandleError, "dispose()");
  });
}

for (const [name, make] of Object.entries(POOL_KINDS)) {
  for (const reuse of ["recent", "spread"] as const) {
    Deno.test(`${name}: a view of a released block reads zero, and writes do nothing (${reuse})`, () => {
      const options = { chunksPerBlock: 16, maxChunks: 4096, keepEmptyBlocks: 0, reuse };
      const kind = make(All, options);
      const cursor = kind.pool.cursor<Any>(...kind.of);
      const handles = Array.from({ length: 40 }, () => kind.pool.alloc(...kind.of, VALUES));
      const views = handles.map((handle) => kind.pool.get<Any>(...kind.of, handle));
      kind.pool.seek(cursor, handles[3]);
      kind.pool.freeBlock(kind.pool.blocks[0].index);
      for (const view of [cursor, views[3]]) assertUnbound(view, "freeBlock()");
      assertEquals([kind.pool.seek(cursor, handles[20]), views[39]].map((it) => it.toJSON()), [
        VALUES,
        VALUES,
      ]);
      kind.pool.freeMany(handles.slice(16).map(forge));
      kind.pool.trim();
      assertUnbound(cursor, "trim()");
      const last = kind.pool.get<Any>(...kind.of, kind.pool.alloc(...kind.of, VALUES));
      kind.pool.dispose();
      for (const view of [last, cursor, ...views]) assertUnbound(view, "dispose()");
    });
  }
}
