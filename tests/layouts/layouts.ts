/**
 * Tests of `toC()` and `toWGSL()` with compilers and GPUs: the layout is the module's.
 *
 * - gcc and g++ compile the declarations, and a program reads records by them.
 * - Tint, which is Chrome's and comes with Dawn from npm, compiles the text as WGSL.
 * - Deno's WebGPU, with the driver of the machine, and Chromium's on SwiftShader run shaders that
 *   write into records.
 *
 * Tests are skipped when what they need is missing. `deno task test:layouts` runs them; `deno test`
 * does not find a file of this name, since it needs more permissions.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ScalarType, struct, toC, toWGSL } from "../../mod.ts";
import { C_WORDS, WGSL_WORDS } from "../../src/struct/text.ts";
import { declarationsOf, WGSL_SCALARS } from "../struct/_declarations.ts";
import { Files } from "../browsers/bundle.ts";
import { findBrowser, launch } from "../browsers/launch.ts";
import { serve } from "../browsers/server.ts";
import { faultOf, type Job, run } from "./_gpu.ts";
import { someStructs, taskOf } from "./_jobs.ts";
import type { Answer } from "./_page.ts";
import { programFor } from "./_program.ts";

const STRUCTS = 300;
/** Fewer, since each is a pipeline that is compiled to machine code. */
const SHADERS = 100;

const INTEGERS = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool", "ref"] as const;
const SCALARS: readonly ScalarType[] = [...INTEGERS, "f16", "f32", "f64"];
const WITHOUT_F16 = WGSL_SCALARS.filter((it) => it !== "f16");

/** Defines a test that is skipped when a program or device is missing; its name says so. */
function testWith(
  need: string,
  isHere: boolean,
  name: string,
  fn: () => void | Promise<void>,
): void {
  const why = isHere ? "" : ` (skipped: no ${need} here)`;
  // Devices and browsers keep resources open.
  const sanitize = { sanitizeOps: false, sanitizeResources: false };
  Deno.test({ name: `With ${need} ${name}${why}`, ignore: !isHere, fn, ...sanitize });
}

// -- C --

/** Whether a program can be run. */
function isThere(program: string): boolean {
  const stdio = { stdin: "null", stdout: "null", stderr: "null" } as const;
  try {
    return new Deno.Command(program, { args: ["--version"], ...stdio }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const hasGcc = isThere("gcc");
const hasGpp = isThere("g++");

/** Runs a compiler or a program, and returns its output. Asserts that there are no warnings. */
async function output(program: string, args: string[], input = ""): Promise<string> {
  const options = { args, stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(program, options).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const [out, faults] = [stdout, stderr].map((it) => new TextDecoder().decode(it));
  assert(success && faults === "", `${program} ${args.join(" ")}: ${faults.slice(0, 2000)}`);
  return out;
}

const WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wpadded"];

testWith("gcc", hasGcc, `${STRUCTS} structs have the bytes that toC() declares`, async () => {
  const { code, expected } = programFor(someStructs(STRUCTS, SCALARS));
  const program = await Deno.makeTempFile();
  try {
    // Without -Wpadded: the structs around the others have padding.
    const flags = ["-std=c11", "-xc", "-", "-O0", "-Wall", "-Wextra", "-Werror", "-o", program];
    await output("gcc", flags, code);
    const lines = (await output(program, [])).trimEnd().split("\n");
    // C prints numbers in another format.
    const numbers = lines.map((line) => {
      const [name, offset, ...values] = line.split(" ");
      return [name, offset, ...values.map(Number)].join(" ");
    });
    assertEquals(numbers.length, expected.length);
    numbers.forEach((line, i) => assertEquals(line, expected[i]));
  } finally {
    await Deno.remove(program);
  }
});

testWith("gcc", hasGcc, "a field can have the name of any keyword or macro", async () => {
  const includes = toC(struct({ x: "u8" })).split("\n\n")[0];
  const macros = (await output("gcc", ["-xc", "-dM", "-E", "-"], includes))
    .matchAll(/^#define ([A-Za-z]\w*)/gm);
  const names = new Set([...C_WORDS, ...[...macros].map(([, name]) => name)]);
  assert(names.has("INT32_MAX") && names.has("linux") && names.has("class"));
  const Names = struct(Object.fromEntries([...names].map((it) => [it, "u16"])));
  const named = [...names].map((name) => struct({ x: "u16" }, { name }));
  const flags = ["-fsyntax-only", ...WARNINGS];
  for (const std of ["gnu11", "c11", "gnu17", "gnu2x"]) {
    await output("gcc", ["-xc", `-std=${std}`, ...flags, "-"], toC(Names, ...named));
  }
  if (!hasGpp) return;
  for (const std of ["gnu++11", "c++20", "gnu++23"]) {
    await output("g++", ["-xc++", `-std=${std}`, ...flags, "-"], toC(Names, ...named));
  }
});

testWith("gcc", hasGcc, "toC() declares the same layout on every platform", async () => {
  const [first, ...more] = someStructs(STRUCTS, SCALARS);
  const text = toC(first, ...more);
  assert(text.includes("static_assert"));
  for (const align of [1, 2, 4, 8]) { // largest alignment; 4 on i386
    const flags = [`-fpack-struct=${align}`, "-fsyntax-only", ...WARNINGS];
    await output("gcc", ["-xc", "-std=c11", ...flags, "-"], text);
  }
});

testWith("g++", hasGpp, "what toC() declares is C++", async () => {
  // g++ has _Float16 from 13 on.
  const [first, ...more] = someStructs(STRUCTS, SCALARS.filter((it) => it !== "f16"));
  for (const std of ["c++11", "c++20"]) {
    const flags = [`-std=${std}`, "-fsyntax-only", "-pedantic", ...WARNINGS];
    await output("g++", ["-xc++", ...flags, "-"], toC(first, ...more));
  }
});

// -- WGSL: Tint --

/** Dawn, Chrome's WebGPU. The instance is kept, since its devices do not outlive it. */
async function dawn(): Promise<{ gpu: GPU; adapter: GPUAdapter; device: GPUDevice } | undefined> {
  // Not a literal: the types of the package conflict with Deno's declarations of WebGPU.
  const name = "webgpu";
  const { create } = await import(name).catch(() => ({})) as {
    create?: (options: string[]) => GPU;
  };
  if (create === undefined) return undefined;
  // A backend that compiles and validates, but does not run shaders.
  const gpu = create(["backend=null"]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) return undefined;
  const device = await adapter.requestDevice({ requiredFeatures: ["shader-f16"] });
  return { gpu, adapter, device };
}

const tint = await dawn();

testWith("Tint", tint !== undefined, `${STRUCTS} texts of toWGSL() compile`, async () => {
  const { device } = tint!; // otherwise the test is skipped
  const structs = someStructs(STRUCTS, WGSL_SCALARS);
  for (const type of structs) assertEquals(await faultOf(device, taskOf(type).code), "");
  const [first, ...more] = structs;
  const all = toWGSL(first, ...more);
  assertEquals(await faultOf(device, `enable f16;\n${all}`), "");
  assertStringIncludes(all, "enable f16;"); // in a comment
  assertStringIncludes(await faultOf(device, all), "f16");
});

testWith("Tint", tint !== undefined, "toWGSL() changes only reserved names", async () => {
  const { device } = tint!; // otherwise the test is skipped
  const other =
    "array f32 vec2f texture_2d int handle private storage read_write min select main __a a__";
  for (const name of new Set([...WGSL_WORDS, ...C_WORDS, ...other.split(" ")])) {
    const raw = `struct S { ${name}: u32 }`;
    const isRefused = (await faultOf(device, raw)) !== "";
    assertEquals(isRefused, WGSL_WORDS.has(name) || name.startsWith("__"), name);
    if (name.startsWith("_")) continue; // no field may have the name
    const text = toWGSL(struct({ [name]: "u32" }, { name }));
    assertEquals(await faultOf(device, `${text}\n${BUILTINS}`), "", text);
    const [title, [member]] = [...declarationsOf(text)][0];
    assertEquals(member.name === name, !isRefused);
    assert(title === name || title === `${name}_`);
  }
});

/** Uses types and functions that a struct of the same name would shadow. */
const BUILTINS = `
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var picture: texture_2d<f32>;
fn use_them() { out[0] = bitcast<u32>(f32(vec2f(mat2x2f() * vec2<f32>(1f)).x)) + u32(bool(i32(1))); }
`;

// -- WGSL: naga, and any driver --

const adapter = await navigator.gpu?.requestAdapter() ?? undefined;
const hasF16 = adapter?.features.has("shader-f16") ?? false;
console.log(
  `Deno's WebGPU: ${adapter?.info.description ?? "no adapter"}, ${hasF16 ? "" : "no "}f16`,
);

const WRITES = `shaders write ${SHADERS} structs as a pool has them`;

testWith("Deno's WebGPU", adapter !== undefined, WRITES, async () => {
  const requiredFeatures: GPUFeatureName[] = hasF16 ? ["shader-f16"] : [];
  const device = await adapter!.requestDevice({ requiredFeatures }); // otherwise skipped
  for (const type of someStructs(SHADERS, hasF16 ? WGSL_SCALARS : WITHOUT_F16)) {
    const task = taskOf(type);
    assertEquals(await run(device, task), task.expected, task.code);
  }
  device.destroy();
});

testWith("Deno's WebGPU", adapter !== undefined, "examples/gpu.ts runs", async () => {
  const example = new URL("../../examples/gpu.ts", import.meta.url).pathname;
  const program = new Deno.Command(Deno.execPath(), { args: ["run", example], stdin: "null" });
  const { code, stdout } = await program.output(); // the driver may write warnings to stderr
  const said = new TextDecoder().decode(stdout).trimEnd();
  assertEquals(code, 0);
  assertStringIncludes(said, "were freed meanwhile");
  console.log(said);
});

// -- WGSL: Tint, and SwiftShader --

/** A Vulkan driver in software. */
const SWIFTSHADER = [
  "--enable-unsafe-webgpu", // needed for software drivers
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
];

async function runInChromium(jobs: readonly Job[]): Promise<Answer> {
  const files = new Files();
  await files.bundle(["tests/layouts/_page.ts"]);
  const html = '<!doctype html><script type="module" src="/tests/layouts/_page.js"></script>';
  await using server = serve((path) => path === "/" ? html : files.get(path));
  await using browser = await launch("chromium", { args: SWIFTSHADER });
  await using page = await browser.open();
  await page.goto(server.origin);
  return await page.evaluate(`runAll(${JSON.stringify(jobs)})`);
}

const chromium = findBrowser("chromium");
const tasks = someStructs(SHADERS, WITHOUT_F16).map(taskOf); // SwiftShader has no f16
const answer = chromium === undefined ? undefined : await runInChromium(tasks);
const isInChromium = answer?.adapter !== undefined || answer?.error !== undefined;
console.log(`WebGPU in ${chromium ?? "Chromium, which is not here"}: ${answer?.adapter ?? "none"}`);

testWith("Chromium's WebGPU", isInChromium, `${WRITES}, and examples/gpu.ts runs`, () => {
  const { bytes, example, error } = answer!; // otherwise the test is skipped
  assertEquals([error, bytes.length], [undefined, tasks.length]);
  bytes.forEach((it, i) => assertEquals(it, [...tasks[i].expected], tasks[i].code));
  assertStringIncludes(example, "were freed meanwhile");
  console.log(example);
});
