import { pack } from "../../mod.ts";
import { assertEquals } from "@std/assert";
import { History } from "../../site/sparks/history.ts";
import { PoolField } from "../../site/sparks/pool_field.ts";
import { Spark } from "../../site/sparks/spark.ts";

/** Steps and records frames, and returns the records after each. */
function play(field: PoolField, history: History, from: number, to: number): Uint8Array[] {
  const states: Uint8Array[] = [];
  for (let frame = from; frame <= to; frame++) {
    const pointerX = frame % 90 < 40 ? 0.3 : NaN;
    const input = { frame, target: frame % 500 < 200 ? 300 : 2000, pointerX, pointerY: 0.2 };
    field.step(input);
    history.record(field, input);
    states[frame] = stateOf(field);
  }
  return states;
}

function stateOf({ pool }: PoolField): Uint8Array {
  const out = new Uint8Array(pool.size * Spark.size);
  pack(pool, out);
  return out;
}

Deno.test("History.restore() brings back each of the last frames to the bit", () => {
  const field = new PoolField(), history = new History();
  const states = play(field, history, 1, 900);
  assertEquals([history.oldest <= 301, history.newest], [true, 900]);
  for (let frame = history.oldest; frame <= 900; frame += 13) {
    history.restore(field, frame);
    assertEquals(stateOf(field), states[frame]);
  }
  field.dispose();
});

Deno.test("History.forget() makes room for another future", () => {
  const field = new PoolField(), history = new History();
  const past = play(field, history, 1, 120);
  history.restore(field, 70);
  history.forget(70);
  const future = play(field, history, 71, 100);
  assertEquals(history.newest, 100);
  history.restore(field, 60);
  assertEquals(stateOf(field), past[60]);
  history.restore(field, 90);
  assertEquals(stateOf(field), future[90]);
  field.dispose();
});
