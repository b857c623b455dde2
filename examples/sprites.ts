/**
 * Sprites: ships in a pool, their names beside the records, and their positions packed for the GPU
 * once a frame.
 *
 * What a record cannot hold, a string or an object of the drawing library, is in a `HandleMap`, and
 * gone when its ship is. What is drawn goes into one instance buffer, tight, in the order in which
 * the records lie.
 */
import { HandleMap, pack, Pool, type Struct, struct } from "@slabs/pool";

type ShipFields = { x: "f32"; y: "f32"; vx: "f32"; vy: "f32"; hp: "u8" };
const Ship: Struct<ShipFields, "Ship"> = struct(
  { x: "f32", y: "f32", vx: "f32", vy: "f32", hp: "u8" },
  { name: "Ship" },
);

/** What is kept of a ship beside its record. */
export interface Sprite {
  readonly name: string;
  /** Number of the picture, as an animation goes on. */
  frame: number;
}

/** A frame as a renderer gets it. */
export interface Picture {
  /** How many instances are drawn. */
  readonly count: number;
  /** x and y of each, tight: `device.queue.writeBuffer(buffer, 0, instances)`. */
  readonly instances: Float32Array;
  /** The label of each, in the same order. */
  readonly labels: readonly string[];
}

const PICTURES = 4;
const WIDTH = 640;

/** A fleet that flies from left to right, and is shot at. */
export class Fleet implements Disposable {
  readonly ships: Pool<typeof Ship> = new Pool(Ship);
  readonly sprites: HandleMap<typeof Ship, Sprite> = new HandleMap<typeof Ship, Sprite>(this.ships);
  /** Room for x and y of each ship; made anew where there are more than ever. */
  #instances = new Float32Array(32);
  #launched = 0;

  launch(count: number): void {
    for (let i = 0; i < count; i++) {
      const n = this.#launched++;
      const ship = this.ships.alloc({ y: 20 * n, vx: 10 + n % 7, vy: n % 3 - 1, hp: 3 });
      this.sprites.set(ship, { name: `HMS ${n}`, frame: n % PICTURES });
    }
  }

  step(): void {
    this.ships.forEach((ship, handle) => {
      ship.x += ship.vx;
      ship.y += ship.vy;
      const sprite = this.sprites.get(handle)!; // every ship has one
      sprite.frame = (sprite.frame + 1) % PICTURES;
      if (ship.x > WIDTH) this.ships.free(handle); // and with it goes its sprite
    });
  }

  /** Takes a life of every `nth` ship. */
  hit(nth: number): void {
    this.ships.forEach((ship, handle) => {
      if (this.ships.indexOf(handle) % nth === 0 && --ship.hp === 0) this.ships.free(handle);
    });
  }

  draw(): Picture {
    const { size } = this.ships;
    if (this.#instances.length < 2 * size) this.#instances = new Float32Array(4 * size);
    const count = pack(this.ships, this.#instances, ["x", "y"]);
    const labels: string[] = [];
    this.sprites.forEach(({ name, frame }) => void labels.push(`${name}/${frame}`));
    return { count, instances: this.#instances.subarray(0, 2 * count), labels };
  }

  [Symbol.dispose](): void {
    this.ships.dispose();
  }
}

/** Plays some frames, and tells of every tenth. */
export function demo(frames: number): string[] {
  using fleet = new Fleet();
  const lines: string[] = [];
  for (let frame = 0; frame <= frames; frame++) {
    if (frame % 5 === 0) fleet.launch(6);
    fleet.step();
    if (frame % 4 === 0) fleet.hit(3);
    if (frame % 10 > 0) continue;
    const { count, instances, labels } = fleet.draw();
    const [x, y] = instances;
    lines.push(`frame ${frame}: ${count} ships, the first at ${x}, ${y}: ${labels[0]}`);
  }
  return lines;
}

if (import.meta.main) { for (const line of demo(60)) console.log(line); }
