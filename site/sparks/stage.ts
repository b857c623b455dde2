/**
 * The stage: it steps, uploads and draws a field of sparks in each frame, and takes the times.
 *
 * @module
 */
import type { SparkField } from "./field.ts";
import { History } from "./history.ts";
import type { Painter } from "./painter.ts";
import { unitOf } from "./painter.ts";
import { PoolField } from "./pool_field.ts";
import type { Input } from "./spark.ts";
import { Times } from "./times.ts";
import { WAYS } from "./ways.ts";

/** Screens that are faster than this show a step in every second frame. */
const SHORTEST_FRAME = 12.5;
/** Frames of a field that are stepped at pause too, so that there is something to see. */
const OPENING = 60;
/** Share of the newest frame in a mean. */
const NEWEST = 0.05;

/** Mean milliseconds of the parts of a frame. */
interface Costs {
  simulate: number;
  upload: number;
  draw: number;
  snapshot: number;
}

/** A running field of sparks. A property that is set takes effect before the next frame. */
export class Stage {
  /** How many sparks there shall be. */
  target: number;
  /** Whether frames are stepped. */
  isPlaying = true;
  /** Whether the canvas is in view. */
  isVisible = true;
  /** Number of the way that is wanted. */
  wanted = 0;
  /** A frame of the past to show, if any. */
  seek: number | undefined;
  readonly times: readonly Times[] = WAYS.map(() => new Times());
  readonly history: History = new History();
  readonly costs: Costs = { simulate: 0, upload: 0, draw: 0, snapshot: 0 };
  readonly #canvas: HTMLCanvasElement;
  #painter: Painter;
  #field: SparkField | undefined;
  #way = -1;
  #frame = 0;
  /** Frames that the field was stepped at pause; as many as there may be once it was played. */
  #stepped = 0;
  #pointerX = NaN;
  #pointerY = NaN;

  /**
   * @param canvas What is drawn on.
   * @param painter Draws on it.
   * @param target How many sparks there shall be.
   */
  constructor(canvas: HTMLCanvasElement, painter: Painter, target: number) {
    this.#canvas = canvas;
    this.#painter = painter;
    this.target = target;
  }

  /** What draws from now on. */
  set painter(painter: Painter) {
    this.#painter = painter;
    if (this.#field !== undefined) painter.upload(this.#field.bytes(), this.#field.layout);
  }

  /** Number of the way that runs; -1 before the first frame. */
  get way(): number {
    return this.#way;
  }

  /** The field that runs. */
  get field(): SparkField | undefined {
    return this.#field;
  }

  /** The frame that is shown. */
  get frame(): number {
    return this.#frame;
  }

  /** Tells where the pointer is on the canvas, in its CSS pixels. */
  point(x: number, y: number): void {
    const { clientWidth, clientHeight } = this.#canvas;
    const unit = unitOf(clientWidth, clientHeight);
    this.#pointerX = (x - clientWidth / 2) / unit;
    this.#pointerY = (clientHeight / 2 - y) / unit;
  }

  /**
   * Runs for ever.
   *
   * @param onFrame Called after each frame.
   */
  async run(onFrame: () => void): Promise<never> {
    for (let last = 0;;) {
      const now = await nextFrame();
      if (now - last < SHORTEST_FRAME) continue;
      last = now;
      if (!this.isVisible) continue;
      if (this.wanted !== this.#way) await this.#change();
      if (this.seek !== undefined) this.#goBack(this.seek);
      else {
        if (this.isPlaying) {
          await this.#step();
          this.#stepped = OPENING;
        }
        while (this.#stepped < OPENING) await this.#step();
      }
      this.#draw();
      onFrame();
    }
  }

  async #change(): Promise<void> {
    this.#field?.dispose();
    this.#field = undefined; // so that it can be collected before the next one fills
    this.history.clear();
    this.seek = undefined; // it was a frame of the other field
    this.#way = this.wanted;
    this.#stepped = 0;
    this.times[this.#way].clear();
    this.#field = await WAYS[this.#way].make();
    this.painter = this.#painter; // which has the bytes of the other field, detached by now
  }

  async #step(): Promise<void> {
    const field = this.#field!; // there is one after the first change
    const input = this.#input();
    this.#stepped++;
    const start = performance.now();
    const pending = field.step(input);
    if (pending !== undefined) await pending;
    const stepped = performance.now();
    this.#painter.upload(field.bytes(), field.layout);
    const uploaded = performance.now();
    this.times[this.#way].add(uploaded - start);
    this.#note("simulate", stepped - start);
    this.#note("upload", uploaded - stepped);
    if (field instanceof PoolField) {
      const { length, newest } = this.history;
      this.history.record(field, input);
      if (this.history.length !== length || newest < 0) {
        this.#note("snapshot", performance.now() - uploaded);
      }
    }
  }

  #input(): Input {
    return {
      frame: ++this.#frame,
      target: this.target,
      pointerX: this.#pointerX,
      pointerY: this.#pointerY,
    };
  }

  #goBack(frame: number): void {
    this.seek = undefined;
    const field = this.#field;
    if (!(field instanceof PoolField)) return;
    this.history.restore(field, frame);
    this.#frame = frame;
    this.#painter.upload(field.bytes(), field.layout);
  }

  #draw(): void {
    const canvas = this.#canvas, scale = Math.min(devicePixelRatio, 2);
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const start = performance.now();
    this.#painter.draw();
    this.#note("draw", performance.now() - start);
  }

  #note(part: keyof Costs, ms: number): void {
    this.costs[part] += (ms - this.costs[part]) * NEWEST;
  }
}

function nextFrame(): Promise<number> {
  return new Promise((resolve) => requestAnimationFrame(resolve));
}
