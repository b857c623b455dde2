/**
 * What runs in the browser: shaders, and the example of a pool on a GPU. `_chromium.ts` serves it.
 *
 * @module
 */
import { adapterName, run as runExample } from "../../examples/gpu.ts";
import { type Job, run } from "./_gpu.ts";

/** What the page is asked, as JSON from `/jobs`. */
export type Jobs = readonly Job[];

/** What it answers, as JSON to `/done`. */
export interface Answer {
  /** The adapter; `undefined` where the browser has none. */
  readonly adapter?: string;
  /** The bytes that each shader left. */
  readonly bytes: readonly number[][];
  /** What the example says. */
  readonly example: string;
  /** What went wrong. */
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
