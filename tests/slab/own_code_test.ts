/**
 * Own code: when texts are compiled again and when not, their names, and that only speed differs.
 */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { debug, ErasedPool, Pool, PoolSet, SharedPool, struct } from "../../mod.ts";
import type { PoolOptions } from "../../mod.ts";
import type { Outcome, Scenario } from "./_own_code_worker.ts";
import { CAN_COMPILE, LATE, textsOf, withCode } from "./_own_texts.ts";
import { workOut } from "./_workout.ts";
import { type OfKind, ofKind, viewsOf } from "../_kinds.ts";
import { answerOf } from "../shared/_workers.ts";
import { shown, untyped } from "../_support.ts";

// -- a fresh module in a worker --

const MODULE = new URL("_own_code_worker.ts", import.meta.url);
const { state } = await Deno.permissions.query({ name: "read", path: MODULE });
/** Whether a worker can be started: its module has to be read. */
const CAN_START = state === "granted";

/** Plays a scenario in a worker. */
async function play(scenario: Scenario): Promise<Outcome> {
  const worker = new Worker(MODULE, { type: "module" });
  try {
    return await answerOf(worker, scenario);
  } finally {
    worker.terminate();
  }
}

function inWorker(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, ignore: !CAN_START });
}

/** The text that finds out whether code can be compiled. */
const PROBE = "return true";

inWorker(
  "Code is compiled from the first pool on, and all is the same without it, wanted or forbidden",
  async () => {
    const own = await play({ what: "all" });
    assertEquals([own.early, own.said], [0, ["own", CAN_COMPILE ? "own" : "shared"]]);
    assertEquals([own.texts[0], own.texts.length > 500], [PROBE, CAN_COMPILE]);
    assertEquals(own.texts.filter((text) => text === PROBE).length, 1);
    const never = await play({ what: "all", specialize: false });
    assertEquals([never.texts, never.said], [[], ["shared", "shared"]]); // nor is anything probed
    const forbidden = await play({ what: "all", isForbidden: true });
    assertEquals([forbidden.texts, forbidden.said], [[PROBE], ["own", "shared"]]);
    for (const { result } of [forbidden, own]) assertEquals(result, never.result);
  },
);

Deno.test("Pools with specialize: false, and those of debug mode, compile nothing", () => {
  assertEquals(textsOf(() => workOut(false)), []);
  const Word = word();
  filled(new Pool(Word)).loop(() => {})();
  const shared = textsOf(() => filled(new Pool(Word, { specialize: false })).loop(() => {})());
  assertEquals(shared, [], "though the struct has compiled code");
  const texts = textsOf(() => {
    const pool = filled(new Pool(word(), { debug }));
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
    for (const what of Object.keys(LATE)) {
      const { texts, result } = await play({ what });
      const error = `Error: Cannot configure specialize: false: ${problem}`;
      if (what !== "pools that threw") assertEquals(result, error, what);
      else assertEquals([texts, result], [[], undefined]);
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

freshly(
  "64 structs have copies of different texts, after one probe; others share and do the same",
  (own) => {
    function defineSelf(it: { made?: unknown }): void {
      it.made = defineSelf;
    }
    const it: { made?: unknown } = {};
    for (let i = 0; i < 100; i++) own.compilerFor("x", false)(defineSelf, it); // these do not count
    assertStrictEquals(it.made, defineSelf);
    const made: unknown[] = [];
    const texts = textsOf(() => {
      for (let i = 0; i < 70; i++) {
        const sum = own.compilerFor(`x${i}`, true)(defineSum, add, i);
        assertEquals(sum(1), 1 + i);
        made.push(sum);
      }
    });
    assertEquals([texts[0], new Set(made).size], [PROBE, 70]);
    assertEquals([texts.length, new Set(texts).size], CAN_COMPILE ? [65, 65] : [1, 1]);
    for (const text of texts.slice(1)) assert(text.includes(String(defineSum)));
  },
);

const helper = (fn: () => number) => fn;

/** Functions that give 5 and whose text fails elsewhere, or is none. */
const FOREIGN: Readonly<Record<string, () => () => number>> = {
  "uses a helper": function defineHelped() {
    return helper(() => 5); // as __name() of --keep-names is, which build tools put in
  },
  "cannot be read": (() => () => 5).bind(null),
};

for (const [what, define] of Object.entries(FOREIGN)) {
  freshly(
    `A function whose text ${what} is called itself, and none is copied from then on`,
    (own) => {
      const compile = own.compilerFor("x", true);
      assertEquals(compile(defineSum, add, 1)(2), 3);
      assertEquals(own.specialization(), "own");
      assertEquals(textsOf(() => assertEquals(compile(define)(), 5)).length, 1);
      assertEquals(own.specialization(), "shared");
      const after = textsOf(() => {
        assertEquals(compile(define)(), 5);
        assertEquals(own.compilerFor("y", true)(defineSum, add, 1)(2), 3);
      });
      assertEquals(after, []);
    },
    true,
  );
}

freshly("An error of the function itself is thrown, and not taken for that of a copy", (own) => {
  function defineNothing(): never {
    throw new RangeError("nothing to define");
  }
  assertThrows(() => own.compilerFor("x", true)(defineNothing), RangeError, "nothing to define");
});

// -- which copies there are --

const OWN: PoolOptions = { chunksPerBlock: 64, maxChunks: 256 };

/** Allocates 100 records: more than the number below which all callbacks share a loop. */
function filled<P, A extends unknown[]>(pool: P & { alloc(...of: A): unknown }, ...of: A): P {
  for (let i = 0; i < 100; i++) pool.alloc(...of);
  return pool;
}

/** Structs that are new, so that no copies exist. */
const word = (name = "Word") => struct({ n: "u32" }, { name });

withCode("Pools of one struct and geometry compile once, whatever else differs", () => {
  const Word = word();
  const makers: Readonly<Record<string, (i: number) => OfKind>> = {
    "Pool": (i) => ofKind(new Pool(Word, { ...OWN, name: `pool ${i}`, keepEmptyBlocks: i })),
    "SharedPool": () => ofKind(SharedPool.create(Word, OWN)),
    "ErasedPool": () => ofKind(new ErasedPool({ ...OWN, size: 44, types: [Word] }), Word),
    "ErasedPool without types": () => ofKind(new ErasedPool({ ...OWN, size: 52 }), Word),
    "PoolSet": () => ofKind(new PoolSet({ ...OWN, sizes: [60, 68], types: [Word] }), Word),
  };
  for (const [kind, make] of Object.entries(makers)) {
    const use = (i: number) => {
      const { pool, of } = make(i);
      pool.set(...of, pool.alloc(...of, { n: 1 }), { n: 2 });
      // Passes over one struct, and over all where the pool knows them.
      pool.forEach(...of, () => {});
      if (kind === "SharedPool") return;
      pool.retain(...of, () => true);
      if (kind === "ErasedPool without types") return;
      pool.forEach(() => {});
      Array.from(viewsOf({ pool, of: [] }));
    };
    assert(textsOf(() => use(0)).length > 0, kind);
    assertEquals(textsOf(() => [1, 2, 3].forEach(use)), [], kind);
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
});

withCode("forEach() and retain() compile once for each text, loop() for each loop", () => {
  const pool = filled(new Pool(word(), OWN));
  const pass = () => pool.forEach((it) => it.n++);
  const sweep = () => pool.retain((it) => it.n < 1000);
  assertEquals([pass, sweep].map((it) => textsOf(it).length), [1, 1]);
  assertEquals(textsOf(() => [pass(), sweep(), pass(), sweep()]), []);
  const loops = [pool.loop((it) => it.n++), pool.loop((it) => it.n++)];
  for (const loop of loops) assertEquals([textsOf(loop).length, textsOf(loop).length], [1, 0]);
  for (const it of pool) assertEquals(it.n, 7); // three passes, and each loop twice
});

withCode("forEach() compiles for 64 texts and a shared loop at most", () => {
  const pool = filled(new Pool(word(), OWN));
  let sum = 0;
  const add = (n: number) => sum += n;
  const fns = Array.from(
    { length: 100 },
    (_, i) => new Function("add", `return () => add(${i})`)(add),
  );
  const texts = textsOf(() => [...fns, ...fns].forEach((fn) => pool.forEach(fn)));
  assertEquals([texts.length, sum], [65, 2 * 100 * 4950]);
});

withCode("loop() compiles 256 loops of one struct, then a loop for each text", () => {
  const pools = [
    [filled(new Pool(word(), OWN)), 2], // a loop and its caller
    [filled(SharedPool.create(word(), OWN)), 1],
  ] as const;
  for (const [pool, textsEach] of pools) {
    let sum = 0;
    const texts = textsOf(() => {
      for (let i = 0; i < 300; i++) {
        pool.loop((_, handle, by: number) => sum += pool.indexOf(handle) * by)(2);
      }
    });
    assertEquals([texts.length, sum], [textsEach * 256 + 1, 300 * 2 * 4950]);
    const other = textsOf(pool.loop((_, handle) => sum -= pool.indexOf(handle)));
    assertEquals([other.length, sum], [1, 300 * 2 * 4950 - 4950]);
  }
});

withCode("forEach() compiles no loop for a bound function or few records", () => {
  const pool = filled(new Pool(word(), OWN));
  let count = 0;
  const visit = () => void count++;
  const passes = () => [1, 2, 3].forEach(() => pool.forEach(visit.bind(null)));
  assertEquals([textsOf(passes).length, count], [1, 300]); // the shared loop
  pool.freeMany([...pool.handles()].slice(15));
  assertEquals([textsOf(() => pool.forEach(() => count++)), count], [[], 315]);
});

// -- what they are called --

/** The last line of a text: where it says that it comes from. */
const LAST_LINE = /^\/\/# sourceURL=slabs\/([\w$.-]*)\/define\w*-\d+\.js$/;

const MANY = Array.from({ length: 300 }, (_, i) => `field${i}`);

/** Names of structs, or those of the fields where it has none, and what is in the text. */
const NAMES: [name: string | string[], inText: string][] = [
  [["x", "y"], "x.y"],
  [MANY, MANY.join(".").slice(0, 64)],
  ["Bullet", "Bullet"],
  ["Ünïcode Näme", "_n_code_N_me"],
  ["a\r\n\u2028\u2029b", "a_b"],
  ["*/ evil() /*", "_evil_"],
  ["`${evil()}`", "_$_evil_"],
  ["\\u000aevil()", "_u000aevil_"],
  ["../../x?y#z", ".._.._x_y_z"],
  ["//# sourceMappingURL=evil", "_sourceMappingURL_evil"],
];

withCode("A name goes into a text only as what cannot be code, in 64 letters at most", () => {
  for (const [i, [name, inText]] of NAMES.entries()) {
    const texts = textsOf(() => {
      if (typeof name !== "string") {
        new Pool(Object.fromEntries(name.map((it) => [it, "f32" as const])), OWN);
      } else {
        new Pool(word(name), OWN).alloc({ n: 1 });
        new ErasedPool({ ...OWN, size: 100 + i, name }); // a geometry that no other has
      }
    }).filter((text) => text !== PROBE);
    assert(texts.length > 0);
    for (const text of texts) {
      const [head, url] = text.split(/\n(?=\/\/# sourceURL=[^\n]*$)/);
      assertEquals(LAST_LINE.exec(url)?.[1], inText);
      assert(!head.includes("evil") && !head.includes(String(name)), head);
    }
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
  [
    () => filled(new PoolSet({ sizes: [20], name: "cells" }), word("Bullet")).forEach(boom),
    "loop cells/defineMixedLoop",
  ],
  [
    () => filled(SharedPool.create(word("Bullet"), OWN)).forEach(boom),
    ...["loop Bullet/defineSharedLoop", "forEach Bullet/defineSharedPool"],
  ],
];

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
