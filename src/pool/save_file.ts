/**
 * Saves as bytes: the records of a pool, and a description of their structs.
 *
 * ```text
 * header     8 words, see envelope.ts
 * words      length of the description in bytes, 0
 * text       the description as JSON: the structs, and the options of each slab
 * for each slab
 *   floats   number of records, number of chunks up to the last one that was ever used
 *   stamps   generation × 2 + live for each of those chunks, 2 or 4 bytes as in the pool
 *   tags     number of the record's struct in the slab, 1 byte a record, if the slab has tags
 *   numbers  handle of each record as a float, if the pool was in debug mode
 *   records  live chunks, one after the other
 * ```
 *
 * Each part starts at a multiple of 8 bytes. Free lists and free chunks are not saved, so there is
 * less that damage can reach.
 *
 * @module
 */
import { SchemaError, type SnapshotError } from "../errors.ts";
import { type Block, FIRST_STAMP } from "../slab/block.ts";
import { DebugHandles, endOfPacked, nextNumberIs } from "../slab/debug_handles.ts";
import {
  arraysOf,
  bytesFor,
  HEADER_BYTES,
  HEADER_WORDS,
  padded,
  readHeader,
  SAVE,
  type SnapshotArrays,
  snapshotError,
  writeHeader,
} from "../slab/envelope.ts";
import { CompactHandles, type HandleCodec, lastStampOf, WideHandles } from "../slab/handle.ts";
import { wasUsed } from "../slab/rebuild.ts";
import type { Slab } from "../slab/slab.ts";
import type { TypedSlab } from "../slab/typed_slab.ts";
import { SCALARS } from "../struct/scalars.ts";
import {
  type AnyStruct,
  arrayType,
  elementOf,
  type ElementType,
  type FieldType,
  scalarOf,
  type ScalarType,
  Struct,
} from "../struct/schema.ts";
import { copyBytes } from "./conversion.ts";

/** An element type in a description: a scalar, or a struct by its number. */
type ElementDescription = ScalarType | { readonly struct: number };
type TypeDescription = ElementDescription | {
  readonly array: ElementDescription;
  readonly length: number;
};

/** A struct in a description. */
interface StructDescription {
  readonly name: string;
  readonly size: number;
  readonly fields: readonly (readonly [name: string, type: TypeDescription, offset: number])[];
}

/** A slab in a description. */
interface SlabDescription {
  /** Encoding of its handles: the key of the codec. */
  readonly handles: string;
  readonly isDebug: boolean;
  readonly chunkBytes: number;
  /** Numbers of its structs by tag; empty where the pool does not know the structs. */
  readonly kinds: readonly number[];
  readonly tagged: boolean;
}

/** Where the description starts, in bytes: after the header and two numbers. */
const TEXT_BYTE = 40; // HEADER_BYTES + 8

/** Bytes of the two counts of a slab. */
const COUNTS_BYTES = 16;

// -- writing --

/**
 * Writes all records, in O(bytes of the records + chunks).
 *
 * @param all The slabs of a pool.
 * @returns The save.
 */
export function writeSave(all: readonly TypedSlab[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(describe(all)));
  const start = TEXT_BYTE + padded(text.length);
  const layouts = all.map(({ slab }) => layoutOf(slab));
  const byteLength = layouts.reduce((sum, { end }) => sum + end, start);
  const arrays = arraysOf(bytesFor(all[0].slab.label, undefined, byteLength));
  arrays.words[HEADER_WORDS] = text.length;
  arrays.bytes.set(text, TEXT_BYTE);
  let at = start;
  layouts.forEach((layout, i) => {
    writeSlab(arrays, at, all[i].slab, layout);
    at += layout.end;
  });
  writeHeader(arrays, 0, all.length, byteLength, true, SAVE);
  return arrays.bytes;
}

/** The description in a save. */
interface Description {
  readonly structs: readonly StructDescription[];
  readonly slabs: readonly SlabDescription[];
  /** A number above all handles that debug mode had given out; 0 without debug mode. */
  readonly nextNumber: number;
}

/** Describes the structs and slabs of a pool. */
function describe(all: readonly TypedSlab[]): Description {
  const structs: StructDescription[] = [];
  const numbers = new Map<AnyStruct, number>();
  const elementText = (type: ElementType): ElementDescription =>
    type instanceof Struct ? { struct: numberOf(type) } : scalarOf(type);
  const typeText = (type: FieldType): TypeDescription =>
    typeof type === "object" && "element" in type
      ? { array: elementText(type.element), length: type.length }
      : elementText(type);
  const numberOf = (struct: AnyStruct): number => {
    let number = numbers.get(struct);
    if (number === undefined) {
      const fields = Object.entries(struct.fields).map(([name, { type, offset }]) =>
        [name, typeText(type), offset] as const
      );
      // Its nested structs were added before it.
      number = structs.push({ name: struct.name, size: struct.size, fields }) - 1;
      numbers.set(struct, number);
    }
    return number;
  };
  const slabs = all.map(({ slab: { codec, chunkBytes, geometry: { tagged } }, struct, kinds }) => ({
    handles: codec instanceof DebugHandles ? codec.packed.key : codec.key,
    isDebug: codec.areNumbers,
    chunkBytes,
    kinds: struct === undefined ? kinds.map((it) => numberOf(it.struct)) : [numberOf(struct)],
    tagged,
  }));
  const nextNumber = slabs.some(({ isDebug }) => isDebug) ? nextNumberIs() : 0;
  return { structs, slabs, nextNumber };
}

/** Offsets of the parts of a slab, in bytes from its start. */
interface Layout {
  /** How many chunks it has stamps of. */
  readonly chunks: number;
  readonly stamps: number;
  readonly tags: number;
  readonly numbers: number;
  readonly records: number;
  readonly end: number;
}

function layout(
  records: number,
  chunks: number,
  stampBytes: number,
  { tagged, isDebug, chunkBytes }: Pick<SlabDescription, "tagged" | "isDebug" | "chunkBytes">,
): Layout {
  const stamps = COUNTS_BYTES;
  const tags = stamps + padded(chunks * stampBytes);
  const numbers = tags + padded(tagged ? records : 0);
  const at = numbers + (isDebug ? records * 8 : 0);
  return { chunks, stamps, tags, numbers, records: at, end: at + padded(records * chunkBytes) };
}

function layoutOf(slab: Slab): Layout {
  const { codec, geometry: { tagged, chunkBytes, stampBytes } } = slab;
  const isDebug = codec.areNumbers;
  return layout(slab.size, usedChunks(slab), stampBytes, { tagged, isDebug, chunkBytes });
}

/** Counts the chunks up to the last one that was ever used: no others have a generation to keep. */
function usedChunks({ blocks, geometry: { chunkCount } }: Slab): number {
  const last = blocks.findLast(wasUsed);
  if (last === undefined) return 0;
  return last.position * chunkCount + last.stamps.findLastIndex((it) => it !== FIRST_STAMP) + 1;
}

function writeSlab(
  { bytes, u16, u32, words, floats }: SnapshotArrays,
  at: number,
  slab: Slab,
  { chunks, stamps, tags, numbers, records }: Layout,
): void {
  const { codec, chunkBytes, geometry: { tagged, chunkCount, stampBytes } } = slab;
  floats[at / 8] = slab.size;
  floats[at / 8 + 1] = chunks;
  const isDebug = codec.areNumbers;
  const to = { u8: bytes, i32: words };
  const wide = stampBytes === 2 ? u16 : u32;
  let k = 0;
  for (const block of slab.blocks) {
    const first = block.position * chunkCount;
    if (first >= chunks) break; // no later chunk was ever used
    wide.set(block.stamps.subarray(0, chunks - first), (at + stamps) / stampBytes + first);
    for (let chunk = block.nextLive(0); chunk < block.bump;) {
      const end = endOfRun(block, chunk);
      const start = at + records + k * chunkBytes;
      copyBytes(block, chunk * chunkBytes, to, start, (end - chunk) * chunkBytes);
      if (tagged) bytes.set(block.tags.subarray(chunk, end), at + tags + k);
      for (let i = 0; isDebug && i < end - chunk; i++) {
        floats[(at + numbers) / 8 + k + i] = slab.handleAt(block, chunk + i);
      }
      k += end - chunk;
      chunk = block.nextLive(end);
    }
  }
}

/** Returns the end of a run of live chunks: the first dead chunk after a live one. */
function endOfRun({ liveBits }: Block, chunk: number): number {
  const { length } = liveBits;
  let word = chunk >> 5;
  let dead = ~liveBits[word] & (-1 << (chunk & 31));
  while (dead === 0 && ++word < length) dead = ~liveBits[word];
  return dead === 0 ? length * 32 : (word << 5) + 31 - Math.clz32(dead & -dead);
}

// -- reading --

/** The records of one slab in a save, checked. */
export interface SavedSlab {
  /** Number of its records. */
  readonly size: number;
  /** Bytes of a record. */
  readonly chunkBytes: number;
  /** Offset of the first record in the save, in bytes. */
  readonly firstByte: number;
  /** Encoding of its handles. */
  readonly codec: HandleCodec;
  /** Generation × 2 + live for each chunk up to the last one that was ever used. */
  readonly stamps: Uint16Array | Uint32Array;
  /** Index in {@linkcode kinds} for each record, if the slab has tags. */
  readonly tags: Uint8Array | undefined;
  /** Handle of each record, if the pool was in debug mode. */
  readonly numbers: Float64Array | undefined;
  /** Structs by tag; empty where the pool did not know the structs. */
  readonly kinds: readonly AnyStruct[];
}

/**
 * How deep structs may be nested: deeper than programs need, and safe for recursion on any stack.
 */
const MAX_DEPTH = 64;

/** The most size classes of a set. */
const MAX_SLABS = 64;

/** The greatest `nextNumber` that is accepted, so that 2^52 handles are left for later records. */
const MAX_NUMBER = 0x10_0000_0000_0000;

/** The most bytes of a record, and elements of an array. */
const MAX_BYTES = 0x400_0000;

/** A save that was read; everything but the bytes of the records is checked. */
export class SaveFile {
  readonly arrays: SnapshotArrays;
  readonly slabs: readonly SavedSlab[];
  /** Number of records in all slabs. */
  readonly size: number;
  private readonly nextNumber: number;
  private readonly label: string;
  private readonly name: string;
  private readonly structs: AnyStruct[] = [];
  /** Depth of nesting of each struct; 1 without nested structs. */
  private readonly depths = new Map<unknown, number>();

  /**
   * Reads and checks a save.
   *
   * @param slab The first slab of the pool that loads it, for errors.
   * @param bytes The save.
   * @throws {SnapshotError} when it is no save, or damaged.
   * @throws {TypeError} when the bytes are no `Uint8Array`.
   */
  constructor({ label, name }: Pick<Slab, "label" | "name">, bytes: Uint8Array) {
    this.label = label;
    this.name = name;
    this.arrays = readHeader(label, name, bytes, SAVE);
    const { texts, nextNumber, end } = this.description();
    this.nextNumber = nextNumber;
    let at = end;
    this.slabs = texts.map((text) => {
      const { slab, byteLength } = this.readRecords(at, text);
      at += byteLength;
      return slab;
    });
    if (at !== this.arrays.bytes.byteLength) throw this.error("bytes are left over", at);
    this.size = this.slabs.reduce((sum, { size }) => sum + size, 0);
    this.checkHandles(texts);
  }

  /** @returns A number above all compact and debug handles that the saved pool had given out. */
  endOfHandles(): number {
    return this.slabs.reduce(
      (end, { numbers, codec }) => numbers === undefined ? Math.max(end, endOfPacked(codec)) : end,
      this.nextNumber,
    );
  }

  /**
   * Makes the error for this save.
   *
   * @param problem What is wrong.
   * @param at Where it is, in bytes from the start.
   * @returns The error.
   */
  error(problem: string, at: number = HEADER_BYTES): SnapshotError {
    return snapshotError(this.label, this.name, problem, at, SAVE);
  }

  // -- slabs --

  /** Reads the slab that starts at a byte. */
  private readRecords(at: number, text: SlabDescription): { slab: SavedSlab; byteLength: number } {
    const { bytes, floats, u16, u32 } = this.arrays;
    const left = bytes.byteLength - at;
    const isThere = left >= COUNTS_BYTES;
    const [size, chunks] = isThere ? [floats[at / 8], floats[at / 8 + 1]] : [NaN, NaN];
    const codec = this.readCodec(text.handles);
    const { stampBytes, indexBits } = codec;
    const isCount = isIntegerIn(size, 0, chunks) && isIntegerIn(chunks, 0, 2 ** indexBits);
    const parts = layout(size, chunks, stampBytes, text);
    if (!isCount || parts.end > left) {
      throw this.error(`it ends after ${bytes.byteLength} bytes, within the records`, at);
    }
    const all = stampBytes === 2 ? u16 : u32;
    const firstStamp = (at + parts.stamps) / stampBytes;
    const firstNumber = (at + parts.numbers) / 8;
    const slab: SavedSlab = {
      ...{ size, codec, chunkBytes: text.chunkBytes, firstByte: at + parts.records },
      stamps: all.subarray(firstStamp, firstStamp + chunks),
      tags: text.tagged ? bytes.subarray(at + parts.tags, at + parts.tags + size) : undefined,
      numbers: text.isDebug ? floats.subarray(firstNumber, firstNumber + size) : undefined,
      kinds: text.kinds.map((number) => this.structs[number]),
    };
    const problem = stampsProblem(slab) ?? tagsProblem(slab);
    if (problem !== undefined) throw this.error(problem, at);
    return { slab, byteLength: parts.end };
  }

  /**
   * Checks that no two slabs can have the same handle, and no two records of debug mode the same
   * number.
   */
  private checkHandles(texts: readonly SlabDescription[]): void {
    const kinds = texts.map(({ handles, isDebug }) => {
      const [kind, indexBits, bits, , generationBits] = handles.split(",");
      return [isDebug, kind, indexBits, bits, generationBits].join();
    });
    const parts = new Set(this.slabs.map(({ codec }) => codec.first));
    if (new Set(kinds).size > 1 || parts.size < texts.length) {
      throw this.error("its description of handles is corrupt");
    }
    const seen = new Set<number>();
    for (const { numbers } of this.slabs) {
      for (const number of numbers ?? []) {
        if (!Number.isSafeInteger(number) || number <= 0 || seen.has(number)) {
          throw this.error(`${number} is the handle of a record, or of two`);
        }
        seen.add(number);
      }
    }
  }

  /** Makes the codec of a key. */
  private readCodec(key: string): HandleCodec {
    const [kind, ...rest] = key.split(",");
    const [indexBits, bits, part, generationBits] = rest.map(Number);
    const isWide = kind === "wide";
    const isValid = (isWide || kind === "compact") && rest.length === 4 &&
      isIntegerIn(indexBits, 0, isWide ? 32 : 22) && isIntegerIn(bits, 0, 11) &&
      isIntegerIn(part, 0, 2 ** bits - 1) &&
      isIntegerIn(generationBits, 1, isWide ? 30 : 15) &&
      indexBits + bits + generationBits <= (isWide ? 53 : 30);
    if (!isValid) throw this.error("its description of handles is corrupt");
    const Codec = isWide ? WideHandles : CompactHandles;
    return new Codec(indexBits, { bits, part }, generationBits);
  }

  // -- the description --

  /** Reads the description, and makes its structs. */
  private description(): { texts: SlabDescription[]; nextNumber: number; end: number } {
    const { bytes, words } = this.arrays;
    const length = bytes.byteLength >= TEXT_BYTE ? words[HEADER_WORDS] : -1;
    const end = TEXT_BYTE + padded(length);
    if (length <= 0 || end > bytes.byteLength) throw this.error("its description is cut off");
    let text: unknown;
    try {
      const copy = new Uint8Array(bytes.subarray(TEXT_BYTE, TEXT_BYTE + length));
      // TextDecoder does not decode shared memory.
      text = JSON.parse(new TextDecoder().decode(copy));
    } catch {
      throw this.error("its description is no JSON");
    }
    const { structs, slabs, nextNumber } = asObject(text);
    const isValid = Array.isArray(structs) && Array.isArray(slabs) && slabs.length > 0 &&
      slabs.length <= MAX_SLABS && slabs.length === words[5] &&
      isIntegerIn(nextNumber, 0, MAX_NUMBER);
    if (!isValid) throw this.error("its description is corrupt");
    for (const it of structs) this.addStruct(asObject(it));
    return { texts: slabs.map((it) => this.readSlab(asObject(it))), nextNumber, end };
  }

  /** Makes a struct from its description, and checks that its layout is the described one. */
  private addStruct({ name, size, fields }: Record<string, unknown>): void {
    const list = Array.isArray(fields) ? fields.filter(Array.isArray) : [];
    const names = new Set(list.map(([field]) => field));
    const isText = typeof name === "string" && Array.isArray(fields) &&
      list.length === fields.length && names.size === list.length &&
      list.every(([field]) => typeof field === "string") && isIntegerIn(size, 1, MAX_BYTES);
    if (!isText) throw this.error("a struct of its description is corrupt");
    let depth = 0;
    const types = Object.fromEntries(list.map(([field, text]) => {
      const type = this.typeOf(text);
      depth = Math.max(depth, this.depths.get(elementOf(type)) ?? 0);
      return [field, type];
    }));
    if (depth >= MAX_DEPTH) throw this.error(`struct "${name}" of it is nested too deep`);
    const struct = (["c", "compact"] as const).map((layout) => this.structOf(types, name, layout))
      .find((it) =>
        it.size === size && list.every(([field, , offset]) => it.fields[field].offset === offset)
      );
    if (struct === undefined) throw this.error(`struct "${name}" of it lays out in another way`);
    this.structs.push(struct);
    this.depths.set(struct, depth + 1);
  }

  private structOf(
    types: Record<string, FieldType>,
    name: string,
    layout: "c" | "compact",
  ): AnyStruct {
    try {
      return new Struct(types, { name, layout });
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      throw this.error(`it has a struct that cannot be. ${error.message}`);
    }
  }

  private typeOf(text: unknown): FieldType {
    const { array: element, length } = asObject(text);
    if (element === undefined) return this.elementOf(text);
    if (isIntegerIn(length, 1, MAX_BYTES)) {
      return arrayType(this.elementOf(element), length, {});
    }
    throw this.error("an array of its description is corrupt");
  }

  private elementOf(text: unknown): ScalarType | AnyStruct {
    if (typeof text === "string" && Object.hasOwn(SCALARS, text)) return text as ScalarType;
    const { struct } = asObject(text);
    // Only structs before it can be nested in it, so that none contains itself.
    if (isIntegerIn(struct, 0, this.structs.length - 1)) return this.structs[struct];
    throw this.error("a type of its description is corrupt");
  }

  private readSlab(text: Record<string, unknown>): SlabDescription {
    const { handles, isDebug, chunkBytes, tagged, kinds } = text;
    const isValid = typeof handles === "string" && typeof isDebug === "boolean" &&
      isIntegerIn(chunkBytes, 1, MAX_BYTES) && typeof tagged === "boolean" &&
      Array.isArray(kinds) && kinds.length <= (tagged ? 256 : 1) &&
      kinds.every((it) => {
        const struct = isIntegerIn(it, 0, this.structs.length - 1) ? this.structs[it] : undefined;
        return struct !== undefined && struct.size <= chunkBytes && chunkBytes % struct.align === 0;
      });
    if (!isValid) throw this.error("its description of a pool is corrupt");
    return { handles, isDebug, chunkBytes, tagged, kinds };
  }
}

/** Checks that generations are in range, and that there are as many live chunks as records. */
function stampsProblem({ stamps, size, codec }: SavedSlab): string | undefined {
  const most = lastStampOf(codec);
  let live = 0;
  for (let i = 0; i < stamps.length; i++) {
    const stamp = stamps[i];
    if (stamp > most || stamp < 2 && (stamp === 1 || codec.wraps)) {
      return `chunk ${i} is at generation ${stamp >>> 1}, out of range 1 to ${codec.maxGeneration}`;
    }
    live += stamp & 1;
  }
  return live === size ? undefined : `it has ${size} records, and ${live} live chunks`;
}

function tagsProblem({ tags, kinds, size }: SavedSlab): string | undefined {
  if (tags === undefined) return undefined;
  let bad = 0;
  while (bad < size && tags[bad] < kinds.length) bad++; // faster than findIndex()
  if (bad === size) return undefined;
  return `record ${bad} of ${size} is of kind ${tags[bad]}, out of range 0 to ${kinds.length - 1}`;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function isIntegerIn(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}
