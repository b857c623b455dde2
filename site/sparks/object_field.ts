/**
 * Sparks as plain objects of one class.
 *
 * Both fields here are as good as a person writes them by hand: one class whose fields keep their
 * types, one array that is not made again, and the vertices written in the pass that moves the
 * sparks, in 12 bytes each where the pool uploads 20. Each sweeps in the way that was measured as
 * the faster one: new objects keep their order, as the collector lays them out in that order;
 * objects that are used again stay where they are.
 *
 * @module
 */
import type { SparkField, VertexLayout } from "./field.ts";
import { Births, DRAG, GRAVITY, type Input } from "./spark.ts";

const LAYOUT: VertexLayout = { stride: 12, position: 0, look: 8 };
const WORDS = LAYOUT.stride / 4;

/**
 * Bytes of an object and its place in the array, as the heap of Chromium 156 grows by 300,000 of
 * them. Its pointers have 4 bytes: 12 of header, 4 for each field, 12 for each of four numbers that
 * are not integers. The vertex is added to it.
 */
const OBJECT_BYTES = 97;

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

/** What both fields have in common: the vertices. */
abstract class Objects implements SparkField {
  readonly layout: VertexLayout = LAYOUT;
  readonly births: Births = new Births();
  size = 0;
  protected readonly sparks: SparkObject[] = [];
  protected floats: Float32Array = new Float32Array(0);
  protected words: Uint32Array = new Uint32Array(0);

  get bytesPerSpark(): number {
    return OBJECT_BYTES + LAYOUT.stride;
  }

  step(input: Input): void {
    this.#reserve(Math.max(input.target, this.sparks.length));
    this.move();
    this.births.begin(input);
    while (this.size < input.target) this.add();
  }

  /** Moves all sparks, and drops those whose life is over. */
  protected abstract move(): void;
  /** Makes a spark. */
  protected abstract add(): void;
  /** Vertices to upload. */
  protected abstract get vertices(): number;

  #reserve(count: number): void {
    if (this.words.length >= count * WORDS) return;
    const buffer = new ArrayBuffer(count * LAYOUT.stride);
    this.floats = new Float32Array(buffer);
    this.words = new Uint32Array(buffer);
  }

  protected writeVertex(i: number, { x, y, life, span, heat, size }: SparkObject): void {
    const at = i * WORDS;
    this.floats[at] = x;
    this.floats[at + 1] = y;
    this.words[at + 2] = life | span << 8 | heat << 16 | size << 24;
  }

  bytes(): readonly Uint8Array[] {
    return [new Uint8Array(this.words.buffer, 0, this.vertices * LAYOUT.stride)];
  }

  dispose(): void {
    this.sparks.length = 0;
  }
}

/** Sparks as new objects: the collector gets the dead ones. */
export class ObjectField extends Objects {
  protected override move(): void {
    const sparks = this.sparks, size = this.size;
    let kept = 0;
    for (let i = 0; i < size; i++) {
      const spark = sparks[i];
      if (--spark.life === 0) continue;
      const vx = spark.vx * DRAG, vy = spark.vy * DRAG + GRAVITY;
      spark.vx = vx;
      spark.vy = vy;
      spark.x += vx;
      spark.y += vy;
      this.writeVertex(kept, spark);
      sparks[kept++] = spark;
    }
    sparks.length = this.size = kept;
  }

  protected override add(): void {
    this.births.next();
    const spark = new SparkObject(this.births);
    this.writeVertex(this.size++, spark);
    this.sparks.push(spark);
  }

  protected override get vertices(): number {
    return this.size;
  }
}

/** Sparks as objects that are never dropped: a dead one, whose life is 0, is used again. */
export class RecycledField extends Objects {
  /** Indices of dead sparks. */
  readonly #dead: number[] = [];

  protected override move(): void {
    const sparks = this.sparks, dead = this.#dead;
    for (let i = 0; i < sparks.length; i++) {
      const spark = sparks[i];
      if (spark.life === 0) continue;
      if (--spark.life === 0) dead.push(i);
      const vx = spark.vx * DRAG, vy = spark.vy * DRAG + GRAVITY;
      spark.vx = vx;
      spark.vy = vy;
      spark.x += vx;
      spark.y += vy;
      this.writeVertex(i, spark);
    }
    this.size = sparks.length - dead.length;
  }

  protected override add(): void {
    const { births } = this;
    births.next();
    this.size++;
    const i = this.#dead.pop();
    if (i === undefined) {
      const spark = new SparkObject(births);
      this.writeVertex(this.sparks.length, spark);
      this.sparks.push(spark);
    } else {
      const spark = this.sparks[i];
      renew(spark, births);
      this.writeVertex(i, spark);
    }
  }

  protected override get vertices(): number {
    return this.sparks.length;
  }
}

function renew(spark: SparkObject, { x, y, vx, vy, life, heat, size }: Births): void {
  spark.x = x;
  spark.y = y;
  spark.vx = vx;
  spark.vy = vy;
  spark.life = life;
  spark.span = life;
  spark.heat = heat;
  spark.size = size;
}
