/**
 * Kinds: the structs that a pool of mixed records knows, each with its view class and its tag.
 *
 * @module
 */
import { SchemaError, TypeMismatchError } from "../errors.ts";
import { type Block, NO_BLOCK } from "../slab/block.ts";
import { debugIterationOf, slabClassFor } from "../slab/debug.ts";
import { fingerprintOf, layoutText } from "../slab/envelope.ts";
import type { HandleCodec } from "../slab/handle.ts";
import {
  ALL_KINDS,
  type Iteration,
  iterationOf,
  LoopsByText,
  mixedIterationOf,
  RecentLoops,
  RETAIN,
} from "../slab/iterate.ts";
import { Packer } from "../slab/pack.ts";
import type { SlabClass, SlabConfig } from "../slab/slab.ts";
import type { Writer } from "../struct/record.ts";
import type { Compile } from "../struct/scalars.ts";
import { type AnyStruct, Struct } from "../struct/schema.ts";
import { structTitle } from "../struct/text.ts";
import {
  type RecordView,
  type RecordViewClass,
  type StructCode,
  structCode,
} from "../struct/view.ts";

/** A way of passing over records, and its loops by the text of their functions. */
export class Passes {
  readonly iteration: Iteration;
  readonly loops: RecentLoops;
  readonly retainLoops: RecentLoops;
  /** Makes a view for a pass. */
  readonly makeView: () => RecordView;
  /** Views of passes that have ended, for the next ones. */
  private readonly spareViews: RecordView[] = [];

  constructor(iteration: Iteration, makeView: () => RecordView) {
    this.iteration = iteration;
    this.makeView = makeView;
    this.loops = new RecentLoops(new LoopsByText(() => iteration.loop(0)));
    this.retainLoops = new RecentLoops(new LoopsByText(() => iteration.loop(RETAIN)));
  }

  /** @returns A view for one pass: a nested one finds none and makes its own. */
  takeView(): RecordView {
    return this.spareViews.pop() ?? this.makeView();
  }

  /** @param view The view of a pass that has ended. */
  giveView(view: RecordView): void {
    this.spareViews.push(view);
  }
}

/** A struct that a pool knows. */
export interface Kind {
  readonly struct: AnyStruct;
  readonly View: RecordViewClass;
  readonly write: Writer;
  /** Its place among the kinds, 0 to 255 where tags are kept. */
  readonly tag: number;
  /** Bytes of a chunk that its records leave unused. */
  readonly lostBytes: number;
  /** Of its layout and name, to know it again in a snapshot. */
  readonly fingerprint: number;
  /** Passes over its records. */
  readonly passes: Passes;
  /** What its records are written through. */
  readonly scratch: RecordView;
}

/** What is made for a geometry, and shared by all pools of it. */
export class GeometryCode {
  /** Makes whatever else is wanted. */
  readonly compile: Compile;
  readonly Slab: SlabClass;
  /** Packs whole chunks. */
  readonly packer: Packer;
  private readonly isDebug: boolean;
  private readonly chunkBytes: number;
  private readonly structs = new WeakMap<AnyStruct, StructCode>();
  private readonly packers = new WeakMap<AnyStruct, Packer>();

  /**
   * @param config Checked options.
   * @param chunkBytes Bytes of a chunk.
   * @param compile Makes it.
   */
  constructor(config: SlabConfig, chunkBytes: number, compile: Compile) {
    this.compile = compile;
    this.Slab = slabClassFor(config, chunkBytes, compile);
    this.isDebug = config.debug;
    this.chunkBytes = chunkBytes;
    this.packer = new Packer(undefined, chunkBytes, compile);
  }

  /**
   * @param struct A struct that fits.
   * @returns What packs its records.
   */
  packerOf(struct: AnyStruct): Packer {
    let packer = this.packers.get(struct);
    if (packer === undefined) {
      packer = new Packer(struct, this.chunkBytes, this.compile);
      this.packers.set(struct, packer);
    }
    return packer;
  }

  /**
   * @param struct A struct that fits.
   * @returns Its views and its writer.
   */
  of(struct: AnyStruct): StructCode {
    let code = this.structs.get(struct);
    if (code === undefined) {
      code = structCode(struct, this.compile, this.isDebug);
      this.structs.set(struct, code);
    }
    return code;
  }
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
  readonly codec: HandleCodec;
}

/** In the place of a view where a loop has one for each kind. */
const NO_VIEW: RecordView = { _b: NO_BLOCK, _o: 0 };

/** What no record is of, so that there always is a last kind. */
const NO_KIND: Kind = {
  struct: {} as AnyStruct, // equal to no struct, so nothing else of it is used
  View: Object as unknown as RecordViewClass,
  write: () => 0,
  tag: -1,
  lostBytes: 0,
  fingerprint: 0,
  passes: {} as Passes,
  scratch: NO_VIEW,
};

/** A tag is a byte. */
const MAX_KINDS = 256;

/** The structs that a pool knows. */
export class Kinds {
  /** By tag. */
  readonly all: Kind[] = [];
  private readonly code: GeometryCode;
  private everyPasses: Passes | undefined;
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
   * @param code Their code.
   * @throws {SchemaError} when one does not fit.
   * @throws {TypeError} when one is no struct.
   */
  constructor(pool: KindsOf, types: readonly AnyStruct[] | undefined, code: GeometryCode) {
    this.pool = pool;
    this.code = code;
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
    const { label, name, chunkBytes, tagged } = this.pool;
    checkFits(this.pool, verb, struct);
    const known = this.all.map((kind) => structTitle(kind.struct)).join(", ") || "none";
    if (this.closed) {
      throw new TypeMismatchError(
        `Cannot ${verb} ${label}: ${
          structTitle(struct)
        } is not one of its types for chunks of ${chunkBytes} bytes, they are ${known}`,
        name,
        struct.name,
        "",
      );
    }
    if (tagged && this.all.length === MAX_KINDS) {
      throw new RangeError(
        `Cannot ${verb} ${label}: ${
          structTitle(struct)
        } is one struct more than the ${MAX_KINDS} that it can tell apart`,
      );
    }
    const tag = this.all.length;
    const { View, write } = this.code.of(struct);
    const kind = {
      struct,
      View,
      write,
      tag,
      lostBytes: chunkBytes - struct.size,
      fingerprint: fingerprintOf(struct.name + layoutText(struct)),
      passes: new Passes(tagged ? this.mixed(tag) : this.plain(View), () => new View(NO_BLOCK, 0)),
      scratch: new View(NO_BLOCK, 0),
    };
    this.all.push(kind);
    this.byStruct.set(struct, kind);
    return kind;
  }

  /** Passes over the records of all kinds, which need tags. */
  get passes(): Passes {
    return this.everyPasses ??= new Passes(this.mixed(ALL_KINDS), () => NO_VIEW);
  }

  private mixed(only: number): Iteration {
    const { codec, chunkBytes, debug } = this.pool;
    const views = (tag: number) => this.all[tag].View;
    return debug
      ? debugIterationOf(views, only)
      : mixedIterationOf(views, only, codec, chunkBytes, this.code.compile);
  }

  private plain(View: RecordViewClass): Iteration {
    const { codec, chunkBytes, debug } = this.pool;
    return debug
      ? debugIterationOf(() => View)
      : iterationOf(View, codec, chunkBytes, this.code.compile);
  }

  private mismatch(
    verb: string,
    struct: AnyStruct,
    actual: AnyStruct,
    handle: number,
  ): TypeMismatchError {
    return new TypeMismatchError(
      `Cannot ${verb} in ${this.pool.label}: handle ${handle} is of ${
        structTitle(actual)
      }, not of ${struct instanceof Struct ? structTitle(struct) : shown(struct)}`,
      this.pool.name,
      struct instanceof Struct ? struct.name : "",
      actual.name,
    );
  }
}

/**
 * @param pool A pool.
 * @param verb What is tried.
 * @param struct What is to be stored in it.
 * @throws {SchemaError} when its records do not fit into a chunk.
 * @throws {TypeError} when it is no struct.
 */
export function checkFits(
  { label, chunkBytes, align }: Pick<KindsOf, "label" | "chunkBytes" | "align">,
  verb: string,
  struct: AnyStruct,
): void {
  if (!(struct instanceof Struct)) {
    throw new TypeError(
      `Cannot ${verb} ${label}: the type must be a struct, got ${shown(struct)}`,
    );
  }
  if (struct.size <= chunkBytes && struct.align <= align) return;
  throw new SchemaError(
    `Cannot ${verb} ${label}: ${
      structTitle(struct)
    } of ${struct.size} bytes, aligned to ${struct.align}, ` +
      `does not fit into chunks of ${chunkBytes} bytes, aligned to ${align}`,
    struct.name,
    "",
  );
}

/**
 * @param value Any value.
 * @returns What errors show of it.
 */
export function shown(value: unknown): string {
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
