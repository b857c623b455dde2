/** The options of the command line. */
import { parseArgs } from "node:util";
import { BASELINE, CONTESTANTS } from "./programs.ts";
import { type Runtime, RUNTIMES } from "./runtimes.ts";

/** What is to be played. */
export interface Options {
  /** Records of each kind, of each table. */
  readonly live: readonly number[];
  readonly frames: number;
  readonly warmUp: number;
  readonly rounds: number;
  /** Whether records die and are replaced. */
  readonly births: boolean;
  readonly contestants: readonly string[];
  readonly runtimes: readonly Runtime[];
  /** Whether a second game in a process is measured as well. */
  readonly second: boolean;
  /** Frames of a long game; 0 for none. */
  readonly longFrames: number;
  /** Where programs and runtimes go and stay; else they go to a directory that is removed. */
  readonly tools?: string;
}

/** The most frames: as many once more as a warm-up are still fewer than `ENDLESS_LIFE`. */
const LONG = 32_000;

/** What a smoke run has instead. */
const SMOKE = { live: [100], frames: 30, warmUp: 10, rounds: 1, second: true, longFrames: 320 };

/** @throws {Error} naming the option that is wrong. */
export function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "live": { type: "string", multiple: true, default: ["5000"] },
      "frames": { type: "string", default: "1000" },
      "warm-up": { type: "string", default: "500" },
      "rounds": { type: "string", default: "6" },
      "contestant": { type: "string", multiple: true, default: [""] },
      "runtime": { type: "string", multiple: true, default: ["deno"] },
      "no-births": { type: "boolean", default: false },
      "second": { type: "boolean", default: false },
      "long": { type: "boolean", default: false },
      "smoke": { type: "boolean", default: false },
      "tools": { type: "string" },
    },
  });
  const options: Options = {
    live: values.live.map((it) => count("live", it, 1_000_000)),
    frames: count("frames", values.frames, LONG),
    warmUp: count("warm-up", values["warm-up"], LONG),
    rounds: count("rounds", values.rounds, 1000),
    births: !values["no-births"],
    contestants: contestantsOf(values.contestant),
    runtimes: runtimesOf(values.runtime),
    second: values.second,
    longFrames: values.long ? LONG : 0,
    ...values.tools === undefined ? {} : { tools: values.tools },
  };
  return values.smoke ? { ...options, ...SMOKE } : options;
}

function count(name: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= most) return value;
  throw new Error(`--${name} must be an integer from 1 to ${most}, got ${text}`);
}

/** A name stands for the contestant, or for both that differ in how records are born. The baseline always plays. */
function contestantsOf(names: readonly string[]): string[] {
  const meant = (name: string) =>
    CONTESTANTS.filter((it) => `${it}/`.startsWith(name && `${name}/`));
  const unknown = names.find((name) => meant(name).length === 0);
  if (unknown !== undefined) {
    throw new Error(`--contestant must be of ${CONTESTANTS.join(", ")}, got ${unknown}`);
  }
  return CONTESTANTS.filter((it) =>
    it === BASELINE || names.some((name) => meant(name).includes(it))
  );
}

function runtimesOf(names: readonly string[]): readonly Runtime[] {
  if (names.includes("all")) return RUNTIMES;
  const unknown = names.find((name) => !RUNTIMES.some((it) => it === name));
  if (unknown === undefined) return RUNTIMES.filter((it) => names.includes(it));
  throw new Error(`--runtime must be all or of ${RUNTIMES.join(", ")}, got ${unknown}`);
}
