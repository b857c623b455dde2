/**
 * Checks the architecture: a room, which is a folder of `src/`, imports only from itself and from
 * rooms above it, no file imports itself by way of others, and nothing comes from outside.
 *
 * It reads the text, and trusts `deno fmt` for its shape, so that it needs no permission but to
 * read.
 */

/** The rooms, from the ground up. */
const ROOMS: readonly string[] = [
  "errors.ts",
  "messages/",
  "memory/",
  "struct/",
  "slab/",
  "pool/",
  "bytes/",
  "shared/",
  "inspect/",
];

const SPECIFIER =
  /^(?:import|export) [\w*, ]*(?:\{[^}]*\} )?from "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;
const COMMENT_LINE = /^\s*(\/\/|\/\*|\*\/|\*( |$))/;

const src = new URL("../src/", import.meta.url);
const files = filesIn("").sort();
const imports = new Map(files.map((file) => [file, importsOf(file)]));
const faults = [...files.flatMap(roomFaults), ...cycles()];

for (const fault of faults) console.error(fault);
console.log(`rooms: ${files.length} files in ${ROOMS.length} rooms, ${faults.length} faults`);
if (faults.length > 0) Deno.exit(1);

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, src))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}${name}/`) : [folder + name]
  );
}

/** The room of a file, counted from the ground; -1 when it has none. */
function roomOf(file: string): number {
  return ROOMS.findIndex((room) => file.startsWith(room));
}

/** What a file imports, as paths in `src/`, or as it stands where that is not in there. */
function importsOf(file: string): string[] {
  const text = Deno.readTextFileSync(new URL(file, src));
  const code = text.split("\n").filter((line) => !COMMENT_LINE.test(line)).join("\n");
  return [...code.matchAll(SPECIFIER)].map(([, from, bare, call]) => {
    const specifier = from ?? bare ?? call;
    if (!specifier.startsWith(".")) return specifier;
    const { href } = new URL(specifier, new URL(file, src));
    return href.startsWith(src.href) ? href.slice(src.href.length) : specifier;
  });
}

function roomFaults(file: string): string[] {
  const room = roomOf(file);
  if (room < 0) return [`src/${file} is in no room: give it a place in the list of rooms`];
  return imports.get(file)!.flatMap((target) => { // every file has an entry
    if (!files.includes(target)) {
      return [`src/${file} imports "${target}", which is no file of src/`];
    }
    return roomOf(target) <= room ? [] : [`src/${file} imports ${target}, of a room below its own`];
  });
}

/** One fault for each file that imports itself by way of others. */
function cycles(): string[] {
  return files.filter((file) => reaches(file, file, new Set())).map((file) =>
    `src/${file} imports itself by way of ${imports.get(file)!.join(", ")}`
  );
}

function reaches(from: string, to: string, seen: Set<string>): boolean {
  return (imports.get(from) ?? []).some((next) => {
    if (next === to) return true;
    if (seen.has(next)) return false;
    seen.add(next);
    return reaches(next, to, seen);
  });
}
