/** The workloads in pools, in plain objects, and in columns by hand. */
import { Pool } from "@slabs/pool";
import { factors, startOf, weigh, type World } from "./world.ts";

// -- pools: what an archetype is to an ECS, a struct is here --

const AB = { a: "f32", b: "f32" } as const;
const ABC = { ...AB, c: "f32" } as const;
const ABCD = { ...ABC, d: "f32" } as const;
const ABCE = { ...ABC, e: "f32" } as const;
const ABCDE = { ...ABCD, e: "f32" } as const;

function packedPool(count: number) {
  const pool = new Pool(ABCDE);
  for (let i = 0; i < count; i++) {
    const [a, b, c, d, e] = startsOf(i);
    pool.alloc({ a, b, c, d, e });
  }
  return pool;
}

function simplePools(count: number) {
  const ab = new Pool(AB), abc = new Pool(ABC), abcd = new Pool(ABCD), abce = new Pool(ABCE);
  for (let i = 0; i < count; i++) {
    const [a, b, c, d, e] = startsOf(i);
    ab.alloc({ a, b });
    abc.alloc({ a, b, c });
    abcd.alloc({ a, b, c, d });
    abce.alloc({ a, b, c, e });
  }
  return { ab, abc, abcd, abce };
}

function cyclePools(count: number) {
  const a = new Pool({ value: "f32" }), b = new Pool({ value: "f32" });
  for (let i = 0; i < count; i++) a.alloc({ value: startOf(i, 0) });
  return { a, b };
}

export const pools: World = {
  packed(count) {
    const pool = packedPool(count);
    const next = factors();
    let factor = 1;
    // A function for each system, as there would be.
    const systems = [
      () => pool.forEach((it) => it.a *= factor),
      () => pool.forEach((it) => it.b *= factor),
      () => pool.forEach((it) => it.c *= factor),
      () => pool.forEach((it) => it.d *= factor),
      () => pool.forEach((it) => it.e *= factor),
    ];
    return {
      run() {
        factor = next();
        for (const system of systems) system();
      },
      checksum() {
        let sum = 0;
        pool.forEach(({ a, b, c, d, e }) => sum += weigh(a, b, c, d, e));
        return String(sum);
      },
    };
  },

  simple(count) {
    const { ab, abc, abcd, abce } = simplePools(count);
    const systems = [
      () =>
        ab.forEach((it) => {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }),
      () =>
        abc.forEach((it) => {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }),
      () =>
        abcd.forEach((it) => {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }),
      () =>
        abce.forEach((it) => {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }),
      () =>
        abcd.forEach((it) => {
          const { c } = it;
          it.c = it.d;
          it.d = c;
        }),
      () =>
        abce.forEach((it) => {
          const { c } = it;
          it.c = it.e;
          it.e = c;
        }),
    ];
    return {
      run() {
        for (const system of systems) system();
      },
      checksum() {
        let sum = 0;
        ab.forEach(({ a, b }) => sum += weigh(a, b));
        abc.forEach(({ a, b, c }) => sum += weigh(a, b, c));
        abcd.forEach(({ a, b, c, d }) => sum += weigh(a, b, c, d));
        abce.forEach(({ a, b, c, e }) => sum += weigh(a, b, c, 0, e));
        return String(sum);
      },
    };
  },

  cycle(count) {
    const { a, b } = cyclePools(count);
    const at = b.cursor();
    let sum = 0;
    const make = () =>
      a.forEach((it) => {
        b.allocAt(at);
        at.value = it.value;
      });
    const destroy = () =>
      b.forEach((it, handle) => {
        sum += it.value;
        b.free(handle);
      });
    return {
      run() {
        make();
        sum = 0;
        destroy();
      },
      checksum: () => `${sum} ${a.size} ${b.size}`,
    };
  },
};

// -- the same pools, with for…of --

export const walks: World = {
  packed(count) {
    const pool = packedPool(count);
    const next = factors();
    let factor = 1;
    // A function for each system, as there would be.
    const systems = [
      () => {
        for (const it of pool) it.a *= factor;
      },
      () => {
        for (const it of pool) it.b *= factor;
      },
      () => {
        for (const it of pool) it.c *= factor;
      },
      () => {
        for (const it of pool) it.d *= factor;
      },
      () => {
        for (const it of pool) it.e *= factor;
      },
    ];
    return {
      run() {
        factor = next();
        for (const system of systems) system();
      },
      checksum() {
        let sum = 0;
        for (const { a, b, c, d, e } of pool) sum += weigh(a, b, c, d, e);
        return String(sum);
      },
    };
  },

  simple(count) {
    const { ab, abc, abcd, abce } = simplePools(count);
    const systems = [
      () => {
        for (const it of ab) {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }
      },
      () => {
        for (const it of abc) {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }
      },
      () => {
        for (const it of abcd) {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }
      },
      () => {
        for (const it of abce) {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }
      },
      () => {
        for (const it of abcd) {
          const { c } = it;
          it.c = it.d;
          it.d = c;
        }
      },
      () => {
        for (const it of abce) {
          const { c } = it;
          it.c = it.e;
          it.e = c;
        }
      },
    ];
    return {
      run() {
        for (const system of systems) system();
      },
      checksum() {
        let sum = 0;
        for (const { a, b } of ab) sum += weigh(a, b);
        for (const { a, b, c } of abc) sum += weigh(a, b, c);
        for (const { a, b, c, d } of abcd) sum += weigh(a, b, c, d);
        for (const { a, b, c, e } of abce) sum += weigh(a, b, c, 0, e);
        return String(sum);
      },
    };
  },

  cycle(count) {
    const { a, b } = cyclePools(count);
    const at = b.cursor();
    let sum = 0;
    return {
      run() {
        for (const it of a) {
          b.allocAt(at);
          at.value = it.value;
        }
        sum = 0;
        for (const it of b) {
          sum += it.value;
          b.free(b.handleOf(it));
        }
      },
      checksum: () => `${sum} ${a.size} ${b.size}`,
    };
  },
};

// -- plain objects --

export const objects: World = {
  packed(count) {
    const all = Array.from({ length: count }, (_, i) => {
      const [a, b, c, d, e] = startsOf(i);
      return { a, b, c, d, e };
    });
    const next = factors();
    return {
      run() {
        const factor = next();
        for (const it of all) it.a *= factor;
        for (const it of all) it.b *= factor;
        for (const it of all) it.c *= factor;
        for (const it of all) it.d *= factor;
        for (const it of all) it.e *= factor;
      },
      checksum: () => String(all.reduce((sum, { a, b, c, d, e }) => sum + weigh(a, b, c, d, e), 0)),
    };
  },

  simple(count) {
    const starts = Array.from({ length: count }, (_, i) => startsOf(i));
    const ab = starts.map(([a, b]) => ({ a, b }));
    const abc = starts.map(([a, b, c]) => ({ a, b, c }));
    const abcd = starts.map(([a, b, c, d]) => ({ a, b, c, d }));
    const abce = starts.map(([a, b, c, _, e]) => ({ a, b, c, e }));
    return {
      run() {
        for (const it of ab) {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }
        for (const it of abc) {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }
        for (const it of abcd) {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }
        for (const it of abce) {
          const { a } = it;
          it.a = it.b;
          it.b = a;
        }
        for (const it of abcd) {
          const { c } = it;
          it.c = it.d;
          it.d = c;
        }
        for (const it of abce) {
          const { c } = it;
          it.c = it.e;
          it.e = c;
        }
      },
      checksum() {
        let sum = 0;
        for (const { a, b } of ab) sum += weigh(a, b);
        for (const { a, b, c } of abc) sum += weigh(a, b, c);
        for (const { a, b, c, d } of abcd) sum += weigh(a, b, c, d);
        for (const { a, b, c, e } of abce) sum += weigh(a, b, c, 0, e);
        return String(sum);
      },
    };
  },

  cycle(count) {
    const a = Array.from({ length: count }, (_, i) => ({ value: startOf(i, 0) }));
    const b: { value: number }[] = [];
    let sum = 0;
    return {
      run() {
        for (const { value } of a) b.push({ value });
        sum = 0;
        for (const { value } of b) sum += value;
        b.length = 0;
      },
      checksum: () => `${sum} ${a.length} ${b.length}`,
    };
  },
};

// -- columns: dense from the start to the end, as nothing in the middle is ever freed --

export const columns: World = {
  packed(count) {
    const all = [0, 1, 2, 3, 4].map((component) => columnOf(count, component));
    const [a, b, c, d, e] = all;
    const next = factors();
    return {
      run() {
        const factor = next();
        for (let i = 0; i < a.length; i++) a[i] *= factor;
        for (let i = 0; i < b.length; i++) b[i] *= factor;
        for (let i = 0; i < c.length; i++) c[i] *= factor;
        for (let i = 0; i < d.length; i++) d[i] *= factor;
        for (let i = 0; i < e.length; i++) e[i] *= factor;
      },
      checksum: () => String(weighColumns(a, b, c, d, e)),
    };
  },

  simple(count) {
    const sets = [[0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 4]].map((set) =>
      set.map((component) => columnOf(count, component))
    );
    const [ab, abc, abcd, abce] = sets;
    return {
      run() {
        for (const [a, b] of sets) swap(a, b);
        swap(abcd[2], abcd[3]);
        swap(abce[2], abce[3]);
      },
      checksum: () =>
        String(
          weighColumns(ab[0], ab[1]) + weighColumns(abc[0], abc[1], abc[2]) +
            weighColumns(abcd[0], abcd[1], abcd[2], abcd[3]) +
            weighColumns(abce[0], abce[1], abce[2], undefined, abce[3]),
        ),
    };
  },

  cycle(count) {
    const a = columnOf(count, 0), b = new Float32Array(count);
    let live = 0, sum = 0;
    return {
      run() {
        for (let i = 0; i < a.length; i++) b[live++] = a[i];
        sum = 0;
        while (live > 0) sum += b[--live];
      },
      checksum: () => `${sum} ${a.length} ${live}`,
    };
  },
};

function startsOf(i: number): number[] {
  return [0, 1, 2, 3, 4].map((component) => startOf(i, component));
}

function columnOf(count: number, component: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => startOf(i, component));
}

function swap(a: Float32Array, b: Float32Array): void {
  for (let i = 0; i < a.length; i++) {
    const it = a[i];
    a[i] = b[i];
    b[i] = it;
  }
}

function weighColumns(
  a: Float32Array,
  b: Float32Array,
  c?: Float32Array,
  d?: Float32Array,
  e?: Float32Array,
): number {
  return a.reduce((sum, it, i) => sum + weigh(it, b[i], c?.[i], d?.[i], e?.[i]), 0);
}
