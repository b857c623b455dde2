/**
 * What the scenarios ask of a contestant that keeps particles.
 *
 * A process has one contestant, so that each call from a scenario to it has one target and is compiled as the call of a program to
 * its own `spawn` is. Loops over all particles are the contestant's own, written as its documentation has them.
 *
 * @module
 */
/** Particles that move, end, and are counted. */
export interface Herd {
  /** How many are live. */
  readonly size: number;
  /** Adds the i-th, all its fields written, as the functions below have them. */
  spawn(i: number, life: number): void;
  /** Moves each by a time step, takes 1 off its life, and frees those whose life ends. */
  frame(dt: number): void;
  /** Moves each by a time step. */
  pass(dt: number): void;
  /** Adds 1 to one field of each, the life. */
  touchOne(): void;
  /** Adds 1 to each of the five fields of each. */
  touchAll(): void;
  /** What the fields come to, for the checksum. */
  sums(): Sums;
}

/** Particles that can be told apart while they live, whatever is freed meanwhile. */
export interface NamedHerd<Ref> extends Herd {
  /** An array for references, of the kind that suits them. */
  refs(count: number): Refs<Ref>;
  /** Takes one, zeroed but for its life. */
  take(life: number): Ref;
  /** Takes one and writes all its fields, as `spawn` does. */
  add(i: number, life: number): Ref;
  /** Takes one, writes its life, gives it back at once, and tells what stood in it. */
  once(life: number): number;
  remove(ref: Ref): void;
  xOf(ref: Ref): number;
  lifeOf(ref: Ref): number;
}

/** References by position. */
export interface Refs<Ref> {
  [i: number]: Ref;
}

// What a particle starts with. Nothing is an integer but its life, as in a program that moves things: an engine keeps small integers
// in another way. Who writes them works them out itself, since a number that is handed to a function that is not inlined is boxed.

/** Where the i-th particle is. */
export function startX(i: number): number {
  return (i & 1023) + 0.5;
}
export function startY(i: number): number {
  return (i >> 10 & 255) + 0.5;
}

/** How fast the i-th particle is. */
export function speedX(i: number): number {
  return (i & 7) - 2.5;
}
export function speedY(i: number): number {
  return (i >> 3 & 7) - 2.5;
}

/** Sums over the live particles; all values are exact in an f32, and their sums in a number. */
export interface Sums {
  count: number;
  x: number;
  y: number;
  vx: number;
  vy: number;
  life: number;
}

/** @returns Sums of nothing. */
export function noSums(): Sums {
  return { count: 0, x: 0, y: 0, vx: 0, vy: 0, life: 0 };
}

/** Adds a particle to sums. */
export function addTo(
  sums: Sums,
  x: number,
  y: number,
  vx: number,
  vy: number,
  life: number,
): void {
  sums.count++;
  sums.x += x;
  sums.y += y;
  sums.vx += vx;
  sums.vy += vy;
  sums.life += life;
}

/** @returns Sums as text, to be compared. */
export function shown({ count, x, y, vx, vy, life }: Sums): string {
  return [count, x, y, vx, vy, life].join(" ");
}
