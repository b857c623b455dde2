/**
 * What the tests in browsers share.
 *
 * @module
 */
import { type Browser, BROWSERS, findBrowser, launch, type LaunchOptions } from "./launch.ts";

/** Defines a test for each browser, skipped where it is not installed. */
export function testInAll(
  claim: string,
  fn: (browser: Browser) => Promise<void>,
  options?: LaunchOptions,
): void {
  for (const name of BROWSERS) {
    const isHere = findBrowser(name) !== undefined;
    Deno.test({
      name: `${name}: ${claim}${isHere ? "" : ` (skipped: no ${name} here)`}`,
      ignore: !isHere,
      // The libraries keep timers.
      sanitizeOps: false,
      sanitizeResources: false,
      async fn() {
        await using browser = await launch(name, options);
        await fn(browser);
      },
    });
  }
}
