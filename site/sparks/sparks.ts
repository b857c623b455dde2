/**
 * The first part of the page: sparks, the switch between the ways to keep them, and the figures.
 *
 * @module
 */
import { byId } from "../page/dom.ts";
import { count, millis } from "../page/numbers.ts";
import { GpuPainter, type Painter } from "./painter.ts";
import { PlainPainter } from "./plain_painter.ts";
import { Rewind } from "./rewind.ts";
import { Rows } from "./rows.ts";
import { Stage } from "./stage.ts";
import { Strip } from "./strip.ts";
import { WAYS } from "./ways.ts";

/** Milliseconds from one update of the figures to the next. */
const UPDATE = 200;
/** Frames of each way when all are measured. */
const MEASURED = 420;

/** Starts the sparks. */
export function startSparks(): void {
  const canvas = byId("canvas", HTMLCanvasElement);
  const slider = byId("count", HTMLInputElement);
  const stage = new Stage(canvas, painterOn(canvas), slider.valueAsNumber);
  watch(canvas, stage);
  renewPainter(canvas, stage);
  const rows = new Rows(stage);
  const strip = new Strip(byId("strip", HTMLElement), WAYS.length);
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

/** Draws with the GPU where a page may use it. */
function painterOn(canvas: HTMLCanvasElement): Painter {
  const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, depth: false });
  if (gl !== null) return new GpuPainter(gl);
  byId("no-webgl", HTMLElement).hidden = false;
  return new PlainPainter(canvas.getContext("2d", { alpha: false })!); // all browsers have it
}

/** Draws again once the GPU is back, which a page loses when a driver or a phone puts it to sleep. */
function renewPainter(canvas: HTMLCanvasElement, stage: Stage): void {
  const note = byId("gpu-lost", HTMLElement);
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault(); // else it never comes back
    note.hidden = false;
  });
  canvas.addEventListener("webglcontextrestored", () => {
    note.hidden = true;
    stage.painter = painterOn(canvas);
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

/** Runs all ways one after the other, until somebody pauses or chooses a way. */
function bindMeasure(stage: Stage, rows: Rows): void {
  const button = byId("measure", HTMLButtonElement);
  const progress = byId("measure-progress", HTMLProgressElement);
  button.addEventListener("click", async () => {
    button.disabled = true;
    progress.hidden = false;
    const { way: first, isPlaying } = stage;
    const ways = [...WAYS.keys()].filter((way) => rows.isPossible(way));
    let isMeant = true;
    stage.isPlaying = true;
    for (let i = 0; i < ways.length && isMeant; i++) {
      const way = ways[i];
      rows.choose(way);
      stage.times[way].clear();
      do {
        progress.value = (i + stage.times[way].length / MEASURED) / ways.length;
        await new Promise((resolve) => setTimeout(resolve, UPDATE));
        isMeant = stage.isPlaying && stage.wanted === way;
      } while (isMeant && stage.times[way].length < MEASURED);
    }
    if (isMeant) {
      rows.choose(first);
      stage.isPlaying = isPlaying;
    }
    progress.hidden = true;
    button.disabled = false;
  });
}
