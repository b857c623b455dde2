/**
 * What runs everywhere: real work with the package, and one line about it.
 *
 * @module
 */
import { configure, Pool, specialization, struct } from "@slabs/pool";
import { Pool as PoolAlone } from "@slabs/pool/pool";
import { struct as structAlone } from "@slabs/pool/schema";
import { smoke } from "../bundles/_smoke.ts";

/** What a program finds on the global object, or not. */
interface Surroundings {
  /** Whether no code may be compiled at run time. */
  readonly isStrict?: boolean;
  /** Takes the line; `console.log` by default. */
  readonly report?: (line: string) => void;
}

/** FNV-1a, of 32 bits. */
function checksum(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return sum;
}

const { isStrict = false, report = console.log } = globalThis as Surroundings;
if (isStrict) configure({ specialize: false });
if (Pool !== PoolAlone || struct !== structAlone) throw new Error("the entry points share nothing");
report(`${checksum(smoke())} ${specialization()}`);
