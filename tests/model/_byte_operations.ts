/**
 * The operations of the model of the byte allocators. Each makes all of its choices by random
 * numbers, and changes an allocator and its model.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  InvalidAddressError,
  LifoOrderError,
  restoreArena,
  snapshotArena,
  SnapshotError,
} from "../../mod.ts";
import type { AnyStruct, MemoryRegion } from "../../mod.ts";
import { arenaMetadata } from "../../src/bytes/read_metadata.ts";
import { untyped } from "../_support.ts";
import type { ByteModel, Held } from "./_bytes.ts";
import type { Random } from "../_random.ts";
import { ARRAYS, isSame, makeStructs, merge, someOf, valueOf, zeroOf } from "./_values.ts";

/** Changes an allocator and its model. */
export type Operation = (it: ByteModel, random: Random) => void;

const STRUCTS: readonly AnyStruct[] = Object.values(makeStructs());

/** An operation on some live allocation, if there is any. */
function onSome(fn: (it: ByteModel, random: Random, some: Held) => void): Operation {
  return (it, random) => it.live === 0 ? undefined : fn(it, random, random.pick(it.held));
}

/** Most sizes are small; some are larger than a block or an extent may be. */
function someSize(random: Random): number {
  return 1 + random.below(random.oneIn(10) ? random.oneIn(10) ? 9000 : 500 : 40);
}

function someAlign(random: Random): number {
  return random.oneIn(4) ? 1 << random.below(random.oneIn(4) ? 13 : 7) : 8;
}

// -- all of them --

export const ALLOCATING: readonly string[] = ["alloc", "allocRecord", "allocAt", "allocArray"];

const COMMON: Readonly<Record<string, Operation>> = {
  alloc(it, random) {
    const [byteLength, align] = [someSize(random), someAlign(random)];
    it.take(() => it.allocator.alloc(byteLength, align), byteLength, align);
  },
  allocRecord(it, random) {
    const { allocator } = it;
    const struct = random.pick(STRUCTS);
    const { size, align } = struct;
    const init = random.oneIn(2) ? someOf(struct, valueOf(struct, random), random) : undefined;
    const call = () => {
      const address: number = allocator.allocRecord(struct, init);
      const written = allocator.view(address, struct).toJSON();
      assert(isSame(written, merge(struct, zeroOf(struct), init)), "a new record");
      allocator.bytes(address, size).fill(0);
      return address;
    };
    it.take(call, size, align, struct);
  },
  allocAt(it, random) {
    const struct = random.pick(STRUCTS);
    const cursor = it.allocator.cursor(struct);
    it.take(() => it.allocator.allocAt(cursor), struct.size, struct.align, struct);
    assertEquals(it.allocator.addressOf(cursor), it.held.at(-1)?.address);
  },
  allocArray(it, random) {
    const [type, ArrayClass] = random.pick(Object.entries(ARRAYS));
    const { BYTES_PER_ELEMENT } = ArrayClass;
    const length = 1 + random.below(20);
    const call = () => {
      const made = it.allocator.allocArray(type, length);
      assert(made instanceof ArrayClass && made.length === length, `an array of ${type}`);
      return it.allocator.addressOf(made);
    };
    it.take(call, BYTES_PER_ELEMENT * length, BYTES_PER_ELEMENT);
  },
  read: onSome(({ allocator }, _, { address, bytes, struct }) => {
    assertEquals(allocator.addressOf(allocator.array(address, "u8", bytes.length)), address);
    if (struct === undefined) return;
    const cursor = allocator.cursor(struct);
    assert(allocator.seek(cursor, address) === cursor && allocator.addressOf(cursor) === address);
    assert(isSame(cursor.toJSON(), allocator.view(address, struct).toJSON()));
  }),
  write: onSome((it, _, some) => it.replace(some, it.filled(some))),
  /** Uses an address past all allocations, inside one, or of one that was freed. */
  useWrong: onSome((it, random, { address: some }) => {
    const { allocator, held, heap, isArena } = it;
    const inside = [some + 4, some + 8 * (1 + random.below(4))];
    const { base, top } = arenaMetadata(allocator)?.block ?? { base: 0, top: 0 };
    const address = random.pick(isArena ? [base + top] : [...inside, ...it.freed]);
    if (held.some((it) => it.address === address)) return;
    const calls = [
      () => allocator.bytes(address, 8),
      () => allocator.seek(allocator.cursor(STRUCTS[0]), address),
      ...isArena ? [] : [() => allocator.free(address), () => allocator.sizeOf(address)],
      ...heap ? [() => allocator.realloc(address, 8)] : [],
    ];
    it.rejects(random.pick(calls), InvalidAddressError);
  }),
  reset(it) {
    const regions = it.held.flatMap(({ region }) => region ?? []);
    it.end(it.held, () => it.allocator.reset());
    it.rover = 0;
    assertEquals(it.allocator.stats().usedBytes, 0);
    // Those of a heap came back by that, and may be released once more.
    if (it.heap) { for (const region of regions) it.allocator.release(region); }
  },
  limitMemory: (it, random) => it.source.limit(random),
  growMemory({ allocator, source }) {
    if (source.grow()) allocator.rebind();
  },
};

/** As a memory resource, which a stack is not. */
const RESOURCE: Readonly<Record<string, Operation>> = {
  allocate(it, random) {
    const [byteLength, align] = [someSize(random), someAlign(random)];
    const region: MemoryRegion = it.allocator.allocate(byteLength, align);
    const bytes = new Uint8Array(region.buffer, region.byteOffset, byteLength);
    it.took({ address: it.allocator.addressOf(bytes), align, region }, byteLength);
  },
  release: onSome((it, _, some) => {
    if (some.region !== undefined) it.free(some);
  }),
  trim({ allocator, heap }) {
    const { byteLength } = allocator.stats();
    const given = allocator.trim();
    assertEquals(given, byteLength - allocator.stats().byteLength);
    if (heap !== undefined) assertEquals(heap.spares.length, 0);
  },
};

// -- each of them --

const STACK: Readonly<Record<string, Operation>> = {
  free: onSome((it, _, some) => {
    const newest = it.held.at(-1)!; // there is one
    if (some !== newest) it.rejects(() => it.allocator.free(some.address), LifoOrderError);
    it.free(newest);
  }),
};

const HEAP: Readonly<Record<string, Operation>> = {
  free: onSome((it, _, some) => it.free(some)),
  realloc: onSome((it, random, some) => {
    if (some.region !== undefined) return;
    it.resize(some, someSize(random), random.oneIn(2) ? someAlign(random) : undefined);
  }),
  /** Makes an allocation larger ten times, as a buffer that is appended to among others. */
  append: onSome((it, random, some) => {
    if (it.isBounded || some.region !== undefined) return;
    const bytes = 1 + (someSize(random) >> 4);
    for (let i = 0; i < 10; i++) {
      it.resize(some, some.bytes.length + bytes);
      some = it.held.at(-1)!; // what it was resized to
      COMMON.alloc(it, random);
      it.free(it.held.at(-1)!); // what was allocated
    }
  }),
};

const ARENA: Readonly<Record<string, Operation>> = {
  mark(it) {
    const mark: number = it.allocator.mark();
    it.guard(false, () => it.allocator.rewind(mark));
  },
  beginScope(it) {
    const scope: Disposable = it.allocator.scope();
    it.guard(true, () => scope[Symbol.dispose]());
  },
  /** Rewinds to a mark, or ends a scope. */
  rewind(it, random) {
    if (it.guards.length === 0) return;
    const guard = random.pick(it.guards);
    const to = guard.isOver ? it.position() : guard.to;
    const gone = guard.isOver ? [] : it.held.filter(({ address }) => !guard.live.has(address));
    it.end(gone, () => guard.rewind());
    guard.rewind(); // does nothing
    assertEquals(it.position(), to);
    it.guards = it.guards.filter((other) => other !== guard);
  },
  snapshot(it, random) {
    const into = it.saved?.bytes ?? new Uint8Array(0);
    const options = { checksum: random.oneIn(2) };
    const bytes: Uint8Array = snapshotArena(untyped(it.allocator), into, options);
    // Regions from before can be released once, and are not given out again.
    const held = it.held.map(({ region: _, ...rest }) => rest);
    it.saved = { bytes, held, guards: it.guards, peak: it.peak, to: it.position() };
  },
  restore(it) {
    if (it.saved === undefined) return;
    const { bytes, held, guards, peak, to } = it.saved;
    try {
      restoreArena(untyped(it.allocator), bytes);
    } catch (error) {
      // Where regions start anywhere, one may lie as the addresses do or not.
      if (!(error instanceof SnapshotError && it.source.isSkewed)) throw error;
      return it.check();
    }
    // A later scope may only be ended where its start is past the position.
    const marks = guards.filter(({ isScope }) => !isScope);
    const open = it.guards.filter((it) => it.isScope && (guards.includes(it) || it.to > to));
    Object.assign(it, { held, guards: [...marks, ...open], peak });
    assertEquals(it.position(), to);
    it.check();
  },
};

/** By the names of the classes. */
export const BYTE_OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  Arena: { ...COMMON, ...RESOURCE, ...ARENA },
  StackAllocator: { ...COMMON, ...STACK },
  FreeListAllocator: { ...COMMON, ...RESOURCE, ...HEAP },
};
