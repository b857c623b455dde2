/**
 * A worker that steps one stripe of a shared pool: every second block.
 *
 * @module
 */
import { configure, pack, SharedPool } from "@slabs/pool";
import { Births, DRAG, GRAVITY, Spark } from "./spark.ts";
import { type Join, type Step, WORKERS } from "./worker_messages.ts";

// The policy in the page's <meta> does not apply to its workers, so this worker could compile code.
// It does not, so that workers and page are measured alike.
configure({ specialize: false });

/** The global object of a worker, as far as it is used. */
interface WorkerScope {
  onmessage: (event: MessageEvent<Join | Step>) => void;
  postMessage(packed: number): void;
}

const scope = globalThis as unknown as WorkerScope;
let step: (message: Step) => number;

scope.onmessage = ({ data }) => {
  if ("input" in data) return scope.postMessage(step(data));
  step = stepper(data);
  scope.postMessage(0);
};

function stepper({ token, stripe, packed }: Join): (message: Step) => number {
  const pool = SharedPool.attach(Spark, token);
  const births = new Births(stripe << 15);
  const out = new Uint8Array(packed);
  const part = { stripe, of: WORKERS };
  let died = 0;
  const move = pool.loop((spark, handle, gravity: number, drag: number) => {
    if (--spark.life === 0) {
      pool.free(handle); // whoever made it
      died++;
      return;
    }
    const vx = spark.vx * drag, vy = spark.vy * drag + gravity;
    spark.vx = vx;
    spark.vy = vy;
    spark.x += vx;
    spark.y += vy;
  }, part);
  return ({ input, extra }) => {
    died = 0;
    move(GRAVITY, DRAG);
    births.begin(input);
    for (let missing = died + extra; missing > 0; missing--) {
      births.next();
      const { x, y, vx, vy, life, heat, size } = births;
      // In one call: the other worker may iterate over the block, and must not see half a spark.
      pool.alloc({ x, y, vx, vy, life, span: life, heat, size });
    }
    return pack(pool, out, undefined, part);
  };
}
