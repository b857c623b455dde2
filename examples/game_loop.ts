/** Fireworks: a shell bursts every tenth frame, and each spark is a record until it goes out. */
import { Pool, type PoolStats } from "@slabs/pool";

export function fireworks(frames: number): { stats: PoolStats; frameMillis: number[] } {
  using sparks = new Pool({ x: "f32", y: "f32", vx: "f32", vy: "f32", life: "u8" });
  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;

  const burst = (x: number, y: number) => {
    for (let i = 0; i < 3000; i++) {
      const angle = random() * 2 * Math.PI;
      const speed = random() * 6;
      const vx = Math.cos(angle) * speed;
      const vy = Math.sin(angle) * speed;
      sparks.alloc({ x, y, vx, vy, life: 30 + random() * 90 });
    }
  };

  const frameMillis: number[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const start = performance.now();
    // The last two seconds belong to the sparks alone: none outlives them.
    if (frame % 10 === 0 && frame < frames - 120) burst(random() * 1920, random() * 1080);
    sparks.retain((spark) => {
      spark.vy += 0.05;
      spark.x += spark.vx;
      spark.y += spark.vy;
      return --spark.life > 0 && spark.y <= 1080;
    });
    frameMillis.push(performance.now() - start);
  }
  return { stats: sparks.stats(), frameMillis };
}

if (import.meta.main) {
  const { stats: { allocs, peakSize, grown }, frameMillis } = fireworks(600);
  const median = frameMillis.sort((a, b) => a - b)[300].toFixed(2);
  console.log(`${allocs} sparks, ${peakSize} at once in ${grown} blocks, ${median} ms a frame`);
}
