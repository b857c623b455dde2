/** Line charts as Vega-Lite specifications, and how they are drawn. */

/** A Vega-Lite specification. */
export type Spec = Record<string, unknown>;

/** How a contestant is drawn. */
export interface Look {
  readonly name: string;
  readonly color: string;
  /** Lengths of strokes and gaps. */
  readonly dash: readonly number[];
}

const CONFIG = {
  font: "DejaVu Sans, Verdana, Arial, sans-serif",
  view: { stroke: "#cccccc" },
  axis: { labelFontSize: 12, titleFontSize: 13, gridColor: "#e6e6e6", domainColor: "#888888" },
  header: { labelFontSize: 15, labelFontWeight: "bold", labelPadding: 8 },
  legend: { labelFontSize: 13, labelLimit: 300, rowPadding: 6, offset: 24 },
  title: { fontSize: 19, subtitleFontSize: 13, subtitlePadding: 6, offset: 18 },
};

/** @returns What all charts have in common. */
export function specOf(
  title: string,
  subtitle: string | readonly string[],
  values: readonly object[],
): Spec {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: { text: title, subtitle, anchor: "start" },
    data: { values },
    config: CONFIG,
  };
}

/**
 * @returns The encodings that tell contestants apart, with one legend for both. Values have their
 * name as `name`.
 */
export function looksOf(used: readonly Look[]): { color: Spec; strokeDash: Spec } {
  const scaled = (range: readonly unknown[]): Spec => ({
    field: "name",
    type: "nominal",
    scale: { domain: used.map(({ name }) => name), range },
    legend: { title: null, symbolType: "stroke", symbolSize: 700, symbolStrokeWidth: 2.5 },
  });
  return {
    color: scaled(used.map(({ color }) => color)),
    strokeDash: scaled(used.map(({ dash }) => dash)),
  };
}

/** @returns A logarithmic axis. */
export function logAxis(field: string, title: string, more: Spec = { format: "~s" }): Spec {
  const values = Array.from({ length: 16 }, (_, i) => 10 ** (i - 5)); // other ticks would crowd the axes
  return {
    field,
    type: "quantitative",
    scale: { type: "log" },
    axis: { title, values, titlePadding: 8, ...more },
  };
}

/** Draws a chart into `<base>.svg` and `<base>.png`, or only draws it where `base` is left out. */
export async function draw(spec: Spec, base?: URL): Promise<void> {
  // What is measured needs none of these libraries.
  const vega = await import("vega");
  const { compile } = await import("vega-lite");
  const { Resvg } = await import("@resvg/resvg-js");
  const { spec: compiled } = compile(spec as unknown as Parameters<typeof compile>[0]); // which checks it
  const svg = await new vega.View(vega.parse(compiled), { renderer: "none" }).toSVG();
  const png = new Resvg(svg, { fitTo: { mode: "zoom", value: 1.5 } }).render().asPng();
  if (base === undefined) return;
  await Deno.writeTextFile(`${base.pathname}.svg`, svg);
  await Deno.writeFile(`${base.pathname}.png`, png);
}
