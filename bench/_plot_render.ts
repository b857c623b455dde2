/** Draws charts. The libraries are loaded here, since nothing that is measured needs them. */

/**
 * @param spec A Vega-Lite specification.
 * @returns The picture, as text and as PNG.
 */
export async function render(
  spec: Record<string, unknown>,
): Promise<{ svg: string; png: Uint8Array<ArrayBufferLike> }> {
  const vega = await import("vega");
  const { compile } = await import("vega-lite");
  const { Resvg } = await import("@resvg/resvg-js");
  // Whether it is a specification is for the compiler to see.
  const { spec: compiled } = compile(spec as unknown as Parameters<typeof compile>[0]);
  const svg = await new vega.View(vega.parse(compiled), { renderer: "none" }).toSVG();
  const image = new Resvg(svg, { fitTo: { mode: "zoom", value: 1.5 } }).render();
  return { svg, png: image.asPng() };
}
