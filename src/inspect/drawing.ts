/**
 * How dumps are drawn: lines of 80 columns, and the bar that shows which part of a block is
 * in use.
 *
 * @module
 */

/** Columns of a line. */
export const WIDTH = 80;

/** Columns of a bar; a power of two, as the number of chunks in a block is. */
export const COLUMNS = 32;

/** Characters of a bar, by the eighths of a column that are in use. */
const LEVELS = "▁▂▃▄▅▆▇█";
const UNUSED = "·";
const FREE = " ";

/**
 * Draws one column of a bar.
 *
 * @param share Share of the column that is in use, 0 to 1. A share above 0 draws at least one
 * eighth.
 * @param isUnused Whether the column was never used; it counts only where the share is 0.
 * @returns One character.
 */
export function column(share: number, isUnused: boolean): string {
  if (share === 0) return isUnused ? UNUSED : FREE;
  return LEVELS[Math.min(Math.ceil(share * LEVELS.length), LEVELS.length) - 1];
}

/**
 * Draws the bar of a block of chunks, in O(chunkCount).
 *
 * @param chunkCount Chunks of the block, a power of two.
 * @param isLive Whether a chunk is live.
 * @param isUnused Whether no chunk of a range was ever used. It is called only for ranges without a
 * live chunk.
 * @returns A column for each chunk, or for each group of chunks where there are more than 32.
 */
export function chunkBar(
  chunkCount: number,
  isLive: (chunk: number) => boolean,
  isUnused: (from: number, end: number) => boolean,
): string {
  const step = chunkCount / Math.min(COLUMNS, chunkCount);
  let bar = "";
  for (let from = 0; from < chunkCount; from += step) {
    let live = 0;
    for (let chunk = from; chunk < from + step; chunk++) if (isLive(chunk)) live++;
    bar += column(live / step, live === 0 && isUnused(from, from + step));
  }
  return bar.trimEnd();
}

/**
 * Puts a bar behind the text of a line.
 *
 * @param text The text.
 * @param bar The bar; nothing is added where it is empty.
 * @param color Whether the bar is coloured.
 * @returns The line.
 */
export function withBar(text: string, bar: string, color: boolean): string {
  if (bar === "") return text;
  return `${text}  ${color ? `\x1b[36m${bar}\x1b[0m` : bar}`;
}

/**
 * Joins figures by commas, in lines of fewer than {@linkcode WIDTH} columns.
 *
 * @param parts The figures.
 * @returns The lines.
 */
export function wrap(parts: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  parts.forEach((part, i) => {
    const next = i + 1 < parts.length ? `${part},` : part;
    if (line.length + next.length >= WIDTH) {
      lines.push(line);
      line = next;
    } else line += line === "" ? next : ` ${next}`;
  });
  return [...lines, line];
}

/**
 * Cuts the title at the start of a line so that the line has at most {@linkcode WIDTH} columns, and
 * never between the halves of a surrogate pair.
 *
 * @param line The line.
 * @param title The title that it starts with.
 * @returns The line, shorter if it was too long.
 */
export function cutTitle(line: string, title: string): string {
  const excess = line.length - WIDTH;
  if (excess <= 0) return line;
  const start = title.slice(0, Math.max(0, title.length - excess - 1));
  return `${start.replace(/[\ud800-\udbff]$/, "")}…${line.slice(title.length)}`;
}
