/**
 * A slab by hand: records laid out in one buffer as C does, read by offsets, a stack of the free
 * ones, and a life of 0 for what is not live. Nothing is checked. It is the limit of records that
 * stay where they are.
 *
 * @module
 */
import { birth, each, type Field, game, type Kind, move, weigh } from "../kinds.ts";

const BYTES = { f32: 4, u32: 4, u16: 2, u8: 1 } as const;

const SLAB = `
class Slab {
  constructor(live, words) {
    const buffer = new ArrayBuffer(live * words * 4);
    this.f32 = new Float32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.words = words;
    this.end = 0; // past the last record that ever was
    this.size = 0;
    this.free = new Int32Array(live);
    this.freeCount = 0;
  }
  take() {
    this.size++;
    if (this.freeCount > 0) return this.free[--this.freeCount];
    const at = this.end;
    this.end += this.words;
    return at;
  }
  give(at) {
    this.free[this.freeCount++] = at;
    this.size--;
  }
}
`;

/** @returns The program. */
export function slab(kinds: readonly Kind[]): string {
  return `${SLAB}${each(kinds, kindOf)}
${game(kinds)}`;
}

function kindOf(kind: Kind): string {
  const { offsets, words } = layoutOf(kind);
  const at = ({ name, type }: Field) => {
    const perWord = 4 / BYTES[type];
    return `${type}[${perWord === 1 ? "at" : `at * ${perWord}`} + ${offsets[name] / BYTES[type]}]`;
  };
  const life = at(kind.fields.find(({ name }) => name === "life")!); // every kind has one
  const loop = `for (let at = 0; at < slab.end; at += ${words})`;
  return `
function ${kind.name}(live, nextLife) {
  const slab = new Slab(live, ${words}), { f32, u32, u16, u8 } = slab;
  return {
    move() { ${loop} { if (${life} === 0) continue; ${move(kind, at)} } },
    age() { ${loop} { if (${life} !== 0 && --${life} === 0) slab.give(at); } },
    fill() { while (slab.size < live) { const at = slab.take(); ${birth(kind, at)} } },
    weigh(sums) { ${loop} ${weigh(kind, at)} },
  };
}`;
}

/**
 * @returns The offset of each field in bytes, at its natural alignment, and the size of a record in
 * words of 4 bytes.
 */
function layoutOf({ fields }: Kind): { offsets: Record<string, number>; words: number } {
  const offsets: Record<string, number> = {};
  let end = 0;
  for (const { name, type } of fields) {
    const bytes = BYTES[type];
    offsets[name] = Math.ceil(end / bytes) * bytes;
    end = offsets[name] + bytes;
  }
  return { offsets, words: Math.ceil(end / 4) };
}
