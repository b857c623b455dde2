/** Every scenario, in the order of the tables. */
import { access } from "./access_bench.ts";
import { arena, heap, heapReplace } from "./allocators_bench.ts";
import { hot, replace } from "./alloc_bench.ts";
import { beside, besideInOrder } from "./beside_bench.ts";
import { classes, classesMixed, fill } from "./classes_bench.ts";
import { erased, erasedMixed, erasedMixedPass, erasedPass } from "./erased_bench.ts";
import { frames } from "./frames_bench.ts";
import { iterate } from "./iterate_bench.ts";
import { many, systems } from "./many_bench.ts";
import { pack, packHalf } from "./pack_bench.ts";
import { resources, resourcesReplace } from "./resources_bench.ts";
import { saves } from "./save_bench.ts";
import { sharedGet, sharedHot, sharedPass, sharedReplace } from "./shared_bench.ts";
import { snapshots } from "./snapshot_bench.ts";
import type { Scenario } from "./_scenario.ts";

export const scenarios: readonly Scenario[] = [
  iterate,
  many,
  systems,
  access,
  beside,
  besideInOrder,
  hot,
  replace,
  frames,
  erased,
  erasedMixed,
  erasedPass,
  erasedMixedPass,
  classes,
  classesMixed,
  fill,
  resources,
  resourcesReplace,
  sharedPass,
  sharedHot,
  sharedReplace,
  sharedGet,
  arena,
  heap,
  heapReplace,
  pack,
  packHalf,
  snapshots,
  saves,
];
