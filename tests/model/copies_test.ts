/**
 * A pool with code of its own and one that shares it do the same, to the bit: random operations on both, compared after each.
 *
 * On failure fast-check prints the seed and the shortest sequence of operations that it finds.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type AnyStruct,
  ErasedPool,
  type HandleKind,
  Pool,
  type PoolOptions,
  PoolSet,
  struct,
  validate,
} from "../../mod.ts";
import type { SomePool } from "../_faces.ts";
import { CAN_COMPILE, textsOf } from "../slab/_own_texts.ts";
import { Random } from "./_random.ts";
import { NAMES as SHARED_NAMES, SharedSide } from "./_shared_twins.ts";
import { freshStructs, NAMES, PoolSide } from "./_twins.ts";

const RUNS = 25;
const MAX_STEPS = 60;

interface Kind {
  readonly types: readonly AnyStruct[];
  make(options: PoolOptions): SomePool;
}

/** Blocks and pools so small that their ends are near, and so many records that passes get loops of their own. */
const SIZES: PoolOptions = { chunksPerBlock: 32, maxChunks: 128, name: "twin" };

/** Every kind of pool, of structs of its own. */
const KINDS: Readonly<Record<string, () => Kind>> = {
  ...Object.fromEntries(
    freshStructs().map(({ name }, i) => [`Pool of ${name}`, () => {
      const type = freshStructs()[i];
      return { types: [type], make: (options: PoolOptions) => new Pool(type, options) };
    }]),
  ),
  "ErasedPool with types": () =>
    mixed((types, options) => new ErasedPool({ size: 88, types, ...options })),
  "ErasedPool without types": () => mixed((_, options) => new ErasedPool({ size: 88, ...options })),
  "PoolSet with types": () =>
    mixed((types, options) =>
      new PoolSet({ sizes: [2, 88, 64], types, ...options, maxChunks: 512 })
    ),
  "PoolSet without types": () =>
    mixed((_, options) => new PoolSet({ sizes: [2, 88, 64], ...options, maxChunks: 512 })),
};

function mixed(make: (types: readonly AnyStruct[], options: PoolOptions) => SomePool): Kind {
  const types = freshStructs();
  return { types, make: (options) => make(types, options) };
}

/** Two sides that begin alike: one has copies, the other has none. */
function twins({ types, make }: Kind, options: PoolOptions): [own: PoolSide, shared: PoolSide] {
  const sides: PoolSide[] = [];
  const texts = [true, false].map((specialize) =>
    textsOf(() => {
      const side = new PoolSide(make({ ...options, specialize }), types);
      // What all pools of a geometry have may be there already; the code for the structs, which are new, is not.
      for (const type of types) side.of("alloc", type, {});
      side.pool.clear();
      side.pool.trim();
      sides.push(side);
    }).length
  );
  assert(texts[0] > 0 && texts[1] === 0, `${texts} texts were compiled`);
  return [sides[0], sides[1]];
}

/** What of a side is compared. */
interface Seen {
  play(name: string, random: Random): string;
  figures(): string;
  state(): Uint8Array;
}

/** Has both sides do the same, and compares what came of it, and all that there is of them. */
function playBoth(own: Seen, shared: Seen, name: string, seed: number): void {
  const step = `${name}(${seed})`;
  const outcomes = [own, shared].map((side) => side.play(name, new Random(seed)));
  assertEquals(outcomes[0], outcomes[1], step);
  assertAlike(own, shared, step);
}

function assertAlike(own: Seen, shared: Seen, step: string): void {
  assertEquals(own.figures(), shared.figures(), step);
  const [here, there] = [own.state(), shared.state()];
  const at = here.findIndex((byte, i) => byte !== there[i]);
  assert(at < 0 && here.length === there.length, `${step}: byte ${at} of the state differs`);
}

function stepsOf(names: readonly string[]): fc.Arbitrary<[name: string, seed: number][]> {
  const step = fc.tuple(fc.constantFrom(...names), fc.nat());
  return fc.array(step, { minLength: 1, maxLength: MAX_STEPS, size: "max" });
}

for (const [name, makeKind] of Object.entries(KINDS)) {
  for (const handles of ["compact", "wide"] as HandleKind[]) {
    for (const keepEmptyBlocks of [0, 2]) {
      Deno.test({
        name:
          `${name} does the same with own code and without (${handles}, keep ${keepEmptyBlocks})`,
        ignore: !CAN_COMPILE,
        fn() {
          // One pair for all runs, brought back to the beginning each time: there are copies for 64 pools of some kinds.
          const [own, shared] = twins(makeKind(), { ...SIZES, handles, keepEmptyBlocks });
          const beginning = own.pool.snapshot();
          fc.assert(
            fc.property(stepsOf(NAMES), (steps) => {
              for (const side of [own, shared]) side.reset(beginning);
              assertAlike(own, shared, "the beginning");
              for (const [operation, seed] of steps) playBoth(own, shared, operation, seed);
              validate(own.pool);
              validate(shared.pool);
            }),
            { numRuns: RUNS },
          );
          for (const { pool } of [own, shared]) pool.dispose();
          for (const operation of NAMES) {
            const outcomes = [own, shared].map((side) => side.play(operation, new Random(1)));
            assertEquals(outcomes[0], outcomes[1], `${operation} after dispose()`);
          }
        },
      });
    }
  }
}

for (const [at, { name }] of freshStructs().entries()) {
  for (const handles of ["compact", "wide"] as HandleKind[]) {
    Deno.test({
      name: `SharedPool of ${name} does the same with own code and without (${handles})`,
      ignore: !CAN_COMPILE,
      fn() {
        const type = freshStructs()[at];
        const options = { ...SIZES, handles };
        assert(textsOf(() => new SharedSide(type, options)).length > 0);
        fc.assert(
          fc.property(stepsOf(SHARED_NAMES), (steps) => {
            const own = new SharedSide(type, options);
            const shared = new SharedSide(type, { ...options, specialize: false });
            for (const [operation, seed] of steps) playBoth(own, shared, operation, seed);
            for (const part of [...own.parts, ...shared.parts]) validate(part);
            for (const side of [own, shared]) side.parts[0].dispose();
            for (const operation of SHARED_NAMES) playBoth(own, shared, operation, 1);
          }),
          { numRuns: RUNS },
        );
      },
    });
  }
}

Deno.test({
  name: "The twins had copies, as there is still room for more",
  ignore: !CAN_COMPILE,
  fn: () => assert(textsOf(() => new Pool(struct({ n: "u8" }))).length > 0),
});
