/**
 * The mapping from the structs of a save to those of a pool: structs are found by their names, or
 * by their fields if the names do not decide.
 *
 * @module
 */
import type { TypedSlab } from "../slab/typed_slab.ts";
import { linkTargets } from "../struct/links.ts";
import { type AnyStruct, elementOf } from "../struct/schema.ts";
import { structTitle } from "../struct/table.ts";
import {
  type Changes,
  ConversionPlan,
  newNameOf,
  planFor,
  renamed,
  type Renames,
} from "./conversion.ts";
import type { SavedSlab, SaveFile } from "./save_file.ts";

/** Where the records of one kind go, and how they are converted. */
export interface KindMapping {
  /** Position of their slab in the pool. */
  readonly slab: number;
  /** Their tag in that slab. */
  readonly tag: number;
  /** Their struct in the pool; `undefined` where a pool does not know structs. */
  readonly struct: AnyStruct | undefined;
  readonly plan: ConversionPlan;
}

/** The mappings by slab of the save and tag; a kind without records has none. */
export type KindMappings = readonly (readonly KindMapping[])[];

/**
 * Maps every kind that has records in a save.
 *
 * @param all The slabs of the pool.
 * @param file The save.
 * @param renames New names by old ones.
 * @param changes New and dropped fields are added to it.
 * @returns The mappings.
 * @throws {SnapshotError} when the pool does not know the struct of a record.
 */
export function mapKinds(
  all: readonly TypedSlab[],
  file: SaveFile,
  renames: Renames,
  changes: Changes,
): KindMappings {
  const targets = all.flatMap(({ struct, kinds }, slab) =>
    struct === undefined
      ? kinds.map((it, tag) => ({ slab, tag, struct: it.struct }))
      : [{ slab, tag: 0, struct }]
  );
  const taken = new Set<AnyStruct>();
  const unknown: AnyStruct[] = [];
  const mappings = file.slabs.map((saved) => {
    const mappings: KindMapping[] = [];
    for (const tag of tagsOf(saved)) {
      if (saved.kinds.length === 0) {
        mappings[tag] = mapBytes(all, file, saved);
        continue;
      }
      const source = saved.kinds[tag];
      const target = bestMatch(source, targets, renames, taken);
      if (target === undefined) {
        unknown.push(source);
        continue;
      }
      taken.add(target.struct);
      mappings[tag] = { ...target, plan: planFor(source, target.struct, renames, changes) };
    }
    return mappings;
  });
  if (unknown.length > 0) throw unknownError(file, unknown, targets.map((it) => it.struct));
  return mappings;
}

/** Returns the tags that records have, each once. */
function tagsOf({ size, tags, kinds }: SavedSlab): readonly number[] {
  if (tags === undefined) return size > 0 ? [0] : [];
  const isUsed = new Uint8Array(kinds.length);
  for (let i = 0; i < size; i++) isUsed[tags[i]] = 1;
  return [...isUsed.keys()].filter((tag) => isUsed[tag] === 1);
}

/**
 * Returns the struct of the same name. If several have that name, or one of the two structs has no
 * name, it returns the one with the largest share of fields in common; of equals, the first to
 * which no other struct of the save is mapped.
 */
function bestMatch<T extends { readonly struct: AnyStruct }>(
  source: AnyStruct,
  targets: readonly T[],
  renames: Renames,
  taken: ReadonlySet<AnyStruct>,
): T | undefined {
  const name = renamed(
    source.name,
    (it) => renames.get(it),
    (it) => targets.some(({ struct }) => struct.name === it),
  );
  let best: T | undefined;
  let most = 0;
  for (const target of targets) {
    const { struct } = target;
    const isNamed = name !== "" && struct.name !== "";
    if (isNamed && struct.name !== name) continue;
    const similarity = similarityOf(source, struct, renames) + (isNamed ? 2 : 0) +
      (taken.has(struct) ? 0 : 1e-9);
    if (similarity > Math.max(most, 1e-9)) [best, most] = [target, similarity];
  }
  return best;
}

/** Returns the share of common fields, 0 to 1; a field with another type counts half. */
function similarityOf(source: AnyStruct, struct: AnyStruct, renames: Renames): number {
  const names = Object.keys(source.fields);
  let common = 0, shared = 0;
  for (const name of names) {
    const newName = newNameOf(renames, source, struct, name);
    if (!Object.hasOwn(struct.fields, newName)) continue;
    const a = source.fields[name], b = struct.fields[newName];
    common++;
    shared += a.size === b.size && a.length === b.length && shortType(a) === shortType(b) ? 1 : 0.5;
  }
  return shared / (names.length + Object.keys(struct.fields).length - common);
}

function shortType({ type }: AnyStruct["fields"][string]): unknown {
  const element = elementOf(type);
  if (typeof element === "string") return element;
  return "fields" in element ? element.name : "ref";
}

function unknownError(
  file: SaveFile,
  unknown: readonly AnyStruct[],
  known: readonly AnyStruct[],
): Error {
  const listed = (structs: readonly AnyStruct[]) => structs.map(structTitle).join(", ");
  return file.error(
    `it has records of ${listed(unknown)}, which the pool does not know, it knows ${
      listed(known) || "none"
    }; rename gives a struct or its fields other names, and a pool of several knows those in types`,
  );
}

/** Maps records without a struct, whose bytes are copied as they are. */
function mapBytes(
  all: readonly TypedSlab[],
  file: SaveFile,
  { chunkBytes }: SavedSlab,
): KindMapping {
  const [{ slab, struct, kinds }] = all;
  const isBytes = all.length === 1 && struct === undefined && kinds.length === 0 &&
    !slab.geometry.tagged;
  if (!isBytes || slab.chunkBytes !== chunkBytes) {
    const found = isBytes ? `its own are of ${slab.chunkBytes}` : "this one has structs";
    throw file.error(
      `its records have no struct: an ErasedPool without types takes them, with chunks of ${chunkBytes} bytes, ${found}`,
    );
  }
  const plan = new ConversionPlan();
  plan.copy(0, 0, chunkBytes);
  return { slab: 0, tag: 0, struct: undefined, plan };
}

/**
 * Lists the structs of a pool that links of its records lead to.
 *
 * @param all The slabs of the pool.
 * @returns The structs.
 */
export function linkTargetsIn(all: readonly TypedSlab[]): ReadonlySet<AnyStruct> {
  return linkTargets(all.flatMap((it) => it.struct ?? it.kinds.map(({ struct }) => struct)));
}
