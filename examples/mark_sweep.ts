/**
 * A mark-and-sweep collector for the cells of a small Lisp: `deno run examples/mark_sweep.ts`.
 *
 * A cons refers to two cells, an atom to none. Both kinds share the chunks of one pool and refer to
 * each other in any way, cycles included, which is what counting references cannot free. The demo
 * leaves rings behind (counts are conses + atoms):
 *
 * ```text
 * 1000 rings made           blocks: 20, cells: 5000
 * collected from 250 roots  blocks: 20, kept 1000 + 250, freed 3000 + 750
 * 750 rings made            blocks: 20, cells: 5000
 * collected from no roots   blocks: 1, kept 0 + 0, freed 4000 + 1000
 * trimmed                   blocks: 0
 * ```
 *
 * @module
 */
import { type AnyHandle, ErasedPool, type Struct, struct } from "@slabs/pool";

export const Cons: Struct<{ head: "ref"; tail: "ref"; marked: "bool" }> = struct(
  { head: "ref", tail: "ref", marked: "bool" },
  { name: "Cons" },
);
export const Atom: Struct<{ value: "f32"; marked: "bool" }> = struct(
  { value: "f32", marked: "bool" },
  { name: "Atom" },
);
export type Cells = ErasedPool<typeof Cons | typeof Atom>;

/** Cells of each kind. */
export interface Count {
  conses: number;
  atoms: number;
}

export function newCells(): Cells {
  return new ErasedPool({ size: Cons.size, types: [Cons, Atom], chunksPerBlock: 256 });
}

// -- the collector --

/** Frees every cell that no path of references leads to from the roots. */
export function collect(
  cells: Cells,
  roots: Iterable<AnyHandle>,
): { kept: Count; freed: Count } {
  const kept = mark(cells, roots);
  const freed = { conses: cells.retain(Cons, unmark), atoms: cells.retain(Atom, unmark) };
  return { kept, freed };
}

/**
 * Marks every cell that can be reached, each once. No recursion: lists are longer than a call stack
 * is deep.
 */
function mark(cells: Cells, roots: Iterable<AnyHandle>): Count {
  const kept = { conses: 0, atoms: 0 };
  const stack = [...roots];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (!cells.has(at)) continue; // null; what was freed by hand leads nowhere either
    if (cells.typeOf(at) === Cons) {
      const cons = cells.get(Cons, at);
      if (cons.marked) continue; // a cycle ends here
      cons.marked = true;
      kept.conses++;
      stack.push(cons.tail, cons.head); // heads come off first, so a list takes two places however long it is
    } else {
      const atom = cells.get(Atom, at);
      if (atom.marked) continue;
      atom.marked = true;
      kept.atoms++;
    }
  }
  return kept;
}

/** Tells whether to keep a cell, and clears its mark for the next time. */
function unmark(cell: { marked: boolean }): boolean {
  const { marked } = cell;
  cell.marked = false;
  return marked;
}

// -- the demo --

/** Makes an atom and four conses that hold it, the tail of the last of which is the first. */
function ring(cells: Cells, value: number): AnyHandle {
  const head = cells.alloc(Atom, { value });
  const last = cells.alloc(Cons, { head });
  let first = last;
  for (let i = 0; i < 3; i++) first = cells.alloc(Cons, { head, tail: first });
  cells.get(Cons, last).tail = first;
  return first;
}

export function demo(): string[] {
  using cells = newCells();
  const lines: string[] = [];
  const report = (what: string, text = "") =>
    lines.push(`${what.padEnd(26)}blocks: ${cells.blocks.length}${text}`);
  const make = (count: number) => {
    const rings = Array.from({ length: count }, (_, i) => ring(cells, i));
    report(`${count} rings made`, `, cells: ${cells.size}`);
    return rings;
  };
  const collectFrom = (what: string, roots: AnyHandle[]) => {
    const { kept, freed } = collect(cells, roots);
    const text = `kept ${kept.conses} + ${kept.atoms}, freed ${freed.conses} + ${freed.atoms}`;
    report(`collected from ${what}`, `, ${text}`);
  };

  const rings = make(1000);
  collectFrom("250 roots", rings.filter((_, i) => i % 4 === 0));
  make(750); // in the chunks just freed
  collectFrom("no roots", []);
  cells.trim(); // one empty block is kept until then
  report("trimmed");
  return lines;
}

if (import.meta.main) console.log(demo().join("\n"));
