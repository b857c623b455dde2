/**
 * Packing: live records, whole or some of their fields, are copied one after the other into an
 * array of the user.
 *
 * A plan, made for one list of fields and one type of array, says which elements of a block's typed
 * arrays go where. Bytes are copied in the widest words that all offsets and lengths are multiples
 * of, so a NaN keeps its bits. Numbers are converted element by element, in one group for each
 * typed array that they are read through and each way to decode them. Each group has its own loop.
 *
 * @module
 */
import { unknownName } from "../messages/nearest.ts";
import { showValue } from "../messages/show.ts";
import {
  type Arrays,
  type Compile,
  SCALAR_BYTES,
  SCALARS,
  type ScalarType,
} from "../struct/scalars.ts";
import { type AnyStruct, elementBytes, scalarOf, Struct } from "../struct/schema.ts";
import type { Block } from "./block.ts";
import { ALL_KINDS } from "./iterate.ts";
import { callDirectly } from "./own_code.ts";
import type { Slab } from "./slab.ts";
import type { OwnCode, TypedSlab } from "./typed_slab.ts";

/**
 * The target of `pack()`: a typed array or a `DataView`.
 *
 * @category Beside the records
 */
export type PackTarget = ArrayBufferView;

/** A typed array of numbers, as the loops use it. */
type Elements = {
  [i: number]: number;
  readonly length: number;
  set(from: Elements, at: number): void;
};

/**
 * Copies the elements of a group from records of a block.
 *
 * @param bits A bit for each chunk, set if its record is to be copied.
 * @param first Index of the block's first word in `bits`.
 * @param end Number of chunks to look at, whether their bits are set or not.
 * @param isFull Whether the bits of all of them are set.
 * @param from Typed array of the block.
 * @param to The target.
 * @param at Index in the target of the first record.
 * @returns Index of the next record.
 */
type Copy = (
  bits: Int32Array,
  first: number,
  end: number,
  isFull: boolean,
  from: Elements,
  to: Elements,
  at: number,
) => number;

/** The elements of a record that are read through one typed array and decoded in one way. */
interface Group {
  readonly array: keyof Arrays;
  readonly copy: Copy;
}

/** Adjacent scalars of a record, of one type. */
interface ScalarRun {
  readonly scalar: ScalarType;
  /** Bytes from the start of the record. */
  readonly offset: number;
  readonly count: number;
}

/** How an element of a typed array is decoded. */
const AS_IT_IS = 0, SIGNED_8 = 1, SIGNED_16 = 2, UNSIGNED_32 = 3, TRUTH = 4;

const DECODING: Readonly<Partial<Record<ScalarType, number>>> = {
  i8: SIGNED_8,
  i16: SIGNED_16,
  u32: UNSIGNED_32,
  ref: UNSIGNED_32,
  bool: TRUTH,
};

/** A plan that packs records into arrays of one type. */
class PackPlan {
  /** Elements of a record in the target. */
  readonly stride: number;
  /** Bytes of an element of the target, 1, 2 or 4; 0 where the user's own array is written. */
  readonly unit: number;
  /** Whether bytes are written through an array of integers over the target. */
  readonly isBytes: boolean;
  /** Bytes of a record in the target. */
  readonly recordBytes: number;
  private readonly groups: readonly Group[];

  constructor(groups: readonly Group[], stride: number, unit: number, isBytes: boolean) {
    this.groups = groups;
    this.stride = stride;
    this.unit = unit;
    this.isBytes = isBytes;
    this.recordBytes = stride * unit;
  }

  /** Copies records of a block; see {@linkcode Copy}. */
  copy(
    bits: Int32Array,
    first: number,
    end: number,
    isFull: boolean,
    block: Arrays,
    to: Elements,
    at: number,
  ): number {
    let next = at;
    for (let i = 0; i < this.groups.length; i++) {
      const { array, copy } = this.groups[i];
      next = copy(bits, first, end, isFull, arrayOf(block, array), to, at);
    }
    return next;
  }
}

function arrayOf(block: Arrays, name: keyof Arrays): Elements {
  return block[name] as unknown as Elements; // bigints are only copied into arrays of bigints
}

/** The elements of a record that are copied, and where each goes. */
class ElementMap {
  /** Index of each element from the start of the chunk; only the first if they are adjacent. */
  readonly from: number[] = [];
  /**
   * Index of each from the start of the record in the target; only the first if they are adjacent.
   */
  readonly to: number[] = [];
  count = 0;
  /** Whether the elements are adjacent in both. */
  private isRow = true;

  /** Adds adjacent elements. */
  add(from: number, to: number, count: number): void {
    if (this.count > 0) {
      if (from !== this.from[0] + this.count || to !== this.to[0] + this.count) this.listAll();
    }
    const length = this.isRow && this.count > 0 ? 0 : this.isRow ? 1 : count;
    for (let i = 0; i < length; i++) {
      this.from.push(from + i);
      this.to.push(to + i);
    }
    this.count += count;
  }

  /** Lists every element, as they are not adjacent any more. */
  private listAll(): void {
    if (!this.isRow) return;
    this.isRow = false;
    for (let i = 1; i < this.count; i++) {
      this.from.push(this.from[0] + i);
      this.to.push(this.to[0] + i);
    }
  }

  /** Makes the loop that copies the elements. */
  copy(stride: number, outStride: number, decoding: number, compile: Compile): Copy {
    const { count, from, to, isRow } = this;
    return compile(defineCopy, stride, outStride, count, isRow, from, to, decoding);
  }
}

/**
 * The most plans that are kept for a struct, as a program may pass any number of lists of fields.
 */
const MAX_PLANS = 64;

/** Makes and keeps the plans for the records of one struct in chunks of one size. */
class Packer {
  private readonly struct: AnyStruct | undefined;
  private readonly chunkBytes: number;
  private readonly compile: Compile;
  private readonly plans: {
    readonly fields: readonly string[] | undefined;
    readonly kind: string;
    readonly units: number;
    readonly plan: PackPlan;
  }[] = [];

  /**
   * @param struct Struct of the records; `undefined` to pack whole chunks.
   * @param chunkBytes Bytes of a chunk.
   * @param compile Compiles the loops.
   */
  constructor(struct: AnyStruct | undefined, chunkBytes: number, compile: Compile) {
    this.struct = struct;
    this.chunkBytes = chunkBytes;
    this.compile = compile;
  }

  /**
   * Returns the plan for a target and a list of fields.
   *
   * @param label How errors call the pool.
   * @param out The target.
   * @param fields Names of fields; `undefined` for whole records.
   * @param arrays Typed arrays of a block; `undefined` where there is none.
   * @param start Bytes of `out` to skip.
   * @returns A plan that was kept, or a new one.
   * @throws {TypeError} when the target is no array, or the fields cannot be packed into it.
   */
  plan(
    label: string,
    out: PackTarget,
    fields: readonly string[] | undefined,
    arrays: Arrays | undefined,
    start = 0,
  ): PackPlan {
    const kind = kindOf(label, out);
    if (fields !== undefined) this.checkFields(label, fields);
    const units = arrays === undefined ? 1 : unitsOf(arrays, out.byteOffset | start);
    for (let i = 0; i < this.plans.length; i++) {
      const it = this.plans[i];
      if (it.kind === kind && it.units === units && isSame(it.fields, fields)) return it.plan;
    }
    const isKept = this.plans.length < MAX_PLANS;
    const names = fields && Array.from(fields); // read only once, as it may have getters
    const plan = this.make(label, kind, names, units, isKept ? this.compile : callDirectly);
    if (isKept) this.plans.push({ fields: names, kind, units, plan });
    return plan;
  }

  private checkFields(label: string, fields: readonly string[]): void {
    if (this.struct === undefined) {
      throw new TypeError(`Cannot pack ${label}: fields are of one struct, so say which`);
    }
    if (!Array.isArray(fields) || fields.length === 0) {
      throw new TypeError(
        `Cannot pack ${label}: fields must be an array of at least one name, got ${
          Array.isArray(fields) ? "none" : showValue(fields)
        }`,
      );
    }
  }

  /** Makes a plan. */
  private make(
    label: string,
    kind: string,
    fields: readonly string[] | undefined,
    units: number,
    compile: Compile,
  ): PackPlan {
    if (fields === undefined) {
      const count = this.struct?.size ?? this.chunkBytes;
      return this.inWords([{ scalar: "u8", offset: 0, count }], units, compile);
    }
    const scalars = fields.flatMap((name) => this.scalarsOf(label, name));
    if (kind === "Uint8Array" || kind === "DataView") return this.inWords(scalars, units, compile);
    const isBig = kind === "BigInt64Array" || kind === "BigUint64Array";
    for (const { scalar } of scalars) {
      const isBigField = scalar === "i64" || scalar === "u64";
      if (isBig === isBigField) continue;
      throw new TypeError(
        `Cannot pack ${label}: a field of type ${scalar} does not go into a ${kind}: ${
          isBigField ? "it wants a BigInt64Array, BigUint64Array" : "it wants numbers"
        } or Uint8Array`,
      );
    }
    return isBig ? this.inWords(scalars, units, compile) : this.byElement(scalars, compile);
  }

  /** A plan that copies bytes as they are, in the widest words that all of them allow. */
  private inWords(scalars: readonly ScalarRun[], units: number, compile: Compile): PackPlan {
    let shape = this.chunkBytes;
    for (const { scalar, offset, count } of scalars) {
      shape |= offset | count * SCALAR_BYTES[scalar];
    }
    const fits = (unit: number) => (units & unit) !== 0 && shape % unit === 0;
    const unit = fits(4) ? 4 : fits(2) ? 2 : 1;
    const elements = new ElementMap();
    for (const { scalar, offset, count } of scalars) {
      elements.add(offset / unit, elements.count, count * SCALAR_BYTES[scalar] / unit);
    }
    const array = unit === 4 ? "i32" : unit === 2 ? "u16" : "u8";
    const copy = elements.copy(this.chunkBytes / unit, elements.count, AS_IT_IS, compile);
    return new PackPlan([{ array, copy }], elements.count, unit, true);
  }

  /** Makes a plan that converts numbers. */
  private byElement(scalars: readonly ScalarRun[], compile: Compile): PackPlan {
    const groups = new Map<
      string,
      { array: keyof Arrays; decoding: number; elements: ElementMap }
    >();
    let length = 0;
    for (const { scalar, offset, count } of scalars) {
      const { array } = SCALARS[scalar];
      const bytes = SCALAR_BYTES[scalar];
      const decoding = DECODING[scalar] ?? AS_IT_IS;
      const key = `${array} ${decoding}`;
      let group = groups.get(key);
      if (group === undefined) {
        groups.set(key, group = { array, decoding, elements: new ElementMap() });
      }
      group.elements.add(offset / bytes, length, count);
      length += count;
    }
    const made = Array.from(groups.values(), ({ array, decoding, elements }) => {
      return {
        array,
        // A typed array is named after the type that needs no decoding.
        copy: elements.copy(this.chunkBytes / SCALAR_BYTES[array], length, decoding, compile),
      };
    });
    return new PackPlan(made, length, 0, false);
  }

  /** Returns the scalars of a field, those of a nested struct in declared order. */
  private scalarsOf(label: string, name: string): ScalarRun[] {
    const { fields } = this.struct!; // checkFields() throws without one
    if (typeof name !== "string" || !Object.hasOwn(fields, name)) {
      const problem = unknownName("field", name, Object.keys(fields));
      throw new TypeError(`Cannot pack ${label}: ${problem}`);
    }
    return scalarsOf(fields[name].type, fields[name].offset);
  }
}

/** What packing uses of a slab. */
export interface PackedSlab {
  /** How errors call the pool. */
  readonly label: string;
  readonly chunkBytes: number;
  mappedBlocks(): readonly Arrays[];
}

/** A pool that selects the records to pack itself, as a `SharedPool` does. */
interface PackSource<Part> {
  /** The struct of the records. */
  readonly struct: AnyStruct;
  /** Returns the slab, if the pool can be used. */
  _packed(): PackedSlab;
  /** Returns the code of the pool. */
  _ownCode(): OwnCode;
  /** Selects the live records of a part. */
  _select(selection: Selection, part?: Part): void;
}

/**
 * Packs the records that a pool selects.
 *
 * @typeParam Part Type of the value that says which records.
 * @param pool The pool.
 * @param out The target.
 * @param fields Names of fields; `undefined` for whole records.
 * @param part Which records.
 * @returns How many records were packed.
 * @throws {TypeError | RangeError} before anything is written.
 */
export function packSome<Part>(
  pool: PackSource<Part>,
  out: PackTarget,
  fields: readonly string[] | undefined,
  part: Part | undefined,
): number {
  const slab = pool._packed();
  const packer = packerOf(pool._ownCode(), pool.struct, slab.chunkBytes);
  const plan = packer.plan(slab.label, out, fields, slab.mappedBlocks()[0]);
  pool._select(selection, part);
  return packSelected(slab.label, plan, out, selection);
}

/** The packers of a geometry. */
interface Packers {
  /** Packs whole chunks. */
  whole: Packer | undefined;
  readonly byStruct: WeakMap<AnyStruct, Packer>;
}

const packersOf = new WeakMap<OwnCode, Packers>();

/**
 * Returns the packer of records; made at the first call.
 *
 * @param code The code of their geometry.
 * @param struct Their struct; `undefined` to pack whole chunks.
 * @param chunkBytes Bytes of a chunk.
 * @returns The packer.
 */
export function packerOf(
  code: OwnCode,
  struct: AnyStruct | undefined,
  chunkBytes: number,
): Packer {
  let packers = packersOf.get(code);
  if (packers === undefined) {
    packersOf.set(code, packers = { whole: undefined, byStruct: new WeakMap() });
  }
  let packer = struct === undefined ? packers.whole : packers.byStruct.get(struct);
  if (packer === undefined) {
    packer = new Packer(struct, chunkBytes, code.compile);
    if (struct === undefined) packers.whole = packer;
    else packers.byStruct.set(struct, packer);
  }
  return packer;
}

/** Returns the scalars of a type at an offset, in bytes. */
function scalarsOf(type: AnyStruct["fields"][string]["type"], offset: number): ScalarRun[] {
  if (type instanceof Struct) {
    return Object.values(type.fields).flatMap((it) => scalarsOf(it.type, offset + it.offset));
  }
  if (typeof type === "string" || type.kind === "ref") {
    return [{ scalar: scalarOf(type), offset, count: 1 }];
  }
  const { element, length } = type;
  if (!(element instanceof Struct)) return [{ scalar: scalarOf(element), offset, count: length }];
  const bytes = elementBytes(element);
  return Array.from({ length }, (_, i) => scalarsOf(element, offset + i * bytes)).flat();
}

/** Returns the sum of the word widths, of 4, 2 and 1, that both a block and an offset allow. */
function unitsOf({ i32, u16 }: Arrays, place: number): number {
  const four = place % 4 === 0 && i32.length > 0 ? 4 : 0;
  const two = place % 2 === 0 && u16.length > 0 ? 2 : 0;
  return four + two + 1;
}

/** Compares two lists of names. */
function isSame(
  some: readonly string[] | undefined,
  fields: readonly string[] | undefined,
): boolean {
  if (some === undefined || fields === undefined) return some === fields;
  if (some.length !== fields.length) return false;
  for (let i = 0; i < some.length; i++) if (some[i] !== fields[i]) return false;
  return true;
}

/** Returns the name of a typed array's class, also in another realm and of a subclass. */
function kindOf(label: string, out: PackTarget): string {
  if (!ArrayBuffer.isView(out)) {
    throw new TypeError(
      `Cannot pack ${label}: out must be a typed array or DataView, got ${showValue(out)}`,
    );
  }
  typedArrayName ??= Object.getOwnPropertyDescriptor(
    Object.getPrototypeOf(Uint8Array.prototype),
    Symbol.toStringTag,
  )!.get as (this: unknown) => string | undefined; // every typed array has it
  return typedArrayName.call(out) ?? "DataView";
}

let typedArrayName: ((this: unknown) => string | undefined) | undefined;

// -- targets --

/** Arrays of integers over a target. */
interface Words {
  readonly i32: Int32Array | undefined;
  readonly u16: Uint16Array | undefined;
  readonly u8: Uint8Array;
}

/**
 * The arrays over each target, kept as long as the target, so that packing into it again allocates
 * nothing.
 */
const wordsOf = new WeakMap<PackTarget, Words>();

/** Returns the array that a plan writes through. */
function elementsOf(plan: PackPlan, out: PackTarget): Elements {
  // A plan of this kind is only made for a typed array.
  if (!plan.isBytes) return out as unknown as Elements;
  const { buffer, byteOffset, byteLength } = out;
  let words = wordsOf.get(out);
  if (words === undefined || words.u8.byteLength !== byteLength || words.u8.buffer !== buffer) {
    words = {
      i32: byteOffset % 4 === 0
        ? new Int32Array(buffer, byteOffset, Math.floor(byteLength / 4))
        : undefined,
      u16: byteOffset % 2 === 0
        ? new Uint16Array(buffer, byteOffset, Math.floor(byteLength / 2))
        : undefined,
      u8: new Uint8Array(buffer, byteOffset, byteLength),
    };
    wordsOf.set(out, words);
  }
  const elements = plan.unit === 4 ? words.i32 : plan.unit === 2 ? words.u16 : words.u8;
  return elements as unknown as Elements; // the unit of a plan fits the offset of its target
}

/** Throws where the target is too short. */
function checkRoom(label: string, out: PackTarget, plan: PackPlan, records: number): void {
  const { BYTES_PER_ELEMENT: bytes = 1, length = out.byteLength } = out as Uint8Array;
  const needed = plan.isBytes
    ? Math.ceil(records * plan.recordBytes / bytes)
    : records * plan.stride;
  if (length < needed) throw roomError(label, length, needed, records);
}

function roomError(label: string, length: number, needed: number, records: number): RangeError {
  return new RangeError(
    `Cannot pack ${label}: out has a length of ${length}, ${records} records need ${needed}`,
  );
}

// -- slabs --

/**
 * Packs the records of a slab.
 *
 * @param slab The slab.
 * @param packer Makes the plan.
 * @param tag Tag of the records to pack; `ALL_KINDS` for all.
 * @param out The target.
 * @param fields Names of fields; `undefined` for whole records.
 * @returns How many records were packed.
 * @throws {TypeError | RangeError | DisposedError} before anything is written.
 */
export function packSlab(
  slab: Slab,
  packer: Packer,
  tag: number,
  out: PackTarget,
  fields: readonly string[] | undefined,
): number {
  slab.checkThere();
  const plan = packer.plan(slab.label, out, fields, slab.mappedBlocks()[0]);
  slab.checkUsable("pack"); // the names may have getters, which are user code
  if (tag !== ALL_KINDS) return packSelected(slab.label, plan, out, selectTag(slab, tag));
  checkRoom(slab.label, out, plan, slab.size);
  copyBlocks(slab.mappedBlocks(), plan, elementsOf(plan, out), 0);
  return slab.size;
}

/**
 * Packs the whole chunks of several slabs, one after the other.
 *
 * @param all The slabs.
 * @param out The target.
 * @returns How many records were packed.
 * @throws {TypeError | RangeError} before anything is written.
 */
export function packChunks(all: readonly TypedSlab[], out: PackTarget): number {
  const [{ slab: { label } }] = all;
  kindOf(label, out);
  let records = 0;
  let bytes = 0;
  for (let i = 0; i < all.length; i++) {
    const { size, chunkBytes } = all[i].slab;
    records += size;
    bytes += size * chunkBytes;
  }
  const { BYTES_PER_ELEMENT = 1, length = out.byteLength } = out as Uint8Array;
  const needed = Math.ceil(bytes / BYTES_PER_ELEMENT);
  if (length < needed) throw roomError(label, length, needed, records);
  for (let i = 0, start = 0; i < all.length; i++) {
    const { slab, code } = all[i];
    const { size, chunkBytes } = slab;
    if (size === 0) continue;
    const blocks = slab.mappedBlocks();
    const plan = packerOf(code, undefined, chunkBytes).plan(
      label,
      out,
      undefined,
      blocks[0],
      start,
    );
    copyBlocks(blocks, plan, elementsOf(plan, out), start / plan.unit);
    start += size * chunkBytes;
  }
  return records;
}

/** Copies the live records of all blocks. */
function copyBlocks(blocks: readonly Block[], plan: PackPlan, to: Elements, at: number): void {
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i];
    const { live, bump } = block;
    if (live > 0) at = plan.copy(block.liveBits, 0, bump, live === bump, block, to, at);
  }
}

// -- some of the records --

const NO_BLOCKS: readonly never[] = [];

/**
 * Some of the chunks of blocks. One selection serves all calls, as no user code runs while it is in
 * use.
 */
export class Selection {
  blocks: readonly (Arrays & { readonly chunkCount: number })[] = NO_BLOCKS;
  /** A bit for each chunk of each block, set if it is selected. */
  bits: Int32Array = new Int32Array(0);
  /** Selected chunks of each block. */
  counts: Int32Array = new Int32Array(0);
  /** Words of a block in `bits`. */
  words = 0;
  /** Selected chunks of all blocks. */
  records = 0;

  /**
   * Starts a selection, with no chunk in it.
   *
   * @param blocks The blocks.
   * @returns This.
   */
  start(blocks: Selection["blocks"]): this {
    this.blocks = blocks;
    this.words = blocks.length === 0 ? 0 : blocks[0].chunkCount + 31 >> 5;
    this.records = 0;
    const length = blocks.length * this.words;
    if (this.bits.length < length) this.bits = new Int32Array(length * 2);
    else this.bits.fill(0, 0, length);
    if (this.counts.length < blocks.length) this.counts = new Int32Array(blocks.length * 2);
    else this.counts.fill(0, 0, blocks.length);
    return this;
  }

  /**
   * Selects a chunk.
   *
   * @param i Position of its block in `blocks`.
   * @param chunk The chunk, selected only once.
   */
  add(i: number, chunk: number): void {
    this.bits[i * this.words + (chunk >> 5)] |= 1 << (chunk & 31);
    this.counts[i]++;
    this.records++;
  }
}

/** The selection that all calls use. */
const selection: Selection = /* @__PURE__ */ new Selection();

/** Selects the records with a tag. */
function selectTag(slab: Slab, tag: number): Selection {
  const blocks = slab.mappedBlocks();
  selection.start(blocks);
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i];
    const { tags, bump } = block;
    for (let chunk = block.nextLive(0); chunk < bump; chunk = block.nextLive(chunk + 1)) {
      if (tags[chunk] === tag) selection.add(i, chunk);
    }
  }
  return selection;
}

/** Packs the selected records. */
function packSelected(
  label: string,
  plan: PackPlan,
  out: PackTarget,
  { blocks, bits, counts, words, records }: Selection,
): number {
  selection.blocks = NO_BLOCKS; // so that no block is kept alive
  checkRoom(label, out, plan, records);
  const to = elementsOf(plan, out);
  let at = 0;
  for (let i = 0; i < blocks.length; i++) {
    const { chunkCount } = blocks[i];
    if (counts[i] === 0) continue;
    at = plan.copy(bits, i * words, chunkCount, counts[i] === chunkCount, blocks[i], to, at);
  }
  return records;
}

/**
 * Defines the loop of a group. Its text is compiled again for each group, so all that it uses is a
 * parameter, a local or a global.
 *
 * @param stride Elements from a chunk to the next.
 * @param outStride Elements from a record to the next in the target.
 * @param count Elements that are copied of each record.
 * @param isRow Whether they are adjacent in both.
 * @param from Index of each from the start of the chunk; only the first if they are adjacent.
 * @param to Index of each from the start of the record in the target; only the first if they are
 * adjacent.
 * @param decoding How an element is decoded, 0 to 4.
 * @returns The loop.
 */
function defineCopy(
  stride: number,
  outStride: number,
  count: number,
  isRow: boolean,
  from: readonly number[],
  to: readonly number[],
  decoding: number,
): Copy {
  const from0 = from[0];
  const from1 = isRow ? from0 + 1 : from[1];
  const from2 = isRow ? from0 + 2 : count > 2 ? from[2] : 0;
  const from3 = isRow ? from0 + 3 : count > 3 ? from[3] : 0;
  const to0 = to[0];
  const to1 = isRow ? to0 + 1 : to[1];
  const to2 = isRow ? to0 + 2 : count > 2 ? to[2] : 0;
  const to3 = isRow ? to0 + 3 : count > 3 ? to[3] : 0;
  /** Whether whole chunks are copied, so that adjacent ones are copied at once. */
  const isWhole = isRow && count === stride && count === outStride && decoding === 0;

  const read = decoding === 0
    ? function (array: Elements, i: number) {
      return array[i];
    }
    : decoding === 1
    ? function (array: Elements, i: number) {
      return array[i] << 24 >> 24;
    }
    : decoding === 2
    ? function (array: Elements, i: number) {
      return array[i] << 16 >> 16;
    }
    : decoding === 3
    ? function (array: Elements, i: number) {
      return array[i] >>> 0;
    }
    : function (array: Elements, i: number) {
      return array[i] > 0 ? 1 : 0;
    };

  const put = count === 1
    ? function (source: Elements, s: number, target: Elements, t: number) {
      target[t + to0] = read(source, s + from0);
    }
    : count === 2
    ? function (source: Elements, s: number, target: Elements, t: number) {
      target[t + to0] = read(source, s + from0);
      target[t + to1] = read(source, s + from1);
    }
    : count === 3
    ? function (source: Elements, s: number, target: Elements, t: number) {
      target[t + to0] = read(source, s + from0);
      target[t + to1] = read(source, s + from1);
      target[t + to2] = read(source, s + from2);
    }
    : count === 4
    ? function (source: Elements, s: number, target: Elements, t: number) {
      target[t + to0] = read(source, s + from0);
      target[t + to1] = read(source, s + from1);
      target[t + to2] = read(source, s + from2);
      target[t + to3] = read(source, s + from3);
    }
    : isRow
    ? function (source: Elements, s: number, target: Elements, t: number) {
      for (let i = 0; i < count; i++) target[t + to0 + i] = read(source, s + from0 + i);
    }
    : function (source: Elements, s: number, target: Elements, t: number) {
      for (let i = 0; i < count; i++) target[t + to[i]] = read(source, s + from[i]);
    };

  function copyRun(source: Elements, s: number, records: number, target: Elements, t: number) {
    const end = s + records * stride;
    if (isWhole) {
      if (s === 0 && source.length === end) target.set(source, t);
      else for (let i = s, o = t; i < end; i++, o++) target[o] = source[i];
    } else for (let o = t; s < end; s += stride, o += outStride) put(source, s, target, o);
    return t + records * outStride;
  }

  return function copy(bits, first, end, isFull, source, target, at) {
    if (isFull) return copyRun(source, 0, end, target, at);
    for (let word = 0; word << 5 < end; word++) {
      let left = bits[first + word];
      if (left === -1) {
        at = copyRun(source, (word << 5) * stride, 32, target, at);
        continue;
      }
      while (left !== 0) {
        const chunk = (word << 5) + 31 - Math.clz32(left & -left);
        put(source, chunk * stride, target, at);
        at += outStride;
        left &= left - 1;
      }
    }
    return at;
  };
}
