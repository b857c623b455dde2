/**
 * Objects of six classes in six arrays, swept by moving the living ones forward. Their numbers are
 * doubles, as anyone would have them. The sweep is a function, as it is the same for all; or it is
 * written out for each class, which spares the engine a function that sees objects of six shapes.
 *
 * @module
 */
import { birth, each, type Field, type Kind, move, weigh } from "../kinds.ts";

const it = ({ name }: Field) => `it.${name}`;

/** @returns The program, with one sweep for all classes or one for each. */
export function objects(kinds: readonly Kind[], sweeps: "one" | "each"): string {
  return `${each(kinds, classOf)}
${sweeps === "one" ? SWEEP : ""}
return function make({ live, nextLife }) {
  ${each(kinds, ({ name }) => `const ${name} = [];`)}
  const fill = () => {
    ${each(kinds, fillOf)}
  };
  fill();
  return {
    update() {
      ${each(kinds, (kind) => `for (const it of ${kind.name}) { ${move(kind, it)} }`)}
      ${each(kinds, sweeps === "one" ? ({ name }) => `sweep(${name});` : sweepOf)}
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

function fillOf({ name, one }: Kind): string {
  return `while (${name}.length < live) ${name}.push(new ${one}(nextLife));`;
}

const SWEEP = `function sweep(all) {
  let kept = 0;
  for (let i = 0; i < all.length; i++) {
    const it = all[i];
    if (--it.life !== 0) all[kept++] = it;
  }
  all.length = kept;
}`;

function sweepOf({ name }: Kind): string {
  return `{
        let kept = 0;
        for (let i = 0; i < ${name}.length; i++) {
          const it = ${name}[i];
          if (--it.life !== 0) ${name}[kept++] = it;
        }
        ${name}.length = kept;
      }`;
}
