/** Every scenario, in the order of the report. */
import { bytes } from "./bytes.ts";
import { frames } from "./frames.ts";
import { growth } from "./growth.ts";
import { passes } from "./passes.ts";
import { records } from "./records.ts";
import type { Scenario } from "./scenario.ts";
import { workloads } from "./workloads.ts";

export const scenarios: readonly Scenario[] = [
  ...frames,
  ...passes,
  ...records,
  ...growth,
  ...workloads,
  ...bytes,
];
