/**
 * Objects of six classes in six arrays, swept by moving the living ones forward. Their numbers are
 * doubles, as anyone would have them.
 *
 * @module
 */
import { birth, each, type Field, game, type Kind, move, weigh } from "../kinds.ts";

const it = ({ name }: Field) => `it.${name}`;

/** @returns The program with a function for each class, so that each sees objects of one shape. */
export function objectsByKind(kinds: readonly Kind[]): string {
  return `${each(kinds, classOf)}
${each(kinds, kindOf)}
${game(kinds)}`;
}

/** @returns The program in one function, with one sweep that sees objects of six shapes. */
export function objects(kinds: readonly Kind[]): string {
  return `${each(kinds, classOf)}
function sweep(all) { ${SWEEP} }
return function make({ live, nextLife }) {
  ${each(kinds, ({ name }) => `const ${name} = [];`)}
  const fill = () => {
    ${
    each(kinds, ({ name, one }) =>
      `while (${name}.length < live) ${name}.push(new ${one}(nextLife));`)
  }
  };
  fill();
  return {
    update() {
      ${each(kinds, (kind) => `for (const it of ${kind.name}) { ${move(kind, it)} }`)}
      ${each(kinds, ({ name }) => `sweep(${name});`)}
      fill();
    },
    weigh(sums) {
      ${each(kinds, (kind) => `for (const it of ${kind.name}) ${weigh(kind, it)}`)}
    },
  };
}`;
}

function classOf(kind: Kind): string {
  return `class ${kind.one} {
  constructor(nextLife) { ${birth(kind, ({ name }) => `this.${name}`)} }
}`;
}

function kindOf(kind: Kind): string {
  const each = (body: string) =>
    `for (let i = 0; i < all.length; i++) { const it = all[i]; ${body} }`;
  return `
function ${kind.name}(live, nextLife) {
  const all = [];
  return {
    move() { ${each(move(kind, it))} },
    age() { ${SWEEP} },
    fill() { while (all.length < live) all.push(new ${kind.one}(nextLife)); },
    weigh(sums) { ${each(weigh(kind, it))} },
  };
}`;
}

const SWEEP = `let kept = 0;
      for (let i = 0; i < all.length; i++) {
        const it = all[i];
        if (--it.life !== 0) all[kept++] = it;
      }
      all.length = kept;`;
