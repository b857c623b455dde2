/**
 * The ways to keep sparks that the page compares.
 *
 * @module
 */
import type { SparkField } from "./field.ts";
import { ObjectField, RecycledField } from "./object_field.ts";
import { PoolField } from "./pool_field.ts";
import { WorkersField } from "./workers_field.ts";

/** A way to keep sparks. */
export interface Way {
  readonly name: string;
  /** Whether it needs memory that threads share. */
  readonly isShared: boolean;
  /** Makes an empty field. */
  make(): SparkField | Promise<SparkField>;
}

/** All of them; the first is shown first. */
export const WAYS: readonly Way[] = [
  { name: "Pool", isShared: false, make: () => new PoolField() },
  { name: "Pool, two workers", isShared: true, make: () => WorkersField.start() },
  { name: "Plain objects", isShared: false, make: () => new ObjectField() },
  { name: "Recycled objects", isShared: false, make: () => new RecycledField() },
];
