/**
 * Views in debug mode, which throw when their record was freed, and on common mistakes with views.
 *
 * Views are sealed, so `view.lief = 3` throws in strict code; without debug mode it adds a property
 * that is no field. Their first own property, `_guard`, throws when it is read. Whatever copies or
 * compares own properties reads it: `{ ...view }`, `Object.assign`, `structuredClone`. In `for…in`
 * and `Object.keys` it is one more name with `_`, like the rest of a view's state.
 *
 * The classes inherit from the prototypes without debug mode, but not from the constructors, since
 * `_guard` must be the first property.
 *
 * @module
 */
import { StaleHandleError } from "../errors.ts";
import type { ArrayViewClass, ElementViewClass, Part, PartViewClass } from "./array_view.ts";
import type { Bound } from "./scalars.ts";
import type { AnyStruct } from "./schema.ts";
import type { Movable, TypedArrays } from "./typed_arrays.ts";

/** A view of a whole record. */
interface WholeView extends Movable {
  readonly _s: AnyStruct;
}

type WholeViewClass = new (arrays: TypedArrays, offset: number) => WholeView;

/**
 * Makes the class of the views of whole records.
 *
 * Every accessor, also of a part, reads `_b`, whose getter compares the epoch of the record.
 * Binding a view sets `_b` and then `_o`, whose setter stores the epoch.
 *
 * @param Plain The class without debug mode.
 * @param name Name of the struct, for errors; it may be empty.
 * @param parts Number of parts that a view has.
 * @returns The class with debug mode.
 */
function debugViewClass(
  Plain: WholeViewClass,
  name: string,
  parts: number,
): WholeViewClass {
  const guard = recordGuard(name);
  const names = partNames(parts);
  class DebugView implements WholeView {
    declare readonly _s: AnyStruct;
    declare readonly _u: number;
    declare _arrays: TypedArrays;
    declare _offset: number;
    declare _epoch: number;

    constructor(arrays: TypedArrays, offset: number) {
      Object.defineProperty(this, "_guard", guard);
      this._b = arrays;
      this._o = offset;
      addProperties(this, names);
      Object.seal(this);
    }

    get _b(): TypedArrays {
      const { _arrays, _epoch } = this;
      const at = this._offset << this._u;
      if (epochAt(_arrays, at, this._s.size) !== _epoch) {
        throw _arrays.keeper?.staleError(_arrays, at, _epoch) ?? unboundError();
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
      this._epoch = epochAt(this._arrays, offset << this._u, this._s.size);
    }
  }
  Object.setPrototypeOf(DebugView.prototype, Plain.prototype);
  return DebugView;
}

/** Returns the epoch of a record; NaN, which equals no epoch, where there is no memory. */
function epochAt(arrays: TypedArrays, offset: number, byteLength: number): number {
  const unkept = arrays.u8.length > 0 ? 0 : NaN;
  return arrays.keeper?.epochAt(arrays, offset, byteLength) ?? unkept;
}

/** The error for a view that is bound to no record. */
function unboundError(): StaleHandleError {
  return new StaleHandleError("Cannot use a view: it is bound to no record", {
    pool: "",
    handle: 0,
    index: -1,
    generation: -1,
    chunkGeneration: -1,
  });
}

/**
 * Makes the class of the views of a nested struct or of the elements of an array.
 *
 * @typeParam C The class without debug mode.
 * @param Plain The class without debug mode.
 * @param name Name of that struct, for errors; it may be empty.
 * @param parts Number of parts that a view has.
 * @returns The class with debug mode.
 */
function debugPartClass<C extends PartViewClass | ElementViewClass>(
  Plain: C,
  name: string,
  parts: number,
): C {
  const guard = recordGuard(name);
  const names = partNames(parts);
  class DebugPart {
    declare _r: Bound;
    declare _at?: number;

    constructor(root: Bound, at?: number) {
      Object.defineProperty(this, "_guard", guard);
      this._r = root;
      if (at !== undefined) this._at = at;
      addProperties(this, names);
      Object.seal(this);
    }
  }
  Object.setPrototypeOf(DebugPart.prototype, Plain.prototype);
  return DebugPart as unknown as C; // it inherits the rest
}

/**
 * Makes the class of the views of an array.
 *
 * @param Plain The class without debug mode.
 * @param name Name of the field, for errors.
 * @returns The class with debug mode.
 */
function debugArrayViewClass(Plain: ArrayViewClass, name: string): ArrayViewClass {
  const guard = guardOf(`a view of the array "${name}"`, "elements", "toArray()");
  class DebugArrayView {
    declare _r: Bound;
    /** Views of the elements of an array of structs. The list itself is not sealed. */
    declare _n: (Part | undefined)[];

    constructor(root: Bound) {
      Object.defineProperty(this, "_guard", guard);
      this._r = root;
      this._n = [];
      Object.seal(this);
    }
  }
  Object.setPrototypeOf(DebugArrayView.prototype, Plain.prototype);
  return DebugArrayView as unknown as ArrayViewClass; // it inherits the rest
}

/**
 * Whether a value is a view of a whole record in debug mode.
 *
 * @param view Any value.
 * @returns Whether it is one.
 */
export function isDebugView(view: unknown): boolean {
  return typeof view === "object" && view !== null && "_epoch" in view;
}

/** Names of the properties that hold the views of parts. */
function partNames(parts: number): string[] {
  return Array.from({ length: parts }, (_, i) => `_n${i}`);
}

/** Creates the properties that cannot be added after the view is sealed. */
function addProperties(view: object, names: readonly string[]): void {
  for (const name of names) (view as Record<string, unknown>)[name] = undefined;
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
        `Cannot spread, clone or compare ${title}: its own properties are its state and none of ` +
          `its ${what}; use view.${instead}`,
      );
    },
  };
}

/** The classes of views in debug mode. */
export interface DebugViews {
  readonly whole: typeof debugViewClass;
  readonly part: typeof debugPartClass;
  readonly array: typeof debugArrayViewClass;
}

/** Makes the classes of views in debug mode. */
export const debugViews: DebugViews = {
  whole: debugViewClass,
  part: debugPartClass,
  array: debugArrayViewClass,
};
