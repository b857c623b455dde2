/**
 * Three ECS libraries, wolf-ecs, bitECS and koota: for each kind a component with arrays by entity
 * id, and a query. A component has all fields of its kind, as each further component costs another
 * step for every entity that is born.
 *
 * @module
 */
import { ARRAYS, birth, each, type Field, game, type Kind, move, weigh } from "../kinds.ts";

/** How a library is used, as text. */
interface Library {
  /** Makes what all kinds share, where they share something. */
  readonly setUp?: string;
  /** Makes the component of a kind, and its query. */
  readonly register: (kind: Kind) => string;
  /** Visits what the query finds from the last one on, as the one that is visited may be removed. */
  readonly visit: (kind: Kind, body: string) => string;
  readonly add: (kind: Kind) => string;
  readonly remove: string;
}

const at = ({ name }: Field) => `${name}[id]`;
const namesOf = ({ fields }: Kind) => fields.map(({ name }) => name).join(", ");
const backwards = (id: string, body: string) =>
  `for (let i = ids.length - 1; i >= 0; i--) { const id = ${id}; ${body} }`;

/**
 * @returns A library whose components are typed arrays of the program's own.
 * @param ids What the query finds.
 */
function typed(setUp: string, register: string, ids: string, add: string, remove: string): Library {
  return {
    setUp,
    register(kind) {
      const columns = kind.fields.map(({ name, type }) =>
        `${name}: new ${ARRAYS[type]}(6 * live + 1)` // ids start at 0 or at 1
      );
      return `const component = { ${columns} }, { ${namesOf(kind)} } = component; ${register}`;
    },
    visit: (_, body) => `const ids = ${ids}; ${backwards("ids[i]", body)}`,
    add: (kind) => `${add} ${birth(kind, at)}`,
    remove,
  };
}

const LIBRARIES: Readonly<Record<"wolf-ecs" | "bitecs" | "koota", Library>> = {
  "wolf-ecs": typed(
    "const shared = new ECS(6 * live);",
    "shared.registerComponent(component); const found = shared.createQuery(component);",
    "found.a[0].e", // no entity has two components
    "const id = shared.createEntity(); shared.addComponent(id, component);",
    "shared.destroyEntity(id);",
  ),
  "bitecs": typed(
    "const shared = createWorld();",
    "const terms = [component]; query(shared, terms);", // known before there are entities
    "query(shared, terms)", // what is removed stays in it until the next query
    "const id = addEntity(shared); addComponent(shared, id, component);",
    "removeEntity(shared, id);",
  ),
  // Its arrays are plain ones, by ids of a world. In a world for each kind they have few holes, which
  // takes a fifth off the time.
  "koota": {
    register({ fields }) {
      // A function in a schema is called for each entity.
      const schema = fields.map(({ name, start }) => `${name}: ${start.replace("()", "")}`);
      return `const component = trait({ ${schema} }), found = createQuery(component), world = createKootaWorld();`;
    },
    visit: (kind, body) =>
      `world.query(found).useStores(([{ ${namesOf(kind)} }], ids) => { ${
        backwards("ids[i].id()", body)
      } });`,
    add: () => "world.spawn(component);",
    remove: "ids[i].destroy();",
  },
};

/** @returns The program. */
export function ecs(kinds: readonly Kind[], name: keyof typeof LIBRARIES): string {
  const library = LIBRARIES[name];
  return `${each(kinds, (kind) => kindOf(kind, library))}
${game(kinds, library.setUp)}`;
}

function kindOf(kind: Kind, { register, visit, add, remove }: Library): string {
  return `
function ${kind.name}(live, nextLife, shared) {
  ${register(kind)}
  let count = 0;
  return {
    move() { ${visit(kind, move(kind, at))} },
    age() { ${visit(kind, `if (--life[id] === 0) { ${remove} count--; }`)} },
    fill() { for (; count < live; count++) { ${add(kind)} } },
    weigh(sums) { ${visit(kind, weigh(kind, at))} },
  };
}`;
}
