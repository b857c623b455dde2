/**
 * What does code of their own cost pools at the start? Milliseconds for the first pool of a program, for one of each further struct,
 * and for a thousand pools of one struct.
 *
 * Each round is a process of its own, as there is but one first pool in each; the module is loaded before the clock starts. A pool is
 * made, gets a record by `alloc({ … })`, and is passed over once by `for…of`. The medians of the rounds are printed, with the same for
 * pools that share the engine's code. `deno task first-pool`
 */
import { Pool, struct } from "../mod.ts";

const ROUNDS = 15;
const STRUCTS = 20;

if (Deno.args[0] === "round") round(Deno.args[1] === "own");
else for (const kind of ["own", "shared"]) report(kind);

function report(kind: string): void {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const { stdout } = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", import.meta.filename!, "round", kind], // a file, as it was run
    }).outputSync();
    return JSON.parse(new TextDecoder().decode(stdout)) as number[];
  });
  const medians = [0, 1, 2].map((i) =>
    rounds.map((times) => times[i]).sort((a, b) => a - b)[ROUNDS >> 1].toFixed(2)
  );
  console.log(
    `${kind} code: first pool ${medians[0]} ms, each further struct ${medians[1]} ms, ` +
      `a thousand pools of one struct ${medians[2]} ms`,
  );
}

function round(specialize: boolean): void {
  const structs = Array.from(
    { length: STRUCTS + 1 },
    (_, i) =>
      struct({
        x: "f32",
        y: "f32",
        vx: "f32",
        vy: "f32",
        hp: "u16",
        life: "u16",
        [`at${i}`]: "u32",
      }),
  );
  const use = (i: number) => {
    const pool = new Pool(structs[i], { specialize });
    pool.alloc({ x: 1, y: 2, life: 3 });
    for (const it of pool) it.x += it.y;
    return pool;
  };
  const start = performance.now();
  use(0);
  const first = performance.now();
  for (let i = 1; i <= STRUCTS; i++) use(i);
  const further = performance.now();
  for (let i = 0; i < 1000; i++) new Pool(structs[0], { specialize });
  const end = performance.now();
  console.log(JSON.stringify([first - start, (further - first) / STRUCTS, end - further]));
}
