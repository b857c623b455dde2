/**
 * `Kinds`: the structs that a pool of several structs knows, each with its view class and its tag.
 *
 * @module
 */
import { SchemaError, TypeMismatchError } from "../errors.ts";
import { showValue } from "../messages/show.ts";
import { type Block, NO_BLOCK } from "../slab/block.ts";
import type { DebugMode, EngineConfig } from "../slab/debug_mode.ts";
import type { HandleCodec } from "../slab/handle.ts";
import {
  ALL_KINDS,
  type Iteration,
  iterationOf,
  type Loop,
  mixedIterationOf,
  type Visitor,
} from "../slab/iterate.ts";
import { RecentLoops, RETAIN } from "../slab/loops.ts";
import type { Slab, SlabClass } from "../slab/slab.ts";
import { slabClassFor } from "../slab/slab_class.ts";
import type { OwnCode } from "../slab/typed_slab.ts";
import type { Writer } from "../struct/record.ts";
import type { Compile } from "../struct/scalars.ts";
import { type AnyStruct, Struct } from "../struct/schema.ts";
import { structTitle } from "../struct/table.ts";
import {
  inUnits,
  type RecordView,
  type RecordViewClass,
  type StructCode,
  structCode,
} from "../struct/view.ts";
import { checkFunction } from "./checks.ts";

/** An iteration over some or all records of a pool, with the loops that were compiled for it. */
export class Passes {
  readonly iteration: Iteration;
  readonly loops: RecentLoops<Loop>;
  readonly retainLoops: RecentLoops<Loop>;
  /** Makes a view for one iteration. */
  readonly makeView: () => RecordView;
  /** Views of iterations that have ended, for the next ones. */
  private readonly spareViews: RecordView[] = [];

  constructor(iteration: Iteration, makeView: () => RecordView) {
    this.iteration = iteration;
    this.makeView = makeView;
    this.loops = new RecentLoops(iteration.loopsFor(0));
    this.retainLoops = new RecentLoops(iteration.loopsFor(RETAIN));
  }

  /**
   * Calls a function for each record. A nested iteration finds no spare view, and makes one.
   *
   * @param verb What the caller does, for errors.
   * @param slab The slab of the records.
   * @param loops The loops to run: {@linkcode loops} or {@linkcode retainLoops}.
   * @param fn The function of the user.
   * @returns How many records it freed.
   * @throws {TypeError} when `fn` is no function.
   */
  run(verb: string, slab: Slab, loops: RecentLoops<Loop>, fn: unknown): number {
    checkFunction(slab, verb, fn);
    const view = this.spareViews.pop() ?? this.makeView();
    const loop = loops.find(fn as Visitor, slab.size); // the loop has the types of the records
    const freed = loop(slab, slab.iterable(), view, fn as Visitor);
    this.spareViews.push(view);
    return freed;
  }
}

/** A struct that a pool knows. */
export interface Kind {
  readonly struct: AnyStruct;
  readonly View: RecordViewClass;
  /** Distance from one record to the next, in units of the view. */
  readonly chunkUnits: number;
  readonly write: Writer;
  /** Its index among the kinds; 0 to 255 where tags are kept. */
  readonly tag: number;
  /** Bytes of a chunk that its records leave unused. */
  readonly lostBytes: number;
  /** Iterations over its records. */
  readonly passes: Passes;
  /** The view through which its records are written. */
  readonly scratch: RecordView;
}

/** The code that is compiled for a geometry, and shared by all pools of it. */
export class GeometryCode implements OwnCode {
  /** Compiles what is made later. */
  readonly compile: Compile;
  readonly Slab: SlabClass;
  private readonly codec: HandleCodec;
  private readonly debug: DebugMode | undefined;
  private readonly chunkBytes: number;
  private readonly structs = new WeakMap<AnyStruct, KindCode>();
  /** The iterations over the records of several structs. */
  private readonly mixed: MixedCode = { next: new WeakMap(), iteration: undefined };

  /**
   * @param config Checked options.
   * @param chunkBytes Bytes of a chunk.
   * @param compile Compiles the code.
   */
  constructor(config: EngineConfig, chunkBytes: number, compile: Compile) {
    this.compile = compile;
    this.Slab = slabClassFor(config, chunkBytes, compile);
    this.codec = config.codec;
    this.debug = config.debug;
    this.chunkBytes = chunkBytes;
  }

  /**
   * Returns the view class and the writer of a struct; compiled at the first call.
   *
   * @param struct A struct that fits.
   * @returns The code.
   */
  of(struct: AnyStruct): KindCode {
    let code = this.structs.get(struct);
    if (code === undefined) {
      code = { ...structCode(struct, this.compile, this.debug?.views), iterations: [] };
      this.structs.set(struct, code);
    }
    return code;
  }

  /**
   * Returns the iteration over the records of one struct.
   *
   * @param struct The struct.
   * @param only The tag of its records, or {@linkcode ALL_KINDS} for all chunks.
   * @returns The iteration, the same for all pools of the geometry.
   */
  iterationOf(struct: AnyStruct, only: number): Iteration {
    const { View, iterations } = this.of(struct);
    const { codec, debug } = this;
    return iterations[only - ALL_KINDS] ??= debug?.iterationOf(() => View, only) ??
      iterationOf(View, codec, this.chunkBytes, this.compile, only);
  }

  /**
   * Makes the iteration over the records of several structs.
   *
   * @param views Returns the view class of a tag.
   * @returns The iteration.
   */
  mixedIterationOf(views: (tag: number) => RecordViewClass): Iteration {
    const { codec, debug } = this;
    return debug?.iterationOf(views) ??
      mixedIterationOf(views, codec, this.chunkBytes, this.compile);
  }

  /**
   * Returns the iteration over the records of several structs, to which no struct is added.
   *
   * @param structs The structs by tag; none in a size class that holds none of a set's types.
   * @returns The iteration, the same for all pools of the geometry with these structs.
   */
  closedIterationOf(structs: readonly AnyStruct[]): Iteration {
    let code = this.mixed;
    for (const struct of structs) {
      let next = code.next.get(struct);
      if (next === undefined) {
        next = { next: new WeakMap(), iteration: undefined };
        code.next.set(struct, next);
      }
      code = next;
    }
    if (code.iteration === undefined) {
      const views = structs.map((struct) => this.of(struct).View);
      code.iteration = this.mixedIterationOf((tag) => views[tag]);
    }
    return code.iteration;
  }
}

/** The code of a struct in one geometry. */
interface KindCode extends StructCode {
  /** The iterations over its records, by tag + 1. */
  readonly iterations: Iteration[];
}

/**
 * The iteration over the records of a list of structs, in a tree with a branch for each struct of
 * the list: so no list keeps alive a struct that the program has dropped.
 */
interface MixedCode {
  /** By the next struct of a longer list. */
  readonly next: WeakMap<AnyStruct, MixedCode>;
  /** Made when a pool needs it. */
  iteration: Iteration | undefined;
}

/** Stands for the view in a loop that has a view for each kind. */
const NO_VIEW: RecordView = { _b: NO_BLOCK, _o: 0, _u: 0 };

/** A kind that no struct has, so that `last` and `lastSeen` are never `undefined`. */
const NO_KIND: Kind = {
  struct: {} as AnyStruct, // no struct is this object, so no other field is read
  View: Object as unknown as RecordViewClass,
  chunkUnits: 0,
  write: () => 0,
  tag: -1,
  lostBytes: 0,
  passes: {} as Passes,
  scratch: NO_VIEW,
};

/** A tag is a byte. */
const MAX_KINDS = 256;

/** The structs that a pool knows, by tag and by identity. */
export class Kinds {
  /** The kinds by tag. */
  readonly all: Kind[] = [];
  private readonly code: GeometryCode;
  private everyPasses: Passes | undefined;
  private readonly slab: Slab;
  private readonly tagged: boolean;
  /** Whether no struct may be added to those of the pool's `types`. */
  private readonly closed: boolean;
  private readonly byStruct = new Map<AnyStruct, Kind>();
  /** The kind that `of` returned last; the next call often asks for the same one. */
  private last: Kind = NO_KIND;
  /** The kind that `at` returned last, where there are tags. */
  private lastSeen: Kind = NO_KIND;

  /**
   * @param slab The slab of the pool.
   * @param types The structs that may be stored; `undefined` for any struct that fits.
   * @param code The code of the pool's geometry.
   * @throws {SchemaError} when a struct does not fit into a chunk.
   * @throws {TypeError} when one is no struct.
   * @throws {RangeError} when there are more than tags can tell apart.
   */
  constructor(slab: Slab, types: readonly AnyStruct[] | undefined, code: GeometryCode) {
    this.slab = slab;
    this.code = code;
    this.tagged = slab.geometry.tagged;
    for (const struct of types ?? []) this.byStruct.has(struct) || this.add("create", struct);
    this.closed = types !== undefined;
  }

  /**
   * Returns the kind of a struct, which is added if the pool takes any struct.
   *
   * @param verb What the call does, for errors.
   * @param struct A struct.
   * @returns Its kind.
   * @throws {SchemaError} when its records do not fit into a chunk.
   * @throws {TypeMismatchError} when it is not among the pool's types.
   * @throws {TypeError} when it is no struct.
   * @throws {DisposedError} when it is none of the kinds and the pool was disposed of.
   */
  of(verb: string, struct: AnyStruct): Kind {
    if (struct === this.last.struct) return this.last;
    return this.last = this.byStruct.get(struct) ?? this.add(`${verb} in`, struct);
  }

  /**
   * Returns the kind of a record, after a check that it is of a struct.
   *
   * @param verb What the call does, for errors.
   * @param struct The struct that the caller named.
   * @param block The block of the record.
   * @param chunk The index of its chunk in the block.
   * @param handle Its handle, for errors.
   * @returns The kind.
   * @throws {TypeMismatchError} when the record is of another struct.
   */
  at(verb: string, struct: AnyStruct, block: Block, chunk: number, handle: number): Kind {
    if (!this.tagged) return this.of(verb, struct);
    const tag = block.tags[chunk];
    const { lastSeen } = this;
    // This comparison is faster than looking the tag up: it saves a tenth of a random get().
    if (struct === lastSeen.struct && tag === lastSeen.tag) return lastSeen;
    const kind = this.all[tag];
    if (kind.struct !== struct) throw this.mismatch(verb, struct, kind.struct, handle);
    return this.lastSeen = kind;
  }

  /**
   * Makes the error of a call whose handle is not that of a live record.
   *
   * @param verb What the call does.
   * @param struct The struct that the caller named.
   * @param slab The slab of the pool.
   * @param handle The handle.
   * @returns The error.
   * @throws {TypeError} when `struct` is no struct, as in a call with a handle alone.
   */
  missing(verb: string, struct: AnyStruct, slab: Slab, handle: number): Error {
    const error = slab.staleError(verb, handle);
    if (!slab.disposed) checkStruct(slab.label, `${verb} in`, struct);
    return error;
  }

  private add(verb: string, struct: AnyStruct): Kind {
    const { slab, tagged } = this;
    const { label, name, chunkBytes, geometry: { align } } = slab;
    slab.checkThere();
    checkFits({ label, chunkBytes, align }, verb, struct);
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
      chunkUnits: inUnits(View, chunkBytes),
      write,
      tag,
      lostBytes: chunkBytes - struct.size,
      passes: new Passes(
        this.code.iterationOf(struct, tagged ? tag : ALL_KINDS),
        () => new View(NO_BLOCK, 0),
      ),
      scratch: new View(NO_BLOCK, 0),
    };
    this.all.push(kind);
    this.byStruct.set(struct, kind);
    return kind;
  }

  /** Iterations over the records of all kinds, in a pool with tags. */
  get passes(): Passes {
    return this.everyPasses ??= new Passes(this.mixed(), () => NO_VIEW);
  }

  private mixed(): Iteration {
    const { all, code, closed } = this;
    return closed
      ? code.closedIterationOf(all.map(({ struct }) => struct))
      : code.mixedIterationOf((tag) => all[tag].View);
  }

  private mismatch(
    verb: string,
    struct: AnyStruct,
    actual: AnyStruct,
    handle: number,
  ): TypeMismatchError {
    return new TypeMismatchError(
      `Cannot ${verb} in ${this.slab.label}: handle ${handle} is of ${
        structTitle(actual)
      }, not of ${struct instanceof Struct ? structTitle(struct) : showValue(struct)}`,
      this.slab.name,
      struct instanceof Struct ? struct.name : "",
      actual.name,
    );
  }
}

/**
 * Checks that a struct can be stored in chunks of a pool.
 *
 * @param pool The label of the pool, and the size and alignment of its chunks.
 * @param verb What the call does, for errors.
 * @param struct The struct.
 * @throws {SchemaError} when its records do not fit into a chunk.
 * @throws {TypeError} when it is no struct.
 */
export function checkFits(
  { label, chunkBytes, align }: { label: string; chunkBytes: number; align: number },
  verb: string,
  struct: AnyStruct,
): void {
  checkStruct(label, verb, struct);
  if (struct.size <= chunkBytes && struct.align <= align) return;
  const chunks = `chunks of ${chunkBytes} bytes, aligned to ${align}`;
  throw fitError(label, verb, struct, `does not fit into ${chunks}`);
}

/**
 * Checks that an argument is a struct.
 *
 * @param label The class and name of the pool.
 * @param verb What the call does, for the error.
 * @param struct The argument.
 * @throws {TypeError} when it is none.
 */
export function checkStruct(label: string, verb: string, struct: unknown): void {
  if (struct instanceof Struct) return;
  throw new TypeError(
    `Cannot ${verb} ${label}: the type must be a struct, got ${showValue(struct)}`,
  );
}

/**
 * Makes the error for a struct that does not fit, with its size and alignment.
 *
 * @param label The class and name of the pool.
 * @param verb What the call does.
 * @param struct The struct.
 * @param problem What is wrong with the struct, as a predicate.
 * @returns The error.
 */
export function fitError(
  label: string,
  verb: string,
  struct: AnyStruct,
  problem: string,
): SchemaError {
  const sizes = `${struct.size} bytes, aligned to ${struct.align}`;
  return new SchemaError(
    `Cannot ${verb} ${label}: ${structTitle(struct)} of ${sizes}, ${problem}`,
    struct.name,
    "",
  );
}
