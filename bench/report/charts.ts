/** The charts of the report, as Vega-Lite specifications. Nothing is drawn here. */
import { type Measurement, rssOf } from "./markdown.ts";
import { type Figures, quantile } from "./result.ts";

/** How a contestant is drawn, in every chart. */
interface Look {
  readonly name: string;
  readonly color: string;
  /** Lengths of strokes and gaps. */
  readonly dash: readonly number[];
}

/** By key, in the order of the legend. Ours and the limits are drawn through, what they are compared with is in dashes. */
const LOOKS: Readonly<Record<string, Look>> = {
  pool: { name: "Pool", color: "#0b5fa5", dash: [1, 0] },
  wide: { name: "Pool, wide handles", color: "#3aa7dd", dash: [1, 0] },
  slab: { name: "slab by hand", color: "#1b7f3b", dash: [1, 0] },
  columns: { name: "columns by hand", color: "#7ab51d", dash: [1, 0] },
  objects: { name: "plain objects", color: "#111111", dash: [6, 3] },
  recycled: { name: "recycled objects", color: "#777777", dash: [6, 3] },
  deepool: { name: "deepool", color: "#7b3fb5", dash: [6, 3] },
  wolf: { name: "wolf-ecs", color: "#c8102e", dash: [6, 3] },
  bitecs: { name: "bitecs", color: "#ef6c00", dash: [6, 3] },
  elics: { name: "elics", color: "#f5a623", dash: [6, 3] },
  structurae: { name: "structurae", color: "#9c4a1a", dash: [6, 3] },
};

/** A Vega-Lite specification. */
export type Spec = Record<string, unknown>;

const CONFIG = {
  font: "DejaVu Sans, Verdana, Arial, sans-serif",
  view: { stroke: "#cccccc" },
  axis: { labelFontSize: 12, titleFontSize: 13, gridColor: "#e6e6e6", domainColor: "#888888" },
  header: { labelFontSize: 15, labelFontWeight: "bold", labelPadding: 8 },
  legend: { labelFontSize: 13, labelLimit: 300, rowPadding: 6, offset: 24 },
  title: { fontSize: 19, subtitleFontSize: 13, subtitlePadding: 6, offset: 18 },
};

const POWERS_OF_TEN = Array.from({ length: 13 }, (_, i) => 10 ** (i - 4));

function specOf(title: string, subtitle: string, values: readonly object[]): Spec {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 16,
    title: { text: title, subtitle, anchor: "start" },
    data: { values },
    config: CONFIG,
  };
}

/** Color or dash, with one legend for both. */
function scaled(used: readonly Look[], range: readonly unknown[]): Spec {
  return {
    field: "name",
    type: "nominal",
    scale: { domain: used.map(({ name }) => name), range },
    legend: { title: null, symbolType: "stroke", symbolSize: 700, symbolStrokeWidth: 2.5 },
  };
}

function lookUsed(keys: ReadonlySet<string>): Look[] {
  return Object.entries(LOOKS).filter(([key]) => keys.has(key)).map(([, look]) => look);
}

function onDeno(measurements: readonly Measurement[]): { it: Measurement; figures: Figures }[] {
  return measurements.flatMap((it) =>
    it.figures.filter(({ runtime, contestant }) => runtime === "deno" && contestant in LOOKS)
      .map((figures) => ({ it, figures }))
  );
}

/** Shares of the frames, and where they are on the axis: each further nine is as far as the one before. */
const SHARES = [0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1];

function placeOf(share: number): number {
  return share === 1 ? 3.3 : -Math.log10(1 - share);
}

/**
 * @param measurements Of the scenarios of frames, one panel each.
 * @param subtitle A line below the title.
 * @returns How long frames take: the time that a share of them stays below.
 */
export function framesSpec(measurements: readonly Measurement[], subtitle: string): Spec {
  const all = onDeno(measurements);
  const values = all.flatMap(({ it, figures }) =>
    SHARES.map((share) => ({
      name: LOOKS[figures.contestant].name,
      panel: `${it.count.toLocaleString("en")} live`,
      place: placeOf(share),
      millis: Math.max(1e-4, quantile(figures.samples, share)),
    }))
  );
  const used = lookUsed(new Set(all.map(({ figures }) => figures.contestant)));
  return {
    ...specOf("Frames with churn: 5 % of the records replaced in each", subtitle, values),
    facet: {
      field: "panel",
      type: "nominal",
      title: null,
      sort: measurements.map(({ count }) => `${count.toLocaleString("en")} live`),
    },
    columns: 3,
    resolve: { scale: { y: "independent" } },
    spec: {
      width: 330,
      height: 380,
      mark: { type: "line", strokeWidth: 2.2, point: { size: 26, filled: true } },
      encoding: {
        x: {
          field: "place",
          type: "quantitative",
          axis: {
            title: "share of frames that are as fast, up to all",
            values: [0, 0.5, 0.9, 0.99, 0.999].map(placeOf),
            labelOverlap: false,
            labelFlush: false,
            labelExpr:
              "datum.value < 0.1 ? '0 %' : datum.value < 0.5 ? '50 %' : datum.value < 1.5 ? '90 %' : datum.value < 2.5 ? '99 %' : '99.9 %'",
          },
        },
        y: {
          field: "millis",
          type: "quantitative",
          scale: { type: "log" },
          axis: { title: "milliseconds", values: POWERS_OF_TEN, format: "~g" },
        },
        color: scaled(used, used.map(({ color }) => color)),
        strokeDash: scaled(used, used.map(({ dash }) => dash)),
      },
    },
  };
}

/**
 * @param measurements Of the scenarios of frames, a point of each line.
 * @param subtitle A line below the title.
 * @returns How many records a second are moved and kept up, by how many are live.
 */
export function throughputSpec(measurements: readonly Measurement[], subtitle: string): Spec {
  const all = onDeno(measurements);
  const values = all.map(({ it, figures }) => ({
    name: LOOKS[figures.contestant].name,
    count: it.count,
    rate: it.count / quantile(figures.samples, 0.5) * 1000,
  }));
  const used = lookUsed(new Set(all.map(({ figures }) => figures.contestant)));
  return {
    ...specOf("Throughput of frames with churn", subtitle, values),
    width: 640,
    height: 440,
    mark: { type: "line", strokeWidth: 2.2, point: { size: 36, filled: true } },
    encoding: {
      x: {
        field: "count",
        type: "quantitative",
        scale: { type: "log" },
        axis: { title: "live records", values: POWERS_OF_TEN, format: "~s" },
      },
      y: {
        field: "rate",
        type: "quantitative",
        scale: { type: "log" },
        axis: {
          title: "records a second, by the median frame",
          values: POWERS_OF_TEN,
          format: "~s",
        },
      },
      color: scaled(used, used.map(({ color }) => color)),
      strokeDash: scaled(used, used.map(({ dash }) => dash)),
    },
  };
}

/**
 * @param measurement Of the scenario of memory.
 * @param subtitle A line below the title.
 * @returns How many bytes of the process each record takes.
 */
export function memorySpec(measurement: Measurement, subtitle: string): Spec {
  const all = onDeno([measurement]);
  const values = all.map(({ figures }) => ({
    name: LOOKS[figures.contestant].name,
    bytes: rssOf(measurement, figures) / measurement.count,
  }));
  const used = lookUsed(new Set(all.map(({ figures }) => figures.contestant)));
  const order = values.toSorted((a, b) => a.bytes - b.bytes).map(({ name }) => name);
  const title = `Resident bytes a record of 20 bytes, ${
    measurement.count.toLocaleString("en")
  } of them`;
  const encoding = {
    y: { field: "name", type: "nominal", sort: order, axis: { title: null, labelLimit: 200 } },
    x: { field: "bytes", type: "quantitative", axis: { title: "bytes" } },
  };
  return {
    ...specOf(title, subtitle, values),
    width: 640,
    height: { step: 30 },
    layer: [
      {
        mark: { type: "bar" },
        encoding: {
          ...encoding,
          color: { ...scaled(used, used.map(({ color }) => color)), legend: null },
        },
      },
      {
        mark: { type: "text", align: "left", dx: 6, fontSize: 12 },
        encoding: { ...encoding, text: { field: "bytes", type: "quantitative", format: ".0f" } },
      },
    ],
  };
}
