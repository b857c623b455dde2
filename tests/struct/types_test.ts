/**
 * What the compiler knows: a wrong line here fails `deno check`, and every line that must not compile
 * is marked. The functions at the end are checked and never called.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import {
  type AnyHandle,
  type AnyStruct,
  array,
  type ArrayView,
  ErasedPool,
  type Handle,
  type HandleOf,
  type Infer,
  type Init,
  type ItemsOf,
  type KeyedHandle,
  type NoSpread,
  NULL_HANDLE,
  Pool,
  type PoolBlock,
  PoolSet,
  type PoolSetStats,
  type PoolStats,
  ref,
  type ScopedRecord,
  type SharedPool,
  Struct,
  struct,
  type StructOf,
  type View,
} from "../../mod.ts";

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

interface PlainVec2 {
  x: number;
  y: number;
}

// -- Infer --

Deno.test("Infer gives the plain type of each scalar", () => {
  const All = struct({
    a: "i8",
    b: "u8",
    c: "i16",
    d: "u16",
    e: "i32",
    f: "u32",
    g: "i64",
    h: "u64",
    i: "f16",
    j: "f32",
    k: "f64",
    l: "bool",
    m: "ref",
  });
  assertType<
    IsExact<Infer<typeof All>, {
      a: number;
      b: number;
      c: number;
      d: number;
      e: number;
      f: number;
      g: bigint;
      h: bigint;
      i: number;
      j: number;
      k: number;
      l: boolean;
      m: AnyHandle;
    }>
  >(true);
});

Deno.test("Infer gives nested structs, arrays and links", () => {
  assertType<
    IsExact<Enemy, {
      pos: PlainVec2;
      hp: number;
      alive: boolean;
      score: bigint;
      color: number[];
      flags: boolean[];
      trail: PlainVec2[];
      target: Handle<typeof Vec2>;
      targets: Handle<typeof Vec2>[];
      next: AnyHandle;
    }>
  >(true);
});

Deno.test("Infer gives fields that can be assigned", () => {
  const plain: Infer<typeof Vec2> = { x: 1, y: 2 };
  plain.x = 3;
});

// -- Init --

Deno.test("Init takes any part of a record, and anything array-like", () => {
  assertType<IsExact<Init<typeof Vec2>, { readonly x?: number; readonly y?: number }>>(true);
  assertType<
    IsExact<Init<typeof Enemy>, {
      readonly pos?: { readonly x?: number; readonly y?: number };
      readonly hp?: number;
      readonly alive?: boolean;
      readonly score?: bigint;
      readonly color?: ItemsOf<number>;
      readonly flags?: ItemsOf<boolean>;
      readonly trail?: ItemsOf<{ readonly x?: number; readonly y?: number }>;
      readonly target?: Handle<typeof Vec2> | null;
      readonly targets?: ItemsOf<Handle<typeof Vec2> | null>;
      readonly next?: AnyHandle | null;
    }>
  >(true);
  const bytes: Init<typeof Enemy> = { color: new Uint8Array(4), trail: [{ x: 1 }] };
  assertType<IsExact<typeof bytes.hp, number | undefined>>(true);
});

Deno.test("Init refuses a wrong type and an unknown field", () => {
  // @ts-expect-error a string is no number
  const a: Init<typeof Enemy> = { hp: "5" };
  // @ts-expect-error a number is no bigint
  const b: Init<typeof Enemy> = { score: 5 };
  // @ts-expect-error there is no such field
  const c: Init<typeof Enemy> = { speed: 5 };
  // @ts-expect-error there is no such nested field
  const d: Init<typeof Enemy> = { pos: { z: 5 } };
  // @ts-expect-error a number is no handle
  const e: Init<typeof Enemy> = { target: 5 };
  void [a, b, c, d, e];
});

Deno.test("Init takes null for a link, and for nothing else", () => {
  const a: Init<typeof Enemy> = { target: null, targets: [null], next: null };
  // @ts-expect-error null is no number
  const b: Init<typeof Enemy> = { hp: null };
  // @ts-expect-error null is no struct
  const c: Init<typeof Enemy> = { pos: null };
  // @ts-expect-error null is no array
  const d: Init<typeof Enemy> = { targets: null };
  void [a, b, c, d];
});

// -- View --

Deno.test("View has each field as it reads, nested and in arrays", () => {
  type EnemyView = View<typeof Enemy>;
  assertType<IsExact<EnemyView["hp"], number>>(true);
  assertType<IsExact<EnemyView["alive"], boolean>>(true);
  assertType<IsExact<EnemyView["score"], bigint>>(true);
  assertType<IsExact<EnemyView["pos"]["x"], number>>(true);
  assertType<IsExact<EnemyView["color"], ArrayView<"u8"> & NoSpread>>(true);
  assertType<IsExact<EnemyView["trail"], ArrayView<typeof Vec2> & NoSpread>>(true);
  assertType<IsExact<EnemyView["target"], Handle<typeof Vec2>>>(true);
  assertType<IsExact<EnemyView["next"], AnyHandle>>(true);
  assertType<IsExact<ReturnType<EnemyView["toJSON"]>, Enemy>>(true);
});

Deno.test("ArrayView gives what its elements are", () => {
  type Colors = View<typeof Enemy>["color"];
  assertType<IsExact<ReturnType<Colors["get"]>, number>>(true);
  assertType<IsExact<ReturnType<Colors["toArray"]>, number[]>>(true);
  type Trail = View<typeof Enemy>["trail"];
  assertType<IsExact<ReturnType<Trail["get"]>["x"], number>>(true);
  assertType<IsExact<ReturnType<Trail["toArray"]>, PlainVec2[]>>(true);
  type Targets = View<typeof Enemy>["targets"];
  assertType<IsExact<ReturnType<Targets["get"]>, Handle<typeof Vec2>>>(true);
});

// -- Handle --

Deno.test("Handle is a number of its own for each struct", () => {
  assertType<IsExact<Handle<typeof Vec2>, Handle<typeof Vec2>>>(true);
  assertType<IsExact<Handle<typeof Vec2>, Handle<typeof Node>>>(false);
  assertType<IsExact<Handle<typeof Vec2>, number>>(false);
  const numbers: number[] = [NULL_HANDLE];
  void numbers;
});

const Ship = struct({ x: "f32", hp: "u16" }, { name: "Ship" });
/** The same fields as a ship. */
const Bullet = struct({ x: "f32", hp: "u16" }, { name: "Bullet" });

Deno.test("Struct has its name in its type, where the compiler knows it", () => {
  assertType<IsExact<typeof Ship, Struct<{ x: "f32"; hp: "u16" }, "Ship">>>(true);
  assertType<IsExact<(typeof Ship)["name"], "Ship">>(true);
  assertType<IsExact<typeof Vec2, Struct<{ x: "f32"; y: "f32" }>>>(true);
  assertType<IsExact<(typeof Vec2)["name"], string>>(true);
  const name: string = "Ship";
  const unknown = struct({ x: "f32" }, { name });
  assertType<IsExact<typeof unknown, Struct<{ x: "f32" }>>>(true);
  const compact = struct({ x: "f32" }, { layout: "compact" });
  assertType<IsExact<typeof compact, Struct<{ x: "f32" }>>>(true);
  const made = new Struct({ x: "f32" }, { name: "Made" });
  assertType<IsExact<(typeof made)["name"], "Made">>(true);
});

Deno.test("Handle of a named struct is the handle of that name, whatever the fields", () => {
  assertType<IsExact<Handle<typeof Ship>, Handle<"Ship">>>(true);
  assertType<IsExact<Handle<typeof Ship>, KeyedHandle<"Ship">>>(true);
  assertType<IsExact<Handle<typeof Ship>, Handle<typeof Bullet>>>(false);
  assertType<IsExact<Handle<"Ship">, Handle<"Bullet">>>(false);
});

Deno.test("Handle of a struct without a name is the handle of its fields, neither more nor fewer", () => {
  const more = struct({ x: "f32", y: "f32", z: "f32" });
  const nameless = struct({ x: "f32", y: "f32" }, { name: "" });
  assertType<IsExact<Handle<typeof Vec2>, Handle<{ x: "f32"; y: "f32" }>>>(true);
  assertType<IsExact<Handle<typeof nameless>, Handle<typeof Vec2>>>(true);
  assertType<Handle<typeof more> extends Handle<typeof Vec2> ? true : false>(false);
  assertType<Handle<typeof Vec2> extends Handle<typeof more> ? true : false>(false);
  assertType<Handle<typeof Ship> extends Handle<{ x: "f32"; hp: "u16" }> ? true : false>(false);
});

Deno.test("AnyHandle passes for each handle, and each handle for it, but no number does", () => {
  assertType<AnyHandle extends Handle<typeof Ship> ? true : false>(true);
  assertType<AnyHandle extends Handle<typeof Vec2> ? true : false>(true);
  assertType<Handle<typeof Ship> extends AnyHandle ? true : false>(true);
  assertType<Handle<typeof Vec2> extends AnyHandle ? true : false>(true);
  assertType<number extends AnyHandle ? true : false>(false);
  assertType<number extends Handle<typeof Ship> ? true : false>(false);
});

// -- a struct that refers to itself --

const Tree = struct({
  value: "i32",
  parent: ref("self"),
  children: array(ref("self"), 4),
  ring: struct({ at: "u8", next: ref("self"), tree: "ref" }, { name: "Ring" }),
  rings: array(struct({ next: ref("self") }, { name: "Link" }), 2),
}, { name: "Tree" });

Deno.test('ref("self") reads as a handle of the struct that it is in, in each of its types', () => {
  type TreeHandle = Handle<typeof Tree>;
  type TreeView = View<typeof Tree>;
  assertType<IsExact<TreeHandle, Handle<"Tree">>>(true);
  assertType<IsExact<TreeView["parent"], TreeHandle>>(true);
  assertType<IsExact<ReturnType<TreeView["children"]["get"]>, TreeHandle>>(true);
  assertType<IsExact<ReturnType<TreeView["children"]["toArray"]>, TreeHandle[]>>(true);
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
      readonly value?: number;
      readonly parent?: TreeHandle | null;
      readonly children?: ItemsOf<TreeHandle | null>;
      readonly ring?: {
        readonly at?: number;
        readonly next?: Handle<"Ring"> | null;
        readonly tree?: AnyHandle | null;
      };
      readonly rings?: ItemsOf<{ readonly next?: Handle<"Link"> | null }>;
    }>
  >(true);
});

Deno.test('ref("self") of a struct without a name and of plain fields keeps to their handles', () => {
  const Item = struct({ value: "u8", next: ref("self") });
  assertType<IsExact<View<typeof Item>["next"], Handle<typeof Item>>>(true);
  assertType<IsExact<Infer<typeof Item>["next"], Handle<typeof Vec2>>>(false);
  using items = new Pool({ value: "u8", next: ref("self") });
  const item = items.alloc({ value: 1, next: null });
  items.get(item).next = item;
  assertType<IsExact<typeof item, Handle<typeof items.struct>>>(true);
  const { next } = items.get(items.get(item).next);
  assertType<IsExact<typeof next, typeof item>>(true);
});

// -- Pool --

Deno.test("Pool of a struct and of the same fields have types of one shape", () => {
  const fields = { x: "f32", y: "f32" } as const;
  assertType<IsExact<StructOf<typeof Vec2>, typeof Vec2>>(true);
  assertType<IsExact<StructOf<typeof fields>, Struct<typeof fields>>>(true);
});

Deno.test("Pool's members give handles, views and figures of their types", () => {
  type EnemyPool = Pool<typeof Enemy>;
  type EnemyHandle = Handle<typeof Enemy>;
  type EnemyView = View<typeof Enemy>;
  assertType<IsExact<EnemyPool["struct"], typeof Enemy>>(true);
  assertType<IsExact<ReturnType<EnemyPool["alloc"]>, EnemyHandle>>(true);
  assertType<IsExact<ReturnType<EnemyPool["tryAlloc"]>, EnemyHandle | undefined>>(true);
  assertType<IsExact<Parameters<EnemyPool["alloc"]>, [init?: Init<typeof Enemy> | undefined]>>(
    true,
  );
  assertType<IsExact<ReturnType<EnemyPool["get"]>, EnemyView>>(true);
  assertType<IsExact<ReturnType<EnemyPool["tryGet"]>, EnemyView | undefined>>(true);
  assertType<IsExact<ReturnType<EnemyPool["cursor"]>, EnemyView>>(true);
  assertType<IsExact<ReturnType<EnemyPool["seek"]>, EnemyView>>(true);
  assertType<IsExact<ReturnType<EnemyPool["handleOf"]>, EnemyHandle>>(true);
  assertType<IsExact<ReturnType<EnemyPool["handles"]>, IterableIterator<EnemyHandle>>>(true);
  assertType<IsExact<ReturnType<EnemyPool["scoped"]>, ScopedRecord<typeof Enemy>>>(true);
  assertType<IsExact<ReturnType<EnemyPool["stats"]>, PoolStats>>(true);
  assertType<IsExact<ReturnType<EnemyPool["tryFree"]>, boolean>>(true);
  assertType<IsExact<ReturnType<EnemyPool["retain"]>, number>>(true);
  assertType<IsExact<EnemyPool["blocks"], readonly PoolBlock[]>>(true);
  assertType<IsExact<EnemyPool["size"], number>>(true);
});

Deno.test("Pool's callbacks and iterators know the view and the handle", () => {
  using pool = new Pool(Enemy);
  pool.forEach((view, handle) => {
    assertType<IsExact<typeof view, View<typeof Enemy>>>(true);
    assertType<IsExact<typeof handle, Handle<typeof Enemy>>>(true);
  });
  pool.retain((view, handle) => {
    assertType<IsExact<typeof view, View<typeof Enemy>>>(true);
    assertType<IsExact<typeof handle, Handle<typeof Enemy>>>(true);
    return true;
  });
  for (const view of pool) assertType<IsExact<typeof view, View<typeof Enemy>>>(true);
  for (const handle of pool.handles()) {
    assertType<IsExact<typeof handle, Handle<typeof Enemy>>>(true);
  }
});

Deno.test("Pool.loop() gives a function of the arguments that its function has after view and handle", () => {
  using pool = new Pool(Enemy);
  const none = pool.loop((view, handle) => {
    assertType<IsExact<typeof view, View<typeof Enemy>>>(true);
    assertType<IsExact<typeof handle, Handle<typeof Enemy>>>(true);
  });
  const two = pool.loop((view, _handle, dt: number, to?: { sum: number }) => {
    assertType<IsExact<typeof view, View<typeof Enemy>>>(true);
    if (to !== undefined) to.sum += view.hp * dt;
  });
  const any = pool.loop((_view, _handle, ...rest: string[]) => void rest);
  assertType<IsExact<typeof none, () => void>>(true);
  assertType<IsExact<typeof two, (dt: number, to?: { sum: number }) => void>>(true);
  assertType<IsExact<typeof any, (...rest: string[]) => void>>(true);
  none();
  two(1);
  two(1, { sum: 0 });
  any("a", "b");
});

Deno.test("Pool.allocMany() gives back the kind of array that it was given", () => {
  using pool = new Pool(Vec2);
  const plain = pool.allocMany(1);
  const ints = pool.allocMany(1, new Int32Array(1));
  const floats = pool.allocMany(1, new Float64Array(1));
  assertType<IsExact<typeof plain, Handle<typeof Vec2>[]>>(true);
  assertType<IsExact<typeof ints, Int32Array<ArrayBuffer>>>(true);
  assertType<IsExact<typeof floats, Float64Array<ArrayBuffer>>>(true);
  const again = pool.handle(floats[0]);
  assertType<IsExact<typeof again, Handle<typeof Vec2>>>(true);
  assertEquals(pool.get(again).x, 0);
  pool.freeMany(plain);
  pool.freeMany(ints);
});

Deno.test("Pool of plain fields takes and gives handles of its own", () => {
  using pool = new Pool({ x: "f32" });
  const handle = pool.alloc({ x: 1 });
  assertType<IsExact<typeof handle, Handle<typeof pool.struct>>>(true);
  pool.free(handle);
});

// -- ErasedPool and PoolSet --

const Shell = struct({ x: "f32", damage: "u8" });
/** Has all fields of a shell, and one more. */
const Rocket = struct({ x: "f32", damage: "u8", fuel: "u16" });
const Spark = struct({ x: "f32", heat: "f64" });
type Shot = typeof Shell | typeof Rocket | typeof Spark;

Deno.test("ErasedPool and PoolSet know their structs from types, each of them apart", () => {
  using cells = new ErasedPool({ size: 16, types: [Shell, Rocket, Spark] });
  using set = new PoolSet({ sizes: [16], types: [Shell, Rocket, Spark] });
  assertType<IsExact<typeof cells, ErasedPool<Shot>>>(true);
  assertType<IsExact<typeof set, PoolSet<Shot>>>(true);
  const TYPES = [Rocket, Shell] as const;
  using two = new ErasedPool({ size: 16, types: TYPES });
  assertType<IsExact<typeof two, ErasedPool<typeof Shell | typeof Rocket>>>(true);
  cells.free(cells.alloc(Rocket));
  set.free(set.alloc(Rocket));
});

Deno.test("ErasedPool and PoolSet without types take any struct", () => {
  using cells = new ErasedPool({ size: 16 });
  using set = new PoolSet({ sizes: [16] });
  assertType<IsExact<typeof cells, ErasedPool<AnyStruct>>>(true);
  assertType<IsExact<typeof set, PoolSet<AnyStruct>>>(true);
  const handle = cells.alloc(Shell, { x: 1 });
  assertType<IsExact<typeof handle, Handle<typeof Shell>>>(true);
  cells.free(handle);
  set.free(set.alloc(Vec2));
});

Deno.test("HandleOf is a handle of any of the structs, or of whatever fits", () => {
  type Two = typeof Ship | typeof Spark;
  assertType<IsExact<HandleOf<typeof Shell>, Handle<typeof Shell>>>(true);
  assertType<IsExact<HandleOf<Two>, Handle<Two>>>(true);
  assertType<Handle<typeof Ship> | Handle<typeof Spark> extends HandleOf<Two> ? true : false>(true);
  assertType<Handle<typeof Shell> extends HandleOf<Two> ? true : false>(false);
  assertType<HandleOf<Two> extends Handle<typeof Ship> ? true : false>(false);
  assertType<IsExact<HandleOf<AnyStruct>, AnyHandle>>(true);
});

Deno.test("ErasedPool's and PoolSet's members give handles and views of the struct they are given", () => {
  using cells = new ErasedPool({ size: 16, types: [Shell, Rocket, Spark] });
  using set = new PoolSet({ sizes: [16], types: [Shell, Rocket, Spark] });
  type ShellHandle = Handle<typeof Shell>;
  type ShellView = View<typeof Shell>;
  type ShotHandle = HandleOf<Shot>;
  for (const pool of [cells, set] as [typeof cells, typeof set]) {
    // Both have the same call signatures, which a union of them does not show.
    const it = pool as typeof cells;
    const handle = it.alloc(Shell, { x: 1, damage: 2 });
    const made = it.tryAlloc(Shell);
    const view = it.get(Shell, handle);
    const found = it.tryGet(Shell, handle);
    const cursor = it.cursor(Shell);
    const moved = it.seek(cursor, handle);
    const at = it.allocAt(Shell, cursor);
    const many = it.allocMany(Shell, 2);
    const into = it.allocMany(Shell, 2, new Float64Array(2));
    const of = it.handleOf(view);
    const type = it.typeOf(handle);
    const again = it.handle(Shell, into[0]);
    const some = it.handle(into[1]);
    const scratch = it.scoped(Shell);
    assertType<IsExact<typeof handle, ShellHandle>>(true);
    assertType<IsExact<typeof made, ShellHandle | undefined>>(true);
    assertType<IsExact<typeof view, ShellView>>(true);
    assertType<IsExact<typeof found, ShellView | undefined>>(true);
    assertType<IsExact<typeof cursor, ShellView>>(true);
    assertType<IsExact<typeof moved, ShellView>>(true);
    assertType<IsExact<typeof at, ShellHandle>>(true);
    assertType<IsExact<typeof many, ShellHandle[]>>(true);
    assertType<IsExact<typeof into, Float64Array<ArrayBuffer>>>(true);
    assertType<IsExact<typeof of, ShotHandle>>(true);
    assertType<IsExact<typeof type, Shot>>(true);
    assertType<IsExact<typeof again, ShellHandle>>(true);
    assertType<IsExact<typeof some, ShotHandle>>(true);
    assertType<IsExact<typeof scratch, ScopedRecord<typeof Shell>>>(true);
    it.forEach(Spark, (spark, handle) => {
      assertType<IsExact<typeof spark, View<typeof Spark>>>(true);
      assertType<IsExact<typeof handle, Handle<typeof Spark>>>(true);
    });
    it.forEach((shot, handle) => {
      assertType<IsExact<typeof shot, View<Shot>>>(true);
      assertType<IsExact<typeof shot.x, number>>(true);
      assertType<IsExact<typeof handle, ShotHandle>>(true);
    });
    const cool = it.loop(Spark, (spark, handle, by: number) => {
      assertType<IsExact<typeof spark, View<typeof Spark>>>(true);
      assertType<IsExact<typeof handle, Handle<typeof Spark>>>(true);
      spark.heat *= by;
    });
    const move = it.loop((shot, handle, by: number, at?: bigint) => {
      assertType<IsExact<typeof shot, View<Shot>>>(true);
      assertType<IsExact<typeof handle, ShotHandle>>(true);
      shot.x += by + Number(at);
    });
    const still = it.loop((shot) => void shot.x);
    assertType<IsExact<typeof cool, (by: number) => void>>(true);
    assertType<IsExact<typeof move, (by: number, at?: bigint) => void>>(true);
    assertType<IsExact<typeof still, () => void>>(true);
    it.retain(Spark, (spark) => spark.heat > 0);
    it.retain((shot) => shot.x > 0);
    for (const shot of it) assertType<IsExact<typeof shot, View<Shot>>>(true);
    for (const spark of it.all(Spark)) assertType<IsExact<typeof spark, View<typeof Spark>>>(true);
    for (const handle of it.handles(Spark)) {
      assertType<IsExact<typeof handle, Handle<typeof Spark>>>(true);
    }
  }
  assertType<IsExact<ReturnType<typeof set.stats>, PoolSetStats>>(true);
  assertType<IsExact<ReturnType<typeof cells.stats>, PoolStats>>(true);
});

// -- what passes and what does not: checked, never called --

/** Handles of their structs pass, untyped ones too, one by one and many together. */
function passesMixed(
  cells: ErasedPool<typeof Shell | typeof Spark>,
  set: PoolSet<typeof Shell | typeof Spark>,
  open: ErasedPool,
): void {
  const shell = cells.alloc(Shell);
  const spark = cells.alloc(Spark);
  const any: AnyHandle = spark;
  cells.free(shell);
  cells.free(spark);
  cells.free(any);
  cells.freeMany([shell, spark, any, NULL_HANDLE]);
  cells.get(Shell, any);
  cells.has(NULL_HANDLE);
  set.get(Spark, spark);
  set.free(any);
  open.free(shell);
  open.get(Shell, shell);
  open.get(Vec2, any);
  open.handleOf(open.cursor(Enemy).pos);
}

/** A handle of one struct does not pass for another's, nor one of a struct that is not stored. */
function doesNotPassMixed(
  cells: ErasedPool<typeof Shell | typeof Spark>,
  set: PoolSet<typeof Shell | typeof Spark>,
  open: ErasedPool,
  vectors: Pool<typeof Vec2>,
): void {
  const shell = cells.alloc(Shell);
  const vector = vectors.alloc();
  // @ts-expect-error a handle of Shell
  cells.get(Spark, shell);
  // @ts-expect-error a handle of Shell
  cells.tryGet(Spark, shell);
  // @ts-expect-error a handle of Shell
  cells.set(Spark, shell, { heat: 1 });
  // @ts-expect-error a handle of Shell
  cells.seek(cells.cursor(Spark), shell);
  // @ts-expect-error a handle of Shell
  open.get(Spark, shell);
  // @ts-expect-error a handle of Shell
  set.get(Spark, shell);
  // @ts-expect-error a handle of Vec2
  cells.free(vector);
  // @ts-expect-error a handle of Vec2
  cells.tryFree(vector);
  // @ts-expect-error a handle of Vec2
  cells.has(vector);
  // @ts-expect-error a handle of Vec2
  cells.typeOf(vector);
  // @ts-expect-error a handle of Vec2
  cells.bytes(vector);
  // @ts-expect-error handles of Vec2
  cells.freeMany([vector]);
  // @ts-expect-error a handle of Vec2
  set.free(vector);
  // @ts-expect-error Vec2 is not among the types
  cells.alloc(Vec2);
  // @ts-expect-error Vec2 is not among the types
  set.alloc(Vec2);
  // @ts-expect-error Vec2 is not among the types
  cells.forEach(Vec2, () => {});
  // @ts-expect-error a shell has no heat
  cells.alloc(Shell, { heat: 1 });
  // @ts-expect-error not every shot has a heat
  cells.forEach((shot) => shot.heat);
  // @ts-expect-error not every shot has a heat
  cells.loop((shot) => shot.heat);
  // @ts-expect-error Vec2 is not among the types
  cells.loop(Vec2, () => {});
  // @ts-expect-error the argument is missing
  set.loop(Spark, (spark, _handle, by: number) => void (spark.heat *= by))();
  // @ts-expect-error a view of Shell
  cells.allocAt(Spark, cells.cursor(Shell));
  // @ts-expect-error a bare number
  cells.free(5);
  // @ts-expect-error the struct is missing
  cells.get(shell);
  // @ts-expect-error the size is missing
  new ErasedPool({});
  // @ts-expect-error the sizes are missing
  new PoolSet({});
  // @ts-expect-error a struct's fields are no struct
  new ErasedPool({ size: 8, types: [{ x: "f32" }] });
  // @ts-expect-error the size is read-only
  cells.size = 1;
}

/** NULL_HANDLE and untyped refs pass wherever a handle of any struct is wanted. */
function passes(nodes: Pool<typeof Node>, enemies: Pool<typeof Enemy>): void {
  const node = nodes.alloc({ next: NULL_HANDLE });
  enemies.alloc({ target: NULL_HANDLE, next: node, targets: [NULL_HANDLE] });
  nodes.has(NULL_HANDLE);
  nodes.get(nodes.get(node).next);
  enemies.get(nodes.get(node).next);
  nodes.set(nodes.get(node).next, { next: node });
  nodes.get(node).next = enemies.alloc();
  const next: AnyHandle = node;
  enemies.freeMany([NULL_HANDLE, next]);
  enemies.handleOf(enemies.cursor().pos);
  const any: AnyStruct = Enemy;
  void any;
}

/** A function for pools of any struct; it is told nothing of the struct but the pool. */
function passesGeneric<S extends AnyStruct>(
  pool: Pool<S>,
  shared: SharedPool<S>,
  cells: ErasedPool,
  struct: S,
  handle: Handle<S>,
): View<S> {
  const made: Handle<S> = pool.alloc();
  const none: Handle<S> = NULL_HANDLE;
  const number: number = handle;
  const any: AnyHandle = handle;
  const view: View<S> = pool.get(handle);
  const scoped: ScopedRecord<S> = pool.scoped();
  pool.freeMany([made, none, any, pool.handle(number)]);
  shared.seek(shared.cursor(), shared.handle(number));
  pool.forEach((view: View<S>, handle: Handle<S>) => pool.seek(view, handle));
  cells.get(struct, cells.alloc(struct));
  scoped[Symbol.dispose]();
  return view;
}

/** Of two structs that refer to each other the first has an untyped link. */
function passesMutual(): void {
  const Wheel = struct({ size: "f32", car: "ref" }, { name: "Wheel" });
  const Car = struct({ speed: "f32", wheels: array(ref(Wheel), 4) }, { name: "Car" });
  const wheels = new Pool(Wheel);
  const cars = new Pool(Car);
  const wheel = wheels.alloc({ car: cars.alloc() });
  cars.get(wheels.get(wheel).car).wheels.set(0, wheel);
  wheels.get(cars.get(wheels.get(wheel).car).wheels.get(0)).size = 1;
  const car: Handle<typeof Car> = wheels.get(wheel).car;
  cars.get(car).wheels.copyFrom([wheel, null]);
}

/** Links to the own kind, and null where plain values are written. */
function passesSelf(trees: Pool<typeof Tree>, shared: SharedPool<typeof Tree>): void {
  const root = trees.alloc({
    value: 1,
    parent: null,
    ring: { next: null },
    rings: [{ next: null }],
  });
  const leaf = trees.alloc({ parent: root, children: [null, root] });
  trees.get(trees.get(trees.get(leaf).parent).children.get(0)).value = 2;
  trees.set(root, { parent: trees.get(leaf).parent, children: trees.get(leaf).children.toArray() });
  trees.get(root).children.set(0, null);
  trees.get(root).children.copyFrom([leaf, null, NULL_HANDLE]);
  trees.get(root).parent = NULL_HANDLE;
  trees.set(root, trees.get(leaf));
  trees.set(root, trees.get(leaf).toJSON());
  for (const child of trees.get(root).children) trees.tryFree(child);
  shared.get(shared.get(shared.handle(5)).parent).value = 1;
}

/** A view passes where a plain value is written, whole or a part, one of an array too. */
function passesViewsAsInit(enemies: Pool<typeof Enemy>, enemy: Handle<typeof Enemy>): void {
  const { pos, color, trail, targets } = enemies.get(enemy);
  enemies.alloc(enemies.get(enemy));
  enemies.set(enemy, { pos, color, trail, targets });
  color.copyFrom(enemies.cursor().color);
  trail.copyFrom(enemies.cursor().trail);
  targets.copyFrom(enemies.cursor().targets);
  trail.set(0, pos);
  // @ts-expect-error a view of booleans
  color.copyFrom(enemies.cursor().flags);
  // @ts-expect-error a view of links to other records
  enemies.alloc({ trail: targets });
  // @ts-expect-error a map is no list
  color.copyFrom(new Map<number, number>());
}

/** A view is one of any struct with its fields, whatever the names. */
function passesViews(ships: Pool<typeof Ship>, bullets: Pool<typeof Bullet>): void {
  const move = (it: View<typeof Bullet>) => it.x += 1;
  for (const ship of ships) move(ship);
  for (const bullet of bullets) move(bullet);
}

/** What copies an object's own properties does not pass, since the fields of a view are none. */
function doesNotSpread<S extends AnyStruct>(
  enemies: Pool<typeof Enemy>,
  shots: ErasedPool<Shot>,
  any: Pool<S>,
  enemy: Handle<typeof Enemy>,
): void {
  const view = enemies.get(enemy);
  const found = enemies.tryGet(enemy);
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view };
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view, hp: 1 };
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view.pos };
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view.color };
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...view.trail.get(0) };
  // @ts-expect-error TS2698: a view cannot be spread
  void { ...found };
  // @ts-expect-error TS2698: a view cannot be spread
  if (found) void { ...found };
  // @ts-expect-error TS2698: a view cannot be spread
  for (const enemy of enemies) void { ...enemy };
  // @ts-expect-error TS2698: a view cannot be spread
  enemies.forEach((enemy) => void { ...enemy });
  // @ts-expect-error TS2698: a view cannot be spread
  for (const shot of shots) void { ...shot };
  // @ts-expect-error TS2698: a view cannot be spread
  for (const it of any) void { ...it };
  // @ts-expect-error TS2698: a view cannot be spread
  enemies.alloc({ ...view });
  // @ts-expect-error TS2700: a view has no rest
  const { hp, ...rest } = view;
  void [hp, rest];
  enemies.alloc({ ...view.toJSON(), hp: 1 });
  enemies.alloc({ pos: { ...view.toJSON().pos, y: 1 } });
  void [...view.color, ...view.trail];
}

/** That views cannot be spread is in the way of nothing else. */
function passesNoSpread<S extends AnyStruct>(
  enemies: Pool<typeof Enemy>,
  any: Pool<S>,
  enemy: Handle<typeof Enemy>,
  it: View<typeof Enemy> | Handle<typeof Enemy> | string | undefined | null,
): unknown[] {
  const found = enemies.tryGet(enemy);
  if (found) found.hp = 1;
  if (found !== undefined) found.hp = 1;
  if (found != null) found.hp = 1;
  if (typeof found === "object") found.hp = 1;
  if (found instanceof Object) found.hp = 1;
  const hp: number | undefined = found?.hp;
  const or: View<typeof Enemy> = found ?? enemies.cursor();
  const some = [enemies.get(enemy), found].filter((view) => view !== undefined);
  some.sort((a, b) => a.hp - b.hp).find((view) => !view.alive)?.pos.x;
  if (!found) return [hp, or];
  found.pos.x += 1;
  if (typeof it === "number") enemies.get(it).hp = 1;
  else if (typeof it === "string") it.length;
  else if (it) it.hp = 1;
  if (typeof it === "object" && it !== null) it.hp = 1;
  const object: object = found;
  const plain: PlainVec2 = found.pos;
  const readonly: Readonly<View<typeof Enemy>> = found;
  const part: Pick<View<typeof Enemy>, "hp" | "pos"> = found;
  const colors: ArrayView<"u8"> = found.color;
  const scores = new WeakMap<View<typeof Enemy>, number>([[found, 1]]);
  const { hp: points, pos: { x }, color } = found;
  const init: Init<typeof Enemy> = found;
  const record: Enemy = found.toJSON();
  const json: unknown = found.toJSON("");
  const keys: readonly (keyof View<typeof Enemy>)[] = ["hp", "pos", "toJSON"];
  found.pos = { x, y: 1 };
  found.pos = plain;
  found.color = colors;
  found.color = enemies.cursor().color;
  for (const dot of found.trail) dot.x += Math.max(...color) + Array.from(color).length;
  Object.assign(found, { hp: 5 }).hp = points;
  any.forEach((view) => void any.handleOf(view));
  const view = any.tryGet(any.alloc());
  if (view) any.free(any.handleOf(view));
  // @ts-expect-error a view is no boolean
  const flag: boolean = found;
  // @ts-expect-error an array has no elements by index
  found.color[2] = 9;
  // @ts-expect-error an array has no elements by index
  found.color[2];
  // @ts-expect-error there is no such field
  found.lief = 3;
  return [object, readonly, part, scores, init, record, json, keys, flag];
}

/** Named structs are kept apart, and so are links to the own kind. */
function doesNotPassNamed(
  ships: Pool<typeof Ship>,
  bullets: Pool<typeof Bullet>,
  trees: Pool<typeof Tree>,
  shared: SharedPool<typeof Ship>,
  cells: ErasedPool,
): void {
  const bullet = bullets.alloc();
  // @ts-expect-error a handle of Bullet
  ships.get(bullet);
  // @ts-expect-error a handle of Bullet
  ships.freeMany([bullet]);
  // @ts-expect-error a handle of Bullet
  shared.get(bullet);
  // @ts-expect-error a handle of Bullet
  cells.get(Ship, bullet);
  // @ts-expect-error a handle of Bullet
  cells.seek(cells.cursor(Ship), bullet);
  // @ts-expect-error a handle of Bullet
  const ship: Handle<"Ship"> = bullet;
  // @ts-expect-error a handle of Bullet for a link to Tree
  trees.alloc({ parent: bullet });
  // @ts-expect-error a handle of Bullet for a link to Tree
  trees.cursor().parent = bullet;
  // @ts-expect-error a handle of Bullet among links to Tree
  trees.cursor().children.set(0, bullet);
  // @ts-expect-error a handle of Tree for a link to Ring
  trees.alloc({ ring: { next: trees.alloc() } });
  // @ts-expect-error a view's own field has one type to read and to write
  trees.cursor().parent = null;
  // @ts-expect-error a string is no number
  ships.handle("5");
  // @ts-expect-error a link to a name
  ref("Ship");
  void ship;
}

/** A handle of one struct does not pass where another's is wanted, and a bare number nowhere. */
function doesNotPass(
  vectors: Pool<typeof Vec2>,
  enemies: Pool<typeof Enemy>,
  nodes: Pool<typeof Node>,
): void {
  const vector = vectors.alloc();
  const node = nodes.alloc();
  // @ts-expect-error a handle of Vec2
  enemies.get(vector);
  // @ts-expect-error a handle of Vec2
  enemies.tryGet(vector);
  // @ts-expect-error a handle of Vec2
  enemies.free(vector);
  // @ts-expect-error a handle of Vec2
  enemies.tryFree(vector);
  // @ts-expect-error a handle of Vec2
  enemies.has(vector);
  // @ts-expect-error a handle of Vec2
  enemies.set(vector, { hp: 1 });
  // @ts-expect-error a handle of Vec2
  enemies.seek(enemies.cursor(), vector);
  // @ts-expect-error handles of Vec2
  enemies.freeMany([vector]);
  // @ts-expect-error a view of Vec2
  enemies.seek(vectors.cursor(), enemies.alloc());
  // @ts-expect-error a handle of Node for a link to Vec2
  enemies.alloc({ target: node });
  // @ts-expect-error a handle of Node for a link to Vec2
  enemies.cursor().target = node;
  // @ts-expect-error a handle of Node for a handle of Vec2
  const wrong: Handle<typeof Vec2> = node;
  // @ts-expect-error a bare number
  enemies.get(5);
  // @ts-expect-error a bare number
  enemies.cursor().next = 5;
  // @ts-expect-error an array of another struct's handles to fill
  enemies.allocMany(1, [vector]);
  // @ts-expect-error a typed array that is too narrow for handles
  enemies.allocMany(1, new Uint8Array(1));
  // @ts-expect-error a handle of Vec2
  enemies.loop((_view, handle) => vectors.has(handle));
  const damage = enemies.loop((view, _handle, by: number) => void (view.hp -= by));
  // @ts-expect-error a string is no number
  damage("5");
  // @ts-expect-error the argument is missing
  damage();
  // @ts-expect-error an argument too many
  damage(5, 6);
  void wrong;
}

/** What cannot be written does not compile. */
function isReadonly(pool: Pool<typeof Enemy>): void {
  // @ts-expect-error the size is read-only
  pool.size = 1;
  // @ts-expect-error the blocks are read-only
  pool.blocks.push(pool.blocks[0]);
  // @ts-expect-error a block's figures are read-only
  pool.blocks[0].live = 1;
  // @ts-expect-error an array's length is read-only
  pool.cursor().color.length = 1;
  // @ts-expect-error a view has no other field
  pool.cursor().speed;
  // @ts-expect-error a boolean is no number
  pool.cursor().hp = true;
  // @ts-expect-error an unknown scalar
  struct({ x: "u17" });
  // @ts-expect-error an array of arrays
  array(array("u8", 2), 2);
  // @ts-expect-error a link to a scalar
  ref("u8");
  // @ts-expect-error an unknown option
  new Pool(Enemy, { chunks: 5 });
}

void [
  passes,
  doesNotPass,
  passesMixed,
  doesNotPassMixed,
  passesGeneric,
  passesMutual,
  passesSelf,
  passesViews,
  passesViewsAsInit,
  doesNotSpread,
  passesNoSpread,
  doesNotPassNamed,
  isReadonly,
];
