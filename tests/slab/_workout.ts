/**
 * One of everything that pools do, for the tests of own code: every text is compiled on the way.
 *
 * @module
 */
import {
  array,
  ErasedPool,
  HandleMap,
  pack,
  Pool,
  PoolSet,
  SharedPool,
  spread,
  struct,
} from "../../mod.ts";
import type { AnyHandle, AnyStruct } from "../../mod.ts";
import { type OfKind, ofKind, packAny, viewsOf } from "../_kinds.ts";
import type { Any } from "../struct/_things.ts";

/** Records in each pool: more than the number below which all callbacks share a loop. */
const COUNT = 150;

/**
 * New structs, so that all code for them is new, with a value of each: all 13 scalars, arrays and
 * structs.
 */
function freshStructs(): [AnyStruct, object][] {
  const Vec2 = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
  const Scalars = struct({
    ...{ a: "i8", b: "u8", c: "i16", d: "u16", e: "i32", f: "u32", g: "i64", h: "u64" } as const,
    ...{ i: "f16", j: "f32", k: "f64", l: "bool", m: "ref" } as const,
  }, { name: "Scalars" });
  const Ship = struct({
    ...{ n: "u32", at: Vec2, trail: array(Vec2, 3), color: array("u8", 4) } as const,
    ...{ links: array("ref", 2), deep: struct({ inner: Vec2, of: array("i64", 2) }) } as const,
  }, { name: "Ship" });
  return [
    [Scalars, {
      ...{ a: -1, b: 200, c: -300, d: 60_000, e: -70_000, f: 4e9, g: -5n, h: 2n ** 63n },
      ...{ i: 1.5, j: 0.1, k: Math.PI, l: true, m: 7 },
    }],
    [Ship, {
      ...{ n: 1, at: { x: 1, y: 2 }, trail: [{ x: 3, y: 4 }, { y: 5 }], color: [6, 7, 8] },
      ...{ links: [9], deep: { inner: { x: 10, y: 11 }, of: [12n, -13n] } },
    }],
    [struct({ n: "u8" }, { name: "Flag" }), { n: 5 }],
  ];
}

/** What is done with one struct, or with all where `of` is empty. */
interface Work extends OfKind {
  /** What was read on the way. */
  readonly log: unknown[];
}

/** Returns the result of a call, or its error; that of `_support.ts` needs what no bundle has. */
export function outcomeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return String(error);
  }
}

/**
 * Uses every kind of pool.
 *
 * @param specialize Whether they may have own code.
 * @returns What was read on the way.
 */
export function workOut(specialize: boolean = true): string {
  const structs = freshStructs();
  const types = structs.map(([type]) => type);
  const log: unknown[] = [];
  for (const handles of ["compact", "wide"] as const) {
    const some = { handles, chunksPerBlock: 64, maxChunks: 1024, specialize } as const;
    for (const [type, init] of structs) {
      for (const reuse of ["recent", spread] as const) {
        workOutPool({ ...ofKind(new Pool(type, { ...some, reuse })), log }, type, init);
      }
      const here = SharedPool.create(type, some);
      const there = SharedPool.attach(type, here.share(), { specialize });
      workOutPool({ ...ofKind(there), log }, type, init);
      here.forEach((_, handle) => log.push(handle), { stripe: 1, of: 2 });
      here.dispose();
    }
    const sized = { ...some, size: 128, align: 8 };
    const open = new ErasedPool<AnyStruct>(sized);
    const typed = new ErasedPool<AnyStruct>({ ...sized, types });
    for (const pool of [open, typed, new PoolSet<AnyStruct>({ ...some, sizes: [4, 64, 128] })]) {
      for (const [type, init] of structs) workOutPool({ ...ofKind(pool, type), log }, type, init);
      const chunks = new Uint8Array(pool.size * 128);
      log.push(pack(pool, chunks), checksumOf(chunks));
      if (pool !== open) workOutPasses({ ...ofKind(pool), log });
    }
  }
  return JSON.stringify(log, (_, value) => typeof value === "bigint" ? `${value}n` : value);
}

function checksumOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, it) => (sum * 31 + it) % 65_521, 0);
}

/** Does with one struct all that its pool can. */
function workOutPool(it: Work, type: AnyStruct, init: object): void {
  const { pool, of, log } = it;
  const handles = Array.from(
    { length: COUNT },
    (_, i) => pool.alloc(...of, ...i % 2 ? [] : [init]),
  );
  handles.forEach((handle, i) => i % 7 === 3 && pool.free(handle));
  const view = pool.get<Any>(...of, handles[0]);
  log.push(view.toJSON());
  if ("trail" in type.fields) workOutParts(view, log);
  pool.set(...of, handles[1], init);
  const { toJSON: _, ...fields } = pool.get<Any>(...of, handles[1]);
  Object.assign(pool.get<Any>(...of, handles[2]), init, fields);
  for (const bad of [{ ...init, nope: 1 }, { n: "1", a: "1" }, { color: [1, 2, 3, 4, 5] }, 1]) {
    log.push(outcomeOf(() => pool.set(...of, handles[0], bad)));
  }
  const cursor = pool.seek(pool.cursor<Any>(...of), handles[5]);
  log.push(cursor.toJSON(), pool.allocAt(...of, cursor));
  pool.free(handles[5]);
  if (!(pool as object instanceof SharedPool)) {
    log.push(pool.tryAlloc(...of, init), pool.has(handles[6]));
    log.push(pool.tryFree(handles[6]), pool.tryGet(...of, handles[6]));
  }
  workOutBeside(it, handles);
  workOutPack(it, type);
  workOutPasses(it);
  if (!(pool as object instanceof SharedPool)) pool.freeMany(pool.allocMany(...of, 10));
}

function workOutParts(view: Any, log: unknown[]): void {
  view.at.x += 1;
  view.at = { x: 20 };
  view.deep.inner.y = 21;
  view.trail.copyFrom([{ x: 22 }]);
  view.trail.set(1, { y: 23 });
  view.color.copyFrom([24, 25]);
  view.color.set(3, 26);
  view.links.copyFrom(view.links);
  view.deep.of.set(0, -27n);
  for (const array of [view.trail, view.color, view.links, view.deep.of]) {
    log.push(array.get(0), [...array], outcomeOf(() => array.set(9, 1)));
    for (const bad of ["1", -1]) log.push(outcomeOf(() => array.set(0, bad)));
  }
  log.push(view.toJSON());
}

/** A value beside every third record, and what is left of them when one is freed. */
function workOutBeside({ pool, log }: Work, handles: readonly AnyHandle[]): void {
  const map = new HandleMap<AnyStruct, unknown>(pool as never);
  const live = handles.filter((it) => pool.has(it));
  live.forEach((it, i) => i % 3 === 0 && map.set(it, `value ${i}`));
  log.push(map.get(live[0]), map.get(live[1]), map.has(live[3]), map.delete(live[6]));
  pool.free(live[9]);
  map.forEach((value, handle) => log.push(value, pool.indexOf(handle)));
  log.push([...map], map.size, map.sweep());
}

/** Whole records, and a field of every kind of number, in bytes and in numbers. */
function workOutPack({ pool, of, log }: Work, type: AnyStruct): void {
  const bytes = new Uint8Array(COUNT * 256);
  for (const fields of [undefined, ...Object.keys(type.fields).map((it) => [it])]) {
    log.push(packAny(pool, ...of, bytes, fields), checksumOf(bytes));
    for (const out of [new Float64Array(COUNT * 64), new BigInt64Array(COUNT * 4)]) {
      log.push(outcomeOf(() => packAny(pool, ...of, out, fields)), String(out.subarray(0, 9)));
    }
  }
}

/** Passes over the records of one struct, or of all: loops with every number of arguments. */
function workOutPasses({ pool, of, log }: Work): void {
  pool.forEach(...of, (view: Any, handle: AnyHandle) => log.push(handle, view.toJSON()));
  const loop = pool.loop(...of, (_: unknown, handle: AnyHandle, ...args: unknown[]) => {
    log.push(handle, args);
  });
  for (let args = 0; args <= 4; args++) loop(...[1, 2, 3, 4].slice(0, args));
  if (pool as object instanceof SharedPool) return;
  for (const view of viewsOf({ pool, of })) log.push(pool.handleOf(view));
  log.push(pool.retain(...of, (_: unknown, handle: number) => handle % 3 === 0));
  log.push([...pool.handles(...of)], pool.stats());
}
