/**
 * The spark: its struct, its physics, and where the next one is born. All ways to store sparks
 * share this file, so that they do the same work.
 *
 * @module
 */
import { type Struct, struct } from "@slabs/pool";

/**
 * The fields of a spark. Whole blocks are uploaded, with their free chunks, and these must draw
 * nothing. The shader draws no point where `life` is 0. That is so in a chunk that was never used,
 * and in a freed one, as a spark is freed when its `life` comes to 0 and the chunk keeps its bytes.
 * Only the first one or two bytes change: they hold the link of the free list. So `life` must not
 * come first. Here `x` does, which does not matter in a spark that is not drawn.
 */
type SparkFields = {
  x: "f32";
  y: "f32";
  vx: "f32";
  vy: "f32";
  life: "u8";
  span: "u8";
  heat: "u8";
  size: "u8";
};

/** A spark, 20 bytes. */
export const Spark: Struct<SparkFields, "Spark"> = struct({
  x: "f32",
  y: "f32",
  vx: "f32",
  vy: "f32",
  life: "u8", // frames that are left
  span: "u8", // frames at birth
  heat: "u8", // 0 red, 255 white
  size: "u8", // pixels
}, { name: "Spark" });

/** What is added to `vy` in each frame. The field is 2 high, and frames are 1/60 s. */
export const GRAVITY = -0.0006;
/** What is left of a velocity after a frame. */
export const DRAG = 0.975;

/** Longest life in frames. The mean is half of it, so a twentieth is replaced in each frame. */
const LONGEST_LIFE = 39;

/** What a frame depends on, besides the sparks. */
export interface Input {
  /** Number of the frame. */
  readonly frame: number;
  /** How many sparks there shall be. */
  readonly target: number;
  /** Where the pointer is, in the field's coordinates; NaN when it is elsewhere. */
  readonly pointerX: number;
  readonly pointerY: number;
}

const CIRCLE = 4096;
const COSINE = Float64Array.from({ length: CIRCLE }, (_, i) => Math.cos(i / CIRCLE * 2 * Math.PI));
/** Random numbers below 2^16, drawn once from a fixed seed, so that a frame can be repeated. */
const RANDOM = randomNumbers(1 << 16);

function randomNumbers(count: number): Uint16Array {
  let seed = 1;
  return Uint16Array.from({ length: count }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 16;
  });
}

/** The fields of the next spark that is born. */
export class Births {
  /** Position in the random numbers; with the frame, the whole state. */
  cursor: number;
  x = 0.5;
  y = 0.5;
  vx = 0.5;
  vy = 0.5;
  life = 0;
  heat = 0;
  size = 0;
  #phaseX = 0;
  #phaseY = 0;
  #hasPointer = false;
  #pointerX = 0.5;
  #pointerY = 0.5;

  /** @param cursor Where to start in the random numbers, so that two threads differ. */
  constructor(cursor = 0) {
    this.cursor = cursor;
  }

  /** Moves the curve on which sparks are born to where it is in a frame. */
  begin({ frame, pointerX, pointerY }: Input): void {
    this.#phaseX = frame * 5;
    this.#phaseY = frame * 7;
    this.#hasPointer = pointerX === pointerX;
    this.#pointerX = pointerX;
    this.#pointerY = pointerY;
  }

  /** Draws the next spark. */
  next(): void {
    const at = this.cursor;
    this.cursor = at + 2 & RANDOM.length - 1;
    const first = RANDOM[at], second = RANDOM[at + 1];
    this.life = 1 + second % LONGEST_LIFE;
    this.heat = first >> 8;
    this.size = 1 + (second & 1);
    const speed = (1 + (second >> 8)) * 0.00006;
    if (this.#hasPointer && (second & 7) === 0) this.#atPointer(first, speed * 2);
    else this.#onCurve(first, second, speed);
  }

  #onCurve(first: number, second: number, speed: number): void {
    // A Lissajous figure. Sparks fly off along it and to both sides.
    const along = first & CIRCLE - 1;
    this.x = 1.35 * COSINE[3 * along + this.#phaseX & CIRCLE - 1];
    this.y = 0.62 * COSINE[2 * along + this.#phaseY & CIRCLE - 1];
    const angle = along * 5 + (second >> 2);
    this.vx = COSINE[angle & CIRCLE - 1] * speed;
    this.vy = COSINE[angle + CIRCLE / 4 & CIRCLE - 1] * speed;
  }

  #atPointer(first: number, speed: number): void {
    this.x = this.#pointerX;
    this.y = this.#pointerY;
    this.vx = COSINE[first & CIRCLE - 1] * speed;
    this.vy = COSINE[first + CIRCLE / 4 & CIRCLE - 1] * speed;
  }
}
