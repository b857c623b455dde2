/**
 * The exhausted machine: a script of calls, run once with all the memory it asks for, and then again for each block that
 * it asked for, with that one refused. After a refusal nothing may have changed, and with memory again the script
 * goes on to the same end.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError } from "../../mod.ts";
import { Ledger } from "../_ledger.ts";

/** An allocator with a script. */
export interface Scenario {
  /** Calls in order, by name. Each does the same when it is done again after a refusal. */
  readonly script: readonly (readonly [name: string, call: () => void])[];
  /** Asserts that the books balance and that everything is what it was. */
  check(): void;
  /** All that a later call can depend on. */
  state(): unknown;
  /** Bytes that the allocator says it has. */
  readonly byteLength: number;
  dispose(): void;
}

/** A run that nothing was refused in. */
interface Whole {
  readonly state: unknown;
  /** Regions that were lent up to the end of each call. */
  readonly lent: readonly number[];
}

/**
 * Runs a scenario with every refusal that there can be.
 *
 * @param make Makes it, on a memory.
 * @param refusals How often in a row memory is refused before it comes back.
 * @returns How many regions were refused, one a run.
 */
export function exhaust(make: (memory: Ledger) => Scenario, refusals = 1): number {
  const whole = runWhole(make);
  const total = whole.lent.at(-1) ?? 0;
  for (let n = 0; n < total; n++) {
    const memory = new Ledger();
    memory.budget = n;
    const scenario = make(memory);
    const refused = whole.lent.findIndex((lent) => lent > n);
    scenario.script.forEach(([name, call], i) => {
      if (i !== refused) call();
      else callRefused(scenario, memory, refusals, `${name}, refused region ${n}`, call);
    });
    // Who has a smaller size to try asks more than once.
    assert(memory.refusals >= refusals, `${memory.refusals} refusals`);
    assertEquals(end(scenario, memory), whole.state, `the end, where region ${n} was refused`);
  }
  return total;
}

function runWhole(make: (memory: Ledger) => Scenario): Whole {
  const memory = new Ledger();
  const scenario = make(memory);
  const lent = scenario.script.map(([, call]) => {
    call();
    scenario.check();
    return memory.lent.size + memory.returned.size;
  });
  return { state: end(scenario, memory), lent };
}

/** Calls what will be refused, again and again until it is not. */
function callRefused(
  scenario: Scenario,
  memory: Ledger,
  refusals: number,
  when: string,
  call: () => void,
): void {
  const before = scenario.state();
  for (let i = 0; i < refusals; i++) {
    assertThrows(call, OutOfMemoryError, "", when);
    scenario.check();
    assertEquals(scenario.state(), before, when);
    assertEquals(scenario.byteLength, memory.byteLength, when);
  }
  memory.budget = Infinity;
  call();
  scenario.check();
}

/** @returns The last state, after everything was looked at and given back. */
function end(scenario: Scenario, memory: Ledger): unknown {
  scenario.check();
  assertEquals(scenario.byteLength, memory.byteLength);
  const state = scenario.state();
  scenario.dispose();
  assertEquals([memory.lent.size, memory.byteLength], [0, 0]);
  return state;
}
