/**
 * The bar under the sparks: pause, and ten seconds back.
 *
 * @module
 */
import { byId } from "../page/dom.ts";
import { megabytes, millis, NONE } from "../page/numbers.ts";
import type { Stage } from "./stage.ts";

/** The bar under the sparks: pause, and ten seconds back. */
export class Rewind {
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
    const seconds = Math.round((history.newest - history.oldest) / 60);
    this.#note.textContent = isPossible
      ? `Rewind: ${history.length} snapshots of the last ${seconds} seconds, ${
        megabytes(history.byteLength)
      } MB, each taken in ${
        millis(costs.snapshot)
      } ms. The frames between two of them are stepped again, and come out the same.`
      : "Rewind works with a Pool in one thread: its state is a few blocks of bytes, copied as they are.";
  }
}
