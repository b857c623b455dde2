/**
 * The part of the page that follows a handle from `alloc` on until it is stale.
 *
 * @module
 */
import { type Handle, Pool, StaleHandleError, type Struct, struct } from "@slabs/pool";
import { byId, html } from "../page/dom.ts";

type ShipFields = { hp: "u16" };
const Ship: Struct<ShipFields, "Ship"> = struct({ hp: "u16" }, { name: "Ship" });
type ShipHandle = Handle<typeof Ship>;

/**
 * With 1,024 chunks at most, the index takes 10 bits, and the generation the 15 that it has at
 * most.
 */
const INDEX_BITS = 10, GENERATION_BITS = 15;
const INDEX = 1;

/** What a step has to work with. */
interface State {
  readonly pool: Pool<typeof Ship>;
  a?: ShipHandle;
  b?: ShipHandle;
}

/** A step of the story. */
interface Step {
  readonly code: string;
  /** Does it, and returns what it gives. */
  run(state: State): unknown;
  readonly says: string;
}

const STEPS: readonly Step[] = [
  {
    code: "const a = pool.alloc({ hp: 100 });",
    run: (state) => state.a = state.pool.alloc({ hp: 100 }),
    says:
      "The record gets chunk 1. The handle is a number: the index of the chunk, and above it the generation that the chunk has now.",
  },
  {
    code: "pool.get(a).hp;",
    run: ({ pool, a }) => pool.get(a!).hp, // the first step has set it, here and below
    says:
      "The generation in the handle is that of the chunk, so the record is the one that was meant.",
  },
  {
    code: "pool.free(a);",
    run: ({ pool, a }) => pool.free(a!),
    says: "The chunk is free, and its generation goes up by one. From now on the handle is stale.",
  },
  {
    code: "pool.has(a);",
    run: ({ pool, a }) => pool.has(a!),
    says: "One comparison tells: the handle has another generation than the chunk.",
  },
  {
    code: "const b = pool.alloc({ hp: 50 });",
    run: (state) => state.b = state.pool.alloc({ hp: 50 }),
    says: "The chunk is used again. Its index is the same, and the handle is another one.",
  },
  {
    code: "pool.get(a);",
    run: ({ pool, a }) => pool.get(a!),
    says:
      "The old handle does not reach the new record. With a plain index it would read the wrong ship, and say nothing.",
  },
  {
    code: "pool.get(b).hp;",
    run: ({ pool, b }) => pool.get(b!).hp,
    says: "The new handle does.",
  },
];

/** Starts the part. */
export function startHandle(): void {
  const back = byId("handle-back", HTMLButtonElement);
  const next = byId("handle-next", HTMLButtonElement);
  let shown = 1;
  const show = () => {
    play(shown);
    back.disabled = shown === 1;
    next.disabled = shown === STEPS.length;
  };
  back.addEventListener("click", () => {
    shown--;
    show();
  });
  next.addEventListener("click", () => {
    shown++;
    show();
  });
  show();
}

/** Does the first steps with a new pool, and shows the last of them. */
function play(steps: number): void {
  using pool = new Pool(Ship, { name: "ships", chunksPerBlock: 16, maxChunks: 1 << INDEX_BITS });
  pool.alloc({ hp: 900 }); // the flagship, in chunk 0
  const state: State = { pool };
  const results = STEPS.slice(0, steps).map((step) => resultOf(step, state));
  const lines = STEPS.map(({ code }, i) => {
    const line = html("li", {
      class: i < steps ? "done" : "later",
      "aria-current": i === steps - 1 ? "step" : undefined,
    });
    line.append(html("code", {}, code), html("span", { class: "result" }, results[i] ?? ""));
    return line;
  });
  byId("handle-steps", HTMLElement).replaceChildren(...lines);
  byId("handle-says", HTMLElement).textContent = STEPS[steps - 1].says;
  const rows = [bitsOf("a", state.a), bitsOf("b", state.b)].filter((row) => row !== undefined);
  byId("handle-bits", HTMLElement).replaceChildren(...rows, chunkRow(state));
}

function resultOf(step: Step, state: State): string {
  try {
    const result = step.run(state);
    return result === undefined ? "" : `// ${result}`;
  } catch (error) {
    if (!(error instanceof StaleHandleError)) throw error;
    return `${error.name}: ${error.message}`;
  }
}

/** The bits of a handle, its generation and its index. */
function bitsOf(name: string, handle: ShipHandle | undefined): Element | undefined {
  if (handle === undefined) return undefined;
  const index = handle % (1 << INDEX_BITS), generation = Math.floor(handle / (1 << INDEX_BITS));
  return html(
    "div",
    { class: "bits" },
    html("span", { class: "bits-name" }, `${name} = ${handle}`),
    group("generation", generation, GENERATION_BITS),
    group("index", index, INDEX_BITS),
  );
}

/**
 * The generation of chunk 1, as the pool tells it: in a live handle, or in the error of a stale
 * one.
 */
function chunkRow({ pool, a, b }: State): Element {
  let generation = 0, hp = "free";
  for (const handle of [a, b]) {
    if (handle === undefined) continue;
    try {
      hp = `hp ${pool.get(handle).hp}`;
      generation = Math.floor(handle / (1 << INDEX_BITS));
    } catch (error) {
      if (error instanceof StaleHandleError) generation = error.chunkGeneration;
    }
  }
  return html(
    "div",
    { class: "bits chunk" },
    html("span", { class: "bits-name" }, `chunk ${INDEX}`),
    group("generation", generation, GENERATION_BITS),
    html("span", { class: "bits-group" }, html("b", { class: "record" }, hp), "record"),
  );
}

function group(name: string, value: number, bits: number): Element {
  const digits = value.toString(2).padStart(bits, "0");
  const first = digits.indexOf("1");
  return html(
    "span",
    { class: `bits-group ${name}` },
    html("b", {}, html("i", {}, digits.slice(0, first)), digits.slice(first)),
    `${name} ${value}`,
  );
}
