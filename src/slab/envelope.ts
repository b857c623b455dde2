/**
 * The envelope of snapshots and saves: a header with the layout, the length and a checksum.
 *
 * ```text
 * word  0     "SLAB" or "SAVE"; its bytes are reversed on a machine of the other byte order
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
import { showValue } from "../messages/show.ts";
import { SnapshotError } from "../errors.ts";
import type { AnyStruct, FieldType } from "../struct/schema.ts";
import { Struct } from "../struct/schema.ts";

/** A kind of envelope, and its words in errors. */
interface Format {
  /** The first word. */
  readonly magic: number;
  /** The second word: the version of the sections. */
  readonly version: number;
  /** The call that reads it, for errors. */
  readonly verb: string;
  /** What errors call it. */
  readonly noun: string;
}

/** The state of a pool of one layout. */
const SNAPSHOT: Format = {
  magic: 0x42414c53, // "SLAB" in memory, where the low byte comes first
  version: 2,
  verb: "restore",
  noun: "snapshot",
};

/** Records with a description of their structs; see `pool/save_file.ts`. */
export const SAVE: Format = {
  magic: 0x45564153, // "SAVE"
  version: 1,
  verb: "load",
  noun: "save",
};

const SUM = 0x314d5553; // "SUM1"
// "NONE" differs from "SUM1" in every byte, so no single changed byte turns one into the other.
const NONE = 0x454e4f4e;

/** Words before the sections. */
export const HEADER_WORDS = 8;

/** The same in bytes. It is a literal, as bundlers keep a product even if nothing uses it. */
export const HEADER_BYTES = 32;

/**
 * Rounds up to a multiple of 8, where a typed array of any type can start.
 *
 * @param bytes A number of bytes.
 * @returns The number if it is a multiple of 8, else the next multiple.
 */
export function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/**
 * Options of `snapshot`.
 *
 * @category Saves and snapshots
 */
export interface SnapshotOptions {
  /**
   * Whether a checksum is written, so that `restore` notices any changed byte. Without it a
   * snapshot is written and read faster, and only its structure is checked.
   * @default {true}
   */
  readonly checksum?: boolean | undefined;
}

/**
 * Checks the options of a snapshot.
 *
 * @param label How errors call the pool.
 * @param options The user's options.
 * @returns Whether a checksum is written.
 * @throws {TypeError} when an option is unknown, or `checksum` is no boolean.
 */
export function wantsChecksum(label: string, options: SnapshotOptions): boolean {
  if (options === WITH_CHECKSUM) return true; // the default, which needs no check
  const unknown = optionsProblem(options, SNAPSHOT_OPTIONS);
  const { checksum = true } = unknown === undefined ? options : WITH_CHECKSUM;
  if (unknown === undefined && typeof checksum === "boolean") return checksum;
  const problem = unknown ?? `checksum must be a boolean, got ${showValue(checksum)}`;
  throw new TypeError(`Cannot snapshot ${label}: ${problem}`);
}

const SNAPSHOT_OPTIONS = ["checksum"];

/** The default options. */
export const WITH_CHECKSUM: SnapshotOptions = {};

/** Typed arrays over the bytes of a snapshot or save. */
export interface SnapshotArrays {
  readonly bytes: Uint8Array;
  readonly u16: Uint16Array;
  readonly words: Int32Array;
  readonly u32: Uint32Array;
  readonly floats: Float64Array;
}

/**
 * The typed arrays over each array that was written to, so that the next snapshot into it allocates
 * nothing.
 */
const knownArrays = new WeakMap<Uint8Array, SnapshotArrays>();

/**
 * Returns typed arrays over bytes, the same ones for the same array.
 *
 * @param bytes Starts at a multiple of 8 bytes of its buffer.
 * @returns The arrays.
 */
export function arraysOf(bytes: Uint8Array): SnapshotArrays {
  let arrays = knownArrays.get(bytes);
  // An array over a resizable buffer may have changed its length.
  if (arrays === undefined || arrays.floats.length !== Math.floor(bytes.byteLength / 8)) {
    knownArrays.set(bytes, arrays = makeArrays(bytes));
  }
  return arrays;
}

function makeArrays(bytes: Uint8Array): SnapshotArrays {
  const { buffer, byteOffset, byteLength } = bytes;
  return {
    bytes,
    // Divided and not shifted, as there may be more than 2^31 bytes.
    u16: new Uint16Array(buffer, byteOffset, Math.floor(byteLength / 2)),
    words: new Int32Array(buffer, byteOffset, Math.floor(byteLength / 4)),
    u32: new Uint32Array(buffer, byteOffset, Math.floor(byteLength / 4)),
    floats: new Float64Array(buffer, byteOffset, Math.floor(byteLength / 8)),
  };
}

/**
 * Returns the array that a snapshot is written to.
 *
 * @param label How errors call the pool.
 * @param into The user's array, if there is one.
 * @param byteLength Bytes that are needed, a multiple of 8.
 * @returns `into`, if it has room; else a new array.
 * @throws {TypeError} when `into` is no `Uint8Array`.
 * @throws {RangeError} when `into` does not start at a multiple of 8 bytes of its buffer.
 */
export function bytesFor(
  label: string,
  into: Uint8Array | undefined,
  byteLength: number,
): Uint8Array {
  if (into === undefined) return new Uint8Array(byteLength);
  if (!isBytes(into)) {
    throw new TypeError(
      `Cannot snapshot ${label}: into must be a Uint8Array, got ${showValue(into)}`,
    );
  }
  if (into.byteOffset % 8 !== 0) {
    throw new RangeError(
      `Cannot snapshot ${label}: into must start at a multiple of 8 bytes of its buffer, got ${into.byteOffset}`,
    );
  }
  return into.byteLength >= byteLength ? into : new Uint8Array(byteLength);
}

/**
 * Writes the header, after all sections.
 *
 * @param arrays The arrays with the sections.
 * @param fingerprint Fingerprint of the layout, 32 bits.
 * @param sections How many sections there are.
 * @param byteLength Bytes in all.
 * @param withChecksum Whether a checksum is written.
 * @param format Snapshot or save.
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
 * Reads and checks the header, and the checksum if there is one.
 *
 * @param label How errors call the pool.
 * @param name Name of the pool.
 * @param bytes The snapshot; more bytes may follow it.
 * @param format Snapshot or save.
 * @returns Typed arrays over the snapshot alone, without the bytes behind it.
 * @throws {SnapshotError} when the bytes are of another format or version, or damaged.
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
  if (!isBytes(bytes)) {
    throw new TypeError(
      `Cannot ${verb} ${label}: bytes must be a Uint8Array, got ${showValue(bytes)}`,
    );
  }
  if (bytes.byteLength < HEADER_BYTES) {
    throw fail(
      `it is cut off: ${bytes.byteLength} bytes, fewer than the ${HEADER_BYTES} of a header`,
      bytes.byteLength,
    );
  }
  // Words can only be read where they are aligned. slice() does not copy a Node.js Buffer.
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
  if (byteLength % 8 !== 0 || byteLength < HEADER_BYTES) {
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
 * Checks that a snapshot is of a pool of the same layout.
 *
 * @param label How errors call the pool.
 * @param name Name of the pool.
 * @param arrays The snapshot.
 * @param fingerprint Fingerprint of the pool's layout.
 * @param sections How many sections there must be.
 * @param differences Makes the end of the error's message.
 * @throws {SnapshotError} when it is of another layout.
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

/** Returns a word with its bytes reversed. */
function swapped(word: number): number {
  return new DataView(new Int32Array([word]).buffer).getInt32(
    0,
    (new Uint8Array(new Int32Array([1]).buffer))[0] === 0,
  );
}

/**
 * Makes the error for bytes that cannot be restored or loaded.
 *
 * @param label How errors call the pool.
 * @param name Name of the pool.
 * @param problem What is wrong.
 * @param byteOffset Where it is, in bytes from the start.
 * @param format Snapshot or save.
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

/**
 * Factors of xxHash32 (Collet, 2012). They are odd, so that each multiplication can be undone and
 * loses no difference.
 */
const SPREAD = 0xc2b2ae3d | 0;
const FACTOR = 0x9e3779b1 | 0;
const FOLD = 0x85ebca77 | 0;

/**
 * Returns the checksum of all words except its own. Every step can be undone, so any change of one
 * word changes the checksum.
 */
function checksum(words: Int32Array, byteLength: number): number {
  const count = byteLength / 4 | 0; // an integer, as with a float the loop takes twice as long
  const end = count & ~3;
  let sum = 1;
  for (let i = 0; i < HEADER_WORDS; i++) if (i !== 4) sum = mix(sum, words[i]);
  sum = sumOfFours(words, end, sum);
  for (let i = end; i < count; i++) sum = mix(sum, words[i]);
  return fold(1, sum);
}

/**
 * Returns four sums, each of every fourth word as in xxHash32, folded into one. It is a function of
 * its own, since next to another loop V8 sometimes compiles this one to half the speed.
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

/**
 * Mixes a word into a sum. The word is multiplied first: with one multiplication alone, a flipped
 * highest bit of one word and a flipped bit of the next would cancel.
 */
function mix(sum: number, word: number): number {
  const mixed = sum ^ Math.imul(word, SPREAD);
  return Math.imul(mixed << 13 | mixed >>> 19, FACTOR);
}

function fold(sum: number, part: number): number {
  const product = Math.imul(sum ^ part, FOLD);
  return product ^ product >>> 15;
}

/**
 * Hashes a text by FNV-1a (Fowler, Noll, Vo, 1991).
 *
 * @param text The text.
 * @returns 32 bits.
 */
export function fingerprintOf(text: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/**
 * Writes the layout of a struct as text.
 *
 * @param struct A struct.
 * @returns Names, types and offsets of its fields, those of nested structs included.
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

/**
 * A new `Uint8Array` of an `ArrayBuffer`, which `Blob`, `Response`, `crypto.subtle` and sockets take.
 *
 * @category Saves and snapshots
 */
// `Uint8Array<ArrayBuffer>` from TypeScript 5.7 on; before, the type has no parameter.
export type NewBytes = ReturnType<Uint8ArrayConstructor["of"]>;

/** Whether a value is a `Uint8Array`, of any realm: a `Buffer` in Jest is of another one. */
function isBytes(value: unknown): boolean {
  return ArrayBuffer.isView(value) && Reflect.get(value, Symbol.toStringTag) === "Uint8Array";
}
