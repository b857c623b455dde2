/**
 * Patterns: what a record holds, worked out from its serial number, so that a byte that changes by itself is noticed
 * wherever the record is read.
 *
 * @module
 */
import { type AnyStruct, type ScalarType, Struct } from "../../mod.ts";

/** The view of a record, or a plain object like one. */
type Plain = Record<string, unknown>;

/** One scalar of a record, however deep it lies. */
interface Cell {
  readonly type: ScalarType;
  get(record: Plain): unknown;
  set(record: Plain, value: unknown): void;
}

/** The patterns of the records of one struct. */
export class Pattern {
  readonly struct: AnyStruct;
  readonly #cells: readonly Cell[];

  /** @param struct What the records are. */
  constructor(struct: AnyStruct) {
    this.struct = struct;
    this.#cells = cellsOf(struct);
  }

  /**
   * Writes a pattern, scalar by scalar.
   *
   * @param view A view of the record.
   * @param serial Which pattern, an integer.
   */
  fill(view: unknown, serial: number): void {
    const cells = this.#cells;
    for (let i = 0; i < cells.length; i++) {
      cells[i].set(view as Plain, valueOf(cells[i].type, serial, i));
    }
  }

  /**
   * @param view A view of the record.
   * @param serial Which pattern it was given.
   * @returns Whether it still has it.
   */
  isIntact(view: unknown, serial: number): boolean {
    const cells = this.#cells;
    for (let i = 0; i < cells.length; i++) {
      if (cells[i].get(view as Plain) !== valueOf(cells[i].type, serial, i)) return false;
    }
    return true;
  }

  /**
   * @param view A view of the record.
   * @returns Whether every scalar is zero.
   */
  isZero(view: unknown): boolean {
    const cells = this.#cells;
    for (let i = 0; i < cells.length; i++) {
      if (Number(cells[i].get(view as Plain)) !== 0) return false;
    }
    return true;
  }

  /**
   * @param serial Which pattern.
   * @returns A plain object of it, as `alloc` and `set` take.
   */
  init(serial: number): Plain {
    const init = plainOf(this.struct);
    this.fill(init, serial);
    return init;
  }
}

function cellsOf(struct: AnyStruct): Cell[] {
  return Object.entries(struct.fields).flatMap(([name, { type, length }]): Cell[] => {
    if (type instanceof Struct) {
      return cellsOf(type).map((cell) => within((record) => record[name], cell));
    }
    if (typeof type === "string") return [field(type, name)];
    if (type.kind === "ref") return [field("ref", name)];
    const { element } = type;
    const places = Array.from({ length }, (_, i) => i);
    return places.flatMap((i) =>
      element instanceof Struct
        ? cellsOf(element).map((cell) => within((record) => at(record[name], i), cell))
        : [item(typeof element === "string" ? element : "ref", name, i)]
    );
  });
}

function field(type: ScalarType, name: string): Cell {
  return {
    type,
    get: (record) => record[name],
    set: (record, value) => void (record[name] = value),
  };
}

function within(inner: (record: Plain) => unknown, { type, get, set }: Cell): Cell {
  return {
    type,
    get: (record) => get(inner(record) as Plain),
    set: (record, value) => set(inner(record) as Plain, value),
  };
}

/** What array views and plain arrays have in common is nothing but their length. */
type Items = unknown[] | { get(i: number): unknown; set(i: number, value: unknown): void };

function at(items: unknown, i: number): unknown {
  return Array.isArray(items) ? items[i] : (items as Exclude<Items, unknown[]>).get(i);
}

function item(type: ScalarType, name: string, i: number): Cell {
  return {
    type,
    get: (record) => at(record[name], i),
    set(record, value) {
      const items = record[name] as Items;
      if (Array.isArray(items)) items[i] = value;
      else items.set(i, value);
    },
  };
}

/** A plain object with all that is nested in a struct, to be filled. */
function plainOf(struct: AnyStruct): Plain {
  const entries = Object.entries(struct.fields).map(([name, { type, length }]) => {
    if (type instanceof Struct) return [name, plainOf(type)];
    if (typeof type === "string" || type.kind === "ref") return [name, 0];
    const { element } = type;
    return [name, Array.from({ length }, () => element instanceof Struct ? plainOf(element) : 0)];
  });
  return Object.fromEntries(entries);
}

/** The value of the i-th scalar in a pattern: any that its type holds exactly. */
function valueOf(type: ScalarType, serial: number, i: number): number | bigint | boolean {
  const hash = Math.imul(serial + 1, 0x9e3779b1) + Math.imul(i + 1, 0x85ebca77);
  const bits = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d);
  switch (type) {
    case "u8":
      return bits >>> 24;
    case "i8":
      return bits >> 24;
    case "bool":
      return bits < 0;
    case "u16":
      return bits >>> 16;
    case "i16":
      return bits >> 16;
    case "f16":
      return bits >> 21;
    case "i32":
      return bits;
    case "u32":
    case "ref":
      return bits >>> 0;
    case "f32":
      return bits >> 8;
    case "f64":
      return bits + 1 / 1024;
    case "i64":
      return BigInt(bits) << 20n;
    case "u64":
      return BigInt(bits >>> 0) << 32n;
  }
}
