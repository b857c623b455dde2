/**
 * Random operations on a pool and on its twin in debug mode: all that comes of them is the same, but the handles.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { array, PoolExhaustedError, struct, validate } from "../../mod.ts";
import { drop, faces, Word } from "../_debug.ts";
import type { Face } from "../_faces.ts";
import { forge, SMALL } from "../_support.ts";

/** A linear congruential generator (Numerical Recipes): integers below `n`, the same in every run. */
function randomOf(seed: number): (n: number) => number {
  return (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * n);
  };
}

const Mixed = struct({ n: "u32", big: "i64", part: struct({ x: "f32" }), list: array("u8", 3) });
interface MixedView {
  n: number;
  big: bigint;
  part: { x: number };
  list: { set(i: number, value: number): void };
  toJSON(): unknown;
}

/** A pool with its records in the order in which they were allocated, so that twins can be told the same. */
class Twin {
  readonly face: Face;
  readonly handles: number[] = [];
  readonly cursor: MixedView;
  saved: { bytes: Uint8Array; handles: number[] } | undefined;

  constructor(face: Face) {
    this.face = face;
    this.cursor = face.cursor();
  }

  /** Does something, and tells all that came of it but the handles. */
  step(op: number, a: number, b: number): unknown {
    const { face, handles, cursor } = this;
    const { pool } = face;
    const at = handles.length === 0 ? -1 : a % handles.length;
    if (op < 6) {
      const handle = face.tryAlloc({ n: b, list: [b & 255] });
      if (handle !== undefined) handles.push(handle);
      return handle !== undefined;
    }
    if (op === 6) {
      const handle = pool.size < 32 ? face.allocAt(cursor as never) : 0; // a view of its struct
      if (handle === 0) return;
      handles.push(handle);
      cursor.part.x = b;
      return cursor.toJSON();
    }
    if (op < 11 && at >= 0) return pool.free(forge(handles.splice(at, 1)[0]));
    if (op < 14 && at >= 0) {
      const view = face.get<MixedView>(handles[at]);
      view.big += BigInt(b);
      view.list.set(b % 3, b & 255);
      face.seek(cursor, handles[at]).n++;
      return [view.toJSON(), handles.indexOf(pool.handleOf(cursor))];
    }
    if (op === 14) {
      const seen: unknown[] = [];
      face.forEach<MixedView>((view, handle) => {
        seen.push(view.toJSON());
        if (view.n % 5 === b % 5) {
          pool.free(handle);
          handles.splice(handles.indexOf(handle), 1);
        }
      });
      return seen;
    }
    if (op === 15) {
      const freed = face.retain<MixedView>((view) => view.n % 7 !== b % 7);
      this.#forget();
      return freed;
    }
    if (op === 16 && a % 4 === 0) {
      pool.clear();
      this.#forget();
      return;
    }
    if (op === 17 && pool.blocks.length > 0) {
      pool.freeBlock(pool.blocks[a % pool.blocks.length].index);
      this.#forget();
      return;
    }
    if (op === 18) return pool.trim();
    if (op === 19 && a % 2 === 0) {
      this.saved = { bytes: pool.snapshot(), handles: [...handles] };
      return; // that of debug mode is longer, as it has the handles
    }
    if (op === 19 && this.saved !== undefined) {
      pool.restore(this.saved.bytes);
      handles.splice(0, Infinity, ...this.saved.handles);
    }
    return;
  }

  #forget(): void {
    const { handles, face: { pool } } = this;
    handles.splice(0, Infinity, ...handles.filter((handle) => pool.has(forge(handle))));
  }

  /** All that can be seen of it but handles and the bytes of dead records. */
  state(): unknown {
    const { face: { pool }, handles } = this;
    validate(pool);
    return {
      stats: { ...pool.stats() },
      blocks: pool.blocks.map(({ index, live }) => [index, live]),
      order: [...pool.handles()].map((handle) => handles.indexOf(handle)),
      values: this.face.values(),
    };
  }
}

for (const [name, make] of faces) {
  Deno.test(`${name}: in debug mode the same calls have the same results`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      const random = randomOf(seed);
      const options = { ...SMALL, keepEmptyBlocks: seed % 2 };
      const plain = new Twin(make(Mixed, options));
      const debug = new Twin(make(Mixed, { ...options, debug: true }));
      for (let i = 0; i < 600; i++) {
        const [op, a, b] = [random(20), random(1000), random(1000)];
        assertEquals(debug.step(op, a, b), plain.step(op, a, b));
        assertEquals(debug.state(), plain.state(), `seed ${seed}, step ${i}, operation ${op}`);
      }
      drop(debug.face);
    }
  });

  Deno.test(`${name}: in debug mode the errors of a full pool are the same`, () => {
    const messageOf = (debug: boolean) => {
      const face = make(Word, { ...SMALL, debug, name: "full" });
      face.allocMany(32);
      const { message } = assertThrows(() => face.alloc(), PoolExhaustedError);
      drop(face);
      return message;
    };
    assertEquals(messageOf(true), messageOf(false));
  });
}
