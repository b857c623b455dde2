/**
 * Records that are filled with a pattern of their own, byte by byte, and read back before they are
 * freed: no two overlap, and no link of a free list is written where a record lives.
 *
 * @module
 */
import { assert } from "@std/assert";
import fc from "fast-check";
import { array, type Handle, Pool, struct, validate } from "../../mod.ts";

const OPERATIONS = 1500;

/** Bytes of a record, chunks of a block: 1, 2 and 4 bytes of alignment, links of 1 and 2 bytes. */
const SHAPES: [number, number][] = [
  [1, 16],
  [1, 256],
  [2, 64],
  [2, 512],
  [3, 256],
  [3, 512],
  [5, 1024],
  [7, 512],
  [8, 16],
  [12, 512],
  [20, 64],
  [33, 512],
  [255, 16],
  [256, 16],
  [300, 512],
];

/** The pattern of a record: no two serial numbers near each other have a byte in common at a place. */
function patternAt(serial: number, at: number): number {
  return serial * 37 + at * 11 + 1 & 255;
}

/** A pool of byte records, each of which knows what it must hold. */
class Patterns {
  readonly struct;
  readonly pool;
  readonly bytes: number;
  readonly live: { handle: Handle<Patterns["struct"]>; serial: number }[] = [];
  serial = 0;

  constructor(bytes: number, chunksPerBlock: number, handles: "compact" | "wide", debug: boolean) {
    this.bytes = bytes;
    this.struct = struct({ bytes: array("u8", bytes) });
    const maxChunks = Math.max(64, chunksPerBlock * 2);
    this.pool = new Pool(this.struct, { chunksPerBlock, maxChunks, handles, debug });
  }

  alloc(): void {
    const handle = this.pool.tryAlloc();
    if (handle === undefined) return;
    const { bytes } = this.pool.get(handle);
    const serial = this.serial++;
    for (let i = 0; i < this.bytes; i++) {
      assert(bytes.get(i) === 0, `byte ${i} of new record ${serial} is not zero`);
      bytes.set(i, patternAt(serial, i));
    }
    this.live.push({ handle, serial });
  }

  free(nat: number): void {
    if (this.live.length === 0) return;
    const at = nat % this.live.length;
    const [record] = this.live.splice(at, 1, this.live[this.live.length - 1]);
    if (at === this.live.length - 1) this.live.pop();
    else this.live.length--;
    this.check(record);
    this.pool.free(record.handle);
  }

  check({ handle, serial }: { handle: Handle<Patterns["struct"]>; serial: number }): void {
    const { bytes } = this.pool.get(handle);
    for (let i = 0; i < this.bytes; i++) {
      assert(
        bytes.get(i) === patternAt(serial, i),
        `byte ${i} of record ${serial} was overwritten`,
      );
    }
  }

  checkAll(): void {
    for (const record of this.live) this.check(record);
    validate(this.pool);
  }
}

const MODES = [["compact", false], ["wide", false], ["compact", true]] as const;

for (const [handles, debug] of MODES) {
  for (const [bytes, chunksPerBlock] of SHAPES) {
    const shape = `${bytes} bytes, ${chunksPerBlock} a block, ${handles}${debug ? ", debug" : ""}`;
    Deno.test(`Pool's records do not overlap under random churn (${shape})`, () => {
      const churn = fc.array(fc.tuple(fc.nat(9), fc.nat()), {
        minLength: OPERATIONS,
        maxLength: OPERATIONS,
      });
      const property = fc.property(churn, (operations) => {
        const patterns = new Patterns(bytes, chunksPerBlock, handles, debug);
        operations.forEach(([kind, nat], i) => {
          // Growing at first, shrinking at last.
          if (kind < (i < OPERATIONS / 2 ? 7 : 3)) patterns.alloc();
          else patterns.free(nat);
        });
        patterns.checkAll();
        while (patterns.live.length > 0) patterns.free(0);
        validate(patterns.pool);
        patterns.pool.dispose();
      });
      fc.assert(property, { numRuns: 3, endOnFailure: true });
    });
  }
}

// -- alignment --

for (const type of ["u16", "u32", "f32", "f64", "i64"] as const) {
  Deno.test(`Pool's records of ${type} and bytes do not overlap`, () => {
    const Mixed = struct({ first: "u8", wide: type, tail: array("u8", 3) });
    using pool = new Pool(Mixed, { chunksPerBlock: 32, maxChunks: 64 });
    const value = (i: number) => (type === "i64" ? BigInt(i * 3) : i * 3) as never; // as `type` says
    const handles = pool.allocMany(64);
    handles.forEach((handle, i) => {
      pool.set(handle, { first: i, wide: value(i), tail: [i + 1, i + 2, i + 3] });
    });
    handles.forEach((handle, i) => i % 3 === 0 && pool.free(handle));
    const check = () =>
      handles.forEach((handle, i) => {
        if (i % 3 === 0) return;
        const { first, wide, tail } = pool.get(handle);
        const isIntact = first === i && wide === value(i) && tail.get(0) === i + 1 &&
          tail.get(2) === i + 3;
        assert(isIntact, `record ${i} was overwritten`);
      });
    check();
    for (const handle of pool.allocMany(22)) {
      pool.set(handle, { first: 255, tail: [255, 255, 255] });
    }
    check();
    validate(pool);
  });
}
