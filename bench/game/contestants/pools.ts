/**
 * The pools of this module. `loop` moves by compiled loops, and `forOf` by `for…of`; both age by
 * `retain`. `forEach` has its callbacks written in place, and ageing ones free. Records are born by
 * `init`, which is `alloc({ … })`, or by `cursor`, which is `allocAt` and writes.
 *
 * @module
 */
import { birth, each, type Field, type Kind, move, weigh } from "../kinds.ts";

const it = ({ name }: Field) => `it.${name}`;

/** How records are born. */
type Birth = "init" | "cursor";

/** How records are visited. */
type Way = "loop" | "forEach" | "forOf";

const FILLS: Readonly<Record<Birth, (kind: Kind) => string>> = {
  init: ({ name, fields }) => {
    const init = fields.map(({ name, start }) => `${name}: ${start}`).join(", ");
    return `while (${name}.size < live) ${name}.alloc({ ${init} });`;
  },
  cursor: (kind) => {
    const { name } = kind, access = (field: Field) => `${name}Cursor.${field.name}`;
    return `while (${name}.size < live) { ${name}.allocAt(${name}Cursor); ${birth(kind, access)} }`;
  },
};

/** What is done to each kind in a frame; `once` is done before the first. */
const LOOPS: Readonly<Record<Way, Record<"once" | "move" | "age", (kind: Kind) => string>>> = {
  loop: {
    once: (kind) => `
  const ${kind.name}Move = ${kind.name}.loop((it) => { ${move(kind, it)} });`,
    move: ({ name }) => `${name}Move();`,
    age: ageByRetain,
  },
  forEach: {
    once: () => "",
    move: (kind) => `${kind.name}.forEach((it) => { ${move(kind, it)} });`,
    age: ({ name }) =>
      `${name}.forEach((it, handle) => { if (--it.life === 0) ${name}.free(handle); });`,
  },
  forOf: {
    once: () => "",
    move: (kind) => `for (const it of ${kind.name}) { ${move(kind, it)} }`,
    age: ageByRetain,
  },
};

function ageByRetain({ name }: Kind): string {
  return `${name}.retain((it) => --it.life !== 0);`;
}

function poolOf({ name, fields }: Kind): string {
  const struct = fields.map(({ name, type }) => `${name}: "${type}"`).join(", ");
  return `const ${name} = new Pool({ ${struct} }, { name: "${name}" }); const ${name}Cursor = ${name}.cursor();`;
}

/** @returns The program. */
export function pools(kinds: readonly Kind[], way: Way, born: Birth): string {
  const loops = LOOPS[way];
  return `
return function make({ live, nextLife }) {
  ${each(kinds, poolOf)}
  const fill = () => {
    ${each(kinds, FILLS[born])}
  };
  fill();
  ${each(kinds, loops.once)}
  return {
    update() {
      ${each(kinds, loops.move)}
      ${each(kinds, loops.age)}
      fill();
    },
    weigh(sums) {
      ${each(kinds, (kind) => `for (const it of ${kind.name}) ${weigh(kind, it)}`)}
    },
  };
}`;
}
