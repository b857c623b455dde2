/**
 * Tests of types: a wrong line fails `deno check`, and every line that must not compile is marked.
 * The functions are checked and never called.
 *
 * @module
 */
import type { IsExact } from "@std/testing/types";
import {
  Arena,
  array,
  compact,
  ErasedPool,
  HandleMap,
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
  ArrayType,
  ArrayView,
  Handle,
  HandleMapPool,
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
  RefType,
  ReusedIterator,
  ScalarType,
  ScopedRecord,
  SharedPool,
  StructOf,
  View,
} from "../../mod.ts";

/** A table of what has to be true; a row that is not does not compile. */
function assertTypes<_Rows extends readonly true[]>(): void {}

/** Whether a `T` can be assigned to a `U`. */
type Fits<T, U> = [T] extends [U] ? true : false;
/** Whether there are types in a union, and none of them can be assigned to a `U`. */
type NoneFits<T, U> = [T] extends [never] ? false : true extends SomeFit<T, U> ? false : true;
type SomeFit<T, U> = T extends U ? true : false;
/** What members return, or what they are when they are not methods. */
type Returns<P, K extends keyof P> = {
  [M in K]: P[M] extends (...args: never) => infer R ? R : P[M];
};
/** Whether spreading is an error: what can be `true` is no object. */
type CannotSpread<T> = [Extract<T, true>] extends [never] ? false : true;
/** The first parameters of methods. */
type Takes<P, K extends keyof P> = Parameters<Extract<P[K], (...args: never) => unknown>>[0];
type Taking<Args extends unknown[]> =
  | ((...args: Args) => unknown)
  | (new (...args: Args) => unknown);
/** Whether a function or a class takes such arguments; what it is generic in is inferred. */
type Accepts<F, Args extends unknown[]> = Fits<F, Taking<Args>>;
type Rejects<F, Args extends unknown[]> = NoneFits<F, Taking<Args>>;

const Vec2 = struct({ x: "f32", y: "f32" });
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
type EnemyInit = Init<typeof Enemy>;
type EnemyPool = Pool<typeof Enemy>;
type EnemyHandle = Handle<typeof Enemy>;
type EnemyView = View<typeof Enemy>;
type EnemyArgs = [EnemyView, EnemyHandle];
type VecHandle = Handle<typeof Vec2>;
type PlainVec2 = { x: number; y: number };
type Vec2Init = { readonly x?: number | undefined; readonly y?: number | undefined };

/** For each field of `Enemy` what it is read as, and what can be written to it. */
type EnemyTypes = {
  pos: [PlainVec2, Vec2Init];
  hp: [number, number];
  alive: [boolean, boolean];
  score: [bigint, bigint];
  color: [number[], ItemsOf<number>];
  flags: [boolean[], ItemsOf<boolean>];
  trail: [PlainVec2[], ItemsOf<Vec2Init>];
  target: [VecHandle, VecHandle | null];
  targets: [VecHandle[], ItemsOf<VecHandle | null>];
  next: [AnyHandle, AnyHandle | null];
};

const Ship = struct({ x: "f32", hp: "u16" }, { name: "Ship" });
/** The same fields as `Ship`. */
const Bullet = struct({ x: "f32", hp: "u16" }, { name: "Bullet" });
type ShipHandle = Handle<typeof Ship>;

/** A struct with links to its own kind. */
const Tree = struct({
  parent: ref("self"),
  children: array(ref("self"), 4),
  ring: struct({ at: "u8", next: ref("self"), tree: "ref" }, { name: "Ring" }),
  rings: array(struct({ next: ref("self") }, { name: "Link" }), 2),
}, { name: "Tree" });
type TreeHandle = Handle<typeof Tree>;
type TreeView = View<typeof Tree>;

const Shell = struct({ x: "f32", damage: "u8" });
/** Has all fields of `Shell`, and one more. */
const Rocket = struct({ x: "f32", damage: "u8", fuel: "u16" });
const Spark = struct({ x: "f32", heat: "f64" });
type Shot = typeof Shell | typeof Rocket | typeof Spark;

// -- values, inits and views --

Deno.test("Infer gives the plain type of each field, which is not readonly", () => {
  type Numbers = Exclude<ScalarType, "i64" | "u64" | "bool" | "ref">;
  assertTypes<[
    IsExact<Infer<{ [K in Numbers]: K }>, { [K in Numbers]: number }>,
    IsExact<Infer<{ i64: "i64"; u64: "u64" }>, { i64: bigint; u64: bigint }>,
    IsExact<Enemy, { [K in keyof EnemyTypes]: EnemyTypes[K][0] }>,
  ]>();
  const plain: Infer<typeof Vec2> = { x: 1, y: 2 };
  plain.x = 3;
});

Deno.test("Init takes any part of a record, array-like objects, and null for links only", () => {
  type Parts = { readonly [K in keyof EnemyTypes]?: EnemyTypes[K][1] | undefined };
  type Right = { color: Uint8Array; trail: [{ x: 1 }] } | { targets: [null]; next: null };
  type Wrong = { hp: string | null } | { score: number } | { target: number };
  type WrongParts = { pos: null } | { pos: { z: 5 } } | { targets: null };
  assertTypes<[
    IsExact<Init<typeof Vec2>, Vec2Init>,
    IsExact<EnemyInit, Parts>,
    Fits<Right, EnemyInit>,
    NoneFits<Wrong | WrongParts | { trail: EnemyView["targets"] }, EnemyInit>,
  ]>();
});

Deno.test("View has each field as it reads, nested and in arrays", () => {
  type Items<K extends "color" | "trail" | "targets"> = Returns<EnemyView[K], "get" | "toArray">;
  type Scalar = "hp" | "alive" | "score" | "target" | "next";
  assertTypes<[
    IsExact<Pick<EnemyView, Scalar>, Pick<Enemy, Scalar>>,
    IsExact<EnemyView["color"], ArrayView<"u8"> & NoSpread>,
    IsExact<EnemyView["trail"], ArrayView<typeof Vec2> & NoSpread>,
    IsExact<ReturnType<EnemyView["toJSON"]>, Enemy>,
    IsExact<Items<"color">, { get: number; toArray: number[] }>,
    IsExact<Items<"targets">, { get: VecHandle; toArray: VecHandle[] }>,
    IsExact<Items<"trail">["toArray"], PlainVec2[]>,
    IsExact<Items<"trail">["get"]["x"], number>,
    Fits<EnemyView, object & Readonly<EnemyView> & Pick<EnemyView, "hp" | "pos">>,
    Fits<EnemyView["pos"], PlainVec2>,
    Fits<EnemyView, EnemyInit>,
    Fits<"hp" | "pos" | "toJSON", keyof EnemyView>,
    Fits<View<typeof Ship>, View<typeof Bullet>>,
    IsExact<Fits<EnemyView, boolean>, false>,
    NoneFits<View<typeof Vec2>, EnemyView>,
    NoneFits<EnemyHandle, EnemyView["target"]>,
    NoneFits<number | null, EnemyView["next"]>, // one type for reading and writing
    NoneFits<"lief", keyof EnemyView>,
    NoneFits<number, keyof EnemyView["color"]>,
    NoneFits<"heat" | "fuel", keyof View<Shot>>,
    IsExact<Takes<EnemyView["color"], "copyFrom">, ItemsOf<number>>,
    IsExact<Parameters<EnemyView["trail"]["set"]>, [i: number, value: Vec2Init]>,
    NoneFits<EnemyView["flags"] | Map<number, number>, ItemsOf<number>>,
    CannotSpread<EnemyView | undefined>,
    CannotSpread<EnemyView["pos"]>,
    CannotSpread<EnemyView["color"]>,
    CannotSpread<Items<"trail">["get"]>,
    CannotSpread<View<Shot>>,
  ]>();
});

// -- handles --

Deno.test("Handle has a type for each name of a struct, or for the fields of one without", () => {
  const unknown = struct({ x: "f32" }, { name: "Ship" as string });
  const made = new Struct({ x: "f32" }, { name: "Made" });
  const nameless = struct({ x: "f32", y: "f32" }, { name: "" });
  assertTypes<[
    IsExact<typeof Ship, Struct<{ x: "f32"; hp: "u16" }, "Ship">>,
    IsExact<typeof Vec2, Struct<{ x: "f32"; y: "f32" }>>,
    IsExact<typeof unknown, Struct<{ x: "f32" }>>,
    IsExact<[(typeof Vec2)["name"], (typeof made)["name"]], [string, "Made"]>,
    IsExact<ShipHandle, Handle<"Ship">>,
    IsExact<ShipHandle, KeyedHandle<"Ship">>,
    IsExact<VecHandle, Handle<{ x: "f32"; y: "f32" }>>,
    IsExact<VecHandle, Handle<typeof nameless>>,
    NoneFits<Handle<typeof Bullet> | Handle<{ x: "f32"; hp: "u16" }>, ShipHandle>,
    NoneFits<Handle<typeof Rocket> | VecHandle, Handle<typeof Shell>>,
    NoneFits<Handle<typeof Shell>, Handle<typeof Rocket>>,
  ]>();
});

Deno.test("AnyHandle fits each handle, each handle fits it, and no number does", () => {
  type Two = typeof Ship | typeof Spark;
  assertTypes<[
    Fits<AnyHandle | typeof NULL_HANDLE, ShipHandle & VecHandle>,
    Fits<ShipHandle | VecHandle, AnyHandle>,
    Fits<AnyHandle, number>,
    NoneFits<number, AnyHandle | ShipHandle>,
    // Of any of several structs, or of any struct.
    IsExact<HandleOf<typeof Shell>, Handle<typeof Shell>>,
    IsExact<HandleOf<Two>, Handle<Two>>,
    IsExact<HandleOf<AnyStruct>, AnyHandle>,
    Fits<ShipHandle | Handle<typeof Spark>, HandleOf<Two>>,
    NoneFits<Handle<typeof Shell> | VecHandle | number, HandleOf<Two>>,
    NoneFits<HandleOf<Two>, Handle<typeof Shell>>,
  ]>();
});

Deno.test('ref("self") is a handle of the struct that has the field, or of its fields', () => {
  type Children = Returns<TreeView["children"], "get" | "toArray">;
  type TreeInit = Init<typeof Tree>;
  type Item = { value: "u8"; next: RefType<"self"> };
  assertTypes<[
    IsExact<[TreeHandle, TreeView["parent"]], [Handle<"Tree">, TreeHandle]>,
    IsExact<Children, { get: TreeHandle; toArray: TreeHandle[] }>,
    IsExact<TreeView["ring"]["next"], Handle<"Ring">>,
    IsExact<ReturnType<TreeView["rings"]["get"]>["next"], Handle<"Link">>,
    IsExact<Infer<typeof Tree>["children"], TreeHandle[]>,
    IsExact<Infer<typeof Tree>["ring"], { at: number; next: Handle<"Ring">; tree: AnyHandle }>,
    IsExact<TreeInit["parent"], TreeHandle | null | undefined>,
    IsExact<TreeInit["children"], ItemsOf<TreeHandle | null> | undefined>,
    IsExact<NonNullable<TreeInit["ring"]>["next"], Handle<"Ring"> | null | undefined>,
    IsExact<Takes<TreeView["children"], "copyFrom">, ItemsOf<TreeHandle | null>>,
    Fits<Infer<typeof Tree> | TreeView | { rings: [{ next: null }] }, TreeInit>,
    NoneFits<{ ring: { next: TreeHandle } }, TreeInit>,
    IsExact<View<Item>["next"], Handle<Item>>,
    IsExact<Infer<Item>["next"], Handle<Struct<Item>>>,
    NoneFits<Infer<Item>["next"], VecHandle>,
  ]>();
});

// -- pools --

Deno.test("Pool's members take and return handles, views and figures of their types", () => {
  type Members = {
    struct: typeof Enemy;
    alloc: EnemyHandle;
    tryAlloc: EnemyHandle | undefined;
    get: EnemyView;
    tryGet: EnemyView | undefined;
    cursor: EnemyView;
    seek: EnemyView;
    handleOf: EnemyHandle;
    handle: EnemyHandle;
    handles: ReusedIterator<EnemyHandle>;
    scoped: ScopedRecord<typeof Enemy>;
    stats: PoolStats;
    tryFree: boolean;
    retain: number;
    blocks: readonly PoolBlock[];
    size: number;
  };
  type OfHandle = "get" | "tryGet" | "free" | "tryFree" | "has" | "set";
  assertTypes<[
    IsExact<Returns<EnemyPool, keyof Members>, Members>,
    IsExact<Takes<EnemyPool, "alloc" | "tryAlloc">, EnemyInit | undefined>,
    IsExact<Takes<EnemyPool, OfHandle>, EnemyHandle>,
    IsExact<Parameters<EnemyPool["seek"]>, [EnemyView, EnemyHandle]>,
    IsExact<Parameters<EnemyPool["handle"]>, [number]>,
    Fits<[EnemyHandle], Takes<EnemyPool, "freeMany">>,
    NoneFits<[VecHandle], Takes<EnemyPool, "freeMany">>,
    NoneFits<VecHandle | TreeHandle | number, EnemyHandle>,
    IsExact<StructOf<typeof Vec2>, typeof Vec2>,
    IsExact<StructOf<{ x: "f32" }>, Struct<{ x: "f32" }>>,
    IsExact<ReturnType<PoolSet["stats"]>, PoolSetStats>,
  ]>();
});

/** What the compiler infers where it is called: from arguments, and for callbacks and loops. */
function checkPool(pool: EnemyPool, vectors: Pool<typeof Vec2>): void {
  const plain = new Pool({ value: "u8", next: ref("self") });
  const item = plain.alloc({ value: 1, next: null });
  new HandleMap<typeof plain.struct, Date>(plain).set(item, new Date());
  const arrays = [vectors.allocMany(1), vectors.allocMany(1, [])] as const;
  const typed = [new Int32Array(1), new Float64Array(1)] as const;
  const filled = [vectors.allocMany(1, typed[0]), vectors.allocMany(1, typed[1])] as const;
  const step = pool[Symbol.iterator]().next();
  const none = pool.loop((...args) => assertTypes<[IsExact<typeof args, EnemyArgs>]>());
  const two = pool.loop((view, _, by: number, at?: bigint) => void (view.hp += by + Number(at)));
  const any = pool.loop((_view, _handle, ...rest: string[]) => void rest);
  pool.forEach((...args) => assertTypes<[IsExact<typeof args, EnemyArgs>]>());
  pool.retain((...args) => (assertTypes<[IsExact<typeof args, EnemyArgs>]>(), true));
  for (const view of pool) assertTypes<[IsExact<typeof view, EnemyView>]>();
  for (const handle of pool.handles()) assertTypes<[IsExact<typeof handle, EnemyHandle>]>();
  assertTypes<[
    IsExact<typeof item, Handle<typeof plain.struct>>,
    IsExact<typeof arrays, readonly [VecHandle[], VecHandle[]]>,
    IsExact<typeof filled, typeof typed>,
    IsExact<typeof step.value, unknown>, // until `done` was tested
    IsExact<typeof none, () => void>,
    IsExact<typeof two, (by: number, at?: bigint) => void>,
    IsExact<typeof any, (...rest: string[]) => void>,
  ]>();
  if (step.done !== true) assertTypes<[IsExact<typeof step.value, EnemyView>]>();
  // @ts-expect-error an array of another struct's handles to fill
  pool.allocMany(1, arrays[0]);
  // @ts-expect-error a typed array that is too narrow for handles
  pool.allocMany(1, new Uint8Array(1));
  // @ts-expect-error the length of an array is read-only
  pool.cursor().color.length = 1;
  // @ts-expect-error the size is read-only
  pool.size = 1;
  // @ts-expect-error the figures of a block are read-only
  pool.blocks[0].live = 1;
}

// -- pools of several structs --

/** They infer their structs from types, or take any; members have the types of the one given. */
function checkMembers(it: ErasedPool<Shot>): void {
  const types = [Shell, Rocket, Spark];
  const pools = [new ErasedPool({ size: 16, types }), new PoolSet({ sizes: [16], types })] as const;
  const two = new ErasedPool({ size: 16, types: [Rocket, Shell] as const });
  const open = [new ErasedPool({ size: 16 }), new PoolSet({ sizes: [16] })] as const;
  const shell = open[0].alloc(Shell, { x: 1 });
  type Common = Exclude<keyof ErasedPool & keyof PoolSet, "reserve" | "stats">;
  type SparkHandle = Handle<typeof Spark>;
  type SparkView = View<typeof Spark>;
  type SparkArgs = [SparkView, SparkHandle];
  type Scoped = ScopedRecord<typeof Spark>;
  type ShotArgs = [View<Shot>, HandleOf<Shot>];
  const handle = it.alloc(Spark, { x: 1, heat: 2 });
  const cursor = it.cursor(Spark);
  const numbers = it.allocMany(Spark, 2, new Float64Array(2));
  const views = [cursor, it.get(Spark, handle), it.seek(cursor, handle)] as const;
  const handles = [handle, it.allocAt(Spark, cursor), it.handle(Spark, numbers[0])] as const;
  const found = [it.tryAlloc(Spark), it.tryGet(Spark, handle), it.scoped(Spark)] as const;
  const many = [numbers, it.allocMany(Spark, 2, [])] as const;
  const iterators = [it.all(Spark), it.handles(Spark)] as const;
  const ofAny = [it.handleOf(cursor), it.handle(numbers[1])] as const;
  const type = it.typeOf(handle);
  const cool = it.loop(Spark, (spark, handle, by: number) => {
    assertTypes<[IsExact<[typeof spark, typeof handle], SparkArgs>]>();
    spark.heat *= by;
  });
  const move = it.loop((shot, handle, by: number, at?: bigint) => {
    assertTypes<[IsExact<[typeof shot, typeof handle], ShotArgs>]>();
    shot.x += by + Number(at);
  });
  it.forEach(Spark, (...args) => assertTypes<[IsExact<typeof args, SparkArgs>]>());
  it.forEach((...args) => assertTypes<[IsExact<typeof args, ShotArgs>]>());
  for (const shot of it) assertTypes<[IsExact<typeof shot, View<Shot>>]>();
  assertTypes<[
    IsExact<typeof pools, readonly [ErasedPool<Shot>, PoolSet<Shot>]>,
    IsExact<typeof two, ErasedPool<typeof Shell | typeof Rocket>>,
    IsExact<typeof open, readonly [ErasedPool<AnyStruct>, PoolSet<AnyStruct>]>,
    IsExact<typeof shell, Handle<typeof Shell>>,
    IsExact<Pick<PoolSet<Shot>, Common>, Pick<ErasedPool<Shot>, Common>>,
    IsExact<typeof views, readonly [SparkView, SparkView, SparkView]>,
    IsExact<typeof handles, readonly [SparkHandle, SparkHandle, SparkHandle]>,
    IsExact<typeof found, readonly [SparkHandle | undefined, SparkView | undefined, Scoped]>,
    IsExact<typeof many, readonly [Float64Array<ArrayBuffer>, SparkHandle[]]>,
    IsExact<typeof iterators, readonly [ReusedIterator<SparkView>, ReusedIterator<SparkHandle>]>,
    IsExact<typeof ofAny, readonly [HandleOf<Shot>, HandleOf<Shot>]>,
    IsExact<typeof type, Shot>,
    IsExact<typeof cool, (by: number) => void>,
    IsExact<typeof move, (by: number, at?: bigint) => void>,
  ]>();
}

// -- what compiles and what does not --

Deno.test("struct(), array(), ref() and the constructors take no wrong argument", () => {
  assertTypes<[
    Rejects<typeof struct, [{ x: "u17" }]>,
    Rejects<typeof array, [ArrayType<"u8">, 2]>,
    Rejects<typeof ref, ["u8"]>,
    Rejects<typeof Pool, [typeof Enemy, { chunks: 5 }]>,
    Rejects<typeof ErasedPool, [{ name: "no size" }]>,
    Rejects<typeof ErasedPool, [{ size: 8; types: [{ x: "f32" }] }]>,
    Rejects<typeof PoolSet, [{ name: "no sizes" }]>,
  ]>();
});

Deno.test("Pools of several structs take handles of a struct they store, and untyped ones", () => {
  type Cells = ErasedPool<typeof Shell | typeof Spark>;
  type OfHandle = "free" | "tryFree" | "has" | "typeOf" | "bytes";
  type Handles = [Handle<typeof Shell>, Handle<typeof Spark>, AnyHandle, typeof NULL_HANDLE];
  type WithShell = [typeof Spark, Handle<typeof Shell>];
  assertTypes<[
    IsExact<Takes<Cells, OfHandle>, HandleOf<typeof Shell | typeof Spark>>,
    NoneFits<VecHandle | number, Takes<Cells, OfHandle>>,
    Accepts<Cells["freeMany"], [Handles]>,
    Rejects<Cells["freeMany"], [[VecHandle]]>,
    Accepts<Cells["get"], [typeof Shell, AnyHandle]>,
    Rejects<Cells["get"], WithShell>,
    Rejects<Cells["get"], [Handle<typeof Shell>]>,
    Rejects<ErasedPool["tryGet"], WithShell>,
    Rejects<Cells["set"], [...WithShell, { heat: 1 }]>,
    Rejects<Cells["seek"], [View<typeof Spark>, Handle<typeof Shell>]>,
    Rejects<Cells["alloc"], [typeof Shell, { heat: 1 }]>,
    Rejects<Cells["alloc"], [typeof Vec2]>,
    Rejects<Cells["allocAt"], [typeof Spark, View<typeof Shell>]>,
    Accepts<ErasedPool["handleOf"], [EnemyView["pos"]]>,
  ]>();
});

Deno.test("HandleMap is typed by the struct of its pool, and takes no other pool", () => {
  type Names = HandleMap<typeof Ship, string>;
  type Both = typeof Ship | typeof Spark;
  type BothPools = ErasedPool<Both> | PoolSet<Both>;
  assertTypes<[
    IsExact<Takes<Names, "set" | "get" | "has" | "delete">, ShipHandle>,
    IsExact<Parameters<Names["set"]>[1], string>,
    IsExact<ReturnType<Names["get"]>, string | undefined>,
    Accepts<typeof HandleMap<typeof Ship, 1>, [HandleMapPool<typeof Ship>]>,
    Accepts<typeof HandleMap<typeof Ship, 1>, [Pool<typeof Ship> | SharedPool<typeof Ship>]>,
    Accepts<typeof HandleMap<typeof Ship, 1>, [BothPools]>,
    Accepts<typeof HandleMap<Both, 1>, [BothPools]>,
    Rejects<typeof HandleMap<typeof Ship, 1>, [Pool<typeof Bullet>]>,
    Rejects<typeof HandleMap<Both, 1>, [Pool<typeof Ship>]>,
  ]>();
});

/** A function for pools of any struct. */
function checkGeneric<S extends AnyStruct>(
  pool: Pool<S>,
  shared: SharedPool<S>,
  cells: ErasedPool,
  struct: S,
  handle: Handle<S>,
): View<S> {
  const any: AnyHandle = handle;
  const scoped: ScopedRecord<S> = pool.scoped();
  pool.freeMany([pool.alloc(), NULL_HANDLE, any, pool.handle(handle as number)]);
  shared.seek(shared.cursor(), shared.handle(5));
  pool.forEach((view: View<S>, handle: Handle<S>) => pool.seek(view, handle));
  pool.forEach((view) => void pool.handleOf(view));
  cells.get(struct, cells.alloc(struct));
  scoped[Symbol.dispose]();
  const record: RecordMethods<S> = pool.get(handle);
  const value: Infer<S> = record.toJSON();
  pool.alloc(value as Init<S>);
  return pool.get(handle);
}

/** Pools of any structs as values of one type, options that may be left out, bytes for a `Blob`. */
function checkPrograms(
  enemies: EnemyPool,
  ships: Pool<typeof Ship>,
  mixed: View<typeof Vec2> | View<typeof Bullet>,
  maxChunks: number | undefined,
): number {
  type AnyPool = PoolBase<unknown, number> & { readonly struct: AnyStruct };
  const all = new Map<string, AnyPool>([["enemies", enemies], ["ships", ships]]);
  for (const { struct } of all.values()) void struct.fields;
  for (const any of [enemies, ships]) compact(any);
  const options = { name: undefined, maxChunks, keepEmptyBlocks: undefined, handles: undefined };
  void [new Pool(Enemy, options), new Arena({ blockBytes: undefined, memory: undefined })];
  const bytes = [save(ships), snapshot(ships), snapshot(ships, new Uint8Array(8))] as const;
  const maybeShared = snapshot(ships, new Uint8Array(8) as Uint8Array);
  bytes satisfies readonly BlobPart[];
  assertTypes<[Fits<Uint8Array, typeof maybeShared>]>();
  return "hp" in mixed ? mixed.toJSON().hp : mixed.toJSON().y;
}

/** A view cannot be spread (TS2698), and has no rest (TS2700); what `toJSON()` returns can. */
function checkSpread<S extends AnyStruct>(view: EnemyView, any: Pool<S>): void {
  void [...view.color, ...view.trail, { ...view.toJSON(), hp: 1 }];
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view, hp: 1 };
  // @ts-expect-error TS2698: nor can a view of any struct
  any.forEach((it) => void { ...it });
  // @ts-expect-error TS2700: a view has no rest
  const { hp, ...rest } = view;
  void [hp, rest];
}

/** Views can be narrowed, passed on, compared and destructured like other objects. */
function checkNarrowing(
  found: EnemyView | undefined,
  enemies: EnemyPool,
  it: EnemyView | EnemyHandle | string | undefined | null,
): unknown[] {
  if (found !== undefined) found.hp = 1;
  if (typeof found === "object") found.hp = 1;
  if (found instanceof Object) found.hp = 1;
  const hp: number | undefined = found?.hp;
  const or: EnemyView = found ?? enemies.cursor();
  const some = [or, found].filter((view) => view !== undefined);
  some.sort((a, b) => a.hp - b.hp).find((view) => !view.alive)?.pos.x;
  if (typeof it === "number") enemies.get(it).hp = 1;
  else if (typeof it === "string") it.length;
  else if (it) it.hp = 1;
  if (!found) return [hp, or];
  const { hp: points, pos: { x }, color } = found;
  found.pos = { x, y: 1 };
  found.color = or.color;
  for (const dot of found.trail) dot.x += Math.max(...color) + Array.from(color).length;
  Object.assign(found, { hp: 5 }).hp = points;
  return [new WeakMap<EnemyView, number>([[found, 1]]), found.toJSON("")];
}

void [checkPool, checkMembers, checkGeneric, checkPrograms, checkSpread, checkNarrowing];
