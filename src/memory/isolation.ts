/**
 * Checks whether memory can be shared between threads here.
 *
 * @module
 */

/**
 * Checks that memory can be shared between threads here.
 *
 * @param what What is to be created, for the error.
 * @throws {Error} when there is no `SharedArrayBuffer`, or it cannot be sent to a worker; the
 * message says what to enable.
 */
export function checkIsolation(what: string): void {
  // Only browsers have this property.
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean };
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
 * Checks that shared memory can grow here.
 *
 * @param what What is to be created, for the error.
 * @throws {Error} when memory cannot be shared, or shared memory cannot grow.
 */
export function checkGrowth(what: string): void {
  checkIsolation(what);
  if ("grow" in SharedArrayBuffer.prototype) return;
  throw new Error(
    `Cannot create ${what}: no SharedArrayBuffer can grow here; Deno, Node 20, Chrome 111, ` +
      "Firefox 128 and Safari 16.4 have one that can",
  );
}
