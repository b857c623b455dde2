/**
 * Runs shaders over a buffer: in Deno, and in a browser as a part of `_page.ts`.
 *
 * @module
 */

/** What is run: the entry point `main`, once, over a buffer of zeros at group 0, binding 0. */
export interface Job {
  readonly code: string;
  readonly byteLength: number;
}

/**
 * @param device A device.
 * @param code A shader.
 * @returns What is wrong with it; `""` for nothing.
 */
export async function faultOf(device: GPUDevice, code: string): Promise<string> {
  device.pushErrorScope("validation");
  device.createShaderModule({ code });
  return (await device.popErrorScope())?.message ?? "";
}

/**
 * @param device A device.
 * @param job What to run.
 * @returns The bytes of the buffer afterwards.
 * @throws {Error} with what the device says is wrong.
 */
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
