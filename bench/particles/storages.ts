/**
 * Every storage of particles, as text: by hand, as objects, in the packages of others, and in a
 * `Pool`.
 */
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
  /** Statements that take a record as `ref` and write its fields. */
  take(values: Values): string;
  /** Statements that give `ref` back. */
  readonly remove: string;
  /** An expression for a field of `ref`. */
  read(field: Field): string;
  /** A loop over all records. */
  loop(body: string): string;
  /** Statements that free the record of the loop. `this.remove(ref)` where they are left out. */
  readonly removeInLoop?: string;
  /** An expression for a field in the loop, to be read and assigned. */
  at(field: Field): string;
  /** A statement that adds to a field in the loop, where it cannot be assigned. */
  add?(field: Field, value: string): string;
  /**
   * Statements that take 1 from the life in the loop, and an `if` of it being 0, where it is not
   * decremented in place.
   */
  readonly age?: string;
  /** A new array for `count` references. */
  readonly refs: string;
  /** The body of `once`, where it is not `take`, `lifeOf` and `remove`. */
  readonly once?: string;
  /** The body of `xOf`, where it is not the field as `read` gives it. */
  readonly xOf?: string;
  /** The body of `spawn`, where it is not `add`. */
  readonly spawn?: string;
  /** The body of `frame`, where a loop cannot free its record. */
  frame?(move: string): string;
  /** Statements at the end of a frame. */
  readonly endOfFrame?: string;
  /** The number of live records, where the class does not count them itself. */
  readonly size?: string;
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
 * name, as none stays where it is. The columns are doubled by copying when they are full.
 */
export const COLUMNS: Storage = {
  label: "columns by hand",
  isDense: true,
  setUp: each((it) => `this.#${it} = new ${arrayOf(it)}(capacity);`),
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

/**
 * The slab imports `WORDS` by a namespace: V8 looks an import up at each use, so literals would be
 * another contestant.
 */
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

/** Objects in an array. `take` names them, and `spawn` puts them in. */
function objects(label: string, setUp: string, take: Storage["take"], remove: string): Storage {
  return {
    label,
    import: async () => ({ Mote, ...label === "deepool" ? await import("deepool") : {} }),
    setUp: `this.all = []; ${setUp}`,
    take,
    remove,
    read: (field) => `ref.${field}`,
    at: (field) => `it.${field}`,
    loop: (body) => `
      const { all } = this;
      for (let i = 0; i < all.length; i++) { const it = all[i]; ${body} }`,
    frame: (move) => `
      const { all } = this;
      let kept = 0;
      for (let i = 0; i < all.length; i++) {
        const it = all[i];
        ${move}
        if (--it.life > 0) all[kept++] = it;
        else this.remove(it);
      }
      all.length = kept;`,
    refs: "new Array(count)",
    spawn: "this.all.push(this.add(i, life));",
    size: "this.all.length",
  };
}

/** Writes all fields of an object that is used again. */
function rewrite(source: string): Storage["take"] {
  return (values) => `const ref = ${source}; ${each((it) => `ref.${it} = ${values[it]};`)}`;
}

// -- packages --

/**
 * Typed arrays by the id of an entity. One component has all five fields, as each further one costs
 * a step for each entity.
 */
function ecs(
  label: string,
  load: () => Promise<object>,
  { setUp, alloc, remove, ids, endOfFrame = "" }: {
    setUp: string;
    alloc: string;
    remove: string;
    /** The head of a loop over all entities, and the closing braces. */
    ids: readonly [string, string];
    endOfFrame?: string;
  },
): Storage {
  return {
    label,
    import: load,
    setUp,
    take: (values) =>
      `${alloc} const it = this.#component; ${each((it) => `it.${it}[ref] = ${values[it]};`)}`,
    remove,
    read: (field) => `this.#component.${field}[ref]`,
    at: (field) => `${field}[ref]`,
    loop: (body) => `
      const { ${
      FIELDS.filter((it) => new RegExp(`\\b${it}\\[`).test(body)).join(", ")
    } } = this.#component;
      ${ids[0]} ${body} ${ids[1]}`,
    refs: "new Int32Array(count)",
    endOfFrame,
  };
}

const BITECS = ecs("bitecs", () => import("bitecs"), {
  setUp: `
    this.#world = createWorld();
    this.#component = { ${
    each((it) => `${it}: new ${arrayOf(it)}(capacity + 1)`, ", ")
  } }; // ids start at 1
    this.#terms = [this.#component];
    query(this.#world, this.#terms); // known before there are entities, as in a program with systems`,
  alloc: "const ref = addEntity(this.#world); addComponent(this.#world, ref, this.#component);",
  remove: "removeEntity(this.#world, ref);", // it stays in the query's result until the next query
  ids: ["for (const ref of query(this.#world, this.#terms)) {", "}"],
  endOfFrame: "commitRemovals(this.#world);",
});

/** Its loops go over a query by hand and backward, as its documentation advises for speed. */
const WOLF = ecs("wolf-ecs", () => import("wolf-ecs"), {
  setUp: `
    this.#ecs = new ECS(capacity);
    this.#component = this.#ecs.defineComponent({
      x: types.f32, y: types.f32, vx: types.f32, vy: types.f32, life: types.u32,
    });
    this.#query = this.#ecs.createQuery(this.#component);`,
  alloc: "const ref = this.#ecs.createEntity(); this.#ecs.addComponent(ref, this.#component);",
  remove: "this.#ecs.destroyEntity(ref);",
  ids: [
    `const { a } = this.#query;
     for (let i = 0; i < a.length; i++) {
       const ids = a[i].e;
       for (let j = ids.length - 1; j >= 0; j--) { const ref = ids[j];`,
    "} }",
  ],
});

let elicsComponents = 0; // no two may have one name, in any world

/**
 * Its checks are off. Fields are given to `addComponent`, and then read and written in its typed
 * arrays.
 */
const ELICS: Storage = {
  label: "elics",
  import: async () => ({ ...await import("elics"), name: `Particle${elicsComponents++}` }),
  setUp: `
    this.#world = new World({ entityCapacity: capacity, checksOn: false });
    this.#component = createComponent(name, { ${
    each((it) => `${it}: { type: Types.${it === "life" ? "Int32" : "Float32"}, default: 0 }`, ", ")
  } });
    this.#world.registerComponent(this.#component);
    this.#entities = this.#world.queryManager.registerQuery({ required: [this.#component] }).entities;`,
  take: (values) => `
    const fields = { ${
    FIELDS.filter((it) => values[it] !== "0").map((it) => `${it}: ${values[it]}`).join(", ")
  } };
    const ref = this.#world.createEntity().addComponent(this.#component, fields);`,
  remove: "ref.destroy();",
  read: (field) => `this.#component.data.${field}[ref.index]`,
  at: (field) => `${field}[i]`,
  loop: (body) => `
    const { ${each((it) => it, ", ")} } = this.#component.data;
    for (const ref of this.#entities) { const i = ref.index; ${body} }`,
  refs: "new Array(count)",
};

/**
 * The objects of a binary array, with the package's `Pool` for the indices: it joins the two no
 * further. It has no list of what is live, so a loop asks for the bit of each index; and it makes a
 * view for each record, as it has no other way to bind one.
 */
const STRUCTURAE: Storage = {
  label: "structurae",
  import: async () => {
    const { Pool, View } = await import("structurae");
    const f32 = { type: "number", btype: "float32" }, u32 = { type: "integer", btype: "uint32" };
    const properties = { x: f32, y: f32, vx: f32, vy: f32, life: u32 };
    return {
      Pool,
      View,
      schema: { type: "array", items: { $id: "Mote", type: "object", properties } },
    };
  },
  setUp: `
    const MoteArray = new View().create(schema);
    this.#capacity = Math.ceil(capacity / 32) * 32; // it gives out whole words of bits
    this.#array = new MoteArray(new ArrayBuffer(MoteArray.getLength(this.#capacity)));
    this.#pool = Pool.create(capacity);`,
  take: (values) => `
    const ref = this.#pool.get(), it = this.#array.getView(ref);
    ${each((field) => `it.set("${field}", ${values[field]});`)}`,
  remove: "this.#pool.free(ref);",
  read: (field) => `this.#array.getView(ref).get("${field}")`,
  at: (field) => `it.get("${field}")`,
  add: (field, value) => `it.set("${field}", it.get("${field}") + ${value});`,
  age: 'const life = it.get("life") - 1; it.set("life", life); if (life === 0)',
  loop: (body) => `
    for (let ref = 0; ref < this.#capacity; ref++) {
      if (this.#pool.getBit(ref) === 1) continue; // free
      const it = this.#array.getView(ref);
      ${body}
    }`,
  refs: "new Int32Array(count)",
};

// -- pools --

const IN_POOL: Storage = {
  label: "Pool",
  import: () => import("@slabs/pool"),
  setUp: "this.pool = new Pool(Particle); this.at = this.pool.cursor();",
  take: (values) => `
    const { pool, at } = this;
    const ref = pool.allocAt(at);
    ${
    FIELDS.filter((it) => values[it] !== "0").map((it) => `at.${it} = ${values[it]};`).join(" ")
  }`,
  remove: "this.pool.free(ref);",
  read: (field) => `this.pool.seek(this.at, ref).${field}`,
  at: (field) => `it.${field}`,
  loop: (body) =>
    `const { pool } = this; pool.forEach((${
      body.includes("ref") ? "it, ref" : "it"
    }) => { ${body} });`,
  removeInLoop: "pool.free(ref);",
  refs: "new Int32Array(count)",
  xOf: "this.pool.get(ref).x",
  once: `
    const { pool, at } = this;
    const ref = pool.allocAt(at);
    at.life = life;
    const got = at.life;
    pool.free(ref);
    return got;`,
  size: "this.pool.size",
};

/** The calls that read best: `for…of`, `seek` and `alloc({ … })`. */
const FOR_OF: Storage = {
  ...IN_POOL,
  label: "Pool, for…of",
  take: (values) => {
    const fields = FIELDS.filter((it) => values[it] !== "0").map((it) => `${it}: ${values[it]}`);
    return `const ref = this.pool.alloc({ ${fields.join(", ")} });`;
  },
  loop: (body) => `const { pool } = this; for (const it of pool) { ${body} }`,
  removeInLoop: "pool.free(pool.handleOf(it));",
  xOf: "this.pool.seek(this.at, ref).x",
  once: `
    const { pool } = this;
    const ref = pool.alloc({ life });
    const got = pool.get(ref).life;
    pool.free(ref);
    return got;`,
};

/** A chunk that was freed comes last in line to be used again. */
export const SPREAD: Storage = {
  ...IN_POOL,
  setUp: 'this.pool = new Pool(Particle, { reuse: "spread" }); this.at = this.pool.cursor();',
};

/** All whose records can be named, in the order of the tables. */
export const STORAGES: Readonly<Record<string, Storage>> = {
  pool: IN_POOL,
  forOf: FOR_OF,
  wide: {
    ...IN_POOL,
    label: "Pool, wide handles",
    setUp: 'this.pool = new Pool(Particle, { handles: "wide" }); this.at = this.pool.cursor();',
    refs: "new Float64Array(count)",
  },
  slab: SLAB,
  objects: objects(
    "plain objects",
    "this.last = undefined;", // written in `take`, so that the compiler cannot leave the object out
    (values) => `const ref = ${NEW_MOTE(values)};${values.x === "0" ? " this.last = ref;" : ""}`,
    "",
  ),
  recycled: objects(
    "recycled objects",
    "this.#spare = [];",
    rewrite("this.#spare.pop() ?? new Mote(0, 0, 0, 0, 0)"),
    "this.#spare.push(ref);",
  ),
  bitecs: BITECS,
  wolf: WOLF,
  elics: ELICS,
  structurae: STRUCTURAE,
  deepool: objects(
    "deepool",
    "this.#pool = create(() => new Mote(0, 0, 0, 0, 0));",
    rewrite("this.#pool.use()"),
    "this.#pool.recycle(ref);",
  ),
};
