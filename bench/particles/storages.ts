/**
 * Every storage of particles, as text: by hand, as objects, in the packages of others, and in
 * pools.
 */
import type { Fit, FreeIndexKind } from "@slabs/pool";
import * as particle from "./particle.ts";
import { BLOCK } from "./particle.ts";

/** A field of a particle. */
export type Field = "x" | "y" | "vx" | "vy" | "life";

/** The fields in the order of the struct. */
export const FIELDS: readonly Field[] = ["x", "y", "vx", "vy", "life"];

/** What the fields of a record are written with, as text. */
type Values = Readonly<Record<Field, string>>;

/**
 * The pieces of text of a storage. In a method the record is named `ref`, and in a loop as the
 * storage likes.
 */
export interface Storage {
  readonly label: string;
  /** Whether records move, so that nothing can name them. */
  readonly isDense?: true;
  /** Imports the names that the text uses. */
  import?(): Promise<object>;
  /** Methods that the others call. */
  readonly methods?: string;
  /**
   * The constructor's statements, with room for `capacity`. Fields `this.#name` are declared by
   * being set here.
   */
  readonly setUp: string;
  /** Statements that allocate a record as `ref` and write its fields. */
  take(values: Values): string;
  /** Statements that free `ref`. */
  readonly remove: string;
  /** The body of `removeAll`, where records cannot be freed one by one. */
  readonly removeAll?: string;
  /** An expression for a field of `ref`. */
  read(field: Field): string;
  /** A new array for `count` references. */
  readonly refs: string;
  /** The number of live records, where the class does not count them itself. */
  readonly size?: string;
  /** The body of `once`, where it is not `take`, `lifeOf` and `remove`. */
  readonly once?: string;
  /** The body of `xOf`, where it is not the field as `read` gives it. */
  readonly xOf?: string;
  /** The body of `spawn`, where it is not `add`. */
  readonly spawn?: string;
  /** A loop over all records, where there is one. */
  loop?(body: string): string;
  /** An expression for a field in the loop, to be read and assigned. */
  at?(field: Field): string;
  /** Statements that free the record of the loop. `this.remove(ref)` where they are left out. */
  readonly removeInLoop?: string;
  /** The body of `frame`, where a loop cannot free its record. */
  frame?(move: string): string;
  /** The body of `pack`, where it is not a loop. */
  readonly pack?: string;
}

function each(text: (field: Field) => string, separator = " "): string {
  return FIELDS.map(text).join(separator);
}

/** The class of the typed array of a field. */
function arrayOf(field: Field): string {
  return field === "life" ? "Uint32Array" : "Float32Array";
}

// -- by hand --

/**
 * Dense columns: the last particle moves into a gap. It is the limit for particles that need no
 * name, as none stays where it is. The columns start small, and are doubled by copying when they
 * are full.
 */
const COLUMNS: Storage = {
  label: "columns by hand",
  isDense: true,
  setUp: each((it) => `this.#${it} = new ${arrayOf(it)}(16);`),
  methods: `#grow() {
    const doubled = (column) => {
      const twice = new column.constructor(column.length * 2);
      twice.set(column);
      return twice;
    };
    ${each((it) => `this.#${it} = doubled(this.#${it});`)}
  }`,
  take: (values) => `
    const ref = this.size;
    if (ref === this.#x.length) this.#grow();
    ${each((it) => `this.#${it}[ref] = ${values[it]};`)}`,
  remove: "",
  read: (field) => `this.#${field}[ref]`,
  at: (field) => `${field}[i]`,
  loop: (body) =>
    `{
    const ${each((it) => `${it} = this.#${it}`, ", ")};
    for (let i = 0; i < this.size; i++) { ${body} }
  }`,
  frame: (move) => `
    const ${each((it) => `${it} = this.#${it}`, ", ")};
    let count = this.size;
    for (let i = 0; i < count; i++) {
      ${move}
      if (--life[i] > 0) continue;
      count--;
      ${each((it) => `${it}[i] = ${it}[count];`)}
      i--; // the last one is here now, and has not been moved yet
    }
    this.size = count;`,
  refs: "[]",
};

/** The slab reads `WORDS` from an object, which costs what an import costs in a module. */
const BITS = 31 - Math.clz32(BLOCK), MASK = BLOCK - 1, BIT_WORDS = BLOCK >> 5;
const CHUNK = "(index & MASK) * PARTICLE.WORDS";

/**
 * A slab as a good programmer writes it for one struct, unchecked: blocks of chunks, freed chunks
 * in a list through their own first words, a bit for each live chunk, and the index as the
 * reference. A record is zeroed when it is taken, as in a pool. It is the limit for records that
 * stay where they are and can be named. Each loop has two cases of a word of bits: all live, and
 * some.
 */
const SLAB: Storage = {
  label: "slab by hand",
  import: () => Promise.resolve({ PARTICLE: particle, BLOCK, BITS, MASK, BIT_WORDS }),
  setUp: `
    this.#floats = []; this.#words = []; this.#bits = [];
    this.#head = -1; // the chunk freed last
    this.#bump = 0; // the first chunk that was never used`,
  methods: `#alloc() {
    let index = this.#head;
    if (index === -1) {
      index = this.#bump++;
      if ((index & MASK) === 0) {
        const floats = new Float32Array(BLOCK * PARTICLE.WORDS);
        this.#floats.push(floats);
        this.#words.push(new Int32Array(floats.buffer));
        this.#bits.push(new Int32Array(BIT_WORDS));
      }
    } else {
      const words = this.#words[index >>> BITS], at = ${CHUNK};
      this.#head = words[at];
      words[at] = 0; words[at + 1] = 0; words[at + 2] = 0; words[at + 3] = 0; words[at + 4] = 0;
    }
    this.#bits[index >>> BITS][(index & MASK) >> 5] |= 1 << (index & 31);
    return index;
  }`,
  take: (values) => `
    const index = this.#alloc(), at = ${CHUNK}, ref = index;
    ${values.x === "0" ? "" : `const floats = this.#floats[index >>> BITS];`}
    ${
    FIELDS.slice(0, 4).filter((it) => values[it] !== "0")
      .map((it) => `floats[at + ${FIELDS.indexOf(it)}] = ${values[it]};`).join(" ")
  }
    this.#words[index >>> BITS][at + 4] = ${values.life};`,
  remove: `
    const block = ref >>> BITS, chunk = ref & MASK;
    this.#words[block][chunk * PARTICLE.WORDS] = this.#head;
    this.#head = ref;
    this.#bits[block][chunk >> 5] &= ~(1 << (ref & 31));`,
  read: (field) =>
    `this.#${field === "life" ? "words" : "floats"}[ref >>> BITS][(ref & MASK) * PARTICLE.WORDS + ${
      FIELDS.indexOf(field)
    }]`,
  at: (field) => `${field === "life" ? "words" : "floats"}[at + ${FIELDS.indexOf(field)}]`,
  loop: (body) => `
    for (let block = 0; block < this.#bits.length; block++) {
      const bits = this.#bits[block], floats = this.#floats[block], words = this.#words[block];
      for (let word = 0; word < BIT_WORDS; word++) {
        let left = bits[word];
        if (left === -1) {
          const end = ((word << 5) + 32) * PARTICLE.WORDS;
          for (let at = (word << 5) * PARTICLE.WORDS; at < end; at += PARTICLE.WORDS) {
            ${body.replace("(ref)", `((block << BITS) + at / PARTICLE.WORDS)`)}
          }
          continue;
        }
        while (left !== 0) {
          const chunk = (word << 5) + 31 - Math.clz32(left & -left), at = chunk * PARTICLE.WORDS;
          ${body.replace("(ref)", `((block << BITS) + chunk)`)}
          left &= left - 1;
        }
      }
    }`,
  refs: "new Int32Array(count)",
  once: `
    const index = this.#alloc(), at = ${CHUNK} + 4, words = this.#words[index >>> BITS];
    this.size++;
    words[at] = life;
    const got = words[at];
    this.remove(index);
    return got;`,
};

// -- objects --

class Mote {
  constructor(
    public x: number,
    public y: number,
    public vx: number,
    public vy: number,
    public life: number,
  ) {}
}

const NEW_MOTE = (values: Values) => `new Mote(${each((it) => values[it], ", ")})`;

const overAll = (body: string) => `
      const { all } = this;
      for (let i = 0; i < all.length; i++) { const it = all[i]; ${body} }`;

/** Objects in an array, used again where they are: four times as fast as if they moved. */
const RECYCLED: Storage = {
  label: "recycled objects",
  import: () => Promise.resolve({ Mote }),
  setUp: "this.all = []; this.#spare = [];",
  take: (values) => `
    let ref = this.#spare.pop();
    if (ref === undefined) this.all.push(ref = new Mote(0, 0, 0, 0, 0));
    ${each((it) => `ref.${it} = ${values[it]};`)}`,
  remove: "ref.life = 0; this.#spare.push(ref);",
  removeInLoop: "this.#spare.push(it);",
  read: (field) => `ref.${field}`,
  at: (field) => `it.${field}`,
  loop: (body) => overAll(`if (it.life === 0) continue; ${body}`),
  refs: "new Array(count)",
  size: "this.all.length - this.#spare.length",
};

/** Objects in an array, in which those that live move up. `last` shows the compiler each new one. */
const OBJECTS: Storage = {
  ...RECYCLED,
  label: "plain objects",
  setUp: "this.all = []; this.last = undefined;",
  take: (values) =>
    `const ref = ${NEW_MOTE(values)};${values.x === "0" ? " this.last = ref;" : ""}`,
  remove: "",
  loop: overAll,
  frame: (move) =>
    `let kept = 0; ${overAll(`${move} if (--it.life > 0) all[kept++] = it;`)} all.length = kept;`,
  spawn: "this.all.push(this.add(i, life));",
  size: "this.all.length",
};

// -- packages --

/**
 * Typed arrays by the id of an entity. One component has all five fields, as each further one costs
 * a step for each entity. Its loops go over a query by hand and backward, as its documentation
 * advises for speed.
 */
const WOLF: Storage = {
  label: "wolf-ecs",
  import: () => import("wolf-ecs"),
  setUp: `
    this.#ecs = new ECS(capacity);
    this.#component = this.#ecs.defineComponent({
      x: types.f32, y: types.f32, vx: types.f32, vy: types.f32, life: types.u32,
    });
    this.#query = this.#ecs.createQuery(this.#component);`,
  take: (values) => `
    const ref = this.#ecs.createEntity(), it = this.#component;
    this.#ecs.addComponent(ref, it);
    ${each((field) => `it.${field}[ref] = ${values[field]};`)}`,
  remove: "this.#ecs.destroyEntity(ref);",
  read: (field) => `this.#component.${field}[ref]`,
  refs: "new Int32Array(count)",
  loop: (body) => {
    const used = FIELDS.filter((it) => new RegExp(`\\b${it}\\[`).test(body));
    return `
      const { ${used.join(", ")} } = this.#component, { a } = this.#query;
      for (let i = 0; i < a.length; i++) {
        const ids = a[i].e;
        for (let j = ids.length - 1; j >= 0; j--) { const ref = ids[j]; ${body} }
      }`;
  },
  at: (field) => `${field}[ref]`,
};

// -- pools --

/** The fields that `take` has to write to a zeroed record. */
function written(values: Values): readonly Field[] {
  return FIELDS.filter((it) => values[it] !== "0");
}

/**
 * A pool with the calls that allocate nothing.
 *
 * @param pool The expression that makes it.
 * @param struct What stands before the other arguments in the calls of a pool of many structs.
 */
function inPool(label: string, pool: string, struct: "" | "Particle, " = ""): Storage {
  return {
    label,
    import: () => import("@slabs/pool"),
    setUp: `this.pool = ${pool}; this.at = this.pool.cursor(${struct});`,
    take: (values) => `
      const { pool, at } = this;
      const ref = pool.allocAt(${struct}at);
      ${written(values).map((it) => `at.${it} = ${values[it]};`).join(" ")}`,
    remove: "this.pool.free(ref);",
    read: (field) => `this.pool.seek(this.at, ref).${field}`,
    at: (field) => `it.${field}`,
    loop: (body) => {
      const parameters = body.includes("ref") ? "it, ref" : "it";
      return `const { pool } = this; pool.forEach(${struct}(${parameters}) => { ${body} });`;
    },
    removeInLoop: "pool.free(ref);",
    refs: "new Float64Array(count)",
    xOf: `this.pool.get(${struct}ref).x`,
    once: `
      const { pool, at } = this;
      const ref = pool.allocAt(${struct}at);
      at.life = life;
      const got = at.life;
      pool.free(ref);
      return got;`,
    size: "this.pool.size",
  };
}

/** Compact handles are integers of 30 bits. */
const POOL: Storage = {
  ...inPool("Pool", "new Pool(Particle)"),
  refs: "new Int32Array(count)",
  pack: 'pack(this.pool, out, ["x", "y"]);',
};

/** The calls that read best: `for…of`, `seek` and `alloc({ … })`. */
const FOR_OF: Storage = {
  ...inPool("Pool, for…of", "new Pool(Particle)"),
  take: (values) => {
    const fields = written(values).map((it) => `${it}: ${values[it]}`);
    return `const ref = this.pool.alloc({ ${fields.join(", ")} });`;
  },
  loop: (body) => `const { pool } = this; for (const it of pool) { ${body} }`,
  removeInLoop: "pool.free(pool.handleOf(it));",
  refs: "new Int32Array(count)",
  xOf: "this.pool.seek(this.at, ref).x",
  once: `
    const { pool } = this;
    const ref = pool.alloc({ life });
    const got = pool.get(ref).life;
    pool.free(ref);
    return got;`,
};

const ERASED = inPool(
  "ErasedPool, types",
  "new ErasedPool({ size: Particle.size, types: [Particle] })",
  "Particle, ",
);

/** Particles are moved and dropped in one pass, as they are from an array of objects. */
export const RETAIN: Storage = {
  ...POOL,
  frame: (move) => `this.pool.retain((it) => { ${move} return --it.life !== 0; });`,
};

/** A chunk that was freed comes last in line to be used again. */
export const SPREAD: Storage = inPool(
  "Pool.forEach, reuse: spread",
  "new Pool(Particle, { reuse: spread })",
);

// -- by address --

/** An allocator of ours with room for all. An item takes up to 32 bytes, with its header. */
function byAddress(label: string, make: string, more: Partial<Storage> = {}): Storage {
  return {
    label,
    import: () => import("@slabs/pool"),
    setUp: `
      const byteLength = capacity * 32 + 4096;
      this.memory = ${make};
      this.at = this.memory.cursor(Particle);`,
    take: (values) => `
      const { memory, at } = this;
      const ref = memory.allocAt(at);
      ${written(values).map((it) => `at.${it} = ${values[it]};`).join(" ")}`,
    remove: "this.memory.free(ref);",
    read: (field) => `this.memory.seek(this.at, ref).${field}`,
    refs: "new Int32Array(count)",
    ...more,
  };
}

const ARENA = byAddress("Arena, reset", "new Arena()", {
  remove: "",
  removeAll: "this.memory.reset();",
  once: `
    const mark = this.memory.mark();
    const got = this.lifeOf(this.take(life));
    this.memory.rewind(mark);
    return got;`,
});

/** The least that an arena can be: an index that goes up over one typed array, without a check. */
const BUMP: Storage = {
  label: "one typed array by hand",
  setUp: "this.#words = new Float32Array(capacity * 5); this.#top = 0;",
  take: (values) => `
    const ref = this.#top, words = this.#words;
    this.#top += 5;
    ${FIELDS.map((it, i) => `words[ref + ${i}] = ${values[it]};`).join(" ")}`,
  remove: "this.#top -= 5;",
  removeAll: "this.#top = 0;",
  read: (field) => `this.#words[ref + ${FIELDS.indexOf(field)}]`,
  refs: "new Int32Array(count)",
};

/**
 * @thi.ng/malloc with its default settings: first fit, in lists of the free and of the used blocks.
 * One of its modules reads `NODE_ENV` when it is loaded, which would take a permission, so it finds
 * an empty environment.
 */
export async function importMalloc(): Promise<typeof import("@thi.ng/malloc")> {
  const { process } = globalThis;
  const { env } = process;
  const set = (value: object) =>
    Object.defineProperty(process, "env", { value, configurable: true, writable: true });
  set({});
  const malloc = await import("@thi.ng/malloc");
  set(env);
  return malloc;
}

/** @thi.ng/malloc, whose bytes have to be zeroed. */
export const MALLOC: Storage = {
  label: "@thi.ng/malloc",
  import: importMalloc,
  setUp: `
    this.memory = new MemPool({ size: capacity * 32 + 4096 });
    this.#words = new Float32Array(this.memory.buf);`,
  take: (values) => `
    const ref = this.memory.malloc(20) >> 2, words = this.#words;
    ${FIELDS.map((it, i) => `words[ref + ${i}] = ${values[it]};`).join(" ")}`,
  remove: "this.memory.free(ref << 2);",
  read: BUMP.read,
  refs: BUMP.refs,
};

/** The ways in which a `FreeListAllocator` can look for room. */
export const FITS: readonly { readonly fit: Fit; readonly index: FreeIndexKind }[] = [
  { fit: "best", index: "tree" },
  { fit: "first", index: "list" },
  { fit: "next", index: "list" },
  { fit: "best", index: "list" },
  { fit: "worst", index: "list" },
];

// -- the tables --

/** All whose records can be named, in the order of the tables. */
export const NAMED: Readonly<Record<string, Storage>> = {
  pool: POOL,
  forOf: FOR_OF,
  wide: inPool("Pool, wide handles", 'new Pool(Particle, { handles: "wide" })'),
  slab: SLAB,
  objects: OBJECTS,
  recycled: RECYCLED,
  wolf: WOLF,
};

/** All storages, dense columns first. */
export const ALL: Readonly<Record<string, Storage>> = { columns: COLUMNS, ...NAMED };

/** All that can allocate and free, in the order of the tables. */
export const ALLOCATORS: Readonly<Record<string, Storage>> = {
  ...NAMED,
  types: ERASED,
  arena: ARENA,
  bump: BUMP,
  stack: byAddress("StackAllocator", "new StackAllocator({ byteLength })"),
  ...Object.fromEntries(FITS.map(({ fit, index }) => [
    `${fit}-${index}`,
    byAddress(
      `free list, ${fit} fit, ${index}`,
      `new FreeListAllocator({ fit: "${fit}", index: "${index}", byteLength })`,
    ),
  ])),
};

/** The other kinds of pool and of memory. All store one struct, in chunks of the same size. */
export const POOLS: Readonly<Record<string, Storage>> = {
  types: ERASED,
  noTypes: inPool(
    "ErasedPool, no types",
    "new ErasedPool({ size: Particle.size })",
    "Particle, ",
  ),
  set: inPool("PoolSet", "new PoolSet({ sizes: [8, Particle.size, 32] })", "Particle, "),
  sharedMemory: inPool(
    "Pool, sharedMemory()",
    "new Pool(Particle, { memory: sharedMemory() })",
  ),
  wasm: inPool( // with pages of 64 KiB for 100,000 particles
    "Pool, wasmMemory(memory)",
    "new Pool(Particle, { memory: wasmMemory(new WebAssembly.Memory({ initial: 64 })) })",
  ),
  sharedPool: inPool("SharedPool", "SharedPool.create(Particle)"),
};
