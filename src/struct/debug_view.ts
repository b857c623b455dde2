/**
 * Views in debug mode: a record that is gone is noticed, and so is what would do nothing with a view, or something else than it seems to.
 *
 * Views are sealed, so `view.lief = 3` throws in strict code, where without debug mode it makes a property that is no field. Their first
 * property throws when it is read, as whatever copies or compares own properties does: `{ ...view }`, `Object.assign`,
 * `structuredClone`. To `for…in` and `Object.keys` it is but one more name with `_`, as a view's state has.
 *
 * The classes inherit from those without debug mode, but not their constructors: that property is to come before all others.
 *
 * @module
 */
import type { ArrayViewClass, Part, PartViewClass } from "./array_view.ts";
import type { Bound } from "./scalars.ts";
import type { AnyStruct } from "./schema.ts";
import type { Movable, TypedArrays } from "./typed_arrays.ts";

/** A view of a whole record, which knows its struct. */
interface WholeView extends Movable {
  readonly _s: AnyStruct;
}

type WholeViewClass = new (arrays: TypedArrays, offset: number) => WholeView;

/**
 * Every accessor, and those of parts, reaches the bytes through `_b`: so that is where a record that is gone is noticed. Whoever moves a
 * view sets `_b` and then `_o`, which is when it notes what it stands on.
 *
 * @param Plain The class without debug mode.
 * @param name Name of the struct, for errors; it may be empty.
 * @param parts How many parts a view has.
 * @returns The class with it.
 */
export function debugViewClass(
  Plain: WholeViewClass,
  name: string,
  parts: number,
): WholeViewClass {
  const guard = recordGuard(name);
  const kept = keptNames(parts);
  class DebugView implements WholeView {
    declare readonly _s: AnyStruct;
    declare _arrays: TypedArrays;
    declare _offset: number;
    declare _epoch: number;

    constructor(arrays: TypedArrays, offset: number) {
      Object.defineProperty(this, "_guard", guard);
      this._b = arrays;
      this._o = offset;
      makeRoom(this, kept);
      Object.seal(this);
    }

    get _b(): TypedArrays {
      const { _arrays, _offset } = this;
      if (_arrays.epochAt(_offset, this._s.size) !== this._epoch) {
        throw _arrays.staleError(_offset, this._epoch);
      }
      return _arrays;
    }

    set _b(arrays: TypedArrays) {
      this._arrays = arrays;
    }

    get _o(): number {
      return this._offset;
    }

    set _o(offset: number) {
      this._offset = offset;
      this._epoch = this._arrays.epochAt(offset, this._s.size);
    }
  }
  Object.setPrototypeOf(DebugView.prototype, Plain.prototype);
  return DebugView;
}

/**
 * @param Plain The class of a nested struct's views without debug mode.
 * @param name Name of that struct, for errors; it may be empty.
 * @param parts How many parts of its own a view has.
 * @returns The class with it.
 */
export function debugPartClass(Plain: PartViewClass, name: string, parts: number): PartViewClass {
  const guard = recordGuard(name);
  const kept = keptNames(parts);
  class DebugPart {
    declare _r: Bound;
    declare _at: number;

    constructor(root: Bound, at: number) {
      Object.defineProperty(this, "_guard", guard);
      this._r = root;
      this._at = at;
      makeRoom(this, kept);
      Object.seal(this);
    }
  }
  Object.setPrototypeOf(DebugPart.prototype, Plain.prototype);
  return DebugPart as unknown as PartViewClass; // as it inherits all else
}

/**
 * @param Plain The class of an array's views without debug mode.
 * @param name Name of the field, for errors.
 * @returns The class with it.
 */
export function debugArrayViewClass(Plain: ArrayViewClass, name: string): ArrayViewClass {
  const guard = guardOf(`a view of the array "${name}"`, "elements", "toArray()");
  class DebugArrayView {
    declare _r: Bound;
    declare _at: number;
    /** Views of the elements, where those are structs: a list, which is not sealed. */
    declare _n: (Part | undefined)[];

    constructor(root: Bound, at: number) {
      Object.defineProperty(this, "_guard", guard);
      this._r = root;
      this._at = at;
      this._n = [];
      Object.seal(this);
    }
  }
  Object.setPrototypeOf(DebugArrayView.prototype, Plain.prototype);
  return DebugArrayView as unknown as ArrayViewClass; // as it inherits all else
}

/**
 * @param view Any value.
 * @returns Whether it is a view of debug mode.
 */
export function isDebugView(view: unknown): boolean {
  return typeof view === "object" && view !== null && "_epoch" in view;
}

/** Under what names a view comes to keep views of its parts. */
function keptNames(parts: number): string[] {
  return Array.from({ length: parts }, (_, i) => `_n${i}`);
}

/** Makes the properties that a sealed view could not make any more. */
function makeRoom(view: object, kept: readonly string[]): void {
  for (const name of kept) (view as Record<string, unknown>)[name] = undefined;
}

function recordGuard(name: string): PropertyDescriptor {
  return guardOf(name === "" ? "a view" : `a view of "${name}"`, "fields", "toJSON()");
}

/** The property that throws when it is read. */
function guardOf(title: string, what: string, instead: string): PropertyDescriptor {
  return {
    enumerable: true,
    get() {
      throw new TypeError(
        `Cannot spread, clone or compare ${title}: its own properties are its state and none of its ${what}; use view.${instead}`,
      );
    },
  };
}
