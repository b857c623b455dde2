/** Who takes part: the herds, each with what it is called, and loaded where it is needed. */
import type { Herd, NamedHerd } from "./herd.ts";
import type { Contestant, Work } from "./scenario.ts";

/** What makes a herd with room for so many, and its name in tables. */
interface Entry<H> {
  readonly label: string;
  make(capacity: number): Promise<H>;
}

type Named = NamedHerd<unknown>;

/** Keys of those whose records can be named. */
export type NamedKey =
  | "pool"
  | "forOf"
  | "wide"
  | "slab"
  | "objects"
  | "recycled"
  | "bitecs"
  | "wolf"
  | "elics"
  | "structurae"
  | "deepool";

// References are of another type in each, and a scenario hands back only those it was given.
const named: Record<NamedKey, Entry<Named>> = {
  pool: {
    label: "Pool",
    make: async () => new (await import("./herds/pool.ts")).ForEachHerd("compact") as Named,
  },
  forOf: {
    label: "Pool, for…of",
    make: async () => new (await import("./herds/pool.ts")).ForOfHerd() as Named,
  },
  wide: {
    label: "Pool, wide handles",
    make: async () => new (await import("./herds/pool.ts")).WideHerd() as Named,
  },
  slab: {
    label: "slab by hand",
    make: async () => new (await import("./herds/slab.ts")).SlabHerd() as Named,
  },
  objects: {
    label: "plain objects",
    make: async () => new (await import("./herds/objects.ts")).ObjectsHerd() as Named,
  },
  recycled: {
    label: "recycled objects",
    make: async () => new (await import("./herds/objects.ts")).RecycledHerd() as Named,
  },
  bitecs: {
    label: "bitecs",
    make: async (count) => new (await import("./herds/bitecs.ts")).BitecsHerd(count) as Named,
  },
  wolf: {
    label: "wolf-ecs",
    make: async (count) => new (await import("./herds/wolf.ts")).WolfHerd(count) as Named,
  },
  elics: {
    label: "elics",
    make: async (count) => new (await import("./herds/elics.ts")).ElicsHerd(count) as Named,
  },
  structurae: {
    label: "structurae",
    make: async (count) =>
      new (await import("./herds/structurae.ts")).StructuraeHerd(count) as Named,
  },
  deepool: {
    label: "deepool",
    make: async () => new (await import("./herds/deepool.ts")).DeepoolHerd() as Named,
  },
};

const dense: Entry<Herd> = {
  label: "columns by hand",
  make: async (count) => new (await import("./herds/columns.ts")).ColumnsHerd(count),
};

/** Keys of all herds. */
export type HerdKey = NamedKey | "columns";

/** In the order of the tables. */
const NAMED_KEYS = Object.keys(named) as NamedKey[]; // which are its keys

/** Packages that somebody would take instead. */
export const PEERS: readonly string[] = ["bitecs", "wolf", "elics", "structurae", "deepool"];

/** What a herd does in a scenario, and what it is called there. */
interface Options {
  /** Names that say more, in this scenario. */
  readonly labels?: Partial<Record<HerdKey, string>>;
  readonly without?: readonly HerdKey[];
}

/** Contestants whose records can be named. */
export function onNamed(
  work: (herd: Named, count: number) => Work,
  { labels = {}, without = [] }: Options = {},
): Contestant[] {
  return NAMED_KEYS.filter((key) => !without.includes(key)).map((key) => ({
    key,
    label: labels[key] ?? named[key].label,
    make: async (count) => work(await named[key].make(count), count),
  }));
}

/** All contestants, those with dense columns first. */
export function onEvery(
  work: (herd: Herd, count: number) => Work,
  options: Options = {},
): Contestant[] {
  const columns: Contestant = {
    key: "columns",
    label: options.labels?.columns ?? dense.label,
    make: async (count) => work(await dense.make(count), count),
  };
  return [columns, ...onNamed(work, options)];
}
