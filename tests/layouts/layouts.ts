/**
 * What compilers and GPUs make of `struct.toC()` and `struct.toWGSL()`: the layout that the module has, byte for byte.
 *
 * | with what | which compiler | what is shown |
 * |---|---|---|
 * | gcc | GCC | sizes, alignments, offsets and values of records, in a program that reads them |
 * | g++ | GCC | that the same text is C++ |
 * | Dawn from npm, without a GPU | Tint, Chrome's | that the text is WGSL, and the size of each struct |
 * | Deno's WebGPU | naga, Firefox's | the bytes that shaders write into records, on whatever driver is there |
 * | a headless Chromium | Tint | the same on SwiftShader |
 *
 * Each is skipped by name where it is not there. `deno task test:layouts` runs it; `deno test` does not find it by its name, as it
 * wants more than to read.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ScalarType, struct } from "../../mod.ts";
import { C_WORDS, WGSL_WORDS } from "../../src/struct/text.ts";
import { declarationsOf, WGSL_SCALARS } from "../struct/_declarations.ts";
import { findChromium, isThere, runInChromium } from "./_chromium.ts";
import { faultOf, run } from "./_gpu.ts";
import { someStructs, taskOf } from "./_jobs.ts";
import { programFor } from "./_program.ts";

const STRUCTS = 300;
/** Fewer where each is a pipeline of its own, compiled down to machine code. */
const SHADERS = 100;

const INTEGERS = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool", "ref"] as const;
const SCALARS: readonly ScalarType[] = [...INTEGERS, "f16", "f32", "f64"];
const WITHOUT_F16 = WGSL_SCALARS.filter((it) => it !== "f16");

/** Defines a test that needs something; where that is not there it is skipped, and its name says why. */
function testWith(
  need: string,
  isHere: boolean,
  name: string,
  fn: () => void | Promise<void>,
): void {
  const why = isHere ? "" : ` (skipped: no ${need} here)`;
  // Devices and browsers keep things open that no test opened.
  const sanitize = { sanitizeOps: false, sanitizeResources: false };
  Deno.test({ name: `With ${need} ${name}${why}`, ignore: !isHere, fn, ...sanitize });
}

// -- C --

const hasGcc = isThere("gcc");
const hasGpp = isThere("g++");

/** Runs a compiler or a program, and gives what it prints. Warnings are faults. */
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
    // Without -Wpadded, as the structs that are around the others leave padding to be found.
    const flags = ["-std=c11", "-xc", "-", "-O0", "-Wall", "-Wextra", "-Werror", "-o", program];
    await output("gcc", flags, code);
    const lines = (await output(program, [])).trimEnd().split("\n");
    // C has its own way to print a number.
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
  const includes = struct({ x: "u8" }).toC().split("\n\n")[0];
  const macros = (await output("gcc", ["-xc", "-dM", "-E", "-"], includes))
    .matchAll(/^#define ([A-Za-z]\w*)/gm);
  const names = new Set([...C_WORDS, ...[...macros].map(([, name]) => name)]);
  assert(names.has("INT32_MAX") && names.has("linux") && names.has("class"));
  const Names = struct(Object.fromEntries([...names].map((it) => [it, "u16"])));
  const named = [...names].map((name) => struct({ x: "u16" }, { name }));
  const flags = ["-fsyntax-only", ...WARNINGS];
  for (const std of ["gnu11", "c11", "gnu17", "gnu2x"]) {
    await output("gcc", ["-xc", `-std=${std}`, ...flags, "-"], Names.toC(...named));
  }
  if (!hasGpp) return;
  for (const std of ["gnu++11", "c++20", "gnu++23"]) {
    await output("g++", ["-xc++", `-std=${std}`, ...flags, "-"], Names.toC(...named));
  }
});

testWith("gcc", hasGcc, "no byte is left to the rules of a platform", async () => {
  const [first, ...more] = someStructs(STRUCTS, SCALARS);
  const text = first.toC(...more);
  assert(text.includes("static_assert"));
  for (const align of [1, 2, 4, 8]) { // what wider types are aligned to; 4 on i386
    const flags = [`-fpack-struct=${align}`, "-fsyntax-only", ...WARNINGS];
    await output("gcc", ["-xc", "-std=c11", ...flags, "-"], text);
  }
});

testWith("g++", hasGpp, "what toC() declares is C++", async () => {
  // g++ has _Float16 from 13 on.
  const [first, ...more] = someStructs(STRUCTS, SCALARS.filter((it) => it !== "f16"));
  for (const std of ["c++11", "c++20"]) {
    const flags = [`-std=${std}`, "-fsyntax-only", "-pedantic", ...WARNINGS];
    await output("g++", ["-xc++", ...flags, "-"], first.toC(...more));
  }
});

// -- WGSL: Tint --

/** Dawn, which Chrome has its WebGPU from. Its instances are kept, since devices do not outlive them. */
async function dawn(): Promise<{ gpu: GPU; adapter: GPUAdapter; device: GPUDevice } | undefined> {
  // By a name that is not looked up for its types: they declare WebGPU once more, and Deno has that.
  const name = "webgpu";
  const { create } = await import(name).catch(() => ({})) as {
    create?: (options: string[]) => GPU;
  };
  if (create === undefined) return undefined;
  // A backend that compiles and validates everything, and runs nothing.
  const gpu = create(["backend=null"]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) return undefined;
  const device = await adapter.requestDevice({ requiredFeatures: ["shader-f16"] });
  return { gpu, adapter, device };
}

const tint = await dawn();

testWith("Tint", tint !== undefined, `${STRUCTS} texts of toWGSL() compile`, async () => {
  const { device } = tint!; // else it is skipped
  const structs = someStructs(STRUCTS, WGSL_SCALARS);
  for (const type of structs) assertEquals(await faultOf(device, taskOf(type).code), "");
  const [first, ...more] = structs;
  const all = first.toWGSL(...more);
  assertEquals(await faultOf(device, `enable f16;\n${all}`), "");
  assertStringIncludes(all, "enable f16;"); // said in a comment
  assertStringIncludes(await faultOf(device, all), "f16");
});

testWith("Tint", tint !== undefined, "structs have the size that toWGSL() declares", async () => {
  const { device } = tint!; // else it is skipped
  for (const type of someStructs(STRUCTS, WGSL_SCALARS)) {
    const { code, byteLength } = taskOf(type); // two records
    assertEquals([await bindFault(device, code, byteLength)], [""]);
    // The least that a binding has to have is the size of an element, of an array of any length.
    const open = code.replace(/, 2>;/, ">;").replace(/all\[1\]/g, "all[0]");
    const size = Math.ceil(type.size / 4) * 4; // as bindings are
    assertEquals(await bindFault(device, open, size), "");
    if (size > 4) assertStringIncludes(await bindFault(device, open, size - 4), `${size - 4}`);
  }
});

/** What is wrong with binding so many bytes to a shader. */
async function bindFault(device: GPUDevice, code: string, size: number): Promise<string> {
  device.pushErrorScope("validation");
  const usage = 0x80; // GPUBufferUsage.STORAGE
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const buffer = device.createBuffer({ size, usage });
  const entries = [{ binding: 0, resource: { buffer } }];
  device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  buffer.destroy();
  return (await device.popErrorScope())?.message ?? "";
}

testWith("Tint", tint !== undefined, "toWGSL() changes just the names that it must", async () => {
  const { device } = tint!; // else it is skipped
  const other =
    "array f32 vec2f texture_2d int handle private storage read_write min select main __a a__";
  for (const name of new Set([...WGSL_WORDS, ...C_WORDS, ...other.split(" ")])) {
    const raw = `struct S { ${name}: u32 }`;
    const isRefused = (await faultOf(device, raw)) !== "";
    assertEquals(isRefused, WGSL_WORDS.has(name) || name.startsWith("__"), name);
    if (name.startsWith("_")) continue; // no field is called so
    const text = struct({ [name]: "u32" }, { name }).toWGSL();
    assertEquals(await faultOf(device, `${text}\n${BUILTINS}`), "", text);
    const [title, [member]] = [...declarationsOf(text)][0];
    assertEquals(member.name === name, !isRefused);
    assert(title === name || title === `${name}_`);
  }
});

/** Uses types and functions that a struct of their name would hide. */
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

testWith(
  "Deno's WebGPU",
  adapter !== undefined,
  `shaders write ${SHADERS} structs as a pool has them`,
  async () => {
    const requiredFeatures: GPUFeatureName[] = hasF16 ? ["shader-f16"] : [];
    const device = await adapter!.requestDevice({ requiredFeatures }); // else it is skipped
    for (const type of someStructs(SHADERS, hasF16 ? WGSL_SCALARS : WITHOUT_F16)) {
      const task = taskOf(type);
      assertEquals(await run(device, task), task.expected, task.code);
    }
    device.destroy();
  },
);

testWith("Deno's WebGPU", adapter !== undefined, "examples/gpu.ts runs", async () => {
  const example = new URL("../../examples/gpu.ts", import.meta.url).pathname;
  const program = new Deno.Command(Deno.execPath(), { args: ["run", example], stdin: "null" });
  const { code, stdout } = await program.output(); // stderr is a driver's, which may warn
  const said = new TextDecoder().decode(stdout).trimEnd();
  assertEquals(code, 0);
  assertStringIncludes(said, "were freed meanwhile");
  console.log(said);
});

// -- WGSL: Tint, and SwiftShader --

const chromium = findChromium();
const tasks = someStructs(SHADERS, WITHOUT_F16).map(taskOf); // SwiftShader has no f16
const answer = chromium === undefined ? undefined : await runInChromium(chromium, tasks);
const isInChromium = answer?.adapter !== undefined || answer?.error !== undefined;
console.log(`WebGPU in ${chromium ?? "Chromium, which is not here"}: ${answer?.adapter ?? "none"}`);

testWith(
  "Chromium's WebGPU",
  isInChromium,
  `shaders write ${SHADERS} structs as a pool has them`,
  () => {
    const { bytes, error } = answer!; // else it is skipped
    assertEquals(error, undefined);
    assertEquals(bytes.length, tasks.length);
    bytes.forEach((it, i) => assertEquals(it, [...tasks[i].expected], tasks[i].code));
  },
);

testWith("Chromium's WebGPU", isInChromium, "examples/gpu.ts runs", () => {
  const { example, error } = answer!; // else it is skipped
  assertEquals(error, undefined);
  assertStringIncludes(example, "were freed meanwhile");
  console.log(example);
});
