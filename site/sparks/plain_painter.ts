/**
 * Draws sparks without a GPU, pixel by pixel, where there is no WebGL2.
 *
 * @module
 */
import type { VertexLayout } from "./field.ts";
import { type Painter, unitOf } from "./painter.ts";

/** The ground, as the bytes of a pixel in little-endian order. */
const GROUND = 0xff0e0a09;

/** A canvas whose pixels are written one by one. */
export class PlainPainter implements Painter {
  readonly #context: CanvasRenderingContext2D;
  #image: ImageData | undefined;
  #parts: readonly Uint8Array[] = [];
  #layout: VertexLayout = { stride: 1, position: 0, look: 0 };

  /** @param context Context of the canvas. */
  constructor(context: CanvasRenderingContext2D) {
    this.#context = context;
  }

  /** Notes the bytes, which are read when they are drawn. */
  upload(parts: readonly Uint8Array[], layout: VertexLayout): void {
    this.#parts = parts;
    this.#layout = layout;
  }

  draw(): void {
    const { width, height } = this.#context.canvas;
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.#image = this.#context.createImageData(width, height);
    }
    new Uint32Array(this.#image.data.buffer).fill(GROUND);
    for (const part of this.#parts) this.#drawPart(part, this.#image);
    this.#context.putImageData(this.#image, 0, 0);
  }

  #drawPart(bytes: Uint8Array, { data, width, height }: ImageData): void {
    const { stride, position, look } = this.#layout;
    const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
    const unit = unitOf(width, height);
    for (let at = 0; at < bytes.length; at += stride) {
      const life = bytes[at + look];
      if (life === 0) continue; // dead, see spark.ts
      const column = Math.round(width / 2 + floats[at + position >> 2] * unit);
      const row = Math.round(height / 2 - floats[(at + position >> 2) + 1] * unit);
      if (column < 0 || column >= width || row < 0 || row >= height) continue;
      const pixel = (row * width + column) * 4;
      const light = life / bytes[at + look + 1] * 140;
      const heat = bytes[at + look + 2] / 255;
      data[pixel] += light; // the array clamps at 255
      data[pixel + 1] += light * (0.2 + 0.4 * heat);
      data[pixel + 2] += light * 0.3 * heat * heat;
    }
  }
}
