/**
 * Draws a block: its chunks in a strip, its free list as arcs from link to link, and its bump
 * pointer.
 *
 * @module
 */
import { html, svg } from "../page/dom.ts";
import { type BlockState, CHUNKS } from "./watched_pool.ts";

/**
 * Units of the drawing: width of a chunk, height of the arcs, height of a chunk, of what is below.
 */
const WIDTH = 20, ARCS = 22, HEIGHT = 20, BELOW = 10;

/** The row of one position, with or without a block. */
export class BlockRow {
  readonly element: HTMLElement;
  readonly #title = html("span", { class: "block-title" });
  readonly #free: HTMLButtonElement;
  readonly #cells: readonly SVGRectElement[];
  readonly #links = svg("g", { class: "links" });
  readonly #bump: SVGPathElement;
  readonly #index: number;

  /**
   * @param index Index of the block.
   * @param onFree Called when its button is pressed.
   */
  constructor(index: number, onFree: () => void) {
    this.#index = index;
    this.#free = html("button", { type: "button", "aria-label": `Free block ${index}` }, "Free");
    this.#free.addEventListener("click", onFree);
    this.#cells = Array.from(
      { length: CHUNKS },
      (_, i) => svg("rect", { x: i * WIDTH + 1, y: ARCS, width: WIDTH - 2, height: HEIGHT, rx: 2 }),
    );
    this.#bump = svg("path", { class: "bump", d: "M -5 9 L 0 1 L 5 9 Z" });
    const drawing = svg(
      "svg",
      { viewBox: `-6 0 ${CHUNKS * WIDTH + 12} ${ARCS + HEIGHT + BELOW}`, "aria-hidden": "true" },
      this.#links,
      ...this.#cells,
      this.#bump,
    );
    const head = html("div", { class: "block-head" }, this.#title, this.#free);
    this.element = html("li", { class: "block" }, head, drawing);
  }

  /** @param block The block; `undefined` where there is none at this position. */
  show(block: BlockState | undefined): void {
    this.element.classList.toggle("absent", block === undefined);
    this.#free.disabled = block === undefined;
    this.#title.textContent = block === undefined
      ? `Block ${this.#index}: no memory`
      : `Block ${block.index}: ${block.live} live, ${block.freeList.length} free, ${
        CHUNKS - block.bump
      } never used`;
    this.#cells.forEach((cell, i) => cell.setAttribute("class", block?.chunks[i] ?? "none"));
    this.#links.replaceChildren(...arcs(block?.freeList ?? []));
    this.#bump.setAttribute(
      "transform",
      `translate(${(block?.bump ?? 0) * WIDTH} ${ARCS + HEIGHT})`,
    );
  }
}

/** The links of a free list: a ring around its head, and an arc from each chunk to the next. */
function arcs(list: readonly number[]): SVGElement[] {
  const middle = (chunk: number) => (chunk + 0.5) * WIDTH;
  return list.map((chunk, i) => {
    const from = middle(chunk);
    if (i === 0) return svg("circle", { class: "head", cx: from, cy: ARCS - 4, r: 3 });
    const to = middle(list[i - 1]);
    const lift = Math.min(ARCS - 2, 6 + Math.abs(to - from) / 14);
    return svg("path", {
      d: `M ${to} ${ARCS} Q ${(from + to) / 2} ${ARCS - 2 * lift} ${from} ${ARCS}`,
    });
  });
}
