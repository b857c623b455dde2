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
  /** The way of each line. The last is drawn over the others, in the accent colour. */
  #order: number[];

  /**
   * @param parent Where the chart goes; it takes its width.
   * @param ways Number of ways.
   */
  constructor(parent: HTMLElement, ways: number) {
    this.#parent = parent;
    this.#order = [...Array(ways).keys()];
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
            stroke: () => colour("muted"),
            grid: { stroke: () => colour("line"), width: 1 },
            ticks: { show: false },
            size: 52,
            values: label,
            space: 28,
          },
        ],
        series: [
          {},
          ...this.#order.map((_, line) => ({
            width: 1,
            points: { show: false },
            stroke: () => colour(line === ways - 1 ? "accent" : `way-${this.#order[line]}`),
          })),
        ],
      },
      [Array.from({ length: FRAMES }, (_, i) => i), ...this.#order.map(() => [])],
      parent,
    );
    new ResizeObserver(() => this.#resize()).observe(parent);
    addEventListener("themechange", () => this.#plot.redraw(false));
    matchMedia("(prefers-color-scheme: dark)")
      .addEventListener("change", () => this.#plot.redraw(false));
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
    this.#order = [...all.keys()].filter((way) => way !== current);
    this.#order.push(current);
    this.#plot.setData([this.#plot.data[0], ...this.#order.map((way) => all[way].line())]);
  }
}

function label(_: uPlot, ticks: number[]): string[] {
  return ticks.map((ms) => `${ms} ms`);
}

/** An element that takes the class of a colour, so that the colour can be read. */
const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);

/** Resolves a colour of the style sheet: a canvas does not know `light-dark()`. */
function colour(name: string): string {
  probe.className = name;
  return getComputedStyle(probe).color;
}
