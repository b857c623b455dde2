/** The charts of the report. */
import { logAxis, type Look, looksOf, type Spec, specOf } from "../harness/chart.ts";
import {
  bytesOf,
  type Figures,
  type Measurement,
  median,
  quantile,
  samplesOf,
} from "../harness/statistics.ts";

/**
 * By key, in the order of the legend. Ours and the limits have whole lines, what they are compared
 * with has dashes.
 */
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

/** Values of all contestants that are drawn, and their encodings. */
function drawn<T extends object>(
  measurements: readonly Measurement[],
  valuesOf: (measurement: Measurement, figures: Figures) => T[],
): { values: (T & { name: string })[]; looks: ReturnType<typeof looksOf> } {
  const values = measurements.flatMap((measurement) =>
    measurement.figures.filter(({ runtime, contestant }) =>
      runtime === "deno" && contestant in LOOKS
    )
      .flatMap((it) => {
        const { name } = LOOKS[it.contestant];
        return valuesOf(measurement, it).map((value) => ({ ...value, name }));
      })
  );
  const used = Object.values(LOOKS).filter(({ name }) => values.some((it) => it.name === name));
  return { values, looks: looksOf(used) };
}

/** Shares of the frames. On the axis each further nine is as far as the one before. */
const SHARES = [0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1];

function positionOf(share: number): number {
  return share === 1 ? 3.3 : -Math.log10(1 - share);
}

/**
 * @returns How long frames take: the time that a share of them stays below, in a panel for each
 * measurement.
 */
export function framesSpec(measurements: readonly Measurement[], subtitle: string): Spec {
  const panelOf = (count: number) => `${count.toLocaleString("en")} live`;
  const { values, looks } = drawn(measurements, ({ count }, it) => {
    const samples = samplesOf(it);
    return SHARES.map((share) => ({
      panel: panelOf(count),
      position: positionOf(share),
      millis: Math.max(1e-4, quantile(samples, share)),
    }));
  });
  return {
    ...specOf("Frames with churn: 5 % of the records replaced in each", subtitle, values),
    facet: {
      field: "panel",
      type: "nominal",
      title: null,
      sort: measurements.map(({ count }) => panelOf(count)),
    },
    columns: 3,
    resolve: { scale: { y: "independent" } },
    spec: {
      width: 330,
      height: 380,
      mark: { type: "line", strokeWidth: 2.2, point: { size: 26, filled: true } },
      encoding: {
        x: {
          field: "position",
          type: "quantitative",
          axis: {
            title: "share of frames that are as fast, up to all",
            values: [0, 0.5, 0.9, 0.99, 0.999].map(positionOf),
            labelOverlap: false,
            labelFlush: false,
            labelExpr:
              "datum.value < 0.1 ? '0 %' : datum.value < 0.5 ? '50 %' : datum.value < 1.5 ? '90 %' : datum.value < 2.5 ? '99 %' : '99.9 %'",
          },
        },
        y: logAxis("millis", "milliseconds", { format: "~g" }),
        ...looks,
      },
    },
  };
}

/** @returns How many records a second are kept up with, by how many are live. */
export function throughputSpec(measurements: readonly Measurement[], subtitle: string): Spec {
  const { values, looks } = drawn(measurements, ({ count }, it) => [
    { count, rate: count / median(samplesOf(it)) * 1000 },
  ]);
  return {
    ...specOf("Throughput of frames with churn", subtitle, values),
    width: 640,
    height: 440,
    mark: { type: "line", strokeWidth: 2.2, point: { size: 36, filled: true } },
    encoding: {
      x: logAxis("count", "live records"),
      y: logAxis("rate", "records a second, by the median frame"),
      ...looks,
    },
  };
}

/** @returns How many bytes of the process each record takes. */
export function memorySpec(measurement: Measurement, subtitle: string): Spec {
  const { values, looks } = drawn([measurement], (it, figures) => [
    { bytes: bytesOf(it, figures, "rssBytes") / it.count },
  ]);
  const order = values.toSorted((a, b) => a.bytes - b.bytes).map(({ name }) => name);
  const count = measurement.count.toLocaleString("en");
  const encoding = {
    y: { field: "name", type: "nominal", sort: order, axis: { title: null, labelLimit: 200 } },
    x: { field: "bytes", type: "quantitative", axis: { title: "bytes" } },
  };
  return {
    ...specOf(`Resident bytes a record of 20 bytes, ${count} of them`, subtitle, values),
    width: 640,
    height: { step: 30 },
    layer: [
      { mark: { type: "bar" }, encoding: { ...encoding, color: { ...looks.color, legend: null } } },
      {
        mark: { type: "text", align: "left", dx: 6, fontSize: 12 },
        encoding: { ...encoding, text: { field: "bytes", type: "quantitative", format: ".0f" } },
      },
    ],
  };
}
