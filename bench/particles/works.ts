/** What is done with particles in more than one file of questions. */
import { sumOf, type Work } from "../harness/question.ts";
import { DT, shuffled } from "./particle.ts";
import type { NamedParticles, Particles } from "./particles.ts";

/** Moves all particles that there are. */
export function passWork(particles: Particles): Work {
  return { run: () => particles.pass(DT), checksum: () => particles.sums() };
}

/** Allocates one particle and frees it, over and over. */
export function hotWork(particles: NamedParticles, count: number): Work {
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += particles.once(i);
    return sum;
  });
}

/** Reads each particle in random order, frees it and allocates another. */
export function replaceWork(particles: NamedParticles, count: number): Work {
  const refs = particles.refs(count);
  const order = shuffled(count);
  let round = 0;
  for (let i = 0; i < count; i++) refs[i] = particles.add(i, i);
  return sumOf(() => {
    let sum = 0;
    round++;
    for (let i = 0; i < count; i++) {
      const slot = order[i];
      sum += particles.lifeOf(refs[slot]);
      particles.remove(refs[slot]);
      refs[slot] = particles.add(i, slot + round);
    }
    return sum;
  });
}

/** Reads one field of each particle in random order, by its reference. */
export function randomWork(particles: NamedParticles, count: number): Work {
  const order = shuffled(count);
  const made = particles.refs(count);
  const refs = particles.refs(count);
  for (let i = 0; i < count; i++) made[i] = particles.add(i, 1);
  for (let i = 0; i < count; i++) refs[i] = made[order[i]];
  return sumOf(() => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += particles.xOf(refs[i]);
    return sum;
  });
}
