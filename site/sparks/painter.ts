/**
 * Draws sparks: with WebGL2, as points straight out of the bytes that a field hands over.
 *
 * @module
 */
import type { VertexLayout } from "./field.ts";

/** Half of the field's width that is seen at least, in its own coordinates; its height is 2. */
const HALF_WIDTH = 1.5;

const VERTEX = `#version 300 es
layout(location = 0) in vec2 position;
layout(location = 1) in vec4 look; // life, span, heat, size
uniform vec2 scale;
uniform float pixels;
out vec4 colour;
void main() {
  float left = look.x / max(look.y, 1.0);
  float heat = look.z / 255.0;
  vec3 cold = mix(vec3(0.95, 0.16, 0.03), vec3(1.0, 0.42, 0.08), heat);
  vec3 hot = mix(cold, vec3(1.0, 0.86, 0.6), left * left * heat);
  colour = vec4(hot * left * 0.55, 1.0);
  gl_Position = vec4(position * scale, 0.0, 1.0);
  // A dead spark has no life, and is outside of the clip space: no pixel is drawn for it.
  if (look.x == 0.0) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = pixels * (0.5 + 0.5 * look.w);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour;
out vec4 pixel;
void main() { pixel = colour; }`;

/** Draws sparks. */
export interface Painter {
  /**
   * Takes over bytes as they are.
   *
   * @param parts Sparks, and whatever lies between them.
   * @param layout Where their fields are.
   */
  upload(parts: readonly Uint8Array[], layout: VertexLayout): void;
  /** Draws what was uploaded. */
  draw(): void;
}

/** A canvas with the program and the buffer for sparks. */
export class GpuPainter implements Painter {
  readonly #gl: WebGL2RenderingContext;
  readonly #scale: WebGLUniformLocation | null;
  readonly #pixels: WebGLUniformLocation | null;
  /** Vertices in the buffer. */
  #count = 0;
  #capacity = 0;

  /** @param gl Context of the canvas. */
  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
    const program = programOf(gl);
    gl.useProgram(program);
    this.#scale = gl.getUniformLocation(program, "scale");
    this.#pixels = gl.getUniformLocation(program, "pixels");
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.enableVertexAttribArray(0);
    gl.enableVertexAttribArray(1);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    gl.clearColor(0.035, 0.04, 0.055, 1);
  }

  upload(parts: readonly Uint8Array[], layout: VertexLayout): void {
    const gl = this.#gl;
    const byteLength = parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (byteLength > this.#capacity) this.#capacity = Math.ceil(byteLength * 1.25);
    // A new store for each frame, so that the driver need not wait until the last one is drawn.
    gl.bufferData(gl.ARRAY_BUFFER, this.#capacity, gl.STREAM_DRAW);
    let at = 0;
    for (const part of parts) {
      gl.bufferSubData(gl.ARRAY_BUFFER, at, part);
      at += part.byteLength;
    }
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, layout.stride, layout.position);
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, false, layout.stride, layout.look);
    this.#count = byteLength / layout.stride;
  }

  draw(): void {
    const gl = this.#gl;
    const { width, height } = gl.canvas;
    const unit = unitOf(width, height);
    gl.viewport(0, 0, width, height);
    gl.uniform2f(this.#scale, 2 * unit / width, 2 * unit / height);
    gl.uniform1f(this.#pixels, Math.max(1, height / 420));
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.drawArrays(gl.POINTS, 0, this.#count);
  }
}

/** Returns how many pixels the length 1 takes. */
export function unitOf(width: number, height: number): number {
  return Math.min(height / 2, width / 2 / HALF_WIDTH);
}

function programOf(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (
    const [type, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const
  ) {
    const shader = gl.createShader(type);
    if (shader === null) continue; // the context is lost
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`Cannot draw sparks: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
