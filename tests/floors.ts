/**
 * Checks the architecture: a file in `src/` imports only from floors below its own and nothing from
 * outside, holds 450 lines of code at the most, and is handed on by `mod.ts` unless its name starts
 * with an underscore.
 *
 * It reads the text, and trusts `deno fmt` for its shape, so that it needs no permission but to read.
 */

/** The files of each floor, from the ground up. A new file in `src/` gets its place here. */
const FLOORS = [
  ["errors.ts", "_show.ts", "_isolation.ts", "_shared_steps.ts"],
  ["handle.ts", "memory.ts"],
  ["schema.ts", "options.ts", "wasm_memory.ts", "_region.ts", "_byte_checks.ts", "_block_audit.ts"],
  ["_lanes.ts", "_envelope.ts"],
  ["_record.ts", "_chunk_memory.ts", "_address_space.ts", "_shared_layout.ts"],
  ["_view.ts", "_block.ts", "_lent_region.ts", "_chunks.ts", "_byte_books.ts", "_shared_block.ts"],
  ["_refusals.ts"],
  [
    "_slab.ts",
    "_kinds.ts",
    "byte_allocator.ts",
    "_free_list.ts",
    "_free_tree.ts",
    "_shared_slab.ts",
  ],
  [
    "_walk.ts",
    "_face.ts",
    "_debug.ts",
    "_slab_snapshot.ts",
    "_heap.ts",
    "_arena_snapshot.ts",
  ],
  [
    "pool.ts",
    "shared_pool.ts",
    "arena.ts",
    "stack_allocator.ts",
    "_heap_audit.ts",
    "_heap_debug.ts",
  ],
  ["erased_pool.ts", "free_list_allocator.ts"],
  ["pool_set.ts", "_byte_audit.ts", "_byte_dump.ts", "_shared_audit.ts"],
  ["inspect.ts"],
];
const MAX_CODE_LINES = 450;

const COMMENT_LINE = /^\s*(\/\/|\/\*|\*\/|\*( |$))/;
const SPECIFIER =
  /^(?:import|export) [\w*, ]*(?:\{[^}]*\} )?from "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;

const root = new URL("../", import.meta.url);
const floorOf = new Map(FLOORS.flatMap((files, floor) => files.map((file) => [file, floor])));
const faults: string[] = [];

const files = [...Deno.readDirSync(new URL("src/", root))].map((entry) => entry.name).sort();
for (const file of files) checkFile(file);
for (const file of floorOf.keys()) {
  if (!files.includes(file)) {
    faults.push(`src/${file} is in the table of floors but does not exist`);
  }
}
checkHandedOn();

for (const fault of faults) console.error(fault);
console.log(`floors: ${files.length} files, ${faults.length} faults`);
if (faults.length > 0) Deno.exit(1);

function checkFile(file: string): void {
  const floor = floorOf.get(file);
  if (floor === undefined) {
    faults.push(`src/${file} has no place in the table of floors`);
    return;
  }
  const code = readCode(`src/${file}`);
  if (code.length > MAX_CODE_LINES) {
    faults.push(`src/${file} has ${code.length} lines of code, more than ${MAX_CODE_LINES}`);
  }
  for (const specifier of specifiers(code)) {
    const target = floorOf.get(specifier.replace(/^\.\//, ""));
    if (!specifier.startsWith("./") || target === undefined) {
      faults.push(`src/${file} imports "${specifier}", which is not a file of src/ with a floor`);
    } else if (target >= floor) {
      faults.push(`src/${file} (floor ${floor}) imports "${specifier}" (floor ${target})`);
    }
  }
}

function checkHandedOn(): void {
  const handedOn = new Set(specifiers(readCode("mod.ts")));
  for (const file of files) {
    const isPublic = !file.startsWith("_");
    if (isPublic !== handedOn.has(`./src/${file}`)) {
      faults.push(`mod.ts ${isPublic ? "does not hand on" : "hands on the internal"} src/${file}`);
    }
  }
}

/** The lines of a file that are neither blank nor comment. */
function readCode(path: string): string[] {
  const lines = Deno.readTextFileSync(new URL(path, root)).split("\n");
  return lines.filter((line) => line.trim() !== "" && !COMMENT_LINE.test(line));
}

function specifiers(code: string[]): string[] {
  return [...code.join("\n").matchAll(SPECIFIER)].map(([, from, bare, call]) =>
    from ?? bare ?? call
  );
}
