/**
 * Runs shaders on a buffer, in Deno and in the browser.
 *
 * @module
 */

/** A shader whose entry point `main` runs once, on a zeroed buffer at group 0, binding 0. */
export interface Job {
  readonly code: string;
  readonly byteLength: number;
}

/** Compiles a shader. */
export async function faultOf(device: GPUDevice, code: string): Promise<string> {
  device.pushErrorScope("validation");
  device.createShaderModule({ code });
  return (await device.popErrorScope())?.message ?? "";
}

/** Runs a shader. */
export async function run(device: GPUDevice, { code, byteLength }: Job): Promise<Uint8Array> {
  device.pushErrorScope("validation");
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffer = device.createBuffer({ size: byteLength, usage: STORAGE | COPY_SRC });
  const copy = device.createBuffer({ size: byteLength, usage: MAP_READ | COPY_DST });
  try {
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
    });
    const bindGroup = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer } }],
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, byteLength);
    device.queue.submit([encoder.finish()]);
    const fault = (await device.popErrorScope())?.message;
    if (fault !== undefined) throw new Error(`${fault}\n${code}`);
    await copy.mapAsync(GPUMapMode.READ);
    return new Uint8Array(copy.getMappedRange().slice(0));
  } finally {
    buffer.destroy();
    copy.destroy();
  }
}
