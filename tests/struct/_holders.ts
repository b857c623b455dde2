/**
 * Everything that can hold a record, with one interface: pools, a shared pool, byte allocators.
 *
 * @module
 */
import { Arena, FreeListAllocator, SharedPool, StackAllocator } from "../../mod.ts";
import type { AnyStruct, DebugMode, MemoryResource } from "../../mod.ts";
import { POOL_KINDS } from "../_kinds.ts";
import { forge, untyped } from "../_support.ts";

/** A view, untyped as in JavaScript. */
// deno-lint-ignore no-explicit-any -- the tests read and write properties of any name and type
export type Any = any;

/** Holds one record. */
export interface Holder {
  /** A view of the record. */
  readonly view: Any;
  /** An unbound cursor. */
  cursor(): Any;
  /** Binds a cursor to the record. */
  seek(cursor: Any): Any;
  /** Writes another record; returns its plain value. */
  copy(init: unknown): unknown;
  /** Frees every record and block, but not the holder. */
  clear(): void;
  /** Rebinds the holder to its memory. */
  rebind(): void;
  dispose(): void;
}

/** Options that tests pass on. */
interface HolderOptions {
  readonly debug?: DebugMode | false;
  readonly specialize?: boolean;
  readonly memory?: MemoryResource;
}

type HolderMaker = (struct: AnyStruct, value: unknown, options?: HolderOptions) => Holder;

const SMALL = { chunksPerBlock: 16, maxChunks: 64 };

function bytesHolder(
  create: (options: HolderOptions) => Arena | StackAllocator | FreeListAllocator,
): HolderMaker {
  return (struct, value, { specialize: _, ...options } = {}) => {
    const memory = create(options);
    const address = memory.allocRecord(struct, untyped(value));
    return {
      view: memory.view(address, struct),
      cursor: () => memory.cursor(struct),
      seek: (cursor) => memory.seek(cursor, address),
      copy: (init) => memory.view(memory.allocRecord(struct, untyped(init)), struct).toJSON(),
      clear: () => memory.reset(),
      rebind: () => memory.rebind(),
      dispose: () => memory.dispose(),
    };
  };
}

/** Holders that have a debug mode. */
export const HOLDERS: Readonly<Record<string, HolderMaker>> = {
  ...Object.fromEntries(
    Object.entries(POOL_KINDS).map(([name, make]): [string, HolderMaker] => [
      name,
      (struct, value, options = {}) => {
        const kind = make(struct, { ...SMALL, ...options });
        const handle = kind.pool.alloc(...kind.of, value);
        return {
          view: kind.pool.get(...kind.of, handle),
          cursor: () => kind.pool.cursor(...kind.of),
          seek: (cursor) => kind.pool.seek(cursor, handle),
          copy: (init) =>
            kind.pool.get<Any>(...kind.of, kind.pool.alloc(...kind.of, init)).toJSON(),
          clear: () => {
            kind.pool.clear();
            kind.pool.trim();
          },
          rebind: () => kind.pool.rebind(),
          dispose: () => kind.pool.dispose(),
        };
      },
    ]),
  ),
  "Arena": bytesHolder((options) => new Arena(options)),
  "StackAllocator": bytesHolder((options) => new StackAllocator({ byteLength: 8192, ...options })),
  "FreeListAllocator": bytesHolder((options) =>
    new FreeListAllocator({ byteLength: 8192, ...options })
  ),
};

/** All holders. A shared pool has no debug mode, and no memory of another resource. */
export const ALL_HOLDERS: typeof HOLDERS = {
  ...HOLDERS,
  "SharedPool": (struct, value, { specialize = true } = {}) => {
    const pool = SharedPool.create(struct, { ...SMALL, specialize });
    const handle = pool.alloc(untyped(value));
    return {
      view: pool.get(handle),
      cursor: () => pool.cursor(),
      seek: (cursor) => pool.seek(cursor, handle),
      copy: (init) => pool.get(pool.alloc(untyped(init))).toJSON(),
      clear: () => pool.free(forge(handle)),
      rebind: () => {},
      dispose: () => pool.dispose(),
    };
  },
};
