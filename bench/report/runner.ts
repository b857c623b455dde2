/** Starts the processes of contestants, on Deno, Node and Bun, and collects what they tell. */
import {
  checkAgreed,
  type Collections,
  type Figures,
  figuresOf,
  parseResult,
  parseTrace,
  type Result,
  type Runtime,
} from "./result.ts";
import type { Plan, Scenario } from "./scenario.ts";

/** How to start a worker: the program, and what comes before the names. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

/** The command of each runtime that is there. */
export type Commands = Readonly<Partial<Record<Runtime, Command>>>;

/** What runs on every runtime. */
const EVERYWHERE: readonly string[] = ["pool", "slab"];

/** A contestant on a runtime. */
export interface Player {
  readonly scenario: Scenario;
  readonly contestant: string;
  readonly runtime: Runtime;
  readonly results: Result[];
  readonly collections: Collections[];
}

/** @returns Everyone who has a turn in a scenario. */
export function playersOf(scenario: Scenario, commands: Commands): Player[] {
  const player = (contestant: string, runtime: Runtime): Player => ({
    scenario,
    contestant,
    runtime,
    results: [],
    collections: [],
  });
  const others = (["node", "bun"] as const).filter((it) =>
    scenario.everywhere && commands[it] !== undefined
  );
  return [
    ...scenario.contestants.map(({ key }) => player(key, "deno")),
    ...others.flatMap((runtime) => EVERYWHERE.map((key) => player(key, runtime))),
  ];
}

/** Has a player do its work once, in a process of its own. */
export async function play(player: Player, commands: Commands, plan: Plan): Promise<void> {
  const { scenario, contestant, runtime } = player;
  const { program, args } = commands[runtime]!; // players are made of those that are there
  const traced = scenario.traced === true && runtime === "deno";
  const command = new Deno.Command(program, {
    args: [
      ...flagsOf(runtime, traced, args),
      scenario.name,
      contestant,
      JSON.stringify(plan),
    ],
    stdout: traced ? "piped" : "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  });
  const output = await command.output();
  const stderr = new TextDecoder().decode(output.stderr);
  const result = parseResult(stderr);
  if (result === undefined) {
    throw new Error(`${scenario.name}: ${contestant} on ${runtime} failed\n${stderr}`);
  }
  player.results.push(result);
  if (!traced) return;
  const collections = parseTrace(new TextDecoder().decode(output.stdout));
  if (collections === undefined) throw new Error(`${scenario.name}: no trace of ${contestant}`);
  player.collections.push(collections);
}

/** The arguments up to the worker's own; V8 takes flags by another way in Deno, and Bun has none of them. */
function flagsOf(runtime: Runtime, traced: boolean, args: readonly string[]): string[] {
  if (runtime === "bun") return [...args];
  const flags = ["--expose-gc", ...traced ? ["--trace-gc"] : []];
  return runtime === "node" ? [...flags, ...args] : [
    "run",
    `--v8-flags=${flags.join(",")}`,
    ...args,
  ];
}

/** Puts a scenario's results together. */
export function finish(scenario: Scenario, players: readonly Player[]): Figures[] {
  const sums = players.filter(({ contestant }) => contestant !== "nothing").flatMap((it) =>
    it.results.map(({ checksum }) => ({ who: `${it.contestant} on ${it.runtime}`, checksum }))
  );
  checkAgreed(scenario.name, sums);
  return players.map(({ contestant, runtime, results, collections }) =>
    figuresOf({
      scenario: scenario.name,
      contestant,
      runtime,
      results,
      collections,
      together: scenario.measure === "frames",
    })
  );
}
