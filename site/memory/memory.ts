/**
 * The part of the page that shows the inside of a pool.
 *
 * @module
 */
import { byId } from "../page/dom.ts";
import { BlockRow } from "./block_row.ts";
import { WatchedPool } from "./watched_pool.ts";

/** Positions that are drawn. The load never needs more. */
const ROWS = 6;
/** Milliseconds from step to step. */
const PACE = 140;
/** Records at the mean, and how far the load swings from it. */
const MEAN = 85, SWING = 78;
/** Steps of a swing to one side and back. */
const PERIOD = 420;
/** Steps before the first that is shown: the load is past its peak, and has left holes. */
const EARLIER = 600;

/** Starts the part. */
export function startMemory(): void {
  const section = byId("memory", HTMLElement);
  new MemoryPart(section);
}

class MemoryPart {
  readonly #pool = new WatchedPool();
  readonly #rows = Array.from(
    { length: ROWS },
    (_, i) => new BlockRow(i, () => this.#call(() => this.#pool.freeBlock(i))),
  );
  readonly #last = byId("memory-call", HTMLElement);
  readonly #figures = byId("memory-figures", HTMLElement);
  readonly #pause = byId("memory-pause", HTMLButtonElement);
  #steps = 0;
  #isPlaying = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  #isVisible = false;

  constructor(section: HTMLElement) {
    byId("memory-blocks", HTMLElement).append(...this.#rows.map(({ element }) => element));
    this.#pause.addEventListener("click", () => this.#play(!this.#isPlaying));
    byId("memory-step", HTMLButtonElement).addEventListener("click", () => {
      this.#play(false);
      this.#step();
    });
    byId("memory-trim", HTMLButtonElement).addEventListener(
      "click",
      () => this.#call(() => this.#pool.trim()),
    );
    byId("memory-compact", HTMLButtonElement).addEventListener(
      "click",
      () => this.#call(() => this.#pool.compact()),
    );
    new IntersectionObserver(([entry]) => this.#isVisible = entry.isIntersecting).observe(section);
    for (let i = 0; i < EARLIER; i++) this.#next();
    this.#play(this.#isPlaying);
    this.#show();
    setInterval(() => {
      if (this.#isPlaying && this.#isVisible) this.#step();
    }, PACE);
  }

  #play(isPlaying: boolean): void {
    this.#isPlaying = isPlaying;
    this.#pause.textContent = isPlaying ? "Pause" : "Play";
  }

  #step(): void {
    this.#call(() => this.#next());
  }

  /** The load: a number of records that swings slowly, with births and deaths mixed. */
  #next(): string {
    const wanted = MEAN + SWING * Math.sin(++this.#steps / PERIOD * 2 * Math.PI);
    const isBelow = this.#pool.size < wanted;
    const isBirth = this.#pool.size === 0 || Math.random() < (isBelow ? 0.7 : 0.3);
    return isBirth ? this.#pool.alloc() : this.#pool.free(Math.random());
  }

  #call(call: () => string): void {
    this.#last.textContent = call();
    this.#show();
  }

  #show(): void {
    const blocks = this.#pool.blocks();
    this.#rows.forEach((row, i) => row.show(blocks.find(({ index }) => index === i)));
    const { size, capacity, byteLength, allocs, grown, released } = this.#pool.stats;
    this.#figures.textContent =
      `${size} live of ${capacity} chunks, ${byteLength} bytes. ${allocs} allocs so far, ${grown} blocks taken, ${released} given back.`;
  }
}
