/**
 * The table of the ways to keep sparks: the switch between them, and their figures.
 *
 * @module
 */
import { byId, html } from "../page/dom.ts";
import { millis, NONE } from "../page/numbers.ts";
import type { Stage } from "./stage.ts";
import { WAYS } from "./ways.ts";

const RELOAD = "Reload the page once: from the second visit on it is.";

/** The table: a row with a radio button and the figures for each way. */
export class Rows {
  readonly #stage: Stage;
  readonly #rows: readonly { readonly radio: HTMLInputElement; readonly cells: Element[] }[];

  constructor(stage: Stage) {
    this.#stage = stage;
    const body = byId("ways", HTMLTableElement).tBodies[0];
    this.#rows = WAYS.map(({ name, isShared }, way) => {
      const radio = html("input", { type: "radio", name: "way", value: way });
      const cells = Array.from({ length: 4 }, () => html("td", {}, NONE));
      const label = html("label", {}, radio, name, html("i", { class: `swatch way-${way}` }));
      body.append(html("tr", {}, html("th", { scope: "row" }, label), ...cells));
      radio.addEventListener("change", () => this.choose(way));
      radio.disabled = isShared && !globalThis.crossOriginIsolated;
      return { radio, cells };
    });
    if (!globalThis.crossOriginIsolated) explainWorkers();
    this.choose(0);
  }

  /** Whether the page can run a way. */
  isPossible(way: number): boolean {
    return !this.#rows[way].radio.disabled;
  }

  /** Switches to a way. */
  choose(way: number): void {
    this.#stage.wanted = way;
    this.#rows.forEach(({ radio }, i) => radio.checked = i === way);
    byId("lead-end", HTMLElement).textContent = WAYS[way].claim;
  }

  /** Writes the figures. */
  show(): void {
    const { times, way, field } = this.#stage;
    const summary = times[way].summary(); // the figures of other ways stay
    const { cells } = this.#rows[way];
    if (summary !== undefined) {
      const { median, p99, worst } = summary;
      [median, p99, worst].forEach((ms, i) =>
        cells[i].textContent = ms === undefined ? NONE : millis(ms)
      );
    }
    if (field !== undefined) cells[3].textContent = field.bytesPerSpark.toFixed(0);
  }

  /** Drops the figures of all ways. */
  clear(): void {
    for (const { cells } of this.#rows) for (const cell of cells) cell.textContent = NONE;
  }
}

function explainWorkers(): void {
  const note = byId("workers-note", HTMLElement);
  note.hidden = false;
  note.textContent = "Two workers need shared memory. Browsers give it only to a page that is" +
    " cross-origin isolated, and this one is not. " +
    ("serviceWorker" in navigator && isSecureContext ? RELOAD : "It must be served securely.");
}
