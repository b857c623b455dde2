/**
 * Runs shaders and `examples/gpu.ts` in the browser. `_chromium.ts` serves this page.
 *
 * @module
 */
import { adapterName, run as runExample } from "../../examples/gpu.ts";
import { type Job, run } from "./_gpu.ts";

/** The shaders to run, as JSON from `/jobs`. */
export type Jobs = readonly Job[];

/** The results, as JSON to `/done`. */
export interface Answer {
  /** Name of the adapter; `undefined` when the browser has none. */
  readonly adapter?: string;
  /** The bytes that each shader has written. */
  readonly bytes: readonly number[][];
  /** Output of the example. */
  readonly example: string;
  /** An error, if any. */
  readonly error?: string;
}

async function answer(): Promise<Answer> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return { bytes: [], example: "" };
  const device = await adapter.requestDevice();
  const jobs: Jobs = await (await fetch("/jobs")).json();
  const bytes: number[][] = [];
  for (const job of jobs) bytes.push([...await run(device, job)]);
  return { adapter: adapterName(adapter), bytes, example: await runExample(navigator.gpu) };
}

const done = await answer().catch((error) => ({ bytes: [], example: "", error: String(error) }));
await fetch("/done", { method: "POST", body: JSON.stringify(done) });
