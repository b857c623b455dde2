/**
 * The last ten seconds of a pool: snapshots in a ring, and what went into each frame.
 *
 * There is not a snapshot for each frame. To go back to a frame, the snapshot before it is
 * restored, and the frames from there on are stepped again. As a snapshot is exact, they turn out
 * the same.
 *
 * @module
 */
import { restore, snapshot } from "@slabs/pool";
import type { PoolField } from "./pool_field.ts";
import type { Input } from "./spark.ts";
import { FRAMES } from "./times.ts";

/** Bytes that all snapshots together may take. */
const BUDGET = 180 * 2 ** 20;

/** The state after a frame. */
interface Moment {
  readonly frame: number;
  /** State of the random numbers. */
  readonly cursor: number;
  readonly bytes: Uint8Array;
}

/** The last ten seconds of a field in a pool. */
export class History {
  /** From the oldest to the newest. */
  readonly #moments: Moment[] = [];
  /** By frame, the last {@linkcode FRAMES}. */
  readonly #inputs: Input[] = [];
  #newest = -1;
  /** Arrays of moments that were dropped, to be written again. */
  readonly #spare: Uint8Array[] = [];

  /** Bytes that are kept. */
  get byteLength(): number {
    const kept = this.#moments.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    return kept + this.#spare.reduce((sum, bytes) => sum + bytes.byteLength, 0);
  }

  /** Snapshots that are kept. */
  get length(): number {
    return this.#moments.length;
  }

  /** The first frame that can be gone back to. */
  get oldest(): number {
    return this.#moments[0]?.frame ?? this.#newest;
  }

  /** The last frame that was recorded. */
  get newest(): number {
    return this.#newest;
  }

  /** Drops everything. */
  clear(): void {
    this.#moments.length = this.#spare.length = this.#inputs.length = 0;
    this.#newest = -1;
  }

  /**
   * Notes a frame that was just stepped, and takes a snapshot if one is due.
   *
   * @param field The field after the frame.
   * @param input What went into the frame.
   */
  record(field: PoolField, input: Input): void {
    this.#inputs[input.frame % FRAMES] = input;
    this.#newest = input.frame;
    const last = this.#moments.at(-1);
    if (last !== undefined && input.frame < last.frame + intervalFor(last.bytes.byteLength)) return;
    while (this.#moments.length > 0 && this.#moments[0].frame <= input.frame - FRAMES) this.#drop();
    const bytes = snapshot(field.pool, this.#spare.pop(), { checksum: false });
    this.#moments.push({ frame: input.frame, cursor: field.births.cursor, bytes });
    // After the number of sparks has grown, older snapshots are too close together.
    while (this.byteLength > BUDGET && this.#moments.length > 1) {
      this.#drop();
      this.#spare.length = 0;
    }
  }

  #drop(): void {
    const moment = this.#moments.shift();
    if (moment !== undefined && this.#spare.length === 0) this.#spare.push(moment.bytes);
  }

  /**
   * Puts a field back to what it was after a frame.
   *
   * @param field The field.
   * @param frame A frame from {@linkcode oldest} to {@linkcode newest}.
   */
  restore(field: PoolField, frame: number): void {
    const moment = this.#moments.findLast((it) => it.frame <= frame);
    if (moment === undefined) return;
    restore(field.pool, moment.bytes);
    field.births.cursor = moment.cursor;
    for (let at = moment.frame + 1; at <= frame; at++) field.step(this.#inputs[at % FRAMES]);
  }

  /** Drops what came after a frame, as another future begins there. */
  forget(frame: number): void {
    while ((this.#moments.at(-1)?.frame ?? 0) > frame) this.#moments.pop();
    this.#newest = frame;
  }
}

/** Frames from one snapshot to the next, so that ten seconds of them stay within the budget. */
function intervalFor(byteLength: number): number {
  return Math.max(1, Math.ceil(FRAMES * byteLength / BUDGET));
}
