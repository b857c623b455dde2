/**
 * Random operations on pools of records of several structs, and on a `Map`, compared after every step.
 *
 * The model knows what each live handle's record is and holds, and every handle that is stale.
 *
 * @module
 */
import { type AnyStruct, ErasedPool, type PoolOptions, PoolSet } from "../../mod.ts";
import { type AnyPool, MAX_CHUNKS, type Shape } from "./_model.ts";
import { runModel, SUBJECTS } from "./_steps.ts";

const RUNS = { recent: 25, spread: 10 };

/** One chunk size for all, and the fewest bytes that the largest needs. */
const ONE_CLASS: Shape["classes"] = [{ size: 40, align: 8 }];
/** Sizes that some of the structs fit and others do not, for their alignment as well: 10 takes no record of 8. */
const FOUR_CLASSES: Shape["classes"] = [
  { size: 1, align: 1 },
  { size: 5, align: 1 },
  { size: 10, align: 2 },
  { size: 40, align: 8 },
];
const THREE_CLASSES: Shape["classes"] = [
  { size: 2, align: 2 },
  { size: 20, align: 4 },
  { size: 48, align: 8 },
];

const types: readonly AnyStruct[] = SUBJECTS.map((it) => it.struct);

interface Kind {
  readonly name: string;
  readonly classes: Shape["classes"];
  readonly isKnowing: boolean;
  readonly create: (options: PoolOptions, sizes: number[]) => AnyPool;
}

const KINDS: readonly Kind[] = [
  {
    name: "ErasedPool",
    classes: ONE_CLASS,
    isKnowing: true,
    create: (options, [size]) => new ErasedPool({ ...options, size, types, maxChunks: MAX_CHUNKS }),
  },
  {
    name: "ErasedPool without types",
    classes: ONE_CLASS,
    isKnowing: false,
    create: (options, [size]) => new ErasedPool({ ...options, size, maxChunks: MAX_CHUNKS }),
  },
  {
    name: "PoolSet of 4 classes",
    classes: FOUR_CLASSES,
    isKnowing: true,
    create: (options, sizes) => new PoolSet({ ...options, sizes, maxChunks: 4 * MAX_CHUNKS }),
  },
  {
    name: "PoolSet of 3 classes, with types",
    classes: THREE_CLASSES,
    isKnowing: true,
    create: (options, sizes) =>
      new PoolSet({ ...options, sizes, types, maxChunks: 4 * MAX_CHUNKS }),
  },
];

for (const { name, classes, isKnowing, create } of KINDS) {
  for (const reuse of ["recent", "spread"] as const) {
    for (const handles of ["compact", "wide"] as const) {
      for (const chunksPerBlock of [16, 32]) {
        for (const keepEmptyBlocks of [0, 1, 3]) {
          const what = `${handles}, ${reuse}, ${chunksPerBlock} a block, keep ${keepEmptyBlocks}`;
          Deno.test(`${name} does what a Map does (${what})`, () => {
            const isWide = handles === "wide";
            const shape = { subjects: SUBJECTS, classes, chunksPerBlock, isWide, isKnowing };
            const sizes = classes.map((it) => it.size);
            const make = (options: PoolOptions) => create(options, sizes);
            runModel(shape, make, { keepEmptyBlocks, reuse }, RUNS[reuse]);
          });
        }
      }
    }
  }
}
