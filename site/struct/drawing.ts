/**
 * Draws the layout of a struct byte by byte.
 *
 * @module
 */
import type { AnyStruct } from "@slabs/pool";
import { html, svg } from "../page/dom.ts";

/** Bytes of a row. */
const ROW = 8;
/** Rows that are drawn; of what comes after, only the number of bytes is said. */
const ROWS = 48;
/** Units: width and height of a byte, room for the offsets at the left. */
const WIDTH = 40, HEIGHT = 26, LEFT = 34;
/** Width of a letter. */
const LETTER = 6;

/** Bytes that belong together. */
interface Span {
  /** Path of the field, `pos.x`; `""` for padding. */
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** @returns The drawing of a struct. */
export function drawLayout(struct: AnyStruct): Element {
  const spans = spansOf(struct);
  const rows = Math.ceil(struct.size / ROW), drawn = Math.min(rows, ROWS);
  const drawing = svg("svg", {
    class: "layout",
    viewBox: `0 0 ${LEFT + ROW * WIDTH} ${drawn * HEIGHT}`,
    role: "img",
    "aria-label": spans.map(({ name, offset, size }) =>
      `${name || "padding"}: ${size} bytes at ${offset}`
    ).join(", "),
  }, ...Array.from({ length: drawn }, (_, row) => offsetLabel(row)));
  let tint = 0;
  for (const span of spans) {
    const style = span.name === "" ? "padding" : `field tint-${tint++ % 2}`;
    drawing.append(...pieces(span, style).map(piece));
  }
  if (rows === drawn) return drawing;
  const rest = struct.size - ROWS * ROW;
  return html("div", {}, drawing, html("p", { class: "fine" }, `… and ${rest} bytes more`));
}

/** The fields, nested structs field by field, and the padding between them. */
function spansOf(struct: AnyStruct): Span[] {
  const fields = fieldsOf(struct, "", 0).sort((a, b) => a.offset - b.offset);
  const spans: Span[] = [];
  let end = 0;
  for (const span of [...fields, { name: "", offset: struct.size, size: 0 }]) {
    if (span.offset > end) spans.push({ name: "", offset: end, size: span.offset - end });
    if (span.size > 0) spans.push(span);
    end = span.offset + span.size;
  }
  return spans;
}

function fieldsOf(struct: AnyStruct, path: string, at: number): Span[] {
  return Object.entries(struct.fields).flatMap(([name, { type, offset, size }]) =>
    typeof type === "object" && "fields" in type
      ? fieldsOf(type, `${path}${name}.`, at + offset)
      : [{ name: path + name, offset: at + offset, size }]
  );
}

/** The part of a span that lies in a row. */
interface Piece {
  readonly row: number;
  readonly column: number;
  readonly size: number;
  readonly style: string;
  /** The name, in the first part. */
  readonly name: string;
}

/** The parts of a span that are drawn. */
function pieces({ name, offset, size }: Span, style: string): Piece[] {
  const parts: Piece[] = [];
  const last = Math.min(offset + size, ROWS * ROW); // an array can have a billion bytes
  for (let at = offset; at < last;) {
    const row = Math.floor(at / ROW), end = Math.min((row + 1) * ROW, last);
    parts.push({ row, column: at % ROW, size: end - at, style, name: at === offset ? name : "" });
    at = end;
  }
  return parts;
}

function piece({ row, column, size, style, name }: Piece): Element {
  const x = LEFT + column * WIDTH + 1, y = row * HEIGHT + 1, width = size * WIDTH - 2;
  const room = Math.floor((width - 6) / LETTER);
  const label = name.length <= room ? name : `${name.slice(0, Math.max(1, room - 1))}…`;
  return svg(
    "g",
    { class: style },
    svg("rect", { x, y, width, height: HEIGHT - 2, rx: 3 }),
    ...ticks(x, y, size),
    svg("text", { x: x + 4, y: y + 16 }, name === "" ? "" : label),
    svg("title", {}, name || "padding"),
  );
}

/** Short lines from byte to byte. */
function ticks(x: number, y: number, size: number): Element[] {
  return Array.from({ length: size - 1 }, (_, i) => {
    const at = x - 1 + (i + 1) * WIDTH;
    return svg("path", { class: "tick", d: `M ${at} ${y + HEIGHT - 7} v 5` });
  });
}

function offsetLabel(row: number): Element {
  const y = row * HEIGHT + 17;
  return svg("text", { class: "offset", x: LEFT - 8, y, "text-anchor": "end" }, String(row * ROW));
}
