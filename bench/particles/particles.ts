/**
 * The particles that the questions compare: what each storage can do with them, and the text that
 * its class is made from.
 *
 * A storage gives the pieces of text in which it differs from the others, as its documentation
 * writes them. `classOf` puts them into one class with every loop in full, as one would write it by
 * hand. So all do the same work.
 *
 * @module
 */
import type { Contestant, Work } from "../harness/question.ts";
import { Particle, speedX, speedY, startX, startY } from "./particle.ts";
import { type Field, FIELDS, type Storage } from "./storages.ts";

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
  /** Writes x and y of each, one after the other. */
  pack(out: Float32Array): void;
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
  /** Allocates one, zeroed but for its life. */
  take(life: number): unknown;
  /** Allocates one and writes all its fields, as `spawn` does. */
  add(i: number, life: number): unknown;
  /** Allocates one, writes its life, reads it, and frees it. */
  once(life: number): number;
  remove(ref: unknown): void;
  /** Frees all, in an order where they can be freed one by one. */
  removeAll(refs: { [i: number]: unknown }, order: Int32Array): void;
  xOf(ref: unknown): number;
  lifeOf(ref: unknown): number;
}

const START = { x: "startX(i)", y: "startY(i)", vx: "speedX(i)", vy: "speedY(i)", life: "life" };
const ZERO = { x: "0", y: "0", vx: "0", vy: "0", life: "life" };

/** @returns The text of a function body that returns the class of a storage. */
function classOf(storage: Storage): string {
  const { size } = storage;
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
  ${storage.loop && storage.at ? passMethods(storage, storage.loop, storage.at) : ""}
};`;
}

/** The text of the methods that visit all records. */
function passMethods(
  storage: Storage,
  loop: (body: string) => string,
  at: (field: Field) => string,
): string {
  const move = `${at("x")} += ${at("vx")} * dt; ${at("y")} += ${at("vy")} * dt;`;
  const remove = storage.removeInLoop ?? "this.remove(ref);";
  const frame = storage.frame?.(move) ?? loop(`${move} if (--${at("life")} === 0) ${remove}`);
  const pack = storage.pack ??
    `let to = 0; ${loop(`out[to++] = ${at("x")}; out[to++] = ${at("y")};`)}`;
  return `
  frame(dt) { ${frame} }
  pass(dt) { ${loop(move)} }
  touchOne() { ${loop(`${at("life")} += 1;`)} }
  pack(out) { ${pack} }
  sums() {
    let count = 0, x = 0, y = 0, vx = 0, vy = 0, life = 0;
    const weigh = (...it) => {
      count++; x += it[0]; y += it[1]; vx += it[2]; vy += it[3]; life += it[4];
    };
    { ${loop(`weigh(${FIELDS.map(at).join(", ")});`)} }
    return [count, x, y, vx, vy, life].join(" ");
  }`;
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
  removeAll(refs, order) {
    ${storage.removeAll ?? "for (let i = 0; i < order.length; i++) this.remove(refs[order[i]]);"}
  }
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

/**
 * @param work Is called with particles that have the methods of `Particles` alone where the storage
 * is dense columns.
 * @param labels The names of some contestants, by key. The others have the name of their storage.
 * @returns A contestant on each storage, by the same keys.
 */
export function on(
  storages: Readonly<Record<string, Storage>>,
  work: (particles: NamedParticles, count: number) => Work,
  labels: Readonly<Record<string, string>> = {},
): Record<string, Contestant> {
  const contestants = Object.entries(storages).map(([key, it]): [string, Contestant] => [key, {
    label: labels[key] ?? it.label,
    make: async (count) => work(await particlesIn(it, count), count),
  }]);
  return Object.fromEntries(contestants);
}

/** @returns The storages but for those with these keys. */
export function without(
  storages: Readonly<Record<string, Storage>>,
  ...keys: readonly string[]
): Record<string, Storage> {
  return Object.fromEntries(Object.entries(storages).filter(([key]) => !keys.includes(key)));
}
