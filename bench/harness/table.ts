/** Figures and tables as Markdown. */

/** @returns A figure with three digits that count; empty where there is none. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "";
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  if (digits > 4) return value.toPrecision(2);
  const text = value.toLocaleString("en", {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
  });
  return Number.isInteger(value) ? text.replace(/\.0+$/, "") : text;
}

/**
 * @returns A table with columns as wide as their widest cells, all but the first aligned to the
 * right.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i].length)));
  const pad = (cell: string, i: number) =>
    i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]);
  const line = (cells: readonly string[]) => `| ${cells.map(pad).join(" | ")} |`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
