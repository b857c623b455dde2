/**
 * Sparks as plain objects of one class, made anew or taken from a list of dead ones.
 *
 * This is as good as a person writes it by hand: one class whose fields keep their types, one array
 * that is not made again, the last spark moved into the place of a dead one, and the vertices
 * written in the pass that moves the sparks, in 12 bytes each where the pool uploads 20.
 *
 * @module
 */
import type { SparkField, VertexLayout } from "./field.ts";
import { Births, DRAG, GRAVITY, type Input } from "./spark.ts";

const LAYOUT: VertexLayout = { stride: 12, position: 0, look: 8 };
const WORDS = 3;

/**
 * Bytes of an object in Chromium, measured as the growth of the heap by 300,000 of them: 44 for the
 * object, 12 for each of four numbers that are not integers, and 4 in the array. Its vertex is added.
 */
const OBJECT_BYTES = 96;

class SparkObject {
  x: number;
  y: number;
  vx: number;
  vy: number;
  life: number;
  span: number;
  heat: number;
  size: number;

  constructor({ x, y, vx, vy, life, heat, size }: Births) {
    this.x = x;
    this.y = y;
    this.vx = vx;
    this.vy = vy;
    this.life = life;
    this.span = life;
    this.heat = heat;
    this.size = size;
  }
}

/** Sparks as objects. */
export class ObjectField implements SparkField {
  readonly layout: VertexLayout = LAYOUT;
  readonly births: Births = new Births();
  size = 0;
  /** The living first, `size` of them. */
  readonly #sparks: SparkObject[] = [];
  /** Dead ones that are used again; `undefined` where the collector gets them. */
  readonly #dead: SparkObject[] | undefined;
  #floats = new Float32Array(0);
  #words = new Uint32Array(0);

  /** @param recycles Whether dead sparks are used again. */
  constructor(recycles: boolean) {
    this.#dead = recycles ? [] : undefined;
  }

  get bytesPerSpark(): number {
    return OBJECT_BYTES + LAYOUT.stride;
  }

  step(input: Input): void {
    this.#reserve(input.target);
    this.#move();
    this.births.begin(input);
    while (this.size < input.target) this.#bear();
    this.#sparks.length = this.size; // so that no dead spark is kept alive
  }

  #reserve(count: number): void {
    if (this.#words.length >= count * WORDS && this.#words.length >= this.size * WORDS) return;
    const buffer = new ArrayBuffer(Math.max(count, this.size) * LAYOUT.stride);
    this.#floats = new Float32Array(buffer);
    this.#words = new Uint32Array(buffer);
  }

  #move(): void {
    const sparks = this.#sparks, dead = this.#dead, floats = this.#floats, words = this.#words;
    let size = this.size;
    for (let i = 0; i < size;) {
      const spark = sparks[i];
      if (--spark.life === 0) {
        sparks[i] = sparks[--size];
        if (dead !== undefined) dead.push(spark);
        continue;
      }
      const vx = spark.vx * DRAG, vy = spark.vy * DRAG + GRAVITY;
      spark.vx = vx;
      spark.vy = vy;
      spark.x += vx;
      spark.y += vy;
      const at = i++ * WORDS;
      floats[at] = spark.x;
      floats[at + 1] = spark.y;
      words[at + 2] = spark.life | spark.span << 8 | spark.heat << 16 | spark.size << 24;
    }
    this.size = size;
  }

  #bear(): void {
    const { births } = this, i = this.size++;
    births.next();
    const spark = this.#dead?.pop();
    if (spark === undefined) this.#sparks[i] = new SparkObject(births);
    else this.#sparks[i] = reborn(spark, births);
    const at = i * WORDS;
    this.#floats[at] = births.x;
    this.#floats[at + 1] = births.y;
    this.#words[at + 2] = births.life | births.life << 8 | births.heat << 16 | births.size << 24;
  }

  bytes(): readonly Uint8Array[] {
    return [new Uint8Array(this.#words.buffer, 0, this.size * LAYOUT.stride)];
  }

  dispose(): void {
    this.#sparks.length = 0;
  }
}

function reborn(spark: SparkObject, { x, y, vx, vy, life, heat, size }: Births): SparkObject {
  spark.x = x;
  spark.y = y;
  spark.vx = vx;
  spark.vy = vy;
  spark.life = life;
  spark.span = life;
  spark.heat = heat;
  spark.size = size;
  return spark;
}
