/**
 * Names that nobody knows, and the one that was probably meant: of options and of fields.
 *
 * @module
 */

/** Edits that a name may be away from another to be taken for it, by its length; more from the last on. */
const MOST_EDITS = [0, 0, 0, 1, 2, 2, 2, 2, 3];

/**
 * Finds the name that was probably meant.
 *
 * @param name What was given.
 * @param known The names that there are.
 * @returns The nearest of them; `undefined` when none is near.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const plain = plainOf(name);
  const same = known.find((it) => plainOf(it) === plain);
  if (same !== undefined) return same;
  const most = MOST_EDITS[Math.min(name.length, MOST_EDITS.length - 1)];
  let least = most + 1;
  let nearest: string | undefined;
  for (const it of known) {
    if (Math.abs(it.length - name.length) >= least) continue;
    const edits = editsBetween(plain, plainOf(it));
    if (edits < least) {
      least = edits;
      nearest = it;
    }
  }
  return nearest;
}

/** A name as it is compared: `max_chunks`, `maxchunks` and `_maxChunks` are the same. */
function plainOf(name: string): string {
  return name.toLowerCase().replace(/[_$-]/g, "");
}

/**
 * Letters to insert, delete, replace or swap with the next to make one text of another: the distance of Damerau and Levenshtein in its
 * restricted form.
 */
function editsBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      row[j] = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
      }
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}

/**
 * @param noun What the names are of, `option`.
 * @param name What was given.
 * @param known The names that there are.
 * @returns What errors say of a name that is none of them: the one that was probably meant, or all.
 */
export function unknownName(noun: string, name: unknown, known: readonly string[]): string {
  const meant = typeof name === "string" ? nearestName(name, known) : undefined;
  const hint = meant === undefined
    ? `there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}`
    : `did you mean "${meant}"?`;
  return `unknown ${noun} "${String(name)}", ${hint}`;
}

/**
 * Refuses options that nobody knows, also those whose value is `undefined`. Inherited ones count as those of the object's own, as they
 * are read in the same way; symbols do not.
 *
 * @param title What cannot be done, `Cannot create Pool "bullets"`.
 * @param options What was given.
 * @param known Names of the options that there are.
 * @throws {TypeError} when it is no object, or has another option.
 */
export function checkOptions(title: string, options: object, known: readonly string[]): void {
  const problem = optionsProblem(options, known);
  if (problem !== undefined) throw new TypeError(`${title}: ${problem}`);
}

/**
 * @param options What was given.
 * @param known Names of the options that there are.
 * @returns What is wrong with them; `undefined` when nothing is.
 */
export function optionsProblem(options: object, known: readonly string[]): string | undefined {
  if (typeof options !== "object" || options === null) {
    const shown = typeof options === "string" ? `"${options}"` : String(options);
    return `options must be an object, got ${shown}`;
  }
  for (const name in options) {
    // A program may have added names to every object that there is.
    if (known.includes(name) || name in Object.prototype) continue;
    return unknownName("option", name, known);
  }
  return undefined;
}

/**
 * @param title Begin of the title, `Cannot create Pool`.
 * @param name The `name` of options that nobody has checked yet.
 * @param otherwise Name where they have none.
 * @returns The title with the name, as far as that is a text.
 */
export function titleWith(title: string, name: unknown, otherwise: string): string {
  if (name === undefined) return `${title} "${otherwise}"`;
  return typeof name === "string" ? `${title} "${name}"` : title;
}
