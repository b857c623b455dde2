/**
 * Own code: when texts are compiled again and when not, their names, and that only speed differs.
 */
import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { debug, ErasedPool, Pool, PoolSet, SharedPool, specialization, struct } from "../../mod.ts";
import type { PoolOptions } from "../../mod.ts";
import type { Outcome, Scenario } from "./_own_code_worker.ts";
import { CAN_COMPILE, LATE, textsOf } from "./_own_texts.ts";
import { workOut } from "./_workout.ts";
import type { AnyPool } from "../_kinds.ts";
import { shown, untyped } from "../_support.ts";

// -- a fresh module in a worker --

const MODULE = new URL("_own_code_worker.ts", import.meta.url);
const { state } = await Deno.permissions.query({ name: "read", path: MODULE });
/** Whether a worker can be started: its module has to be read. */
const CAN_START = state === "granted";

/** Plays a scenario in a worker. */
async function play<T>(scenario: Scenario): Promise<Omit<Outcome, "value"> & { value: T }> {
  const worker = new Worker(MODULE, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => "error" in data ? reject(Error(data.error)) : resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(Error(event.message));
      };
      worker.postMessage(scenario);
    });
  } finally {
    worker.terminate();
  }
}

function inWorker(name: string, fn: () => Promise<void>, needsCode = false): void {
  Deno.test({ name, fn, ignore: !CAN_START || needsCode && !CAN_COMPILE });
}

/** The text that finds out whether code can be compiled. */
const PROBE = "return true";

inWorker("Nothing is compiled or probed before the first pool", async () => {
  type Value = { before: unknown; after: unknown };
  const { texts, value } = await play<Value>("import");
  assertEquals(value.before, [0, "own"]);
  assertEquals(value.after, [true, CAN_COMPILE ? "own" : "shared"]);
  assertEquals(texts[0], PROBE);
  assertEquals(texts.length > 1, CAN_COMPILE);
  assertEquals(texts.filter((text) => text === PROBE).length, 1);
});

inWorker("All is the same with own code, without, and where it is forbidden", async () => {
  type Value = { result: string; specialization: unknown };
  const never = await play<Value>("never");
  assertEquals(never.texts, []); // nothing at all is compiled or probed
  assertEquals(never.value.specialization, ["shared", "shared"]);
  const forbidden = await play<Value>("forbidden");
  assertEquals(forbidden.texts, [PROBE]);
  assertEquals(forbidden.value.specialization, ["own", "shared"]);
  const own = await play<Value>("own");
  assertEquals(own.texts.length > 500, CAN_COMPILE);
  assertEquals(own.value.specialization, ["own", CAN_COMPILE ? "own" : "shared"]);
  for (const { value } of [forbidden, own]) assertEquals(value.result, never.value.result);
});

Deno.test("Pools with specialize: false, and those of debug mode, compile nothing", () => {
  assertEquals(textsOf(() => workOut(false)), []);
  const pool = new Pool(word(), { debug });
  const texts = textsOf(() => {
    pool.allocMany(100);
    pool.loop(() => {})();
    pool.forEach(() => {});
    pool.retain(() => false);
  });
  assertEquals(texts, []);
});

inWorker(
  "configure() throws once there is a pool or code for a view, and not after pools that threw",
  async () => {
    const problem = "a pool exists already, configure before the first one";
    for (const late of Object.keys(LATE)) {
      const { texts, value } = await play({ late });
      const error = `Error: Cannot configure specialize: false: ${problem}`;
      if (late !== "pools that threw") assertEquals(value, error, late);
      else assertEquals([texts, value], [[], "configured"]);
    }
  },
);

// -- own_code.ts by itself: each test has an instance of its own, as it keeps whether there is a
// pool --

type OwnCode = typeof import("../../src/slab/own_code.ts");
let instances = 0;

function freshly(name: string, fn: (own: OwnCode) => void, needsCode = false): void {
  Deno.test({
    name,
    ignore: !CAN_START || needsCode && !CAN_COMPILE,
    async fn() {
      const url = new URL(`../../src/slab/own_code.ts?instance=${instances++}`, import.meta.url);
      fn(await import(url.href));
    },
  });
}

const add = (a: number, b: number) => a + b;

/** A function to compile: it takes everything that it needs as parameters. */
function defineSum(add: (a: number, b: number) => number, c: number): (a: number) => number {
  return (a) => add(a, c);
}

freshly("configure() may be called until there is a pool, and the last call counts", (own) => {
  for (const bad of [null, 0, 1, "false", {}, []]) {
    const message = `Cannot configure: specialize must be a boolean, got ${shown(bad)}`;
    assertThrows(() => own.configure(untyped({ specialize: bad })), TypeError, message);
  }
  for (const bad of [null, undefined]) assertThrows(() => own.configure(untyped(bad)), TypeError);
  assertEquals(own.specialization(), "own");
  own.configure({ specialize: false });
  assertEquals(own.specialization(), "shared");
  own.configure({});
  assertEquals(own.specialization(), "own");
  own.configure({ specialize: false });
  assertEquals(textsOf(() => own.compilerFor("x", true)(defineSum, add, 1)), []);
  assertEquals(own.specialization(), "shared");
  for (const specialize of [true, false]) {
    const message = `Cannot configure specialize: ${specialize}: a pool exists already`;
    assertThrows(() => own.configure({ specialize }), Error, message);
  }
  assertThrows(() => own.configure(untyped({ specialize: 1 })), TypeError);
});

freshly("compilerFor() probes once, and makes copies of different texts", (own) => {
  const made: unknown[] = [];
  const texts = textsOf(() => {
    for (let i = 0; i < 5; i++) {
      const sum = own.compilerFor("x", true)(defineSum, add, i);
      assertEquals(sum(1), 1 + i);
      made.push(sum);
    }
  });
  assertEquals(texts.filter((text) => text === PROBE), [PROBE]);
  assertEquals([texts.length, new Set(texts).size], CAN_COMPILE ? [6, 6] : [1, 1]);
  assertEquals(new Set(made).size, 5);
  for (const text of texts.slice(1)) assert(text.includes(String(defineSum)));
});

freshly("compilerFor() makes and counts no copies for what may have none", (own) => {
  function defineSelf(it: { made?: unknown }): void {
    it.made = defineSelf;
  }
  const it: { made?: unknown } = {};
  for (let i = 0; i < 100; i++) {
    assertEquals(textsOf(() => own.compilerFor("x", false)(defineSelf, it)), []);
  }
  assertStrictEquals(it.made, defineSelf);
  const compile = own.compilerFor("x", true);
  if (CAN_COMPILE) assertEquals(textsOf(() => compile(defineSum, add, 1)).length, 1);
});

freshly("64 structs have copies, and further ones share and do the same", (own) => {
  own.compilerFor("x", false);
  for (let i = 0; i < 70; i++) {
    const compile = own.compilerFor(`x${i}`, true);
    const texts = textsOf(() => assertEquals(compile(defineSum, add, i)(1), 1 + i));
    assertEquals(texts.length > 0, i < 64);
  }
}, true);

freshly("A function with a helper of a build tool in it has no copies", (own) => {
  const helper = (fn: () => number) => fn;
  function defineHelped(a: number): () => number {
    return helper(() => a); // not in the text's own scope, as __name() of --keep-names is not
  }
  const before = own.compilerFor("x", true);
  assertEquals(before(defineSum, add, 1)(2), 3);
  assertEquals(own.specialization(), "own");
  const texts = textsOf(() => assertEquals(before(defineHelped, 5)(), 5));
  assertEquals(texts.length, 1);
  assertEquals(own.specialization(), "shared");
  const after = textsOf(() => {
    assertEquals(before(defineHelped, 6)(), 6);
    assertEquals(before(defineSum, add, 1)(2), 3);
    assertEquals(own.compilerFor("y", true)(defineSum, add, 1)(2), 3);
  });
  assertEquals(after, []);
}, true);

freshly("Where a function's text cannot be read, the function itself is called", (own) => {
  const compile = own.compilerFor("x", true);
  assertMatch(String(defineSum.bind(null)), /native code/);
  const define: typeof defineSum = defineSum.bind(null);
  assertEquals(compile(define, add, 1)(2), 3);
  assertEquals(own.specialization(), "shared");
}, true);

freshly("An error of the function itself is thrown, and not taken for that of a copy", (own) => {
  function defineNothing(): never {
    throw new RangeError("nothing to define");
  }
  assertThrows(() => own.compilerFor("x", true)(defineNothing), RangeError, "nothing to define");
});

// -- which copies there are --

const OWN: PoolOptions = { chunksPerBlock: 64, maxChunks: 256 };

function withCode(name: string, fn: () => void): void {
  Deno.test({ name, fn, ignore: !CAN_COMPILE });
}

/** Structs that are new, so that no copies exist. */
const word = (name = "Word") => struct({ n: "u32" }, { name });

withCode("Eleven pools of one struct and geometry compile once, whatever else differs", () => {
  const Word = word();
  const makers: Readonly<Record<string, (i: number) => AnyPool>> = {
    "Pool": (i) => untyped(new Pool(Word, { ...OWN, name: `pool ${i}`, keepEmptyBlocks: i })),
    "SharedPool": () => untyped(SharedPool.create(Word, OWN)),
    "ErasedPool": () => untyped(new ErasedPool({ ...OWN, size: 44, types: [Word] })),
    "ErasedPool without types": () => untyped(new ErasedPool({ ...OWN, size: 52 })),
    "PoolSet": () => untyped(new PoolSet({ ...OWN, sizes: [60, 68], types: [Word] })),
  };
  for (const [kind, make] of Object.entries(makers)) {
    const use = (i: number) => {
      const pool = make(i);
      const of = ["Pool", "SharedPool"].includes(kind) ? [] : [Word];
      const handle = pool.alloc(...of, { n: 1 });
      pool.set(...of, handle, { n: 2 });
      assertEquals(pool.get<{ n: number }>(...of, handle).n, 2);
      pool.free(handle);
      for (let i = 0; i < 20; i++) pool.alloc(...of);
      // Passes over one struct, and over all where the pool knows them.
      let count = 0;
      pool.forEach(...of, () => void count++);
      if (kind === "SharedPool") return assertEquals(count, 20);
      pool.retain(...of, () => true);
      if (kind === "ErasedPool without types") return assertEquals(count, 20);
      pool.forEach(() => void count++);
      for (const _ of pool) count++;
      assertEquals(count, 60);
    };
    assert(textsOf(() => use(0)).length > 0, kind);
    assertEquals(textsOf(() => Array.from({ length: 10 }, (_, i) => use(i + 1))), [], kind);
  }
  const attached = textsOf(() => SharedPool.attach(Word, SharedPool.create(Word, OWN).share()));
  assertEquals(attached, []);
});

withCode("Another geometry, other handles and another struct are compiled again", () => {
  const Word = word();
  const compiles = (make: () => unknown) => textsOf(make).length > 0;
  assert(compiles(() => new Pool(Word, OWN)));
  assert(compiles(() => new Pool(Word, { ...OWN, chunksPerBlock: 32 })));
  assert(compiles(() => new Pool(Word, { ...OWN, maxChunks: 512 })));
  assert(compiles(() => new Pool(Word, { ...OWN, handles: "wide" })));
  assert(compiles(() => new Pool(word(), OWN)));
  assert(!compiles(() => new Pool(Word, { ...OWN, chunksPerBlock: 32 })));
  assert(!compiles(() => new Pool(Word, { ...OWN, specialize: false })));
  assert(!compiles(() => new Pool(Word, { ...OWN, debug })));
});

withCode("forEach() and retain() compile once for each text, loop() for each loop", () => {
  const pool = new Pool(word(), OWN);
  const pass = () => pool.forEach((it) => it.n++);
  const sweep = () => pool.retain((it) => it.n < 1000);
  pool.allocMany(100);
  assertEquals(textsOf(pass).length, 1);
  assertEquals(textsOf(sweep).length, 1);
  assertEquals(textsOf(() => [pass(), sweep(), pass(), sweep()]), []);
  const loops = [pool.loop((it) => it.n++), pool.loop((it) => it.n++)];
  for (const loop of loops) {
    assertEquals(textsOf(loop).length, 1);
    assertEquals(textsOf(loop), []);
  }
  for (const it of pool) assertEquals(it.n, 7); // three passes, and each loop twice
});

withCode("forEach() compiles for 64 texts and a shared loop at most", () => {
  const pool = new Pool(word(), OWN);
  pool.allocMany(100);
  let sum = 0;
  const add = (n: number) => sum += n;
  const fns = Array.from(
    { length: 100 },
    (_, i) => new Function("add", `return () => add(${i})`)(add),
  );
  const texts = textsOf(() => {
    for (const fn of fns) {
      pool.forEach(fn);
    }
    for (const fn of fns) pool.forEach(fn);
  });
  assertEquals(texts.length, 65);
  assertEquals(sum, 2 * 100 * 4950);
});

withCode(
  "loop() compiles 256 loops of one struct, and for further ones a loop for each text",
  () => {
    const pools = [
      [new Pool(word(), OWN), 2], // a loop and its caller
      [SharedPool.create(word(), OWN), 1],
    ] as const;
    for (const [pool, textsEach] of pools) {
      for (let i = 0; i < 100; i++) pool.alloc();
      let sum = 0;
      const texts = textsOf(() => {
        for (let i = 0; i < 300; i++) {
          pool.loop((_, handle, by: number) => sum += pool.indexOf(handle) * by)(2);
        }
      });
      assertEquals(texts.length, textsEach * 256 + 1); // and one for the text of the others
      assertEquals(sum, 300 * 2 * 4950);
      const others = [
        pool.loop((_, handle) => sum -= pool.indexOf(handle)),
        pool.loop((_, handle) => sum -= 2 * pool.indexOf(handle)),
      ];
      assertEquals(textsOf(() => others.forEach((loop) => loop())).length, 2);
      assertEquals(sum, 300 * 2 * 4950 - 3 * 4950);
    }
  },
);

withCode("forEach() compiles no loop for a bound function or few records", () => {
  const pool = new Pool(word(), OWN);
  pool.allocMany(100);
  let count = 0;
  const visit = () => void count++;
  const texts = textsOf(() => {
    for (let i = 0; i < 5; i++) pool.forEach(visit.bind(null));
  });
  assertEquals(texts.length, 1); // the shared loop
  pool.clear();
  pool.allocMany(15);
  assertEquals(textsOf(() => [1, 2, 3].forEach((by) => pool.forEach(() => count += by))), []);
  assertEquals(count, 5 * 100 + 15 * 6);
});

// -- what they are called --

/** The last line of a text: where it says that it comes from. */
const LAST_LINE = /^\/\/# sourceURL=slabs\/([\w$.-]*)\/define\w*-\d+\.js$/;

const NAMES: [name: string, inText: string][] = [
  ["Bullet", "Bullet"],
  ["Ünïcode Näme", "_n_code_N_me"],
  ["a\nb", "a_b"],
  ["a\r\n\u2028\u2029b", "a_b"],
  ["*/ evil() /*", "_evil_"],
  ["`${evil()}`", "_$_evil_"],
  ['"); evil(); ("', "_evil_"],
  ["\\u000aevil()", "_u000aevil_"],
  ["../../x?y#z", ".._.._x_y_z"],
  ["//# sourceMappingURL=evil", "_sourceMappingURL_evil"],
];

withCode("A name goes into a text only as what cannot be code", () => {
  for (const [i, [name, inText]] of NAMES.entries()) {
    const texts = textsOf(() => {
      new Pool(word(name), OWN).alloc({ n: 1 });
      new ErasedPool({ ...OWN, size: 100 + i, name }); // a geometry that no other has
    }).filter((text) => text !== PROBE);
    for (const text of texts) {
      const [head, url] = text.split(/\n(?=\/\/# sourceURL=[^\n]*$)/);
      assertEquals(LAST_LINE.exec(url)?.[1], inText);
      assert(!head.includes("evil") && !head.includes(name), head);
    }
  }
});

withCode("A struct without a name is called by its fields, in 64 letters at most", () => {
  const many = Array.from({ length: 300 }, (_, i) => `field${i}`);
  for (
    const [names, title] of [[["x", "y"], "x.y"], [many, many.join(".").slice(0, 64)]] as const
  ) {
    const fields = Object.fromEntries(names.map((name) => [name, "f32" as const]));
    const [text] = textsOf(() => new Pool(fields, OWN));
    assertEquals(LAST_LINE.exec(text.split("\n").at(-1)!)?.[1], title); // a text has lines
  }
});

const boom = () => {
  throw new Error("boom");
};

/** Passes whose callback throws, and the frames that their stacks must have: function and text. */
const PASSES: readonly (readonly [pass: () => void, ...frames: string[]])[] = [
  [
    () => filled(new Pool(word("Bullet"), OWN)).forEach(boom),
    ...["loop Bullet/defineLoop", "forEach Bullet/definePool"],
  ],
  [() => filled(new Pool(word("Bullet"), OWN)).loop(boom)(), "loop Bullet/defineLoop"],
  [
    () => filled(new Pool(word("Bullet"), OWN)).retain(boom),
    ...["loop Bullet/defineLoop", "retain Bullet/definePool"],
  ],
  [
    () => filled(new PoolSet({ sizes: [20], name: "cells" }), word("Bullet")).forEach(boom),
    "loop cells/defineMixedLoop",
  ],
  [
    () => filled(SharedPool.create(word("Bullet"), OWN)).forEach(boom),
    ...["loop Bullet/defineSharedLoop", "forEach Bullet/defineSharedPool"],
  ],
];

function filled<P, A extends unknown[]>(pool: P & { alloc(...of: A): unknown }, ...of: A): P {
  for (let i = 0; i < 100; i++) pool.alloc(...of);
  return pool;
}

withCode("The stack of an error out of a callback names the struct and the call", () => {
  if ("fileName" in new Error()) return; // Firefox has names of its own
  for (const [pass, ...frames] of PASSES) {
    const { stack = "" } = assertThrows(pass, Error, "boom");
    const lines = stack.split("\n");
    assert(lines[1].includes("boom"), stack);
    for (const frame of frames) {
      const [name, text] = frame.split(" ");
      const pattern = new RegExp(`${name}.*slabs/${text}-\\d+\\.js`);
      assert(lines.some((line) => pattern.test(line)), stack);
    }
  }
});

Deno.test("specialization() tells whether code can be made here, once there is a pool", () => {
  new Pool(word());
  assertEquals(specialization(), CAN_COMPILE ? "own" : "shared");
});
