/**
 * Whether memory can be shared between threads here.
 *
 * @module
 */

/**
 * @param what What is to be created.
 * @throws {Error} where there is no `SharedArrayBuffer`, or it cannot be sent to a worker; it says what to enable.
 */
export function checkIsolation(what: string): void {
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean }; // of browsers alone
  const problem = typeof SharedArrayBuffer === "undefined"
    ? "there is no SharedArrayBuffer here"
    : crossOriginIsolated === false
    ? "this page is not cross-origin isolated, so no memory can be sent to a worker"
    : undefined;
  if (problem === undefined) return;
  throw new Error(
    `Cannot create ${what}: ${problem}; a browser allows it where the page is served with ` +
      "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
  );
}

/**
 * @param what What is to be created.
 * @throws {Error} where memory cannot be shared, or shared memory cannot grow.
 */
export function checkGrowth(what: string): void {
  checkIsolation(what);
  if ("grow" in SharedArrayBuffer.prototype) return;
  throw new Error(
    `Cannot create ${what}: no SharedArrayBuffer can grow here; Deno, Node 20, Chrome 111, Firefox 128 and Safari 16.4 ` +
      "have one that can",
  );
}
