/**
 * The strip chart of frame times, in which collections are seen as spikes.
 *
 * @module
 */
import uPlot from "uplot";
import { FRAMES, type Times } from "./times.ts";

const HEIGHT = 150;

/** A chart with a line for each way. */
export class Strip {
  readonly #plot: uPlot;
  readonly #parent: HTMLElement;
  /** Number of the line that is drawn in the accent colour. */
  #current = 0;

  /**
   * @param parent Where the chart goes; it takes its width.
   * @param names Names of the lines.
   */
  constructor(parent: HTMLElement, names: readonly string[]) {
    this.#parent = parent;
    const text = () => colour("--muted"), grid = () => ({ stroke: colour("--line"), width: 1 });
    this.#plot = new uPlot(
      {
        width: parent.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false },
          y: { range: (_, __, max) => [0, Math.max(4, max * 1.05)] },
        },
        axes: [
          { show: false },
          {
            stroke: text,
            grid: grid(),
            ticks: { show: false },
            size: 44,
            values: label,
            space: 28,
          },
        ],
        series: [
          {},
          ...names.map((label, i) => ({
            label,
            width: 1,
            points: { show: false },
            stroke: () => colour(i === this.#current ? "--accent" : `--way-${i}`),
          })),
        ],
      },
      [Array.from({ length: FRAMES }, (_, i) => i), ...names.map(() => [])],
      parent,
    );
    new ResizeObserver(() => this.#resize()).observe(parent);
    for (const event of ["themechange", "resize"]) {
      addEventListener(event, () => this.#plot.redraw(false));
    }
  }

  #resize(): void {
    const width = this.#parent.clientWidth;
    if (width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }

  /**
   * @param all The times of each way.
   * @param current The way that runs.
   */
  show(all: readonly Times[], current: number): void {
    this.#current = current;
    this.#plot.setData([this.#plot.data[0], ...all.map((times) => times.line())]);
  }
}

function label(_: uPlot, ticks: number[]): string[] {
  return ticks.map((ms) => `${ms} ms`);
}

/** Has the colours of the chart in turn, by its class. */
const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);

/** Resolves a colour of the style sheet: a canvas does not know `light-dark()`. */
function colour(name: string): string {
  probe.className = name.slice(2);
  return getComputedStyle(probe).color;
}
