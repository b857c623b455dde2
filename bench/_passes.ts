/** Passes over all particles: their proof, and the loop by hand that they are measured against. */
import { BLOCK, DT, speedX, startX, WORDS } from "./_particles.ts";
import { same, type Work } from "./_scenario.ts";

/** Counts the passes, and proves them: each moves the sum of x by a known step. */
export function passes(
  count: number,
  pass: () => void,
  sumX: () => number,
  step = 1,
): Work {
  let passes = 0, start = 0, speed = 0;
  for (let i = 0; i < count; i += step) {
    start += startX(i);
    speed += speedX(i);
  }
  return {
    run() {
      pass();
      passes++;
    },
    verify: () => same("the sum of x", sumX(), start + speed * DT * passes),
  };
}

/** The baseline: the bytes of a pool's blocks, indexed by hand. */
export function blocksByHand(count: number): Work {
  const blocks = Array.from(
    { length: Math.ceil(count / BLOCK) },
    () => new Float32Array(BLOCK * WORDS),
  );
  for (let i = 0; i < count; i++) {
    const block = blocks[Math.floor(i / BLOCK)], at = i % BLOCK * WORDS;
    block[at] = startX(i);
    block[at + 2] = speedX(i);
  }
  function pass() {
    let left = count;
    for (let b = 0; b < blocks.length; b++) {
      const block = blocks[b];
      const end = Math.min(BLOCK, left) * WORDS;
      left -= BLOCK;
      for (let at = 0; at < end; at += WORDS) {
        block[at] += block[at + 2] * DT;
        block[at + 1] += block[at + 3] * DT;
      }
    }
  }
  return passes(count, pass, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += blocks[Math.floor(i / BLOCK)][i % BLOCK * WORDS];
    return sum;
  });
}
