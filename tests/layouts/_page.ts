/**
 * Runs shaders and `examples/gpu.ts` in the browser.
 *
 * @module
 */
import { adapterName, run as runExample } from "../../examples/gpu.ts";
import { type Job, run } from "./_gpu.ts";

/** The results. */
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

/** Runs shaders, and then the example. */
async function runAll(jobs: readonly Job[]): Promise<Answer> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return { bytes: [], example: "" };
  const device = await adapter.requestDevice();
  const bytes: number[][] = [];
  for (const job of jobs) bytes.push([...await run(device, job)]);
  return { adapter: adapterName(adapter), bytes, example: await runExample(navigator.gpu) };
}

Object.assign(globalThis, {
  runAll: (jobs: readonly Job[]) =>
    runAll(jobs).catch((error) => ({ bytes: [], example: "", error: String(error) })),
});
