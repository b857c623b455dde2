/**
 * The storages of particles that the questions compare: what each can do, and the text that its
 * class is made from.
 *
 * A storage gives the pieces of text in which it differs from the others, as its documentation has
 * them. `classOf` puts them into one class with every loop in full, as one would write it by hand,
 * so that all do the same.
 *
 * @module
 */
import type { Contestant, Work } from "../harness/question.ts";
import { Particle, speedX, speedY, startX, startY } from "./particle.ts";
import { COLUMNS, type Field, FIELDS, type Storage, STORAGES } from "./storages.ts";

/** Particles that move, end, and are counted. */
export interface Particles {
  /** How many are live. */
  readonly size: number;
  /** Adds the i-th particle with all fields. */
  spawn(i: number, life: number): void;
  /** Moves each by a time step, takes 1 from its life, and frees those whose life ends. */
  frame(dt: number): void;
  /** Moves each by a time step. */
  pass(dt: number): void;
  /** Adds 1 to one field of each, the life. */
  touchOne(): void;
  /** Adds 1 to each field of each. */
  touchAll(): void;
  /**
   * The count and the sum of each field, as text. All values are exact in an f32, and their sums in
   * a number.
   */
  sums(): string;
}

/** Particles that a reference names while they live, whatever else is freed. */
export interface NamedParticles extends Particles {
  /** An array for references. */
  refs(count: number): { [i: number]: unknown };
  /** Takes one, zeroed but for its life. */
  take(life: number): unknown;
  /** Takes one and writes all its fields, as `spawn` does. */
  add(i: number, life: number): unknown;
  /** Takes one, writes its life, reads it, and gives it back. */
  once(life: number): number;
  remove(ref: unknown): void;
  xOf(ref: unknown): number;
  lifeOf(ref: unknown): number;
}

const START = { x: "startX(i)", y: "startY(i)", vx: "speedX(i)", vy: "speedY(i)", life: "life" };
const ZERO = { x: "0", y: "0", vx: "0", vy: "0", life: "life" };

/** @returns The text of a function body that returns the class of a storage. */
function classOf(storage: Storage): string {
  const { at, loop, size } = storage;
  const add = storage.add ?? ((field: Field, value: string) => `${at(field)} += ${value};`);
  const move = `${add("x", `${at("vx")} * dt`)} ${add("y", `${at("vy")} * dt`)}`;
  const age = storage.age ?? `if (--${at("life")} === 0)`;
  const remove = storage.removeInLoop ?? "this.remove(ref);";
  const frame = storage.frame?.(move) ?? loop(`${move} ${age} ${remove}`);
  return `
return class {
  ${[...new Set(storage.setUp.match(/(?<=this\.)#\w+(?= =)/g))].map((it) => `${it};`).join(" ")}
  ${size === undefined ? "size = 0;" : `get size() { return ${size}; }`}
  ${storage.methods ?? ""}
  constructor(capacity) {
    ${storage.setUp}
  }
  ${
    storage.isDense
      ? `spawn(i, life) { ${storage.take(START)} this.size++; }`
      : namedMethods(storage)
  }
  frame(dt) { ${frame} ${storage.endOfFrame ?? ""} }
  pass(dt) { ${loop(move)} }
  touchOne() { ${loop(add("life", "1"))} }
  touchAll() { ${loop(FIELDS.map((it) => add(it, "1")).join(" "))} }
  sums() {
    let count = 0, x = 0, y = 0, vx = 0, vy = 0, life = 0;
    const weigh = (...it) => {
      count++; x += it[0]; y += it[1]; vx += it[2]; vy += it[3]; life += it[4];
    };
    { ${loop(`weigh(${FIELDS.map(at).join(", ")});`)} }
    return [count, x, y, vx, vy, life].join(" ");
  }
};`;
}

/** The text of the methods of records that a reference names. */
function namedMethods(storage: Storage): string {
  const counted = (step: string) => storage.size === undefined ? step : "";
  return `
  refs(count) { return ${storage.refs}; }
  take(life) { ${storage.take(ZERO)} ${counted("this.size++;")} return ref; }
  add(i, life) { ${storage.take(START)} ${counted("this.size++;")} return ref; }
  spawn(i, life) { ${storage.spawn ?? "this.add(i, life);"} }
  remove(ref) { ${storage.remove} ${counted("this.size--;")} }
  once(life) {
    ${
    storage.once ??
      "const ref = this.take(life); const got = this.lifeOf(ref); this.remove(ref); return got;"
  }
  }
  xOf(ref) { return ${storage.xOf ?? storage.read("x")}; }
  lifeOf(ref) { return ${storage.read("life")}; }
`;
}

/** @returns A storage with room for so many particles. */
async function particlesIn(storage: Storage, capacity: number): Promise<NamedParticles> {
  const text = classOf(storage);
  const known = { Particle, startX, startY, speedX, speedY, ...await storage.import?.() };
  const names = Object.entries(known).filter(([name]) => new RegExp(`\\b${name}\\b`).test(text));
  const define = new Function(...names.map(([name]) => name), text);
  return new (define(...names.map(([, value]) => value)))(capacity);
}

/** The names of some contestants, and who does not take part. */
interface Options {
  readonly labels?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
}

/** @returns Contestants whose records can be named. */
export function onNamed(
  work: (particles: NamedParticles, count: number) => Work,
  options: Options = {},
): Record<string, Contestant> {
  return contestantsOf(STORAGES, work, options);
}

/** @returns All contestants, those with dense columns first. */
export function onAll(
  work: (particles: Particles, count: number) => Work,
  options: Options = {},
): Record<string, Contestant> {
  return contestantsOf({ columns: COLUMNS, ...STORAGES }, work, options);
}

function contestantsOf(
  storages: Readonly<Record<string, Storage>>,
  work: (particles: NamedParticles, count: number) => Work,
  { labels = {}, without = [] }: Options,
): Record<string, Contestant> {
  const used = Object.entries(storages).filter(([key]) => !without.includes(key));
  return Object.fromEntries(used.map(([key, it]) => [key, on(it, work, labels[key])]));
}

/** @returns A contestant on one storage. */
export function on(
  storage: Storage,
  work: (particles: NamedParticles, count: number) => Work,
  label: string = storage.label,
): Contestant {
  return { label, make: async (count) => work(await particlesIn(storage, count), count) };
}
