/**
 * What is bundled: a program that uses every kind of pool, checks itself, and leaves what came of
 * it where any script can.
 *
 * @module
 */
import { Arena, ErasedPool, Pool, PoolSet, specialization, struct, validate } from "../../mod.ts";
import { workOut } from "../slab/_workout.ts";

/** What a program leaves. */
export interface Outcome {
  /** All that it read, as a text. */
  readonly result: string;
  /** What {@linkcode specialization} says in the end. */
  readonly specialization: "own" | "shared";
}

/** Where the outcome is left: bundles that are scripts have no exports. */
export const OUTCOME: unique symbol = Symbol.for("slabs.outcome");

const Bullet = struct({ x: "f32", vx: "f32", life: "u8" }, { name: "Bullet" });
const Rock = struct({ mass: "f64" }, { name: "Rock" });

function check(claim: boolean, what: string): void {
  if (!claim) throw new Error(`the bundle is wrong: ${what}`);
}

/** Births, deaths and a step back in time. */
function play(): unknown {
  using bullets = new Pool(Bullet, { chunksPerBlock: 64, maxChunks: 1024 });
  const move = bullets.loop((it, _handle, dt: number) => {
    it.x += it.vx * dt;
    it.life--;
  });
  for (let i = 0; i < 300; i++) bullets.alloc({ x: i, vx: i % 7, life: 1 + i % 20 });
  const saved = bullets.snapshot();
  const frames: number[][] = [];
  for (let round = 0; round < 2; round++) {
    for (let frame = 0; frame < 10; frame++) {
      move(0.5);
      const freed = bullets.retain((it) => it.life > 0);
      let sum = 0;
      bullets.forEach((it, handle) => sum += it.x + handle);
      for (const it of bullets) sum += it.life;
      frames.push([freed, bullets.size, sum]);
    }
    bullets.restore(saved);
  }
  const half = frames.length / 2;
  check(JSON.stringify(frames.slice(0, half)) === JSON.stringify(frames.slice(half)), "restore()");
  validate(bullets);
  return frames;
}

/** Records of several structs, and of one that is told apart only by its fields' names. */
function mix(): unknown {
  const seen: unknown[] = [];
  using cells = new ErasedPool({ size: 16, types: [Bullet, Rock] });
  using set = new PoolSet({ sizes: [8, 16], types: [Bullet, Rock] });
  for (const pool of [cells, set]) {
    for (let i = 0; i < 200; i++) pool.alloc(i % 3 === 0 ? Rock : Bullet);
    pool.forEach(Rock, (it, handle) => it.mass = handle % 1000);
    pool.forEach(Bullet, (it) => it.life = 5);
    pool.retain((it) => !("mass" in it) || it.mass % 2 === 0);
    for (const it of pool) seen.push(it.toJSON());
    check(seen.length > 0 && pool.size < 200, "retain()");
    validate(pool);
  }
  using arena = new Arena();
  const rock = arena.view(arena.allocRecord(Rock, { mass: 2.5 }), Rock);
  check(rock.mass === 2.5, "a view of an arena");
  return seen;
}

const outcome: Outcome = {
  result: JSON.stringify([play(), mix(), workOut()]),
  specialization: specialization(),
};
Object.assign(globalThis, { [OUTCOME]: outcome });
