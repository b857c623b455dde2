/**
 * A field of sparks, however they are stored.
 *
 * @module
 */
import type { Input } from "./spark.ts";

/** Where the shader finds the fields of a spark in what is uploaded. */
export interface VertexLayout {
  /** Bytes from one spark to the next. */
  readonly stride: number;
  /** Offset of x and y, two f32. */
  readonly position: number;
  /** Offset of life, span, heat and size, four u8. */
  readonly look: number;
}

/** Sparks in one of several stores. */
export interface SparkField {
  readonly layout: VertexLayout;
  /** Sparks that live. */
  readonly size: number;
  /** Bytes that a spark takes in memory, with what is kept beside it. */
  readonly bytesPerSpark: number;
  /** Steps a frame: moves all, frees those whose life is over, and makes as many. */
  step(input: Input): void | Promise<void>;
  /** The bytes to upload. */
  bytes(): readonly Uint8Array[];
  /** Gives back what the collector does not. */
  dispose(): void;
}
