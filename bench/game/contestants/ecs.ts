/**
 * Two ECS libraries, wolf-ecs and bitECS: for each kind a component of typed arrays by entity id,
 * and a query. A component has all fields of its kind, as each further component costs another step
 * for every entity that is born.
 *
 * @module
 */
import { ARRAYS, birth, each, type Field, game, type Kind, move, weigh } from "../kinds.ts";

/** The calls of a library, as text. */
interface Library {
  readonly setUp: string;
  /** Makes `component` known, and its query. */
  readonly register: string;
  /** What the query finds. Walked from the last one on, the one that is visited may be removed. */
  readonly ids: string;
  readonly add: string;
  readonly remove: string;
}

const LIBRARIES = {
  "wolf-ecs": {
    setUp: "const shared = new ECS(6 * live);",
    register: "shared.registerComponent(component); const found = shared.createQuery(component);",
    ids: "found.a[0].e", // no entity has two components
    add: "const id = shared.createEntity(); shared.addComponent(id, component);",
    remove: "shared.destroyEntity(id);",
  },
  "bitecs": {
    setUp: "const shared = createWorld();",
    register: "const terms = [component]; query(shared, terms);", // known before there are entities
    ids: "query(shared, terms)", // what is removed stays in it until the next query
    add: "const id = addEntity(shared); addComponent(shared, id, component);",
    remove: "removeEntity(shared, id);",
  },
} as const;

/** @returns The program. */
export function ecs(kinds: readonly Kind[], name: keyof typeof LIBRARIES): string {
  const library = LIBRARIES[name];
  return `${each(kinds, (kind) => kindOf(kind, library))}
${game(kinds, library.setUp)}`;
}

function kindOf(kind: Kind, { register, ids, add, remove }: Library): string {
  const at = ({ name }: Field) => `${name}[id]`;
  // Ids start at 0 or at 1.
  const columns = kind.fields.map(({ name, type }) => `${name}: new ${ARRAYS[type]}(6 * live + 1)`);
  const loop = `const ids = ${ids}; for (let i = ids.length - 1; i >= 0; i--)`;
  return `
function ${kind.name}(live, nextLife, shared) {
  const component = { ${columns.join(", ")} }, { ${
    kind.fields.map(({ name }) => name)
  } } = component;
  ${register}
  let count = 0;
  return {
    move() { ${loop} { const id = ids[i]; ${move(kind, at)} } },
    age() { ${loop} { const id = ids[i]; if (--life[id] === 0) { ${remove} count--; } } },
    fill() { for (; count < live; count++) { ${add} ${birth(kind, at)} } },
    weigh(sums) { for (const id of Array.from(${ids})) ${weigh(kind, at)} },
  };
}`;
}
