/**
 * A saved game that outlives the version of the game that wrote it: `deno run --allow-read=.
 * examples/save_game.ts`.
 *
 * Version 1 has written `data/save_v1.bin`. In version 2 ships are vessels, their `hp` is `health`
 * and has more bits, `fuel` is gone, shields are new, and the pool may have more chunks, so that
 * handles are packed in another way.
 *
 * ```text
 * bytes 0 … 7   the handle of the flagship, as a float
 *       8 …     what save(pool) gave
 * ```
 *
 * @module
 */
import { type Handle, load, Pool, ref, type RefType, save, type Struct, struct } from "@slabs/pool";

/** The file that version 1 wrote. */
export const FILE: URL = new URL("data/save_v1.bin", import.meta.url);

// -- version 1, as it was --

const Ship = struct({
  x: "f32",
  y: "f32",
  hp: "u8",
  fuel: "u16",
  leader: ref("self"),
}, { name: "Ship" });

/**
 * Writes a file as version 1 did. The one in the repository was written by
 * `Deno.writeFileSync(FILE, writeVersion1())`, and never again.
 */
export function writeVersion1(): Uint8Array {
  using ships = new Pool(Ship, { maxChunks: 1024 });
  const fleet = ships.allocMany(6);
  const flagship = fleet[4];
  fleet.forEach((ship, i) => {
    ships.set(ship, { x: i * 10, y: -i, hp: 50 * i, fuel: 100, leader: flagship });
  });
  ships.free(fleet[1]); // so that not all chunks are in use
  const saved = save(ships);
  const file = new Uint8Array(8 + saved.length);
  new DataView(file.buffer).setFloat64(0, flagship, true);
  file.set(saved, 8);
  return file;
}

// -- version 2 --

type VesselFields = {
  x: "f64";
  y: "f64";
  health: "u16";
  shield: "u8";
  leader: RefType<"self">;
};
const Vessel: Struct<VesselFields, "Vessel"> = struct({
  x: "f64",
  y: "f64",
  health: "u16",
  shield: "u8",
  leader: ref("self"),
}, { name: "Vessel" });

/**
 * What is called otherwise since version 1. Those of later versions are to stand here as well:
 * names that a save does not have do no harm.
 */
const RENAMES = { Ship: "Vessel", hp: "health" };

/** The game that goes on. */
export class Game implements Disposable {
  readonly vessels: Pool<typeof Vessel> = new Pool(Vessel, { maxChunks: 65_536 });
  readonly flagship: Handle<typeof Vessel>;
  /** What became of the save. */
  readonly report: string[];

  /** @param file What any version wrote. */
  constructor(file: Uint8Array) {
    const moved = new Map<number, number>();
    const { records, wrapped, added, dropped } = load(this.vessels, file.subarray(8), {
      rename: RENAMES,
      moved: (from, to) => moved.set(from, to),
    });
    const saved = new DataView(file.buffer, file.byteOffset).getFloat64(0, true);
    // `leader` is a typed ref, which load() has set right. A handle that lies elsewhere is the
    // program's part.
    this.flagship = this.vessels.handle(moved.get(saved) ?? saved);
    this.report = [
      `${records} records, ${moved.size} of them with new handles, ${wrapped.size} fields wrapped`,
      `new: ${added.join(", ")}; dropped: ${dropped.join(", ")}`,
    ];
  }

  /** A line for each vessel. */
  lines(): string[] {
    return Array.from(this.vessels, (vessel) => {
      const { x, y, health, shield } = vessel;
      const isFlagship = this.vessels.handleOf(vessel) === this.flagship;
      const { x: leaderX } = this.vessels.get(vessel.leader);
      const what = isFlagship ? "the flagship" : `follows the vessel at ${leaderX}`;
      return `(${x}, ${y}) health ${health}, shield ${shield}, ${what}`;
    });
  }

  [Symbol.dispose](): void {
    this.vessels.dispose();
  }
}

if (import.meta.main) {
  using game = new Game(Deno.readFileSync(FILE));
  console.log([...game.report, ...game.lines()].join("\n"));
}
