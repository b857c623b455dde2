/**
 * Tests of types: a wrong line fails `deno check`, and every line that must not compile is marked.
 * The functions at the end are checked and never called.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import {
  Arena,
  array,
  compact,
  ErasedPool,
  NULL_HANDLE,
  Pool,
  PoolSet,
  ref,
  save,
  snapshot,
  Struct,
  struct,
} from "../../mod.ts";
import type {
  AnyHandle,
  AnyStruct,
  ArrayView,
  Handle,
  HandleOf,
  Infer,
  Init,
  ItemsOf,
  KeyedHandle,
  NoSpread,
  PoolBase,
  PoolBlock,
  PoolSetStats,
  PoolStats,
  RecordMethods,
  ReusedIterator,
  ScopedRecord,
  SharedPool,
  StructOf,
  View,
} from "../../mod.ts";

/** Whether a `T` can be assigned to a `U`. */
type Fits<T, U> = [T] extends [U] ? true : false;
/** False if none of the types of a union can be assigned to a `U`. */
type SomeFit<T, U> = T extends U ? true : false;
/** What members return, or what they are when they are not methods. */
type Returns<P, K extends keyof P> = {
  [M in K]: P[M] extends (...args: never) => infer R ? R : P[M];
};
/** The first parameters of methods. */
type Takes<P, K extends keyof P> = Parameters<Extract<P[K], (...args: never) => unknown>>[0];

const Vec2 = struct({ x: "f32", y: "f32" });
const Node = struct({ next: "ref", weight: "f64" });
const Enemy = struct({
  pos: Vec2,
  hp: "u16",
  alive: "bool",
  score: "i64",
  color: array("u8", 4),
  flags: array("bool", 2),
  trail: array(Vec2, 8),
  target: ref(Vec2),
  targets: array(ref(Vec2), 2),
  next: "ref",
});
type Enemy = Infer<typeof Enemy>;
type EnemyPool = Pool<typeof Enemy>;
type EnemyHandle = Handle<typeof Enemy>;
type EnemyView = View<typeof Enemy>;
type VecHandle = Handle<typeof Vec2>;
type PlainVec2 = { x: number; y: number };
type Vec2Init = { readonly x?: number | undefined; readonly y?: number | undefined };

const Ship = struct({ x: "f32", hp: "u16" }, { name: "Ship" });
/** The same fields as `Ship`. */
const Bullet = struct({ x: "f32", hp: "u16" }, { name: "Bullet" });

/** A struct with links to its own kind. */
const Tree = struct({
  value: "i32",
  parent: ref("self"),
  children: array(ref("self"), 4),
  ring: struct({ at: "u8", next: ref("self"), tree: "ref" }, { name: "Ring" }),
  rings: array(struct({ next: ref("self") }, { name: "Link" }), 2),
}, { name: "Tree" });
type TreeHandle = Handle<typeof Tree>;

const Shell = struct({ x: "f32", damage: "u8" });
/** Has all fields of `Shell`, and one more. */
const Rocket = struct({ x: "f32", damage: "u8", fuel: "u16" });
const Spark = struct({ x: "f32", heat: "f64" });
type Shot = typeof Shell | typeof Rocket | typeof Spark;

// -- values, inits and views --

Deno.test("Infer gives the plain type of each field", () => {
  const numbers = { a: "i8", b: "u8", c: "i16", d: "u16", e: "i32", f: "u32" } as const;
  const others = { g: "i64", h: "u64", i: "f16", j: "f32", k: "f64", l: "bool", m: "ref" } as const;
  const All = struct({ ...numbers, ...others });
  type Numbers = { [K in keyof typeof numbers | "i" | "j" | "k"]: number };
  type Others = { g: bigint; h: bigint; l: boolean; m: AnyHandle };
  assertType<IsExact<Infer<typeof All>, Numbers & Others>>(true);
  assertType<
    IsExact<Enemy, {
      pos: PlainVec2;
      hp: number;
      alive: boolean;
      score: bigint;
      color: number[];
      flags: boolean[];
      trail: PlainVec2[];
      target: VecHandle;
      targets: VecHandle[];
      next: AnyHandle;
    }>
  >(true);
  const plain: Infer<typeof Vec2> = { x: 1, y: 2 };
  plain.x = 3; // not readonly
});

Deno.test("Init takes any part of a record, array-like objects, and null for links only", () => {
  assertType<IsExact<Init<typeof Vec2>, Vec2Init>>(true);
  assertType<
    IsExact<Init<typeof Enemy>, {
      readonly pos?: Vec2Init | undefined;
      readonly hp?: number | undefined;
      readonly alive?: boolean | undefined;
      readonly score?: bigint | undefined;
      readonly color?: ItemsOf<number> | undefined;
      readonly flags?: ItemsOf<boolean> | undefined;
      readonly trail?: ItemsOf<Vec2Init> | undefined;
      readonly target?: VecHandle | null | undefined;
      readonly targets?: ItemsOf<VecHandle | null> | undefined;
      readonly next?: AnyHandle | null | undefined;
    }>
  >(true);
  assertType<Fits<{ color: Uint8Array; trail: [{ x: 1 }] }, Init<typeof Enemy>>>(true);
  assertType<Fits<{ target: null; targets: [null]; next: null }, Init<typeof Enemy>>>(true);
  type Wrong = { hp: string | null } | { score: number } | { target: number } | { pos: null };
  assertType<SomeFit<Wrong | { targets: null }, Init<typeof Enemy>>>(false);
  // @ts-expect-error there is no such field
  const a: Init<typeof Enemy> = { speed: 5 };
  // @ts-expect-error there is no such nested field
  const b: Init<typeof Enemy> = { pos: { z: 5 } };
  void [a, b];
});

Deno.test("View has each field as it reads, nested and in arrays", () => {
  type Fields = Pick<EnemyView, "hp" | "alive" | "score" | "target" | "next">;
  type Plain = Pick<Enemy, "hp" | "alive" | "score" | "target" | "next">;
  assertType<IsExact<Fields, Plain>>(true);
  assertType<IsExact<EnemyView["color"], ArrayView<"u8"> & NoSpread>>(true);
  assertType<IsExact<EnemyView["trail"], ArrayView<typeof Vec2> & NoSpread>>(true);
  assertType<IsExact<ReturnType<EnemyView["toJSON"]>, Enemy>>(true);
  type Items<K extends "color" | "trail" | "targets"> = Returns<EnemyView[K], "get" | "toArray">;
  assertType<IsExact<Items<"color">, { get: number; toArray: number[] }>>(true);
  assertType<IsExact<Items<"targets">, { get: VecHandle; toArray: VecHandle[] }>>(true);
  type Trail = Items<"trail">;
  assertType<IsExact<[Trail["toArray"], Trail["get"]["x"]], [PlainVec2[], number]>>(true);
});

// -- handles --

Deno.test("Struct has its name in its type, if the compiler knows it", () => {
  const name: string = "Ship";
  const unknown = struct({ x: "f32" }, { name });
  const made = new Struct({ x: "f32" }, { name: "Made" });
  assertType<IsExact<typeof Ship, Struct<{ x: "f32"; hp: "u16" }, "Ship">>>(true);
  assertType<IsExact<typeof Vec2, Struct<{ x: "f32"; y: "f32" }>>>(true);
  assertType<IsExact<typeof unknown, Struct<{ x: "f32" }>>>(true);
  type Names = [(typeof Ship)["name"], (typeof Vec2)["name"], (typeof made)["name"]];
  assertType<IsExact<Names, ["Ship", string, "Made"]>>(true);
});

Deno.test("Handle has a type for each name, or for the fields of a struct without name", () => {
  assertType<IsExact<Handle<typeof Ship>, Handle<"Ship">>>(true);
  assertType<IsExact<Handle<typeof Ship>, KeyedHandle<"Ship">>>(true);
  assertType<IsExact<Handle<typeof Ship>, Handle<typeof Bullet>>>(false);
  const more = struct({ x: "f32", y: "f32", z: "f32" });
  const nameless = struct({ x: "f32", y: "f32" }, { name: "" });
  assertType<IsExact<VecHandle, Handle<{ x: "f32"; y: "f32" }>>>(true);
  assertType<IsExact<Handle<typeof nameless>, VecHandle>>(true);
  assertType<IsExact<VecHandle, Handle<typeof Node>>>(false);
  assertType<Fits<Handle<typeof more>, VecHandle>>(false);
  assertType<Fits<VecHandle, Handle<typeof more>>>(false);
  assertType<Fits<Handle<typeof Ship>, Handle<{ x: "f32"; hp: "u16" }>>>(false);
});

Deno.test("AnyHandle fits each handle, each handle fits it, and no number does", () => {
  assertType<Fits<AnyHandle, Handle<typeof Ship> & VecHandle>>(true);
  assertType<Fits<Handle<typeof Ship> | VecHandle, AnyHandle>>(true);
  assertType<Fits<AnyHandle, number>>(true);
  assertType<Fits<number, AnyHandle>>(false);
  assertType<Fits<number, Handle<typeof Ship>>>(false);
  assertType<Fits<typeof NULL_HANDLE, Handle<typeof Ship>>>(true);
});

Deno.test("HandleOf is a handle of any of the structs, or any handle without them", () => {
  type Two = typeof Ship | typeof Spark;
  assertType<IsExact<HandleOf<typeof Shell>, Handle<typeof Shell>>>(true);
  assertType<IsExact<HandleOf<Two>, Handle<Two>>>(true);
  assertType<Fits<Handle<typeof Ship> | Handle<typeof Spark>, HandleOf<Two>>>(true);
  assertType<Fits<Handle<typeof Shell>, HandleOf<Two>>>(false);
  assertType<Fits<HandleOf<Two>, Handle<typeof Ship>>>(false);
  assertType<IsExact<HandleOf<AnyStruct>, AnyHandle>>(true);
});

Deno.test('ref("self") is a handle of the struct that has the field', () => {
  type TreeView = View<typeof Tree>;
  type Children = Returns<TreeView["children"], "get" | "toArray">;
  assertType<IsExact<[TreeHandle, TreeView["parent"]], [Handle<"Tree">, TreeHandle]>>(true);
  assertType<IsExact<Children, { get: TreeHandle; toArray: TreeHandle[] }>>(true);
  assertType<IsExact<TreeView["ring"]["next"], Handle<"Ring">>>(true);
  assertType<IsExact<ReturnType<TreeView["rings"]["get"]>["next"], Handle<"Link">>>(true);
  assertType<
    IsExact<Infer<typeof Tree>, {
      value: number;
      parent: TreeHandle;
      children: TreeHandle[];
      ring: { at: number; next: Handle<"Ring">; tree: AnyHandle };
      rings: { next: Handle<"Link"> }[];
    }>
  >(true);
  assertType<
    IsExact<Init<typeof Tree>, {
      readonly value?: number | undefined;
      readonly parent?: TreeHandle | null | undefined;
      readonly children?: ItemsOf<TreeHandle | null> | undefined;
      readonly ring?: {
        readonly at?: number | undefined;
        readonly next?: Handle<"Ring"> | null | undefined;
        readonly tree?: AnyHandle | null | undefined;
      } | undefined;
      readonly rings?: ItemsOf<{ readonly next?: Handle<"Link"> | null | undefined }> | undefined;
    }>
  >(true);
});

Deno.test('ref("self") of plain fields, or of a struct without name, is a handle of the fields', () => {
  const Item = struct({ value: "u8", next: ref("self") });
  assertType<IsExact<View<typeof Item>["next"], Handle<typeof Item>>>(true);
  assertType<IsExact<Infer<typeof Item>["next"], VecHandle>>(false);
  using items = new Pool({ value: "u8", next: ref("self") });
  const item = items.alloc({ value: 1, next: null });
  const { next } = items.get(item);
  assertType<IsExact<[typeof item, typeof next], [Handle<typeof items.struct>, typeof item]>>(true);
});

// -- Pool --

Deno.test("Pool's members take and return handles, views and figures of their types", () => {
  type Members = Returns<
    EnemyPool,
    | ("struct" | "alloc" | "tryAlloc" | "get" | "tryGet" | "cursor" | "seek" | "handleOf")
    | ("handles" | "scoped" | "stats" | "tryFree" | "retain" | "blocks" | "size")
  >;
  assertType<
    IsExact<Members, {
      struct: typeof Enemy;
      alloc: EnemyHandle;
      tryAlloc: EnemyHandle | undefined;
      get: EnemyView;
      tryGet: EnemyView | undefined;
      cursor: EnemyView;
      seek: EnemyView;
      handleOf: EnemyHandle;
      handles: ReusedIterator<EnemyHandle>;
      scoped: ScopedRecord<typeof Enemy>;
      stats: PoolStats;
      tryFree: boolean;
      retain: number;
      blocks: readonly PoolBlock[];
      size: number;
    }>
  >(true);
  assertType<IsExact<Takes<EnemyPool, "alloc" | "tryAlloc">, Init<typeof Enemy> | undefined>>(true);
  type OfHandle = "get" | "tryGet" | "free" | "tryFree" | "has" | "set";
  assertType<IsExact<Takes<EnemyPool, OfHandle>, EnemyHandle>>(true);
  assertType<Fits<VecHandle | Handle<typeof Node> | number, EnemyHandle>>(false);
  assertType<IsExact<Parameters<EnemyPool["seek"]>, [EnemyView, EnemyHandle]>>(true);
  assertType<Fits<[EnemyHandle], Takes<EnemyPool, "freeMany">>>(true);
  assertType<Fits<[VecHandle], Takes<EnemyPool, "freeMany">>>(false);
  assertType<Fits<View<typeof Vec2>, EnemyView>>(false);
});

Deno.test("Pool of plain fields is a pool of their struct", () => {
  const fields = { x: "f32", y: "f32" } as const;
  assertType<IsExact<StructOf<typeof Vec2>, typeof Vec2>>(true);
  assertType<IsExact<StructOf<typeof fields>, Struct<typeof fields>>>(true);
  using pool = new Pool({ x: "f32" });
  const handle = pool.alloc({ x: 1 });
  assertType<IsExact<typeof handle, Handle<typeof pool.struct>>>(true);
  pool.free(handle);
});

Deno.test("Pool's callbacks and iterators have the types of the view and the handle", () => {
  using pool = new Pool(Enemy);
  pool.forEach((view, handle) => {
    assertType<IsExact<[typeof view, typeof handle], [EnemyView, EnemyHandle]>>(true);
  });
  pool.retain((view, handle) => {
    assertType<IsExact<[typeof view, typeof handle], [EnemyView, EnemyHandle]>>(true);
    return true;
  });
  for (const view of pool) assertType<IsExact<typeof view, EnemyView>>(true);
  for (const handle of pool.handles()) assertType<IsExact<typeof handle, EnemyHandle>>(true);
  const { value } = pool.handles().next();
  const step = pool[Symbol.iterator]().next();
  assertType<IsExact<[typeof value, typeof step.value], [unknown, unknown]>>(true);
  if (step.done !== true) assertType<IsExact<typeof step.value, EnemyView>>(true);
  const none = pool.loop((view, handle) => {
    assertType<IsExact<[typeof view, typeof handle], [EnemyView, EnemyHandle]>>(true);
  });
  const two = pool.loop((view, _handle, dt: number, to?: { sum: number }) => {
    if (to !== undefined) to.sum += view.hp * dt;
  });
  const any = pool.loop((_view, _handle, ...rest: string[]) => void rest);
  assertType<IsExact<typeof none, () => void>>(true);
  assertType<IsExact<typeof two, (dt: number, to?: { sum: number }) => void>>(true);
  assertType<IsExact<typeof any, (...rest: string[]) => void>>(true);
});

Deno.test("Pool.allocMany() returns the kind of array that it is given", () => {
  using pool = new Pool(Vec2);
  const plain = pool.allocMany(1);
  const empty = pool.allocMany(1, []);
  const ints = pool.allocMany(1, new Int32Array(1));
  const floats = pool.allocMany(1, new Float64Array(1));
  const again = pool.handle(floats[0]);
  type Made = [typeof plain, typeof empty, typeof ints, typeof floats, typeof again];
  type Arrays = [VecHandle[], VecHandle[], Int32Array<ArrayBuffer>, Float64Array<ArrayBuffer>];
  assertType<IsExact<Made, [...Arrays, VecHandle]>>(true);
  assertEquals(pool.get(again).x, 0);
});

// -- bytes --

Deno.test("Saves and snapshots are arrays that a Blob takes", () => {
  using ships = new Pool(Ship);
  const into: Uint8Array = new Uint8Array(8);
  const made = [save(ships), snapshot(ships), snapshot(ships, new Uint8Array(8))];
  const maybeShared = snapshot(ships, into);
  assertType<IsExact<typeof made, Uint8Array<ArrayBuffer>[]>>(true);
  assertType<Fits<Uint8Array, typeof maybeShared>>(true);
});

// -- ErasedPool and PoolSet --

Deno.test("ErasedPool and PoolSet infer their structs from types, or take any", () => {
  const types = [Shell, Rocket, Spark];
  using cells = new ErasedPool({ size: 16, types });
  using set = new PoolSet({ sizes: [16], types });
  using two = new ErasedPool({ size: 16, types: [Rocket, Shell] as const });
  using openCells = new ErasedPool({ size: 16 });
  using openSet = new PoolSet({ sizes: [16] });
  assertType<IsExact<typeof cells, ErasedPool<Shot>>>(true);
  assertType<IsExact<typeof set, PoolSet<Shot>>>(true);
  assertType<IsExact<typeof two, ErasedPool<typeof Shell | typeof Rocket>>>(true);
  assertType<IsExact<typeof openCells, ErasedPool<AnyStruct>>>(true);
  assertType<IsExact<typeof openSet, PoolSet<AnyStruct>>>(true);
  const handle = openCells.alloc(Shell, { x: 1 });
  assertType<IsExact<typeof handle, Handle<typeof Shell>>>(true);
  openSet.free(openSet.alloc(Vec2));
});

Deno.test("ErasedPool's and PoolSet's members have the types of the struct they are given", () => {
  using cells = new ErasedPool({ size: 16, types: [Shell, Rocket, Spark] });
  using set = new PoolSet({ sizes: [16], types: [Shell, Rocket, Spark] });
  type ShellHandle = Handle<typeof Shell>;
  type ShellView = View<typeof Shell>;
  type ShotHandle = HandleOf<Shot>;
  type SparkArgs = [View<typeof Spark>, Handle<typeof Spark>];
  for (const pool of [cells, set]) {
    const it = pool as typeof cells; // both have the same call signatures, which their union lacks
    const handle = it.alloc(Shell, { x: 1, damage: 2 });
    const made = it.tryAlloc(Shell);
    const view = it.get(Shell, handle);
    const found = it.tryGet(Shell, handle);
    const cursor = it.cursor(Shell);
    const moved = it.seek(cursor, handle);
    const at = it.allocAt(Shell, cursor);
    const many = it.allocMany(Shell, 2, []);
    const into = it.allocMany(Shell, 2, new Float64Array(2));
    const again = it.handle(Shell, into[0]);
    const scratch = it.scoped(Shell);
    assertType<
      IsExact<[typeof handle, typeof at, typeof again], [ShellHandle, ShellHandle, ShellHandle]>
    >(true);
    assertType<IsExact<[typeof made, typeof many], [ShellHandle | undefined, ShellHandle[]]>>(true);
    assertType<IsExact<[typeof view, typeof cursor], [ShellView, ShellView]>>(true);
    assertType<IsExact<[typeof moved, typeof found], [ShellView, ShellView | undefined]>>(true);
    assertType<IsExact<typeof into, Float64Array<ArrayBuffer>>>(true);
    assertType<IsExact<typeof scratch, ScopedRecord<typeof Shell>>>(true);
    const of = it.handleOf(view);
    const type = it.typeOf(handle);
    const some = it.handle(into[1]);
    assertType<IsExact<[typeof of, typeof some], [ShotHandle, ShotHandle]>>(true);
    assertType<IsExact<typeof type, Shot>>(true);
    it.forEach(Spark, (...args) => assertType<IsExact<typeof args, SparkArgs>>(true));
    it.forEach((...args) => assertType<IsExact<typeof args, [View<Shot>, ShotHandle]>>(true));
    const cool = it.loop(Spark, (spark, handle, by: number) => {
      assertType<IsExact<[typeof spark, typeof handle], SparkArgs>>(true);
      spark.heat *= by;
    });
    const move = it.loop((shot, handle, by: number, at?: bigint) => {
      assertType<IsExact<[typeof shot, typeof handle], [View<Shot>, ShotHandle]>>(true);
      shot.x += by + Number(at);
    });
    const still = it.loop((shot) => void shot.x);
    assertType<IsExact<typeof cool, (by: number) => void>>(true);
    assertType<IsExact<typeof move, (by: number, at?: bigint) => void>>(true);
    assertType<IsExact<typeof still, () => void>>(true);
    it.retain(Spark, (spark) => spark.heat > 0);
    it.retain((shot) => shot.x > 0);
    for (const shot of it) assertType<IsExact<typeof shot, View<Shot>>>(true);
    for (const spark of it.all(Spark)) assertType<IsExact<typeof spark, SparkArgs[0]>>(true);
    for (const handle of it.handles(Spark)) assertType<IsExact<typeof handle, SparkArgs[1]>>(true);
  }
  assertType<IsExact<ReturnType<typeof set.stats>, PoolSetStats>>(true);
  assertType<IsExact<ReturnType<typeof cells.stats>, PoolStats>>(true);
});

// -- what compiles and what does not: checked, never called --

type TwoCells = ErasedPool<typeof Shell | typeof Spark>;
type TwoSet = PoolSet<typeof Shell | typeof Spark>;
type TwoHandle = HandleOf<typeof Shell | typeof Spark>;

/** Handles of stored structs, and untyped ones, fit a pool of several structs; others do not. */
function checkMixed(cells: TwoCells, set: TwoSet, open: ErasedPool, vector: VecHandle): void {
  const shell = cells.alloc(Shell);
  const spark = cells.alloc(Spark);
  const any: AnyHandle = spark;
  cells.freeMany([shell, spark, any, NULL_HANDLE]);
  set.get(Spark, spark);
  cells.get(Shell, any);
  open.get(Shell, shell);
  open.get(Vec2, any);
  open.handleOf(open.cursor(Enemy).pos);
  type OfHandle = "free" | "tryFree" | "has" | "typeOf" | "bytes";
  assertType<IsExact<Takes<TwoCells, OfHandle> | Takes<TwoSet, OfHandle>, TwoHandle>>(true);
  assertType<Fits<VecHandle | number, TwoHandle>>(false);
  // @ts-expect-error a handle of Shell
  cells.get(Spark, shell);
  // @ts-expect-error a handle of Shell
  cells.set(Spark, shell, { heat: 1 });
  // @ts-expect-error a handle of Shell
  cells.seek(cells.cursor(Spark), shell);
  // @ts-expect-error a handle of Shell
  open.tryGet(Spark, shell);
  // @ts-expect-error a handle of Shell
  set.get(Spark, shell);
  // @ts-expect-error handles of Vec2
  cells.freeMany([vector]);
  // @ts-expect-error Vec2 is not among the types
  cells.alloc(Vec2);
  // @ts-expect-error Vec2 is not among the types
  set.alloc(Vec2);
  // @ts-expect-error Vec2 is not among the types
  cells.loop(Vec2, () => {});
  // @ts-expect-error a shell has no heat
  cells.alloc(Shell, { heat: 1 });
  // @ts-expect-error not every shot has a heat
  cells.forEach((shot) => shot.heat);
  // @ts-expect-error the argument is missing
  set.loop(Spark, (spark, _handle, by: number) => void (spark.heat *= by))();
  // @ts-expect-error a view of Shell
  cells.allocAt(Spark, cells.cursor(Shell));
  // @ts-expect-error the struct is missing
  cells.get(cells.alloc(Shell));
  // @ts-expect-error the size is missing
  new ErasedPool({});
  // @ts-expect-error the sizes are missing
  new PoolSet({});
  // @ts-expect-error the fields of a struct are no struct
  new ErasedPool({ size: 8, types: [{ x: "f32" }] });
}

/** Null handles and untyped links fit wherever a handle is needed; handles of others do not. */
function checkLinks(
  nodes: Pool<typeof Node>,
  enemies: EnemyPool,
  trees: Pool<typeof Tree>,
  vector: VecHandle,
): void {
  const node = nodes.alloc({ next: NULL_HANDLE });
  enemies.alloc({ target: NULL_HANDLE, next: node, targets: [NULL_HANDLE] });
  enemies.get(nodes.get(node).next);
  nodes.set(nodes.get(node).next, { next: node });
  nodes.get(node).next = enemies.alloc();
  enemies.freeMany([NULL_HANDLE, node as AnyHandle]);
  const root = trees.alloc({ parent: null, ring: { next: null }, rings: [{ next: null }] });
  const leaf = trees.alloc({ parent: root, children: [null, root] });
  trees.get(trees.get(trees.get(leaf).parent).children.get(0)).value = 2;
  trees.set(root, { parent: trees.get(leaf).parent, children: trees.get(leaf).children.toArray() });
  trees.get(root).children.copyFrom([leaf, null, NULL_HANDLE]);
  trees.get(root).parent = NULL_HANDLE;
  trees.set(root, trees.get(leaf).toJSON());
  // @ts-expect-error a handle of Node for a link to Vec2
  enemies.alloc({ target: node });
  // @ts-expect-error a handle of Node for a link to Vec2
  enemies.cursor().target = node;
  // @ts-expect-error a bare number
  enemies.cursor().next = 5;
  // @ts-expect-error a handle of Tree for a link to Ring
  trees.alloc({ ring: { next: root } });
  // @ts-expect-error a field of a view has one type, for reading and writing
  trees.cursor().parent = null;
  // @ts-expect-error an array of another struct's handles to fill
  enemies.allocMany(1, [vector]);
  // @ts-expect-error a typed array that is too narrow for handles
  enemies.allocMany(1, new Uint8Array(1));
}

/** A function for pools of any struct. */
function checkGeneric<S extends AnyStruct>(
  pool: Pool<S>,
  shared: SharedPool<S>,
  cells: ErasedPool,
  struct: S,
  handle: Handle<S>,
): View<S> {
  const made: Handle<S> = pool.alloc();
  const none: Handle<S> = NULL_HANDLE;
  const any: AnyHandle = handle;
  const scoped: ScopedRecord<S> = pool.scoped();
  pool.freeMany([made, none, any, pool.handle(handle as number)]);
  shared.seek(shared.cursor(), shared.handle(5));
  pool.forEach((view: View<S>, handle: Handle<S>) => pool.seek(view, handle));
  pool.forEach((view) => void pool.handleOf(view));
  cells.get(struct, cells.alloc(struct));
  scoped[Symbol.dispose]();
  const record: RecordMethods<S> = pool.get(handle);
  const values: Infer<S>[] = [record.toJSON()];
  pool.alloc(values[0] as Init<S>);
  return pool.get(handle);
}

/** Pools of any structs as values of one type, and options that may be left out. */
function checkPrograms(
  enemies: EnemyPool,
  ships: Pool<typeof Ship>,
  mixed: View<typeof Vec2> | View<typeof Bullet>,
  maxChunks: number | undefined,
): number {
  type AnyPool = PoolBase<unknown, number> & { readonly struct: AnyStruct };
  const all = new Map<string, AnyPool>([["enemies", enemies], ["ships", ships]]);
  for (const { struct } of all.values()) void struct.fields;
  const options = { name: undefined, maxChunks, keepEmptyBlocks: undefined, handles: undefined };
  void [new Pool(Enemy, options), new Arena({ blockBytes: undefined, memory: undefined })];
  assertType<IsExact<Infer<{ x: "u8"; y: "i64" }>, { x: number; y: bigint }>>(true);
  return "hp" in mixed ? mixed.toJSON().hp : mixed.toJSON().y;
}

/** A view can be a value, has the type of any struct with its fields, and cannot be spread. */
function checkViewsAsValues<S extends AnyStruct>(
  enemies: EnemyPool,
  enemy: EnemyHandle,
  ships: Pool<typeof Ship>,
  shots: ErasedPool<Shot>,
  any: Pool<S>,
): void {
  const view = enemies.get(enemy);
  const { pos, color, trail, targets } = view;
  enemies.alloc(view);
  enemies.set(enemy, { pos, color, trail, targets });
  color.copyFrom(enemies.cursor().color);
  trail.copyFrom(enemies.cursor().trail);
  trail.set(0, pos);
  const move = (it: View<typeof Bullet>) => it.x += 1;
  for (const ship of ships) move(ship);
  enemies.alloc({ ...view.toJSON(), hp: 1 });
  void [...view.color, ...view.trail];
  // @ts-expect-error a view of booleans
  color.copyFrom(enemies.cursor().flags);
  // @ts-expect-error a view of links to other records
  enemies.alloc({ trail: targets });
  // @ts-expect-error a map is no list
  color.copyFrom(new Map<number, number>());
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view, hp: 1 };
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view.pos };
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view.color };
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view.trail.get(0) };
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...enemies.tryGet(enemy) };
  // @ts-expect-error TS2698: a view cannot be spread
  for (const enemy of enemies) void { ...enemy };
  // @ts-expect-error TS2698: a view cannot be spread
  enemies.forEach((enemy) => void { ...enemy });
  // @ts-expect-error TS2698: a view cannot be spread
  for (const shot of shots) void { ...shot };
  // @ts-expect-error TS2698: a view cannot be spread
  for (const it of any) void { ...it };
  // @ts-expect-error TS2700: a view has no rest
  const { hp, ...rest } = view;
  void [hp, rest];
}

/** Views can be narrowed, passed on, compared and destructured like other objects. */
function checkNarrowing(
  enemies: EnemyPool,
  enemy: EnemyHandle,
  it: EnemyView | EnemyHandle | string | undefined | null,
): unknown[] {
  const found = enemies.tryGet(enemy);
  if (found !== undefined) found.hp = 1;
  if (typeof found === "object") found.hp = 1;
  if (found instanceof Object) found.hp = 1;
  const hp: number | undefined = found?.hp;
  const or: EnemyView = found ?? enemies.cursor();
  const some = [enemies.get(enemy), found].filter((view) => view !== undefined);
  some.sort((a, b) => a.hp - b.hp).find((view) => !view.alive)?.pos.x;
  if (!found) return [hp, or];
  if (typeof it === "number") enemies.get(it).hp = 1;
  else if (typeof it === "string") it.length;
  else if (it) it.hp = 1;
  assertType<Fits<EnemyView, object & Readonly<EnemyView> & Pick<EnemyView, "hp" | "pos">>>(true);
  assertType<Fits<EnemyView["pos"], PlainVec2>>(true);
  assertType<Fits<EnemyView["color"], ArrayView<"u8">>>(true);
  assertType<Fits<EnemyView, Init<typeof Enemy>>>(true);
  assertType<Fits<EnemyView, boolean>>(false);
  assertType<Fits<"hp" | "pos" | "toJSON", keyof EnemyView>>(true);
  const scores = new WeakMap<EnemyView, number>([[found, 1]]);
  const { hp: points, pos: { x }, color } = found;
  const json: unknown = found.toJSON("");
  found.pos = { x, y: 1 };
  found.color = enemies.cursor().color;
  for (const dot of found.trail) dot.x += Math.max(...color) + Array.from(color).length;
  Object.assign(found, { hp: 5 }).hp = points;
  // @ts-expect-error an array has no elements by index
  found.color[2] = 9;
  // @ts-expect-error there is no such field
  found.lief = 3;
  return [scores, json];
}

/** What is read-only, and arguments that are wrong. */
function checkArguments(pool: EnemyPool, ships: Pool<typeof Ship>): void {
  const damage = pool.loop((view, _handle, by: number) => void (view.hp -= by));
  // @ts-expect-error a string is no number
  damage("5");
  // @ts-expect-error the argument is missing
  damage();
  // @ts-expect-error an argument too many
  damage(5, 6);
  for (const any of [pool, ships]) compact(any);
  // @ts-expect-error the size is read-only
  pool.size = 1;
  // @ts-expect-error the blocks are read-only
  pool.blocks.push(pool.blocks[0]);
  // @ts-expect-error the figures of a block are read-only
  pool.blocks[0].live = 1;
  // @ts-expect-error the length of an array is read-only
  pool.cursor().color.length = 1;
  // @ts-expect-error a boolean is no number
  pool.cursor().hp = true;
  // @ts-expect-error an unknown scalar
  struct({ x: "u17" });
  // @ts-expect-error an array of arrays
  array(array("u8", 2), 2);
  // @ts-expect-error a link to a scalar
  ref("u8");
  // @ts-expect-error a string is no number
  ships.handle("5");
  // @ts-expect-error an unknown option
  new Pool(Enemy, { chunks: 5 });
}

void [checkMixed, checkLinks, checkGeneric, checkPrograms, checkViewsAsValues];
void [checkNarrowing, checkArguments];
