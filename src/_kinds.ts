/**
 * Kinds: the structs that a pool of mixed records knows, each with its view class and its tag.
 *
 * @module
 */
import type { Block } from "./_block.ts";
import { fingerprintOf, layoutText } from "./_envelope.ts";
import { type RecordViewClass, recordViewClass } from "./_view.ts";
import { SchemaError, TypeMismatchError } from "./errors.ts";
import { type AnyStruct, Struct } from "./schema.ts";

/** A struct that a pool knows. */
export interface Kind {
  readonly struct: AnyStruct;
  readonly View: RecordViewClass;
  /** Its place among the kinds, 0 to 255 where tags are kept. */
  readonly tag: number;
  /** Bytes of a chunk that its records leave unused. */
  readonly lostBytes: number;
  /** Of its layout and name, to know it again in a snapshot. */
  readonly fingerprint: number;
}

/** The pool that kinds are of. */
export interface KindsOf {
  readonly name: string;
  /** How errors call the pool. */
  readonly label: string;
  /** Bytes and alignment of a chunk. */
  readonly chunkBytes: number;
  readonly align: number;
  /** Whether each chunk has a tag. */
  readonly tagged: boolean;
  /** Whether its views are debug views. */
  readonly debug: boolean;
}

/** What no record is of, so that there always is a last kind. */
const NO_KIND: Kind = {
  struct: {} as AnyStruct, // equal to no struct, so nothing else of it is used
  View: Object as unknown as RecordViewClass,
  tag: -1,
  lostBytes: 0,
  fingerprint: 0,
};

/** A tag is a byte. */
const MAX_KINDS = 256;

/** The structs that a pool knows. */
export class Kinds {
  /** By tag. */
  readonly all: Kind[] = [];
  private readonly pool: KindsOf;
  private readonly tagged: boolean;
  /** Whether there are no more than the pool was created with. */
  private readonly closed: boolean;
  private readonly byStruct = new Map<AnyStruct, Kind>();
  /** The one asked for last, which is often the one asked for next. */
  private last: Kind = NO_KIND;
  /** The kind of the last record that was asked for, where there are tags. */
  private lastSeen: Kind = NO_KIND;

  /**
   * @param pool Whose they are.
   * @param types All of them; `undefined` if any struct that fits will do.
   * @throws {SchemaError} when one does not fit.
   * @throws {TypeError} when one is no struct.
   */
  constructor(pool: KindsOf, types: readonly AnyStruct[] | undefined) {
    this.pool = pool;
    this.tagged = pool.tagged;
    for (const struct of types ?? []) this.byStruct.has(struct) || this.add("create", struct);
    this.closed = types !== undefined;
  }

  /**
   * The kind of a struct, which is made known if the pool is open to it.
   *
   * @param verb What is tried.
   * @param struct A struct.
   * @returns Its kind.
   * @throws {SchemaError} when its records do not fit into a chunk.
   * @throws {TypeMismatchError} when it is not among the pool's types.
   * @throws {TypeError} when it is no struct.
   */
  of(verb: string, struct: AnyStruct): Kind {
    if (struct === this.last.struct) return this.last;
    return this.last = this.byStruct.get(struct) ?? this.add(`${verb} in`, struct);
  }

  /**
   * The kind of a record, held against the struct that it is asked for as.
   *
   * @param verb What is tried.
   * @param struct The struct.
   * @param block The block that the record is in; its tags are looked at only where there are any.
   * @param chunk The record's chunk in it.
   * @param handle Its handle.
   * @returns Its kind.
   * @throws {TypeMismatchError} when the record is of another struct.
   */
  at(verb: string, struct: AnyStruct, block: Block, chunk: number, handle: number): Kind {
    if (!this.tagged) return this.of(verb, struct);
    const tag = block.tags[chunk];
    const { lastSeen } = this;
    // To compare two values at hand is faster than to look the tag up: a tenth of a random get.
    if (struct === lastSeen.struct && tag === lastSeen.tag) return lastSeen;
    const kind = this.all[tag];
    if (kind.struct !== struct) throw this.mismatch(verb, struct, kind.struct, handle);
    return this.lastSeen = kind;
  }

  private add(verb: string, struct: AnyStruct): Kind {
    const { label, name, chunkBytes, align, tagged } = this.pool;
    if (!(struct instanceof Struct)) {
      throw new TypeError(
        `Cannot ${verb} ${label}: the type must be a struct, got ${shown(struct)}`,
      );
    }
    if (struct.size > chunkBytes || struct.align > align) {
      throw new SchemaError(
        `Cannot ${verb} ${label}: ${
          titleOf(struct)
        } of ${struct.size} bytes, aligned to ${struct.align}, ` +
          `does not fit into chunks of ${chunkBytes} bytes, aligned to ${align}`,
        struct.name,
        "",
      );
    }
    const known = this.all.map((kind) => titleOf(kind.struct)).join(", ") || "none";
    if (this.closed) {
      throw new TypeMismatchError(
        `Cannot ${verb} ${label}: ${
          titleOf(struct)
        } is not one of its types for chunks of ${chunkBytes} bytes, they are ${known}`,
        name,
        struct.name,
        "",
      );
    }
    if (tagged && this.all.length === MAX_KINDS) {
      throw new RangeError(
        `Cannot ${verb} ${label}: ${
          titleOf(struct)
        } is one struct more than the ${MAX_KINDS} that it can tell apart`,
      );
    }
    const kind = {
      struct,
      View: recordViewClass(struct, this.pool.debug),
      tag: this.all.length,
      lostBytes: chunkBytes - struct.size,
      fingerprint: fingerprintOf(struct.name + layoutText(struct)),
    };
    this.all.push(kind);
    this.byStruct.set(struct, kind);
    return kind;
  }

  private mismatch(
    verb: string,
    struct: AnyStruct,
    actual: AnyStruct,
    handle: number,
  ): TypeMismatchError {
    return new TypeMismatchError(
      `Cannot ${verb} in ${this.pool.label}: handle ${handle} is of ${titleOf(actual)}, not of ${
        struct instanceof Struct ? titleOf(struct) : shown(struct)
      }`,
      this.pool.name,
      struct instanceof Struct ? struct.name : "",
      actual.name,
    );
  }
}

/**
 * @param struct A struct.
 * @returns What errors call it: by its name, or by its fields where it has none.
 */
export function titleOf({ name, fields }: AnyStruct): string {
  return name === "" ? `struct { ${Object.keys(fields).join(", ")} }` : `struct "${name}"`;
}

/**
 * @param value Any value.
 * @returns What errors show of it.
 */
export function shown(value: unknown): string {
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
