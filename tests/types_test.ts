/**
 * What the compiler knows: a wrong line here fails `deno check`, and every line that must not compile
 * is marked. The functions at the end are checked and never called.
 *
 * @module
 */
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
  NULL_HANDLE,
  Pool,
  type PoolBlock,
  PoolSet,
  type PoolSetStats,
  type PoolStats,
  ref,
  type ScopedRecord,
  type Struct,
  struct,
  type StructOf,
  type View,
} from "../mod.ts";

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
      readonly color?: ArrayLike<number>;
      readonly flags?: ArrayLike<boolean>;
      readonly trail?: ArrayLike<{ readonly x?: number; readonly y?: number }>;
      readonly target?: Handle<typeof Vec2>;
      readonly targets?: ArrayLike<Handle<typeof Vec2>>;
      readonly next?: AnyHandle;
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

// -- View --

Deno.test("View has each field as it reads, nested and in arrays", () => {
  type EnemyView = View<typeof Enemy>;
  assertType<IsExact<EnemyView["hp"], number>>(true);
  assertType<IsExact<EnemyView["alive"], boolean>>(true);
  assertType<IsExact<EnemyView["score"], bigint>>(true);
  assertType<IsExact<EnemyView["pos"]["x"], number>>(true);
  assertType<IsExact<EnemyView["color"], ArrayView<"u8">>>(true);
  assertType<IsExact<EnemyView["trail"], ArrayView<typeof Vec2>>>(true);
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

const Bullet = struct({ x: "f32", damage: "u8" });
/** Has all fields of a bullet, and one more. */
const Rocket = struct({ x: "f32", damage: "u8", fuel: "u16" });
const Spark = struct({ x: "f32", heat: "f64" });
type Shot = typeof Bullet | typeof Rocket | typeof Spark;

Deno.test("ErasedPool and PoolSet know their structs from types, each of them apart", () => {
  using cells = new ErasedPool({ size: 16, types: [Bullet, Rocket, Spark] });
  using set = new PoolSet({ sizes: [16], types: [Bullet, Rocket, Spark] });
  assertType<IsExact<typeof cells, ErasedPool<Shot>>>(true);
  assertType<IsExact<typeof set, PoolSet<Shot>>>(true);
  const TYPES = [Rocket, Bullet] as const;
  using two = new ErasedPool({ size: 16, types: TYPES });
  assertType<IsExact<typeof two, ErasedPool<typeof Bullet | typeof Rocket>>>(true);
  cells.free(cells.alloc(Rocket));
  set.free(set.alloc(Rocket));
});

Deno.test("ErasedPool and PoolSet without types take any struct", () => {
  using cells = new ErasedPool({ size: 16 });
  using set = new PoolSet({ sizes: [16] });
  assertType<IsExact<typeof cells, ErasedPool<AnyStruct>>>(true);
  assertType<IsExact<typeof set, PoolSet<AnyStruct>>>(true);
  const handle = cells.alloc(Bullet, { x: 1 });
  assertType<IsExact<typeof handle, Handle<typeof Bullet>>>(true);
  cells.free(handle);
  set.free(set.alloc(Vec2));
});

Deno.test("HandleOf is a handle of any of the structs, or of whatever fits", () => {
  assertType<IsExact<HandleOf<typeof Bullet>, Handle<typeof Bullet>>>(true);
  assertType<
    IsExact<HandleOf<typeof Bullet | typeof Spark>, Handle<typeof Bullet> | Handle<typeof Spark>>
  >(true);
  assertType<IsExact<HandleOf<AnyStruct>, AnyHandle>>(true);
});

Deno.test("ErasedPool's and PoolSet's members give handles and views of the struct they are given", () => {
  using cells = new ErasedPool({ size: 16, types: [Bullet, Rocket, Spark] });
  using set = new PoolSet({ sizes: [16], types: [Bullet, Rocket, Spark] });
  type BulletHandle = Handle<typeof Bullet>;
  type BulletView = View<typeof Bullet>;
  type ShotHandle = BulletHandle | Handle<typeof Rocket> | Handle<typeof Spark>;
  for (const pool of [cells, set] as [typeof cells, typeof set]) {
    // Both have the same call signatures, which a union of them does not show.
    const it = pool as typeof cells;
    const handle = it.alloc(Bullet, { x: 1, damage: 2 });
    const made = it.tryAlloc(Bullet);
    const view = it.get(Bullet, handle);
    const found = it.tryGet(Bullet, handle);
    const cursor = it.cursor(Bullet);
    const moved = it.seek(cursor, handle);
    const at = it.allocAt(Bullet, cursor);
    const many = it.allocMany(Bullet, 2);
    const into = it.allocMany(Bullet, 2, new Float64Array(2));
    const of = it.handleOf(view);
    const type = it.typeOf(handle);
    const scratch = it.scoped(Bullet);
    assertType<IsExact<typeof handle, BulletHandle>>(true);
    assertType<IsExact<typeof made, BulletHandle | undefined>>(true);
    assertType<IsExact<typeof view, BulletView>>(true);
    assertType<IsExact<typeof found, BulletView | undefined>>(true);
    assertType<IsExact<typeof cursor, BulletView>>(true);
    assertType<IsExact<typeof moved, BulletView>>(true);
    assertType<IsExact<typeof at, BulletHandle>>(true);
    assertType<IsExact<typeof many, BulletHandle[]>>(true);
    assertType<IsExact<typeof into, Float64Array<ArrayBuffer>>>(true);
    assertType<IsExact<typeof of, ShotHandle>>(true);
    assertType<IsExact<typeof type, Shot>>(true);
    assertType<IsExact<typeof scratch, ScopedRecord<typeof Bullet>>>(true);
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
  cells: ErasedPool<typeof Bullet | typeof Spark>,
  set: PoolSet<typeof Bullet | typeof Spark>,
  open: ErasedPool,
): void {
  const bullet = cells.alloc(Bullet);
  const spark = cells.alloc(Spark);
  const any: AnyHandle = spark;
  cells.free(bullet);
  cells.free(spark);
  cells.free(any);
  cells.freeMany([bullet, spark, any, NULL_HANDLE]);
  cells.get(Bullet, any);
  cells.has(NULL_HANDLE);
  set.get(Spark, spark);
  set.free(any);
  open.free(bullet);
  open.get(Bullet, bullet);
  open.get(Vec2, any);
  open.handleOf(open.cursor(Enemy).pos);
}

/** A handle of one struct does not pass for another's, nor one of a struct that is not stored. */
function doesNotPassMixed(
  cells: ErasedPool<typeof Bullet | typeof Spark>,
  set: PoolSet<typeof Bullet | typeof Spark>,
  open: ErasedPool,
  vectors: Pool<typeof Vec2>,
): void {
  const bullet = cells.alloc(Bullet);
  const vector = vectors.alloc();
  // @ts-expect-error a handle of Bullet
  cells.get(Spark, bullet);
  // @ts-expect-error a handle of Bullet
  cells.tryGet(Spark, bullet);
  // @ts-expect-error a handle of Bullet
  cells.set(Spark, bullet, { heat: 1 });
  // @ts-expect-error a handle of Bullet
  cells.seek(cells.cursor(Spark), bullet);
  // @ts-expect-error a handle of Bullet
  open.get(Spark, bullet);
  // @ts-expect-error a handle of Bullet
  set.get(Spark, bullet);
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
  // @ts-expect-error a bullet has no heat
  cells.alloc(Bullet, { heat: 1 });
  // @ts-expect-error not every shot has a heat
  cells.forEach((shot) => shot.heat);
  // @ts-expect-error not every shot has a heat
  cells.loop((shot) => shot.heat);
  // @ts-expect-error Vec2 is not among the types
  cells.loop(Vec2, () => {});
  // @ts-expect-error the argument is missing
  set.loop(Spark, (spark, _handle, by: number) => void (spark.heat *= by))();
  // @ts-expect-error a view of Bullet
  cells.allocAt(Spark, cells.cursor(Bullet));
  // @ts-expect-error a bare number
  cells.free(5);
  // @ts-expect-error the struct is missing
  cells.get(bullet);
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

void [passes, doesNotPass, passesMixed, doesNotPassMixed, isReadonly];
