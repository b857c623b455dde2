/** Line charts as Vega-Lite specifications, and how they are drawn. */

/** A Vega-Lite specification. */
export type Spec = Record<string, unknown>;

/** What a chart of lines shows. */
interface Lines {
  readonly title: string;
  readonly subtitle: string | readonly string[];
  /** Each has the name of its line, and its panel. */
  readonly values: readonly { readonly name: string; readonly panel: string }[];
  readonly panels: readonly string[];
  /** The axes, as `logAxis` gives them. */
  readonly x: Spec;
  readonly y: Spec;
}

/** The colors of lines, in the order in which their names come first. */
const COLORS = (
  "#0b5fa5 #c8102e #1b7f3b #111111 #ef6c00 #7b3fb5 #3aa7dd #7ab51d #777777 #f5a623 #9c4a1a #d81b8c"
).split(" ");

const CONFIG = {
  font: "DejaVu Sans, Verdana, Arial, sans-serif",
  view: { stroke: "#cccccc" },
  axis: { labelFontSize: 12, titleFontSize: 13, gridColor: "#e6e6e6", domainColor: "#888888" },
  header: { labelFontSize: 15, labelFontWeight: "bold", labelPadding: 8 },
  legend: { labelFontSize: 13, labelLimit: 300, rowPadding: 6, offset: 24 },
  title: { fontSize: 19, subtitleFontSize: 13, subtitlePadding: 6, offset: 18 },
};

/** @returns A line for each name, crossed out at its end where a value is `stopped`. */
export function lines({ title, subtitle, values, panels, x, y }: Lines): Spec {
  const color = {
    field: "name",
    type: "nominal",
    scale: { domain: [...new Set(values.map(({ name }) => name))], range: COLORS },
    legend: { title: null, symbolType: "stroke", symbolSize: 700, symbolStrokeWidth: 2.5 },
  };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: { text: title, subtitle, anchor: "start" },
    data: { values },
    config: CONFIG,
    facet: { field: "panel", type: "nominal", title: null, sort: panels },
    columns: 2,
    spec: {
      width: 420,
      height: 400,
      encoding: { x, y, color },
      layer: [
        { mark: { type: "line", strokeWidth: 2.2, point: { size: 34, filled: true } } },
        {
          transform: [{ filter: "datum.stopped" }],
          mark: { type: "text", text: "✕", dx: 12, fontSize: 13, fontWeight: "bold" },
        },
      ],
    },
  };
}

/** @returns A logarithmic axis. */
export function logAxis(field: string, title: string, more: Spec): Spec {
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
