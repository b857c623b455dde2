/**
 * The times of the last frames of one way.
 *
 * @module
 */

/** Frames that are kept: ten seconds. */
export const FRAMES = 600;
/** Frames that are not counted at the start, in which the engine compiles and the field fills. */
const WARM_UP = 40;
/** Frames of which a median is shown, and of which a percentile is. */
const ENOUGH = 20, ENOUGH_FOR_P99 = 100;

/** What a reader wants to know of many frames, in milliseconds. */
interface Summary {
  readonly median: number;
  /** One frame of a hundred takes longer; `undefined` while there are fewer. */
  readonly p99: number | undefined;
  readonly worst: number;
}

/** Milliseconds of the last {@linkcode FRAMES} frames. */
export class Times {
  readonly #ring = new Float64Array(FRAMES);
  /** Frames that were added, with those of the warm-up. */
  #added = 0;

  /** Adds a frame, unless it is one of the first. */
  add(ms: number): void {
    const at = this.#added++ - WARM_UP;
    if (at >= 0) this.#ring[at % FRAMES] = ms;
  }

  /** Frames that are kept. */
  get length(): number {
    return Math.max(0, Math.min(FRAMES, this.#added - WARM_UP));
  }

  /** Drops all, and warms up again. */
  clear(): void {
    this.#added = 0;
  }

  /** @returns The times from the oldest to the newest, at the end of an array of all frames. */
  line(): (number | null)[] {
    const { length } = this;
    const start = Math.max(0, this.#added - WARM_UP) - length;
    const line: (number | null)[] = new Array(FRAMES).fill(null);
    for (let i = 0; i < length; i++) {
      line[FRAMES - length + i] = this.#ring[(start + i) % FRAMES];
    }
    return line;
  }

  /** @returns The summary; `undefined` while there are too few frames. */
  summary(): Summary | undefined {
    const { length } = this;
    if (length < ENOUGH) return undefined;
    const sorted = this.#ring.slice(0, length).sort();
    return {
      median: sorted[length >> 1],
      p99: length < ENOUGH_FOR_P99 ? undefined : sorted[Math.ceil(length * 0.99) - 1],
      worst: sorted[length - 1],
    };
  }
}
