/** The contestants, and their programs. */
import { columns } from "./contestants/columns.ts";
import { ecs } from "./contestants/ecs.ts";
import { objects } from "./contestants/objects.ts";
import { pools } from "./contestants/pools.ts";
import { slab } from "./contestants/slab.ts";
import { type Kind, KINDS, OTHER_KINDS } from "./kinds.ts";

const WRITERS: Readonly<Record<string, (kinds: readonly Kind[]) => string>> = {
  "columns": columns,
  "slab": slab,
  "objects": (kinds) => objects(kinds, "one"),
  "objects/sweeps": (kinds) => objects(kinds, "each"),
  "loop/init": (kinds) => pools(kinds, "loop", "init"),
  "loop/cursor": (kinds) => pools(kinds, "loop", "cursor"),
  "forEach/init": (kinds) => pools(kinds, "forEach", "init"),
  "forEach/cursor": (kinds) => pools(kinds, "forEach", "cursor"),
  "forOf/init": (kinds) => pools(kinds, "forOf", "init"),
  "forOf/cursor": (kinds) => pools(kinds, "forOf", "cursor"),
  "wolf-ecs": (kinds) => ecs(kinds, "wolf-ecs"),
  "bitecs": (kinds) => ecs(kinds, "bitecs"),
};

/** Their names. */
export const CONTESTANTS: readonly string[] = Object.keys(WRITERS);

/** The one that all others are measured against. */
export const BASELINE = "columns";

/** What `lib.ts` has. */
const LIB = ["addComponent", "addEntity", "createWorld", "ECS", "Pool", "query", "removeEntity"];

/**
 * @param isFirst Whether it is the game that is played before the one that is measured.
 * @param lib The address of what it imports.
 * @returns The text of a module that is a `Program`.
 */
export function programOf(contestant: string, isFirst: boolean, lib: string): string {
  const program = WRITERS[contestant](isFirst ? OTHER_KINDS : KINDS);
  const names = LIB.filter((it) => program.includes(`${it}(`));
  const imports = names.length === 0 ? "" : `import { ${names.join(", ")} } from "${lib}";\n\n`;
  return `${imports}const DT = 0.016; // seconds of a frame\n${program}`;
}

/** @returns The name of the file of a program. */
export function fileOf(contestant: string, isFirst: boolean): string {
  return `${contestant.replace("/", "_")}${isFirst ? "_before" : ""}.mjs`;
}
