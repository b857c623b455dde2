/**
 * Question: what does it cost to take a record and give it back?
 *
 * `hot`: one record, taken and given back at once, 50,000 times a round. The baseline is the least that an intrusive free
 * list can be: one Int32Array, no check, no clearing, no count, no growth. A round of one record is all latency: each
 * step waits for the one before. The second row does with the record what nobody leaves out, and clears it.
 *
 * `replace`: a working set of 50,000, each replaced once a round in random order, its five fields written. The baseline
 * is `new` with the same fields into an array; its collections fall into the rounds and are counted with them.
 */
import { Pool } from "@slabs/pool";
import { Particle, shuffled, speedX, startX, WORDS } from "./_particles.ts";
import { bench, same, type Scenario, size, type Work } from "./_scenario.ts";

const N = size(50_000, 1_000);

/** Proves that as many records were taken as were asked for, by the sum of what was read from them. */
function hotWork(round: () => number): Work {
  let got = 0;
  return {
    run() {
      got = round();
    },
    verify: () => same("the sum of the reads", got, N * (N - 1) / 2),
  };
}

function byHand(clear: boolean): Work {
  const chunks = 4096;
  const words = new Int32Array(chunks * WORDS);
  for (let i = 0; i < chunks; i++) words[i * WORDS] = i + 1;
  let head = 1;
  return hotWork(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) {
      const chunk = head;
      const at = chunk * WORDS;
      head = words[at];
      if (clear) {
        for (let word = at; word < at + WORDS; word++) words[word] = 0;
      }
      words[at + 4] = i;
      sum += words[at + 4];
      words[at] = head;
      head = chunk;
    }
    return sum;
  });
}

function poolHot(handles: "compact" | "wide"): Work {
  const pool = new Pool(Particle, { handles });
  const at = pool.cursor();
  return hotWork(() => {
    let sum = 0;
    for (let i = 0; i < N; i++) {
      const handle = pool.allocAt(at);
      at.life = i;
      sum += at.life;
      pool.free(handle);
    }
    return sum;
  });
}

export const hot: Scenario = {
  name: "hot",
  apart: true, // a contestant is a program of its own
  question: "take a record, write and read a field, give it back, 50,000 times",
  contestants: [
    { name: "unchecked free list by hand", make: () => byHand(false) },
    { name: "unchecked free list by hand, clearing", make: () => byHand(true) },
    { name: "Pool.allocAt, free", make: () => poolHot("compact"), limit: 2 },
    { name: "Pool.allocAt, free, wide handles", make: () => poolHot("wide") },
  ],
};

class Mote {
  constructor(
    public x: number,
    public y: number,
    public vx: number,
    public vy: number,
    public life: number,
  ) {}
}

const order = shuffled(N);

/** Proves that every record holds what the last round wrote into it. */
function replaceWork(
  replace: (slot: number, value: number) => void,
  lifeOf: (slot: number) => number,
): Work {
  let rounds = 0;
  const fill = () => {
    for (let i = 0; i < N; i++) replace(order[i], rounds + i);
    rounds++;
  };
  fill();
  return {
    run: fill,
    verify() {
      let got = 0;
      for (let i = 0; i < N; i++) got += lifeOf(i);
      same("the sum of life", got, N * (N - 1) / 2 + N * (rounds - 1));
    },
  };
}

function objects(): Work {
  const all: Mote[] = new Array(N);
  return replaceWork((slot, i) => {
    all[slot] = new Mote(startX(i) + 0.5, 0.5, speedX(i) + 0.5, 0.5, i);
  }, (slot) => all[slot].life);
}

function poolReplace(): Work {
  const pool = new Pool(Particle);
  const handles = pool.allocMany(N);
  const at = pool.cursor();
  return replaceWork((slot, i) => {
    pool.free(handles[slot]);
    handles[slot] = pool.allocAt(at);
    at.x = startX(i) + 0.5;
    at.y = 0.5;
    at.vx = speedX(i) + 0.5;
    at.vy = 0.5;
    at.life = i;
  }, (slot) => pool.get(handles[slot]).life);
}

function poolReplaceInit(): Work {
  const pool = new Pool(Particle);
  const handles = pool.allocMany(N);
  return replaceWork((slot, i) => {
    pool.free(handles[slot]);
    handles[slot] = pool.alloc({
      x: startX(i) + 0.5,
      y: 0.5,
      vx: speedX(i) + 0.5,
      vy: 0.5,
      life: i,
    });
  }, (slot) => pool.get(handles[slot]).life);
}

export const replace: Scenario = {
  name: "replace",
  apart: true, // a contestant is a program of its own
  question: "replace 50,000 records in random order, collections counted",
  compare: "mean",
  contestants: [
    { name: "new, into an array", make: objects },
    { name: "Pool.free, allocAt", make: poolReplace, limit: 1.2 },
    { name: "Pool.free, alloc({ … })", make: poolReplaceInit },
  ],
};

bench(hot);
bench(replace);
