/** Particles as objects that deepool recycles. */
import { create } from "deepool";
import { clear, Mote, MoteHerd, write } from "./objects.ts";

/** Those that ended wait in a pool of deepool's, which doubles when it is empty. */
export class DeepoolHerd extends MoteHerd {
  readonly #pool = create(() => new Mote(0, 0, 0, 0, 0));

  take(life: number): Mote {
    return clear(this.#pool.use(), life);
  }

  add(i: number, life: number): Mote {
    return write(this.#pool.use(), i, life);
  }

  remove(mote: Mote): void {
    this.#pool.recycle(mote);
  }
}
