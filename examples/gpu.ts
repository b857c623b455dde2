/**
 * Particles that a compute shader moves: a pool's blocks go to the GPU as they are, and what the
 * shader has written comes back.
 *
 * ```sh
 * deno run examples/gpu.ts
 * ```
 *
 * The shader is told the live chunks, one for each thread: it neither reads nor writes a dead one,
 * which holds a link of the free list, no thread is idle, and a record costs 4 bytes more to
 * upload. What comes back is written through the handles that were sent, since the program may free
 * records, and use their chunks again, while the GPU works. So the pool is never locked.
 */
import { type Handle, Pool, type Struct, struct, toWGSL } from "@slabs/pool";

type Vec2Fields = { x: "f32"; y: "f32" };
const Vec2: Struct<Vec2Fields, "Vec2"> = struct({ x: "f32", y: "f32" }, { name: "Vec2" });
type ParticleFields = { pos: typeof Vec2; velocity: typeof Vec2; age: "u32" };
const Particle: Struct<ParticleFields, "Particle"> = struct(
  { pos: Vec2, velocity: Vec2, age: "u32" },
  { name: "Particle" },
);
type Particles = Pool<typeof Particle>;

const STEPS = 16;
/**
 * A power of two, by which small numbers are multiplied exactly: GPU and CPU then agree to the bit.
 */
const DT = 1 / 64;
const WORKGROUP = 64;

/** The struct's text, and the code that uses it: the shader has no offset or size of its own. */
const SHADER = `${toWGSL(Particle)}

@group(0) @binding(0) var<storage, read_write> chunks: array<Particle>;
@group(0) @binding(1) var<storage> live: array<u32>;

@compute @workgroup_size(${WORKGROUP})
fn step(@builtin(global_invocation_id) thread: vec3u) {
  if (thread.x >= arrayLength(&live)) { return; }
  let it = &chunks[live[thread.x]];
  (*it).pos.x += (*it).velocity.x * ${DT};
  (*it).pos.y += (*it).velocity.y * ${DT};
  (*it).age += 1u;
}`;

/** Records on the GPU: which they were, and the bytes of all blocks. */
interface Upload {
  readonly handles: readonly Handle<typeof Particle>[];
  /** The index of each, which is that of its chunk, counted through all blocks. */
  readonly live: Uint32Array<ArrayBuffer>;
  readonly chunks: GPUBuffer;
}

/** Copies every block to its place in one buffer, so that a chunk is found by its number. */
function upload(device: GPUDevice, particles: Particles): Upload {
  const handles = [...particles.handles()];
  const blockBytes = particles.chunksPerBlock * Particle.size;
  const blocks = 1 + Math.max(...particles.blocks.map((it) => it.index));
  const chunks = device.createBuffer({
    size: blocks * blockBytes,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
  });
  for (const { index, bytes } of particles.blocks) {
    // A pool on heapMemory, as this one is, has no SharedArrayBuffer, which a device would refuse.
    device.queue.writeBuffer(chunks, index * blockBytes, bytes as Uint8Array<ArrayBuffer>);
  }
  return { handles, live: Uint32Array.from(handles, (it) => particles.indexOf(it)), chunks };
}

/** Runs the shader so many times; the result stays on the GPU. */
function step(device: GPUDevice, { live, chunks }: Upload, steps: number): void {
  const indices = device.createBuffer({
    size: live.byteLength,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(indices, 0, live);
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: SHADER }), entryPoint: "step" },
  });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [
      { binding: 0, resource: { buffer: chunks } },
      { binding: 1, resource: { buffer: indices } },
    ],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  for (let i = 0; i < steps; i++) pass.dispatchWorkgroups(Math.ceil(live.length / WORKGROUP));
  pass.end();
  device.queue.submit([encoder.finish()]);
}

/** Gets the bytes of all blocks back. */
async function read(device: GPUDevice, chunks: GPUBuffer): Promise<DataView> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const copy = device.createBuffer({ size: chunks.size, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(chunks, 0, copy, 0, chunks.size);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  return new DataView(copy.getMappedRange());
}

/**
 * Writes what the shader wrote, and no more, into the records that are still there; tells how many.
 */
function writeBack(particles: Particles, { handles, live }: Upload, bytes: DataView): number {
  const { pos, age } = Particle.fields;
  const cursor = particles.cursor();
  let written = 0;
  handles.forEach((handle, i) => {
    if (!particles.has(handle)) return;
    const at = live[i] * Particle.size;
    const it = particles.seek(cursor, handle);
    it.pos.x = bytes.getFloat32(at + pos.offset + Vec2.fields.x.offset, true);
    it.pos.y = bytes.getFloat32(at + pos.offset + Vec2.fields.y.offset, true);
    it.age = bytes.getUint32(at + age.offset, true);
    written++;
  });
  return written;
}

/** Three blocks of particles, a third of them freed, so that live and dead chunks take turns. */
function populate(particles: Particles): void {
  const count = 3 * particles.chunksPerBlock;
  const handles = particles.allocMany(count);
  for (let i = 0; i < count; i++) {
    const velocity = { x: i % 13 - 6, y: i % 7 };
    particles.set(handles[i], { pos: { x: i % 1000, y: -i % 500 }, velocity });
  }
  for (let i = 0; i < count; i += 3) particles.free(handles[i]);
}

/** What `STEPS` steps on the CPU make of each record. */
function expect(particles: Particles): Map<Handle<typeof Particle>, string> {
  const after = new Map<Handle<typeof Particle>, string>();
  particles.forEach(({ pos, velocity, age }, handle) => {
    const x = pos.x + STEPS * velocity.x * DT;
    const y = pos.y + STEPS * velocity.y * DT;
    after.set(handle, `${x} ${y} ${age + STEPS}`);
  });
  return after;
}

/** Frees some records and makes others in their place, as a game would while the GPU works. */
function goOn(particles: Particles): number {
  const freed = particles.retain((_it, handle) => handle % 5 !== 0);
  for (let i = 0; i < freed; i++) particles.alloc({ age: 7 });
  return freed;
}

/** Throws unless each record is as the CPU has it, or as `goOn` has made it. */
function check(particles: Particles, expected: ReadonlyMap<Handle<typeof Particle>, string>): void {
  particles.forEach(({ pos, age }, handle) => {
    const got = `${pos.x} ${pos.y} ${age}`;
    const want = expected.get(handle) ?? "0 0 7";
    if (got !== want) throw new Error(`handle ${handle} is ${got} where the CPU has ${want}`);
  });
}

/** The name of a GPU or of the driver that stands in for one. */
export function adapterName({ info }: GPUAdapter): string {
  return info.description || [info.vendor, info.architecture].filter((it) => it !== "").join(" ");
}

/**
 * Moves particles, checks them against the CPU, and says so. Where there is no adapter it says
 * that.
 */
export async function run(gpu: GPU | undefined): Promise<string> {
  const adapter = await gpu?.requestAdapter();
  if (!adapter) return "WebGPU has no adapter here: nothing was run";
  const device = await adapter.requestDevice();
  device.pushErrorScope("validation");
  using particles = new Pool(Particle, { name: "particles" });
  populate(particles);
  const expected = expect(particles);
  const sent = upload(device, particles);
  step(device, sent, STEPS);
  const reading = read(device, sent.chunks);
  const freed = goOn(particles);
  const written = writeBack(particles, sent, await reading);
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
  check(particles, expected);
  device.destroy();
  const blocks = particles.blocks.length;
  return `${
    adapterName(adapter)
  }: ${STEPS} steps of ${expected.size} particles in ${blocks} blocks; ` +
    `${freed} were freed meanwhile, the other ${written} are as on the CPU`;
}

if (import.meta.main) console.log(await run(navigator.gpu));
