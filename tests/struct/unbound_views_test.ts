/**
 * Views of no memory: of no record yet, of a block that was given back, of a pool that was disposed of, and of a
 * WebAssembly.Memory that has grown. They read 0, `false` or `0n`, and writes go nowhere; in debug mode every access throws.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Arena,
  array,
  FreeListAllocator,
  type MemoryResource,
  Pool,
  type ScalarType,
  sharedMemory,
  SharedPool,
  StackAllocator,
  StaleHandleError,
  struct,
  wasmMemory,
} from "../../mod.ts";
import { FACES } from "../_faces.ts";
import { forge, untyped } from "../_support.ts";
import { Pattern } from "../model/_values.ts";

const SCALARS = {
  u8: "u8",
  i8: "i8",
  bool: "bool",
  u16: "u16",
  i16: "i16",
  i32: "i32",
  u32: "u32",
  f32: "f32",
  f64: "f64",
  i64: "i64",
  u64: "u64",
  ref: "ref",
} as const;

const Part = struct(SCALARS);

const All = struct({
  ...SCALARS,
  part: Part,
  list: array(Part, 2),
  bytes: array("u8", 2),
  flags: array("bool", 2),
  reals: array("f32", 2),
  doubles: array("f64", 2),
  signed: array("i64", 2),
  unsigned: array("u64", 2),
  links: array("ref", 2),
}, { name: "All" });

// deno-fmt-ignore: one line, so that it can be read at a glance.
const NOTHING = { u8: 0, i8: 0, bool: false, u16: 0, i16: 0, i32: 0, u32: 0, f32: 0, f64: 0, i64: 0n, u64: 0n, ref: 0 };
// deno-fmt-ignore
const FULL = { u8: 1, i8: -1, bool: true, u16: 2, i16: -2, i32: -3, u32: 3, f32: 0.5, f64: 1.5, i64: -4n, u64: 4n, ref: 5 };

const EMPTY = {
  ...NOTHING,
  part: NOTHING,
  list: [NOTHING, NOTHING],
  bytes: [0, 0],
  flags: [false, false],
  reals: [0, 0],
  doubles: [0, 0],
  signed: [0n, 0n],
  unsigned: [0n, 0n],
  links: [0, 0],
};

const VALUES = {
  ...FULL,
  part: FULL,
  list: [FULL, FULL],
  bytes: [1, 2],
  flags: [true, true],
  reals: [0.5, NaN],
  doubles: [-0, Infinity],
  signed: [-1n, 1n],
  unsigned: [1n, 2n ** 64n - 1n],
  links: [1, 2],
};

/** A view whose fields may be written to as plain values. */
interface Loose {
  toJSON(): unknown;
  [name: string]: unknown;
}

/** Asserts that nothing is read, and nothing is kept that is written. */
function assertNothing(view: Loose, what: string): void {
  assertEquals(view.toJSON(), EMPTY, what);
  for (const [name, value] of Object.entries(VALUES)) {
    view[name] = value;
    assertEquals(view.toJSON(), EMPTY, `${what}, after a write to ${name}`);
  }
  const part = untyped<Loose>(view.part);
  for (const [name, value] of Object.entries(FULL)) part[name] = value;
  assertEquals(view.toJSON(), EMPTY, `${what}, after a write to a part`);
}

type ErrorClass = typeof StaleHandleError | typeof TypeError;

/** Asserts that each field throws when it is read and when it is written. */
function assertThrowing(view: Loose, error: ErrorClass, what: string): void {
  for (const [name, value] of Object.entries(FULL)) {
    assertThrows(() => view[name], error, "Cannot use a view", `${what}: ${name}`);
    assertThrows(() => view[name] = value, error, "Cannot use a view", `${what}: ${name}`);
  }
  assertThrows(() => view.toJSON(), error, "Cannot use a view", what);
}

function memoryOf(): { memory: WebAssembly.Memory; window: MemoryResource } {
  const memory = new WebAssembly.Memory({ initial: 4 });
  return { memory, window: wasmMemory(memory) };
}

for (const [name, make] of Object.entries(FACES)) {
  for (const reuse of ["recent", "spread"] as const) {
    const options = { chunksPerBlock: 16, maxChunks: 4096, keepEmptyBlocks: 0, reuse };

    Deno.test(`${name}: a view of no memory reads nothing and writes nothing (${reuse})`, () => {
      const face = make(All, options);
      const cursor = face.cursor<Loose>();
      assertNothing(cursor, "a new cursor");
      const handles = Array.from({ length: 40 }, () => face.alloc(VALUES));
      const views = handles.map((handle) => face.get<Loose>(handle));
      assertEquals(views[39].toJSON(), VALUES);
      face.seek(cursor, handles[3]);
      face.pool.freeBlock(face.pool.blocks[0].index);
      assertNothing(cursor, "freeBlock()");
      assertNothing(views[3], "freeBlock()");
      face.seek(cursor, handles[20]);
      assertEquals(cursor.toJSON(), VALUES);
      face.pool.freeMany(handles.slice(16).map(forge));
      face.pool.trim();
      assertNothing(cursor, "trim()");
      const last = face.get<Loose>(face.alloc(VALUES));
      face.pool.dispose();
      for (const view of [last, cursor, ...views]) assertNothing(view, "dispose()");
    });
  }

  Deno.test(`${name}: a view of a memory that has grown reads nothing until rebind()`, () => {
    const { memory, window } = memoryOf();
    const face = make(All, { chunksPerBlock: 16, maxChunks: 1024, memory: window });
    const view = face.get<Loose>(face.alloc(VALUES));
    const { part } = view;
    memory.grow(1);
    assertNothing(view, "grow()");
    assertEquals(untyped<Loose>(part).toJSON(), NOTHING);
    face.pool.rebind();
    assertEquals(view.toJSON(), VALUES);
    assertEquals(untyped<Loose>(part).toJSON(), FULL);
  });

  Deno.test(`${name}: a view of no memory throws in debug mode`, () => {
    const { memory, window } = memoryOf();
    const options = { chunksPerBlock: 16, maxChunks: 1024, memory: window, debug: true };
    const face = make(All, options);
    const cursor = face.cursor<Loose>();
    assertThrowing(cursor, StaleHandleError, "a new cursor");
    const handle = face.alloc(VALUES);
    const view = face.get<Loose>(handle);
    face.seek(cursor, handle);
    memory.grow(1);
    assertThrowing(view, TypeError, "grow()");
    assertThrowing(cursor, TypeError, "grow()");
    face.pool.rebind();
    assertEquals(view.toJSON(), VALUES);
    face.pool.freeBlock(face.pool.blocks[0].index);
    assertThrowing(view, StaleHandleError, "freeBlock()");
    const other = face.get<Loose>(face.alloc(VALUES));
    face.pool.clear();
    face.pool.dispose();
    for (const it of [view, cursor, other]) assertThrowing(it, StaleHandleError, "dispose()");
  });
}

Deno.test("SharedPool: a cursor that is bound to no record reads nothing and writes nothing", () => {
  using pool = SharedPool.create(All);
  const cursor = untyped<Loose>(pool.cursor());
  assertNothing(cursor, "a new cursor");
  pool.seek(untyped(cursor), pool.alloc());
  untyped<Loose>(cursor).u64 = 7n;
  assertEquals(cursor.u64, 7n);
});

interface ByteOptions {
  readonly memory: MemoryResource;
  readonly debug?: boolean;
}

const ALLOCATORS = {
  Arena: (options: ByteOptions) => new Arena(options),
  StackAllocator: (options: ByteOptions) => new StackAllocator({ byteLength: 65_536, ...options }),
  FreeListAllocator: (options: ByteOptions) =>
    new FreeListAllocator({ byteLength: 65_536, ...options }),
};

for (const [name, create] of Object.entries(ALLOCATORS)) {
  Deno.test(`${name}: a view of no memory reads nothing and writes nothing`, () => {
    const { memory, window } = memoryOf();
    const it = create({ memory: window });
    const cursor = it.cursor(All);
    assertNothing(untyped(cursor), "a new cursor");
    const address = it.allocRecord(All, untyped(VALUES));
    const view = untyped<Loose>(it.view(address, All));
    memory.grow(1);
    assertNothing(view, "grow()");
    assertThrows(() => it.view(address, All), TypeError, "Cannot view in");
    assertThrows(() => it.seek(cursor, address), TypeError, "Cannot seek in");
    assertThrows(() => it.reset(), TypeError, "call rebind() first");
    it.rebind();
    assertEquals(view.toJSON(), VALUES);
    it.dispose();
    assertNothing(view, "dispose()");
  });

  Deno.test(`${name}: a view of no memory throws in debug mode`, () => {
    const { memory, window } = memoryOf();
    const it = create({ memory: window, debug: true });
    assertThrowing(untyped(it.cursor(All)), StaleHandleError, "a new cursor");
    const view = untyped<Loose>(it.view(it.allocRecord(All, untyped(VALUES)), All));
    memory.grow(1);
    assertThrowing(view, TypeError, "grow()");
    it.rebind();
    assertEquals(view.toJSON(), VALUES);
    it.reset();
    it.dispose();
    assertThrowing(view, StaleHandleError, "dispose()");
  });
}

for (const type of ["u8", "i16", "f16", "u32", "f32", "f64", "i64"] satisfies ScalarType[]) {
  Deno.test(`A view of ${type} reads and writes nothing where its block was given back`, () => {
    const shared = sharedMemory(); // whose buffers stay good
    let buffer = new SharedArrayBuffer(0);
    const memory = {
      ...shared,
      allocate(byteLength: number, align: number) {
        const region = shared.allocate(byteLength, align);
        buffer = region.buffer as SharedArrayBuffer; // as its name says
        return region;
      },
    };
    using pool = new Pool({ it: type }, { memory });
    const pattern = new Pattern(pool.struct);
    const view = pool.get(pool.alloc());
    pattern.fill(view, 1);
    assert(pattern.isIntact(view, 1));
    pool.freeBlock(0);
    const before = [...new Uint8Array(buffer)];
    assert(!pattern.isIntact(view, 1));
    pattern.fill(view, 2);
    assertEquals([...new Uint8Array(buffer)], before);
  });
}
