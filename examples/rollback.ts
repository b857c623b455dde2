/**
 * Rollback, as fighting games play over a network: an input that arrives late is put in its place
 * by going back to a snapshot of that frame and playing the frames since once more.
 *
 * It only works out where the same calls have the same results, the order in which chunks are given
 * out included: here a volley goes by the handles of what was hit.
 */
import { Pool, restore, snapshot, type Struct, struct } from "@slabs/pool";

/** How late an input may be, in frames. */
export const MAX_DELAY = 8;
const CROWD = 2000;
const WIDTH = 1024;

type ProjectileFields = { x: "f32"; y: "f32"; vx: "f32"; vy: "f32"; life: "u16"; owner: "u8" };
const Projectile: Struct<ProjectileFields> = struct({
  x: "f32",
  y: "f32",
  vx: "f32",
  vy: "f32",
  life: "u16",
  owner: "u8",
}, { name: "Projectile" });

/** What a player does in a frame. */
export interface Input {
  readonly frame: number;
  readonly player: number;
  /** Where it aims, -127 to 127, and how many it fires. */
  readonly aim: number;
  readonly shots: number;
}

/** Inputs of a game that is the same each time: two players, each of whom fires in some frames. */
export function inputsOf(frames: number, seed: number): Input[] {
  const random = (n: number) => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % 65_521 % n;
  const inputs: Input[] = [];
  for (let frame = 0; frame < frames; frame++) {
    for (const player of [0, 1]) {
      const shots = random(4) === 0 ? random(120) : 0;
      if (shots > 0) inputs.push({ frame, player, aim: random(255) - 127, shots });
    }
  }
  return inputs;
}

/** The game: all of its state is in the pool, so that a snapshot has all of it. */
export class Game implements Disposable {
  readonly projectiles: Pool<typeof Projectile> = new Pool(Projectile, { name: "projectiles" });

  constructor() {
    for (let i = 0; i < CROWD; i++) this.#fire(i * 31 % WIDTH, i % 251 - 125, i % 2, i);
  }

  #fire(x: number, aim: number, owner: number, salt: number): void {
    const vx = aim / 64;
    const vy = 1 + (salt % 16) / 16;
    this.projectiles.alloc({ x, y: 0, vx, vy, life: 60 + salt % 97, owner });
  }

  /**
   * One frame: everything flies on, bounces off the walls, and comes to an end; a hit draws a
   * return volley.
   */
  step(inputs: readonly Input[]): void {
    const { projectiles } = this;
    for (const { player, aim, shots } of inputs) {
      for (let i = 0; i < shots; i++) this.#fire(512, aim + i % 9, player, i);
    }
    let salt = 0;
    projectiles.forEach((it, handle) => {
      it.x += it.vx;
      it.y += it.vy;
      it.vy -= 1 / 64;
      if (it.x < 0 || it.x > WIDTH) it.vx = -it.vx;
      if (--it.life > 0) return;
      salt += handle;
      projectiles.free(handle);
    });
    for (let i = 0; projectiles.size < CROWD; i++) {
      this.#fire((salt + i * 37) % WIDTH, (salt + i) % 251 - 125, i % 2, (salt + i) % 1000);
    }
  }

  /** The whole state, in a text that can be compared. */
  state(): string {
    const lines: string[] = [];
    this.projectiles.forEach((it, handle) => lines.push(`${handle} ${JSON.stringify(it)}`));
    return lines.join("\n");
  }

  [Symbol.dispose](): void {
    this.projectiles.dispose();
  }
}

/** Plays with every input in time. */
export function play(frames: number, inputs: readonly Input[]): string {
  using game = new Game();
  for (let frame = 0; frame < frames; frame++) game.step(inputs.filter((it) => it.frame === frame));
  return game.state();
}

/**
 * Plays with inputs that arrive up to `MAX_DELAY` frames late; `delayOf` tells how late each is.
 */
export function playLate(
  frames: number,
  inputs: readonly Input[],
  delayOf: (input: Input, i: number) => number,
): { state: string; rollbacks: number; replayed: number; millis: number[] } {
  using game = new Game();
  const arrivals = inputs.map((input, i) => ({ input, at: input.frame + delayOf(input, i) }));
  const ring: Uint8Array[] = []; // the state before each of the last frames, in arrays that are used again
  const known: Input[] = [];
  const millis: number[] = [];
  let rollbacks = 0, replayed = 0;

  const step = (frame: number) => {
    const slot = frame % (MAX_DELAY + 1);
    ring[slot] = snapshot(game.projectiles, ring[slot], { checksum: false });
    game.step(known.filter((it) => it.frame === frame).sort((a, b) => a.player - b.player));
  };

  for (let now = 0; now < frames + MAX_DELAY; now++) {
    const arrived = arrivals.filter(({ at }) => at === now).map(({ input }) => input);
    known.push(...arrived);
    const next = Math.min(now, frames); // the first frame that was not played yet
    const first = Math.min(next, ...arrived.map((it) => it.frame));
    if (first < next) {
      const start = performance.now();
      restore(game.projectiles, ring[first % (MAX_DELAY + 1)]);
      for (let frame = first; frame < next; frame++) step(frame);
      millis.push(performance.now() - start);
      rollbacks++;
      replayed += next - first;
    }
    if (now < frames) step(now);
  }
  return { state: game.state(), rollbacks, replayed, millis };
}

if (import.meta.main) {
  const frames = 600;
  const inputs = inputsOf(frames, 1);
  const late = playLate(frames, inputs, (_, i) => i * 7 % (MAX_DELAY + 1));
  const median = late.millis.sort((a, b) => a - b)[late.millis.length >> 1].toFixed(2);
  const same = late.state === play(frames, inputs) ? "the same" : "NOT the same";
  console.log(
    `${late.rollbacks} rollbacks, ${late.replayed} frames played again, ${median} ms each (median)\n` +
      `the end is ${same} as without delay`,
  );
}
