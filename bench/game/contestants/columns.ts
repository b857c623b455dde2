/**
 * Dense columns by hand, a typed array a field: the last record takes the place of one that dies.
 * Records move, so nothing can refer to one. It is the limit without identity, and the baseline.
 *
 * @module
 */
import { ARRAYS, birth, each, type Field, game, type Kind, move, weigh } from "../kinds.ts";

/** @returns The program. */
export function columns(kinds: readonly Kind[]): string {
  return `${each(kinds, kindOf)}
${game(kinds)}`;
}

function kindOf(kind: Kind): string {
  const at = (index: string) => ({ name }: Field) => `${name}[${index}]`;
  const { name, fields } = kind;
  return `
function ${name}(live, nextLife) {
  ${fields.map(({ name, type }) => `const ${name} = new ${ARRAYS[type]}(live);`).join(" ")}
  let count = 0;
  return {
    move() { for (let i = 0; i < count; i++) { ${move(kind, at("i"))} } },
    age() {
      for (let i = 0; i < count;) {
        if (--life[i] !== 0) { i++; continue; }
        count--;
        ${fields.map((it) => `${at("i")(it)} = ${at("count")(it)};`).join(" ")}
      }
    },
    fill() { for (; count < live; count++) { ${birth(kind, at("count"))} } },
    weigh(sums) { for (let i = 0; i < count; i++) ${weigh(kind, at("i"))} },
  };
}`;
}
