/**
 * How numbers are written on the page.
 *
 * @module
 */

/** Stands where there is no number. */
export const NONE = "–";

/** Writes a count with commas: 100,000. */
export function count(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

/** Writes milliseconds with two digits that count: 12, 1.2, 0.12. */
export function millis(ms: number): string {
  return ms >= 9.95 ? ms.toFixed(0) : ms >= 0.995 ? ms.toFixed(1) : ms.toFixed(2);
}

/** Writes bytes as megabytes. */
export function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0);
}
