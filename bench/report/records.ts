/** Single records: read by handle, taken and given back. */
import { shuffled } from "../_particles.ts";
import { onNamed } from "./contestants.ts";
import type { NamedHerd } from "./herd.ts";
import type { Scenario, Work } from "./scenario.ts";

type Named = NamedHerd<unknown>;

const NO_NAMES = "columns by hand, whose records move, so that none can be named.";

/** What a step read, added up; the sum of the last step is the checksum. */
function sumOf(step: () => number): Work {
  let sum = 0;
  return {
    run() {
      sum = step();
    },
    checksum: () => String(sum),
  };
}

function accessWork(herd: Named, count: number): Work {
  const order = shuffled(count);
  const made = herd.refs(count);
  const refs = herd.refs(count);
  for (let i = 0; i < count; i++) made[i] = herd.add(i, 1);
  for (let i = 0; i < count; i++) refs[i] = made[order[i]];
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += herd.xOf(refs[i]);
    return sum;
  });
}

function hotWork(herd: Named, count: number): Work {
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += herd.once(i);
    return sum;
  });
}

/** All are taken, then given back in an order. */
function fillAndEmpty(herd: Named, count: number, at: (i: number) => number): Work {
  const refs = herd.refs(count);
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) refs[i] = herd.take(i);
    for (let i = 0; i < count; i++) {
      const ref = refs[at(i)];
      sum += herd.lifeOf(ref);
      herd.remove(ref);
    }
    return sum;
  });
}

function replaceWork(herd: Named, count: number): Work {
  const refs = herd.refs(count);
  const order = shuffled(count);
  let round = 0;
  for (let i = 0; i < count; i++) refs[i] = herd.add(i, i);
  return sumOf(() => {
    let sum = 0;
    round++;
    for (let i = 0; i < count; i++) {
      const slot = order[i];
      sum += herd.lifeOf(refs[slot]);
      herd.remove(refs[slot]);
      refs[slot] = herd.add(i, slot + round);
    }
    return sum;
  });
}

const allocs = { pool: "Pool.allocAt, free", forOf: "Pool.alloc({ … }), free" };
const plan = { count: 50_000, warmUp: 10, samples: 20, batch: 1, rounds: 5 };

export const records: readonly Scenario[] = [
  {
    name: "access",
    title: "Random access by handle",
    method:
      "One field of each of 100,000 records, in random order, through what names it. Only a pool's handle is checked: " +
      "the others read what is there, whether or not it is the same record still.",
    missing: NO_NAMES,
    measure: "time",
    baseline: "slab",
    contestants: onNamed(accessWork, {
      labels: {
        pool: "Pool.get(handle).x",
        forOf: "Pool.seek(cursor, handle).x",
        wide: "Pool.get(handle).x, wide handles",
      },
    }),
    everywhere: true,
    full: { ...plan, count: 100_000, samples: 40 },
    quickCount: 300,
  },
  {
    name: "hot",
    title: "Taken and given back at once",
    method:
      "One record is taken, zeroed, one field written and read, and given back, 50,000 times a step.",
    missing: NO_NAMES,
    measure: "time",
    baseline: "slab",
    contestants: onNamed(hotWork, { labels: allocs }),
    everywhere: true,
    full: plan,
    quickCount: 300,
  },
  {
    name: "lifo",
    title: "Taken, and given back newest first",
    method:
      "50,000 records are taken, each with one field written, then read and given back in reverse.",
    missing: NO_NAMES,
    measure: "time",
    baseline: "slab",
    contestants: onNamed((herd, count) => fillAndEmpty(herd, count, (i) => count - 1 - i), {
      labels: allocs,
    }),
    full: plan,
    quickCount: 300,
  },
  {
    name: "fifo",
    title: "Taken, and given back oldest first",
    method:
      "50,000 records are taken, each with one field written, then read and given back in order.",
    missing: NO_NAMES,
    measure: "time",
    baseline: "slab",
    contestants: onNamed((herd, count) => fillAndEmpty(herd, count, (i) => i), { labels: allocs }),
    full: plan,
    quickCount: 300,
  },
  {
    name: "replace",
    title: "Replaced at random, and what is left for the collector",
    method:
      "50,000 records are live; a step reads each, in random order, gives it back and takes another, all five fields written. " +
      "The mean is told, as collections are part of the price: that of each process, and the median of those; and how many there were in 1,000,000 replacements once all was " +
      "warm, from V8's own trace.",
    missing: NO_NAMES,
    measure: "time",
    compare: "mean",
    baseline: "objects",
    contestants: onNamed(replaceWork, { labels: allocs }),
    traced: true,
    everywhere: true,
    full: plan,
    quickCount: 300,
  },
];
