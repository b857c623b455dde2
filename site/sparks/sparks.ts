/**
 * The first part of the page: sparks, the switch between the ways to keep them, and the figures.
 *
 * @module
 */
import { byId, html } from "../page/dom.ts";
import { count, megabytes, millis } from "../page/numbers.ts";
import { Painter } from "./painter.ts";
import { Stage } from "./stage.ts";
import { Strip } from "./strip.ts";
import { FRAMES } from "./times.ts";
import { WAYS } from "./ways.ts";

/** Milliseconds from one update of the figures to the next. */
const UPDATE = 200;
/** Frames of each way when all are measured. */
const MEASURED = 420;

/** Stands where there is no figure. */
const NONE = "–";

const RELOAD = "Reload the page once: from the second visit on it is.";

/** Starts the sparks. */
export function startSparks(): void {
  const canvas = byId("canvas", HTMLCanvasElement);
  const slider = byId("count", HTMLInputElement);
  const painter = Painter.on(canvas);
  const stage = new Stage(canvas, painter, slider.valueAsNumber);
  byId("no-webgl", HTMLElement).hidden = painter !== undefined;
  watch(canvas, stage);
  const rows = new Rows(stage);
  const strip = new Strip(byId("strip", HTMLElement), WAYS.map(({ name }) => name));
  const rewind = new Rewind(stage);
  bindCount(slider, stage, rows);
  bindMeasure(stage, rows);
  const costs = byId("costs", HTMLElement);
  let shown = 0;
  stage.run(() => {
    const now = performance.now();
    if (now - shown < UPDATE) return;
    shown = now;
    rows.show();
    strip.show(stage.times, stage.way);
    rewind.show();
    const { simulate, upload, draw } = stage.costs;
    costs.textContent = `simulate ${millis(simulate)}, upload ${millis(upload)}, draw ${
      millis(draw)
    } ms`;
  });
}

/** Tells the stage where the pointer is, and whether the canvas is in view. */
function watch(canvas: HTMLCanvasElement, stage: Stage): void {
  canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => stage.point(offsetX, offsetY));
  canvas.addEventListener("pointerleave", () => stage.point(NaN, NaN));
  new IntersectionObserver(([entry]) => stage.isVisible = entry.isIntersecting).observe(canvas);
}

function bindCount(slider: HTMLInputElement, stage: Stage, rows: Rows): void {
  slider.addEventListener("input", () => {
    stage.target = slider.valueAsNumber;
    byId("count-shown", HTMLOutputElement).value = count(stage.target);
    byId("lead-count", HTMLOutputElement).value = count(stage.target);
    for (const times of stage.times) times.clear(); // figures of another number of sparks
    rows.clear();
  });
}

/** Runs all ways one after the other. */
function bindMeasure(stage: Stage, rows: Rows): void {
  const button = byId("measure", HTMLButtonElement);
  const progress = byId("measure-progress", HTMLProgressElement);
  button.addEventListener("click", async () => {
    button.disabled = true;
    progress.hidden = false;
    const first = stage.way;
    const ways = [...WAYS.keys()].filter((way) => rows.isPossible(way));
    for (const [i, way] of ways.entries()) {
      rows.choose(way);
      stage.times[way].clear();
      stage.isPlaying = true;
      do {
        progress.value = (i + stage.times[way].length / MEASURED) / ways.length;
        await new Promise((resolve) => setTimeout(resolve, UPDATE));
      } while (stage.wanted === way && stage.times[way].length < MEASURED);
    }
    rows.choose(first);
    progress.hidden = true;
    button.disabled = false;
  });
}

/** The table: a row with a radio button and the figures for each way. */
class Rows {
  readonly #stage: Stage;
  readonly #rows: readonly { readonly radio: HTMLInputElement; readonly cells: Element[] }[];

  constructor(stage: Stage) {
    this.#stage = stage;
    const body = byId("ways", HTMLTableElement).tBodies[0];
    this.#rows = WAYS.map(({ name, isShared }, way) => {
      const radio = html("input", { type: "radio", name: "way", value: way });
      const cells = Array.from({ length: 4 }, () => html("td", {}, NONE));
      const label = html("label", { class: `way-${way}` }, radio, name);
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

/** The bar under the sparks: pause, and ten seconds back. */
class Rewind {
  readonly #stage: Stage;
  readonly #play = byId("play", HTMLButtonElement);
  readonly #slider = byId("rewind-slider", HTMLInputElement);
  readonly #time = byId("rewind-time", HTMLOutputElement);
  readonly #note = byId("rewind-note", HTMLElement);

  constructor(stage: Stage) {
    this.#stage = stage;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) stage.isPlaying = false;
    this.#play.addEventListener("click", () => {
      stage.isPlaying = !stage.isPlaying;
      if (stage.isPlaying) this.#goOn();
      this.show();
    });
    this.#slider.addEventListener("input", () => {
      const { oldest, newest } = stage.history;
      const ago = Math.max(this.#slider.valueAsNumber, oldest - newest);
      this.#slider.value = String(ago);
      stage.isPlaying = false;
      stage.seek = newest + ago;
      this.show();
    });
  }

  /** Goes on from the frame that is shown: what came after it will be another future. */
  #goOn(): void {
    this.#stage.history.forget(this.#stage.frame);
    this.#slider.value = "0";
  }

  show(): void {
    const { isPlaying, history, costs, way } = this.#stage;
    const isPossible = way === 0;
    this.#play.textContent = isPlaying ? "❚❚" : "▶";
    this.#play.setAttribute("aria-label", isPlaying ? "Pause" : "Go on from here");
    this.#slider.disabled = !isPossible;
    if (isPlaying || !isPossible) this.#slider.value = "0";
    const ago = -this.#slider.valueAsNumber / 60;
    this.#time.value = !isPossible ? NONE : ago === 0 ? "now" : `${ago.toFixed(1)} s ago`;
    this.#slider.setAttribute("aria-valuetext", this.#time.value);
    this.#note.textContent = isPossible
      ? `Rewind: ${history.length} snapshots of the last ${FRAMES / 60} seconds, ${
        megabytes(history.byteLength)
      } MB, each taken in ${
        millis(costs.snapshot)
      } ms. The frames between two of them are stepped again, and come out the same.`
      : "Rewind works with a Pool in one thread: its state is a few blocks of bytes, copied as they are.";
  }
}
