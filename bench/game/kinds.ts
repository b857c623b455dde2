/**
 * The six kinds of record, and the pieces of text that the programs of all contestants are put
 * together from.
 */

/** A field of a record. */
export interface Field {
  readonly name: string;
  readonly type: "f32" | "u32" | "u16" | "u8";
  /** What it is at birth, as text. */
  readonly start: string;
}

/** A kind of record. */
export interface Kind {
  readonly name: string;
  /** The name of one of them. */
  readonly one: string;
  readonly fields: readonly Field[];
  /** The statements that move a record, in the names of its fields. */
  readonly move: string;
}

const f32 = (name: string, start: number): Field => ({ name, type: "f32", start: `${start}` });
const u16 = (name: string, start: number): Field => ({ name, type: "u16", start: `${start}` });
const u8 = (name: string, start: number): Field => ({ name, type: "u8", start: `${start}` });
const life = (type: "u16" | "u32"): Field => ({ name: "life", type, start: "nextLife()" });
const x = f32("x", 1.5), y = f32("y", 2.5), vx = f32("vx", 0.5), vy = f32("vy", 0.5);

/**
 * The kinds of the game that is measured. Heat and alpha tend to 1, as floats that tend to 0 get
 * slow on the way.
 */
export const KINDS: readonly Kind[] = [
  {
    name: "ships",
    one: "Ship",
    fields: [x, y, vx, vy, u16("hp", 100), life("u16")],
    move: "x += vx * DT; y += vy * DT;",
  },
  {
    name: "bullets",
    one: "Bullet",
    fields: [x, y, vx, vy, u8("damage", 3), life("u16")],
    move: "x += vx * DT; y += vy * DT;",
  },
  {
    name: "sparks",
    one: "Spark",
    fields: [x, y, vx, vy, f32("heat", 1.5), life("u32")],
    move: "vy += DT; x += vx * DT; y += vy * DT; heat = heat * 0.99 + 0.01;",
  },
  {
    name: "enemies",
    one: "Enemy",
    fields: [x, y, vx, vy, f32("aim", 0.5), u16("hp", 7), life("u16")],
    move: "aim += 0.1; x += vx * DT; y += vy * DT;",
  },
  {
    name: "pickups",
    one: "Pickup",
    fields: [x, y, f32("phase", 0.5), u8("kind", 2), life("u16")],
    move: "phase += 0.1; y += phase * DT;",
  },
  {
    name: "smokes",
    one: "Smoke",
    fields: [x, y, vy, f32("size", 1.5), f32("alpha", 1.5), life("u32")],
    move: "size += 0.1; y += vy * DT; alpha = alpha * 0.98 + 0.02;",
  },
];

/** Gives the expression for a field of a record. */
export type Access = (field: Field) => string;

/** @returns What `text` gives for each kind, a line each. */
export function each(kinds: readonly Kind[], text: (kind: Kind) => string): string {
  return kinds.map(text).join("\n");
}

/** @returns The statements that move a record. */
export function move({ fields, move }: Kind, access: Access): string {
  return move.replace(/[a-z]+/g, (word) => {
    const field = fields.find(({ name }) => name === word);
    return field === undefined ? word : access(field);
  });
}

/** @returns The statements that write a record that is born. */
export function birth({ fields }: Kind, access: Access): string {
  return fields.map((it) => `${access(it)} = ${it.start};`).join(" ");
}

/**
 * @returns The statement that adds a record to the sums: integers and floats apart, each in the
 * order of their names.
 */
export function weigh({ fields }: Kind, access: Access): string {
  const sorted = fields.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const [floats, integers] = [true, false].map((isFloat) =>
    sorted.filter(({ type }) => (type === "f32") === isFloat).map(access).join(", ")
  );
  return `sums.add(${
    access(fields.find(({ name }) => name === "life")!)
  }, [${integers}], [${floats}]);`;
}

/** The constructor of a typed array of a type. */
export const ARRAYS = {
  f32: "Float32Array",
  u32: "Uint32Array",
  u16: "Uint16Array",
  u8: "Uint8Array",
} as const;

/**
 * The game of a program that has a function of the name of each kind, which makes its `move`,
 * `age`, `fill` and `weigh`.
 *
 * @param setUp What they share, as text; they are called with `shared`.
 */
export function game(kinds: readonly Kind[], setUp = "const shared = undefined;"): string {
  return `
return function make({ live, nextLife }) {
  ${setUp}
  const kinds = [${kinds.map(({ name }) => `${name}(live, nextLife, shared)`).join(", ")}];
  for (const kind of kinds) kind.fill();
  return {
    update() {
      for (const kind of kinds) kind.move();
      for (const kind of kinds) kind.age();
      for (const kind of kinds) kind.fill();
    },
    weigh(sums) { for (const kind of kinds) kind.weigh(sums); },
  };
}`;
}
