/**
 * Replays allocation traces on a `FreeListAllocator` of each fit and index: `deno task replay FILE…`.
 *
 * Two things are told of each. Operations a second: the median of several replays, each on a new heap, the kinds turn by turn. And
 * the peak utilization, as the malloc lab has it: the most bytes that were live, of the most that the heap had. A heap starts with
 * one extent and takes another whenever it has no room; `--extent=BYTES` says of how many bytes.
 *
 * Before that each kind does it once with every byte looked at: a payload has a pattern of its own, and what is new is zero. Memory
 * that was given out twice, or moved wrongly, shows there.
 *
 * @module
 */
import {
  countingMemory,
  FreeListAllocator,
  type FreeListStats,
  heapMemory,
  OutOfMemoryError,
} from "@slabs/pool";
import { type HeapKind, heapKinds } from "./_heaps.ts";
import { ALLOC, FREE, parseTrace, REALLOC, type Trace, TraceError } from "./_trace.ts";

const DEFAULT_EXTENT_BYTES = 65_536;

/** Replays go on for so long, and are so many at least. */
const MIN_MILLIS = 500;
const MIN_REPLAYS = 3;

/** What came of a trace on one kind of heap. */
export interface Replay extends HeapKind {
  readonly operationsPerSecond: number;
  /** The most bytes that the heap had. */
  readonly heapBytes: number;
  /** The most live bytes, of the trace, as a share of `heapBytes`. */
  readonly utilization: number;
}

/**
 * Replays a trace.
 *
 * @param heap Where.
 * @param trace What.
 * @param addresses Room for the address of each id.
 */
export function replay(heap: FreeListAllocator, trace: Trace, addresses: Float64Array): void {
  const { kinds, ids, sizes } = trace;
  for (let i = 0; i < kinds.length; i++) {
    const id = ids[i];
    if (kinds[i] === ALLOC) addresses[id] = heap.alloc(sizes[i]);
    else if (kinds[i] === REALLOC) addresses[id] = heap.realloc(addresses[id], sizes[i]);
    else heap.free(addresses[id]);
  }
}

/**
 * Replays a trace and looks at every byte: in each payload, as long as it is live, is a pattern of its own.
 *
 * @param heap Where; a new one.
 * @param trace What.
 * @returns The figures of the heap in the end.
 * @throws {Error} when a payload was changed, or new bytes are not zero, or the heap has other books.
 */
export function replayChecked(heap: FreeListAllocator, trace: Trace): FreeListStats {
  const { kinds, ids, sizes, idCount } = trace;
  const addresses = new Float64Array(idCount);
  const live = new Int32Array(idCount); // bytes
  for (let i = 0; i < kinds.length; i++) {
    const id = ids[i];
    if (kinds[i] !== ALLOC) expect(heap, addresses[id], live[id], id, live[id]);
    if (kinds[i] === FREE) {
      heap.free(addresses[id]);
    } else {
      const kept = kinds[i] === ALLOC ? 0 : Math.min(live[id], sizes[i]);
      addresses[id] = kinds[i] === ALLOC
        ? heap.alloc(sizes[i])
        : heap.realloc(addresses[id], sizes[i]);
      expect(heap, addresses[id], sizes[i], id, kept);
      fill(heap.bytes(addresses[id], sizes[i]), id);
    }
    live[id] = sizes[i];
  }
  let liveBytes = 0;
  live.forEach((bytes, id) => {
    if (bytes > 0) expect(heap, addresses[id], bytes, id, bytes);
    liveBytes += bytes;
  });
  const stats = heap.stats();
  if (stats.usedBytes !== liveBytes) {
    throw new Error(
      `The heap says ${stats.usedBytes} bytes are live, of the trace ${liveBytes} are`,
    );
  }
  return stats;
}

/** What stands in a place of a payload; 251 is prime, so that no two rows of places look alike. */
function patternAt(id: number, place: number): number {
  return (id * 31 + place) % 251 + 1;
}

function fill(bytes: Uint8Array, id: number): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = patternAt(id, i);
}

/** Throws unless a payload starts with its pattern, and has zeros from there on. */
function expect(
  heap: FreeListAllocator,
  address: number,
  byteLength: number,
  id: number,
  patternBytes: number,
): void {
  const bytes = heap.bytes(address, byteLength);
  for (let i = 0; i < bytes.length; i++) {
    const wanted = i < patternBytes ? patternAt(id, i) : 0;
    if (bytes[i] === wanted) continue;
    throw new Error(
      `Byte ${i} of id ${id}, at address ${address}, is ${bytes[i]}, must be ${wanted}`,
    );
  }
}

/**
 * Measures a trace on every kind of heap.
 *
 * @param trace What to replay.
 * @param extentBytes Bytes that a heap starts with, and grows by at the least.
 * @param minMillis How long to measure each kind, at the least.
 * @returns What came of it, by kind.
 */
export function measure(
  trace: Trace,
  extentBytes: number,
  minMillis: number = MIN_MILLIS,
): Replay[] {
  const newHeap = (kind: HeapKind, memory = heapMemory) =>
    new FreeListAllocator({ ...kind, byteLength: extentBytes, grow: true, memory });
  const heapBytes = heapKinds.map((kind) => {
    const memory = countingMemory();
    using heap = newHeap(kind, memory);
    replayChecked(heap, trace);
    return memory.peakBytes;
  });
  const addresses = new Float64Array(trace.idCount);
  const times = heapKinds.map((): number[] => []);
  const all = minMillis * heapKinds.length;
  for (let spent = 0, turn = 0; spent < all || turn < MIN_REPLAYS * heapKinds.length; turn++) {
    const i = turn % heapKinds.length;
    using heap = newHeap(heapKinds[i]);
    const start = performance.now();
    replay(heap, trace, addresses);
    const millis = performance.now() - start;
    times[i].push(millis);
    spent += millis;
  }
  return heapKinds.map((kind, i) => ({
    ...kind,
    operationsPerSecond: trace.kinds.length / median(times[i]) * 1000,
    heapBytes: heapBytes[i],
    utilization: trace.peakBytes / heapBytes[i],
  }));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Shows what came of a trace, as a table. */
export function report(file: string, trace: Trace, replays: readonly Replay[]): string {
  const count = (value: number) => Math.round(value).toLocaleString("en");
  const rows = replays.map(({ fit, index, operationsPerSecond, heapBytes, utilization }) =>
    `| ${fit.padEnd(5)} | ${index.padEnd(5)} | ${count(operationsPerSecond).padStart(12)} | ${
      count(heapBytes).padStart(13)
    } | ${`${(utilization * 100).toFixed(1)} %`.padStart(16)} |`
  );
  const { warningCount } = trace;
  const warned = warningCount === 0
    ? ""
    : `, ${count(warningCount)} ${warningCount === 1 ? "warning" : "warnings"}`;
  return [
    `**${file}**: ${count(trace.kinds.length)} operations, ${
      count(trace.peakBytes)
    } bytes live at the peak${warned}`,
    "",
    "| fit   | index | operations/s | heap in bytes | peak utilization |",
    "| ----- | ----- | -----------: | ------------: | ---------------: |",
    ...rows,
    "",
  ].join("\n");
}

const USAGE = `deno task replay [--extent=BYTES] FILE…

Replays allocation traces in the format of the malloc lab on every kind of FreeListAllocator, and prints
operations a second and peak utilization. A trace has a line for each operation:

  a 0 512    allocates 512 bytes, from now on known as 0
  r 0 640    makes it 640 bytes
  f 0        frees it

The four numbers that such traces start with may be there. An r of an id that is not live allocates it. What
else a trace has that a program is not likely to mean, such as an f of an unknown id, or a header that is off,
is told as a warning and replayed as C would take it.

--extent=BYTES   what a heap starts with and grows by at the least, ${DEFAULT_EXTENT_BYTES} if left out`;

/** The warnings of a trace, a line each: the first of them, and how many more there are. */
export function warningLines({ warnings, warningCount }: Trace): string[] {
  const lines = warnings.map((it) => `replay: warning: ${it}`);
  const more = warningCount - warnings.length;
  return more > 0 ? [...lines, `replay: and ${more.toLocaleString("en")} warnings more`] : lines;
}

/** Reads the arguments; `undefined` where they make no sense. */
export function parseArguments(
  args: readonly string[],
): { extentBytes: number; files: readonly string[] } | undefined {
  const files = args.filter((arg) => !arg.startsWith("-"));
  let extentBytes = DEFAULT_EXTENT_BYTES;
  for (const option of args.filter((arg) => arg.startsWith("-"))) {
    const [, value] = /^--extent=(\d+)$/.exec(option) ?? [];
    if (value === undefined || Number(value) < 64 || Number(value) > 2 ** 30) return undefined;
    extentBytes = Number(value);
  }
  return files.length === 0 ? undefined : { extentBytes, files };
}

function main(): number {
  const wanted = parseArguments(Deno.args);
  if (wanted === undefined) {
    console.error(USAGE);
    return 2;
  }
  let faults = 0;
  for (const file of wanted.files) {
    try {
      const trace = parseTrace(Deno.readTextFileSync(file), file);
      for (const line of warningLines(trace)) console.error(line);
      console.log(report(file, trace, measure(trace, wanted.extentBytes)));
    } catch (error) {
      // What is wrong with a file is the user's to know; all else is a fault of ours.
      const isTheirs = error instanceof TraceError || error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.IsADirectory ||
        error instanceof Deno.errors.PermissionDenied || error instanceof OutOfMemoryError;
      if (!isTheirs) throw error;
      const place = error instanceof OutOfMemoryError ? `${file}: ` : "";
      console.error(`replay: ${place}${error.message}`);
      faults++;
    }
  }
  return faults > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(main());
