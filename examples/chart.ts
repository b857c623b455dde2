/**
 * Draws what `flights.ts` counts: a bar chart in block characters.
 *
 * @module
 */

/** An eighth of a row more in each. */
const BARS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const MINUTES_PER_COLUMN = 30;
const COLUMNS_PER_TICK = 6;
/** So that a line stays within 80 characters, labels of seven digits included. */
const MAX_COLUMNS = 66;

/**
 * Draws a count for each minute of a day, half an hour a column, each as high as its highest
 * minute. The end is left off from where no column would show, and in any case after 33 hours.
 *
 * @param perMinute The counts, from midnight on.
 * @param rows Height in lines, without the axis.
 * @returns The chart, lines joined by line feeds, without one at the end.
 */
export function chart(perMinute: readonly number[], rows: number): string {
  const peaks = columnPeaks(perMinute);
  const step = roundStep(Math.max(...peaks, 1) / rows);
  const eighths = peaks.map((peak) => Math.round(peak / step * 8)).slice(0, MAX_COLUMNS);
  const bars = eighths.slice(0, eighths.findLastIndex((height) => height > 0) + 1);
  const labels = Array.from({ length: rows + 1 }, (_, row) => (row * step).toLocaleString("en"));
  const labelWidth = Math.max(...labels.map((label) => label.length));
  const lines = [];
  for (let row = rows; row >= 1; row--) {
    const line = bars.map((height) => BARS[Math.max(0, Math.min(8, height - (row - 1) * 8))]);
    lines.push(`${labels[row].padStart(labelWidth)} ┤${line.join("")}`.trimEnd());
  }
  lines.push(`${labels[0].padStart(labelWidth)} └${axis(bars.length)}`);
  lines.push(" ".repeat(labelWidth + 2) + hours(bars.length));
  return lines.join("\n");
}

/** The highest count of each column. */
function columnPeaks(perMinute: readonly number[]): number[] {
  const peaks: number[] = [];
  for (let from = 0; from < perMinute.length; from += MINUTES_PER_COLUMN) {
    peaks.push(Math.max(...perMinute.slice(from, from + MINUTES_PER_COLUMN)));
  }
  return peaks;
}

/** The next round number, so that the labels are ones that people count in. */
function roundStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 2.5, 4, 5].find((factor) => factor * power >= atLeast) ?? 10;
  return Math.max(1, Math.ceil(factor * power));
}

function axis(columns: number): string {
  let line = "";
  for (let i = 0; i < columns; i++) line += i % COLUMNS_PER_TICK === 0 ? "┬" : "─";
  return line;
}

/** The hour of the day under each tick. */
function hours(columns: number): string {
  let line = "";
  for (let i = 0; i < columns; i += COLUMNS_PER_TICK) {
    const hour = i * MINUTES_PER_COLUMN / 60 % 24;
    line += String(hour).padStart(2, "0").padEnd(COLUMNS_PER_TICK);
  }
  return line.trimEnd();
}
