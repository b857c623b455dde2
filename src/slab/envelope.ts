/**
 * What every snapshot has around what it holds: who it is of, how long it is, and a checksum.
 *
 * ```text
 * word  0     "SLAB" or "SAVE", read the other way round on a machine of the other byte order
 *       1     version
 *       2     fingerprint of the layout; 0 in a save
 *       3     "SUM1" or "NONE"
 *       4     checksum of all other words; 0 with "NONE"
 *       5     sections
 *       6 7   bytes, low and high
 *       8 …   the sections, each a multiple of 8 bytes
 * ```
 *
 * @module
 */
import { optionsProblem } from "../messages/nearest.ts";
import { SnapshotError } from "../errors.ts";
import type { AnyStruct, FieldType } from "../struct/schema.ts";
import { Struct } from "../struct/schema.ts";

/** What bytes are, and what errors call them. */
export interface Format {
  /** Their first word. */
  readonly magic: number;
  /** Their second word: the version of what is in them. */
  readonly version: number;
  /** What is done with them, and what they are. */
  readonly verb: string;
  readonly noun: string;
}

/** The state of one kind of pool. */
export const SNAPSHOT: Format = {
  magic: 0x42414c53, // "SLAB" in memory, where the low byte comes first
  version: 2,
  verb: "restore",
  noun: "snapshot",
};

/** Records that say what they are; see `pool/save_file.ts`. */
export const SAVE: Format = {
  magic: 0x45564153, // "SAVE"
  version: 1,
  verb: "load",
  noun: "save",
};

const SUM = 0x314d5553; // "SUM1"
const NONE = 0x454e4f4e; // "NONE": no single byte makes one of the other

/** Words before the sections. */
export const HEADER_WORDS = 8;

/**
 * @param bytes Where a thing ends.
 * @returns Where the next one may start.
 */
export function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** Options of `snapshot`. */
export interface SnapshotOptions {
  /**
   * Whether a checksum is written, so that `restore` notices every change of a byte. Without it a snapshot is made and
   * read faster, and only its structure is checked.
   * @default {true}
   */
  readonly checksum?: boolean;
}

/**
 * Reads the options of a snapshot.
 *
 * @param label How errors call the pool.
 * @param options As the user gave them.
 * @returns Whether there is to be a checksum.
 * @throws {TypeError} when there is an unknown option, or it is no boolean.
 */
export function wantsChecksum(label: string, options: SnapshotOptions): boolean {
  if (options === WITH_CHECKSUM) return true; // most of them, which so need not be looked at
  const unknown = optionsProblem(options, SNAPSHOT_OPTIONS);
  const { checksum = true } = unknown === undefined ? options : WITH_CHECKSUM;
  if (unknown === undefined && typeof checksum === "boolean") return checksum;
  const problem = unknown ?? `checksum must be a boolean, got ${String(checksum)}`;
  throw new TypeError(`Cannot snapshot ${label}: ${problem}`);
}

const SNAPSHOT_OPTIONS = ["checksum"];

/** The options of a snapshot that has none. */
export const WITH_CHECKSUM: SnapshotOptions = {};

/** A snapshot's bytes, also as numbers of several widths. */
export interface SnapshotArrays {
  readonly bytes: Uint8Array;
  readonly u16: Uint16Array;
  readonly words: Int32Array;
  readonly u32: Uint32Array;
  readonly floats: Float64Array;
}

/** The arrays of each array that was written to, so that the next snapshot into it allocates nothing. */
const knownArrays = new WeakMap<Uint8Array, SnapshotArrays>();

/**
 * @param bytes Starts at a multiple of 8 in its buffer.
 * @returns The same bytes, also as numbers; the same arrays for the same array.
 */
export function arraysOf(bytes: Uint8Array): SnapshotArrays {
  let arrays = knownArrays.get(bytes);
  // That of an array over a resizable buffer may have become too short.
  if (arrays === undefined || arrays.floats.length !== Math.floor(bytes.byteLength / 8)) {
    knownArrays.set(bytes, arrays = makeArrays(bytes));
  }
  return arrays;
}

function makeArrays(bytes: Uint8Array): SnapshotArrays {
  const { buffer, byteOffset, byteLength } = bytes;
  return {
    bytes,
    // Not shifted, as there may be more than 2^31 bytes.
    u16: new Uint16Array(buffer, byteOffset, Math.floor(byteLength / 2)),
    words: new Int32Array(buffer, byteOffset, Math.floor(byteLength / 4)),
    u32: new Uint32Array(buffer, byteOffset, Math.floor(byteLength / 4)),
    floats: new Float64Array(buffer, byteOffset, Math.floor(byteLength / 8)),
  };
}

/**
 * Finds the array that a snapshot goes into.
 *
 * @param label How errors call the pool.
 * @param into What the caller has, if anything.
 * @param byteLength Bytes that are needed, a multiple of 8.
 * @returns It, if it has room; else a new one.
 * @throws {TypeError} when it is no `Uint8Array`.
 * @throws {RangeError} when it starts at no multiple of 8 bytes of its buffer.
 */
export function bytesFor(
  label: string,
  into: Uint8Array | undefined,
  byteLength: number,
): Uint8Array {
  if (into === undefined) return new Uint8Array(byteLength);
  if (!(into instanceof Uint8Array)) {
    throw new TypeError(`Cannot snapshot ${label}: into must be a Uint8Array, got ${String(into)}`);
  }
  if (into.byteOffset % 8 !== 0) {
    throw new RangeError(
      `Cannot snapshot ${label}: into must start at a multiple of 8 bytes of its buffer, got ${into.byteOffset}`,
    );
  }
  return into.byteLength >= byteLength ? into : new Uint8Array(byteLength);
}

/**
 * Writes the header, when all sections are written.
 *
 * @param arrays What they were written to.
 * @param fingerprint Of the layout.
 * @param sections How many.
 * @param byteLength Bytes in all.
 * @param withChecksum Whether there is to be a checksum.
 * @param format What they are.
 */
export function writeHeader(
  { words }: SnapshotArrays,
  fingerprint: number,
  sections: number,
  byteLength: number,
  withChecksum: boolean,
  format: Format = SNAPSHOT,
): void {
  words[0] = format.magic;
  words[1] = format.version;
  words[2] = fingerprint;
  words[3] = withChecksum ? SUM : NONE;
  words[4] = 0;
  words[5] = sections;
  words[6] = byteLength;
  words[7] = Math.floor(byteLength / 2 ** 32);
  if (withChecksum) words[4] = checksum(words, byteLength);
}

/**
 * Reads the header of a snapshot, and checks all of it.
 *
 * @param label How errors call the pool.
 * @param name Its name.
 * @param bytes The snapshot; it may be longer.
 * @param format What they have to be.
 * @returns The snapshot as a arrays, of just its own length.
 * @throws {SnapshotError} when it is none, or was damaged.
 * @throws {TypeError} when the bytes are no `Uint8Array`.
 */
export function readHeader(
  label: string,
  name: string,
  bytes: Uint8Array,
  format: Format = SNAPSHOT,
): SnapshotArrays {
  const { magic, version, verb, noun } = format;
  const fail = (problem: string, at: number) => snapshotError(label, name, problem, at, format);
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(
      `Cannot ${verb} ${label}: bytes must be a Uint8Array, got ${String(bytes)}`,
    );
  }
  if (bytes.byteLength < HEADER_WORDS * 4) {
    throw fail(
      `it is cut off: ${bytes.byteLength} bytes, fewer than the ${HEADER_WORDS * 4} of a header`,
      bytes.byteLength,
    );
  }
  // Words can only be read where they are aligned. A copy by slice() would be none of a Node.js Buffer.
  const whole = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const head = new Int32Array(whole.buffer, whole.byteOffset, HEADER_WORDS);
  if (head[0] === swapped(magic)) throw fail("it is from a machine of the other byte order", 0);
  if (head[0] !== magic) {
    const other = [SNAPSHOT, SAVE].find((it) => it.magic === head[0]);
    const problem = other === undefined
      ? `it is no ${noun} of this module`
      : `it is a ${other.noun}, which ${other.verb}() takes`;
    throw fail(problem, 0);
  }
  if (head[1] !== version) throw fail(`it is of version ${head[1]}, this one reads ${version}`, 4);
  const byteLength = (head[6] >>> 0) + (head[7] >>> 0) * 2 ** 32;
  if (byteLength % 8 !== 0 || byteLength < HEADER_WORDS * 4) {
    throw fail(`its length of ${byteLength} bytes is impossible`, 24);
  }
  if (byteLength > whole.byteLength) {
    throw fail(`it is cut off: ${whole.byteLength} of ${byteLength} bytes`, whole.byteLength);
  }
  if (head[3] !== SUM && (head[3] !== NONE || head[4] !== 0)) {
    throw fail("its header is corrupt", 12);
  }
  const arrays = makeArrays(whole.subarray(0, byteLength));
  if (head[3] === SUM && checksum(arrays.words, byteLength) !== head[4]) {
    throw fail("its checksum does not fit its bytes, some of which were changed", 16);
  }
  return arrays;
}

/**
 * Checks that a snapshot is of the same layout.
 *
 * @param label How errors call the pool.
 * @param name Its name.
 * @param arrays The snapshot.
 * @param fingerprint Of the pool's layout.
 * @param sections How many there must be.
 * @param differences Tells what is different.
 */
export function checkLayout(
  label: string,
  name: string,
  { words }: SnapshotArrays,
  fingerprint: number,
  sections: number,
  differences: () => string = () => ", in its structs or its options",
): void {
  if (words[2] === fingerprint && words[5] === sections) return;
  throw snapshotError(label, name, `it is of another layout${differences()}`, 8);
}

function swapped(word: number): number {
  return new DataView(new Int32Array([word]).buffer).getInt32(
    0,
    (new Uint8Array(new Int32Array([1]).buffer))[0] === 0,
  );
}

/**
 * @param label How errors call the pool.
 * @param name Its name.
 * @param problem What is wrong.
 * @param byteOffset Where in the bytes.
 * @param format What they are.
 * @returns The error.
 */
export function snapshotError(
  label: string,
  name: string,
  problem: string,
  byteOffset: number,
  { verb, noun }: Format = SNAPSHOT,
): SnapshotError {
  return new SnapshotError(
    `Cannot ${verb} ${label} from the ${noun}: ${problem} (at byte ${byteOffset})`,
    name,
    byteOffset,
  );
}

/** The odd factors of xxHash32 (Collet, 2012): no difference is ever lost by a multiplication. */
const SPREAD = 0xc2b2ae3d | 0;
const FACTOR = 0x9e3779b1 | 0;
const FOLD = 0x85ebca77 | 0;

/**
 * Every step can be undone, so a change of one word always shows. The word that holds the checksum is left out.
 */
function checksum(words: Int32Array, byteLength: number): number {
  const count = byteLength / 4 | 0; // a float would make the loop take twice as long
  const end = count & ~3;
  let sum = 1;
  for (let i = 0; i < HEADER_WORDS; i++) if (i !== 4) sum = mix(sum, words[i]);
  sum = sumOfFours(words, end, sum);
  for (let i = end; i < count; i++) sum = mix(sum, words[i]);
  return fold(1, sum);
}

/**
 * Four sums side by side, each of every fourth word, as in xxHash32. A function of its own: beside another loop the engine
 * at times makes this one take twice as long.
 */
function sumOfFours(words: Int32Array, end: number, seed: number): number {
  let a = seed, b = 2, c = 3, d = 4;
  for (let i = HEADER_WORDS; i < end; i += 4) {
    a = mix(a, words[i]);
    b = mix(b, words[i + 1]);
    c = mix(c, words[i + 2]);
    d = mix(d, words[i + 3]);
  }
  return fold(fold(fold(fold(1, a), b), c), d);
}

/** The word is spread first: with one multiplication two flipped bits, the highest of a word and one of the next, cancel. */
function mix(sum: number, word: number): number {
  const mixed = sum ^ Math.imul(word, SPREAD);
  return Math.imul(mixed << 13 | mixed >>> 19, FACTOR);
}

function fold(sum: number, part: number): number {
  const product = Math.imul(sum ^ part, FOLD);
  return product ^ product >>> 15;
}

/**
 * @param text What to tell apart from others.
 * @returns 32 bits of it, by FNV-1a (Fowler, Noll, Vo, 1991).
 */
export function fingerprintOf(text: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/**
 * @param struct A struct.
 * @returns All that its records depend on, as text: names, types and offsets of the fields, to the last scalar.
 */
export function layoutText(struct: AnyStruct): string {
  const fields = Object.entries(struct.fields).map(([name, { type, offset }]) =>
    `${name}@${offset}:${typeText(type)}`
  );
  return `${struct.size}/${struct.align}{${fields.join()}}`;
}

function typeText(type: FieldType): string {
  if (typeof type === "string") return type;
  if (type instanceof Struct) return layoutText(type);
  return type.kind === "ref" ? "ref" : `${typeText(type.element)}[${type.length}]`;
}
