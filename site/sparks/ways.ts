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
  /** The end of the sentence at the top of the page. */
  readonly claim: string;
  /** Whether it needs memory that threads share. */
  readonly isShared: boolean;
  /** Makes an empty field. */
  make(): SparkField | Promise<SparkField>;
}

const NO_GARBAGE = "and nothing for the collector to do.";

/** All of them; the first is shown first. */
export const WAYS: readonly Way[] = [
  { name: "Pool", claim: NO_GARBAGE, isShared: false, make: () => new PoolField() },
  {
    name: "Pool, two workers",
    claim: NO_GARBAGE,
    isShared: true,
    make: () => WorkersField.start(),
  },
  {
    name: "Plain objects",
    claim: "and the collector clears them away.",
    isShared: false,
    make: () => new ObjectField(),
  },
  {
    name: "Recycled objects",
    claim: "and kept for the next ones.",
    isShared: false,
    make: () => new RecycledField(),
  },
];
