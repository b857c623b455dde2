/**
 * Sparks in a `Pool`.
 *
 * @module
 */
import { Pool, type View } from "@slabs/pool";
import type { SparkField, VertexLayout } from "./field.ts";
import { Births, DRAG, GRAVITY, type Input, Spark } from "./spark.ts";

/** The layout of whole records. */
export const RECORD_LAYOUT: VertexLayout = {
  stride: Spark.size,
  position: Spark.fields.x.offset,
  look: Spark.fields.life.offset,
};

/** Bytes beside a record: its stamp, a bit, and its share of what the engine keeps for a block. */
const BYTES_BESIDE = 2.2;

/** Sparks as records, uploaded block by block as they are. */
export class PoolField implements SparkField {
  readonly layout: VertexLayout = RECORD_LAYOUT;
  readonly pool: Pool<typeof Spark> = new Pool(Spark, { name: "sparks", chunksPerBlock: 4096 });
  readonly births: Births = new Births();
  readonly #born: View<typeof Spark> = this.pool.cursor();

  get size(): number {
    return this.pool.size;
  }

  get bytesPerSpark(): number {
    return this.pool.byteLength / Math.max(1, this.pool.size) + BYTES_BESIDE;
  }

  step(input: Input): void {
    this.#move();
    const { births, pool } = this, born = this.#born;
    births.begin(input);
    for (let missing = input.target - pool.size; missing > 0; missing--) {
      births.next();
      pool.allocAt(born);
      born.x = births.x;
      born.y = births.y;
      born.vx = births.vx;
      born.vy = births.vy;
      born.life = births.life;
      born.span = births.life;
      born.heat = births.heat;
      born.size = births.size;
    }
  }

  /** Moves all sparks, and frees those whose life is over. */
  #move(): void {
    const drag = DRAG, gravity = GRAVITY; // as an import is looked up at each use
    this.pool.retain((spark) => {
      if (--spark.life === 0) return false;
      const vx = spark.vx * drag, vy = spark.vy * drag + gravity;
      spark.vx = vx;
      spark.vy = vy;
      spark.x += vx;
      spark.y += vy;
      return true;
    });
  }

  bytes(): readonly Uint8Array[] {
    return this.pool.blocks.map((block) => block.bytes);
  }

  dispose(): void {
    this.pool.dispose();
  }
}
