/**
 * As `_twins.ts`, of a `SharedPool`: two parts of one pool, in one thread.
 *
 * @module
 */
import { type AnyStruct, SharedPool, type SharedPoolOptions } from "../../mod.ts";
import { bytesOf, slabOf } from "../shared/_shared.ts";
import type { Random } from "./_random.ts";
import { type Call, type Fields, initFor, outcomeOf, scribble, Side, textOf } from "./_twins.ts";

/** Two parts of a pool. */
export class SharedSide extends Side {
  readonly parts: readonly SharedPool<AnyStruct>[];
  readonly cursors: readonly Fields[];
  /** Loops of each part, over all blocks and over a stripe. */
  readonly loops: readonly Call[];
  /** What the loops call. */
  visit: Call = () => {};

  constructor(type: AnyStruct, options: SharedPoolOptions) {
    super([type]);
    const { specialize = true } = options;
    const here = SharedPool.create(type, options);
    this.parts = [here, SharedPool.attach(type, here.share(), { specialize })];
    this.cursors = this.parts.map((part) => part.cursor() as unknown as Fields);
    const fn: Call = (...args) => this.visit(...args);
    this.loops = this.parts.flatMap((part) =>
      [undefined, { stripe: 1, of: 2 }].map((stripe) => part.loop(fn as never, stripe) as Call)
    );
  }

  override disturb(random: Random): void {
    const operation = random.pick([alloc, allocAt, free, set, write]);
    outcomeOf(() => operation(this, random)); // what came of it shows in the state
  }

  play(name: string, random: Random): string {
    return outcomeOf(() => OPERATIONS[name](this, random));
  }

  /** Every byte of the pool, metadata and all. */
  state(): Uint8Array {
    return bytesOf(this.parts[0]);
  }

  figures(): string {
    return textOf(this.parts.map((part) => {
      const { size, capacity, byteLength } = part;
      const { current, threads, threadsAround, retired } = slabOf(part);
      return [size, capacity, byteLength, current.position, threads, threadsAround, retired];
    }));
  }
}

type Operation = (side: SharedSide, random: Random) => unknown;

function partOf(side: SharedSide, random: Random): Record<string, Call> {
  return random.pick(side.parts) as unknown as Record<string, Call>; // by name
}

const alloc: Operation = (side, random) => {
  const init = random.oneIn(3) ? undefined : initFor(side.types[0], random, side);
  return side.given(partOf(side, random).alloc(init) as number);
};

const allocAt: Operation = (side, random) => {
  const cursor = random.pick(side.cursors);
  return [side.given(partOf(side, random).allocAt(cursor) as number), cursor.toJSON()];
};

const free: Operation = (side, random) => partOf(side, random).free(side.handle(random));

const set: Operation = (side, random) =>
  partOf(side, random).set(side.handle(random), initFor(side.types[0], random, side));

const write: Operation = (side, random) => {
  const view = partOf(side, random).get(side.handle(random)) as Fields;
  return scribble(view, side.types[0], random, side);
};

/** A function for a pass: notes what it sees, and does something else now and then. */
function visitor(side: SharedSide, random: Random, seen: unknown[]): Call {
  return (view, handle, ...args) => {
    seen.push(handle, (view as Fields).toJSON(), args);
    if (side.depth > 1 || !random.oneIn(6)) return;
    side.depth++;
    if (random.oneIn(3)) partOf(side, random).tryFree(handle);
    else side.disturb(random);
    side.depth--;
    if (random.oneIn(20)) throw new Error("from within");
  };
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  alloc,
  allocMany: (side, random) => {
    for (let i = random.below(40); i > 0; i--) alloc(side, random);
  },
  allocAt,
  tryAlloc: (side, random) => side.given(partOf(side, random).tryAlloc() as number),
  free,
  freeMany: (side, random) => {
    for (let i = random.below(60); i > 0; i--) partOf(side, random).tryFree(side.handle(random));
  },
  tryFree: (side, random) => partOf(side, random).tryFree(side.handle(random)),
  has: (side, random) => partOf(side, random).has(side.handle(random)),
  tryGet: (side, random) => partOf(side, random).tryGet(side.handle(random)),
  set,
  write,
  seek: (side, random) => {
    const cursor = random.pick(side.cursors);
    const part = partOf(side, random);
    part.seek(cursor, side.handle(random));
    return [cursor.toJSON(), outcomeOf(() => part.handleOf(cursor))];
  },
  forEach: (side, random) => {
    const seen: unknown[] = [];
    const stripe = random.pick([undefined, { stripe: 0, of: 2 }, { stripe: 2, of: 3 }]);
    const visit = visitor(side, random, seen);
    return [outcomeOf(() => partOf(side, random).forEach(visit, stripe)), seen];
  },
  loop: (side, random) => {
    const seen: unknown[] = [];
    const args = Array.from({ length: random.below(6) }, (_, i) => i);
    const loop = random.pick(side.loops);
    const outer = side.visit;
    side.visit = visitor(side, random, seen);
    const outcome = outcomeOf(() => loop(...args));
    side.visit = outer;
    return [outcome, seen];
  },
  // None of them has ended, so that there is nothing to adopt from.
  adopt: (side, random) => partOf(side, random).adopt(random.pick([0, 3, 1.5, NaN])),
};

/** The names of all operations; those that are often wanted come more than once. */
export const NAMES: readonly string[] = [
  "alloc",
  "allocMany",
  "forEach",
  "loop",
  ...Object.keys(OPERATIONS),
];
