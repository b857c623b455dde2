/**
 * `array()`, and the classes of the views of arrays.
 *
 * The type that `array()` returns has the code of arrays with it. Nothing else imports that code, so
 * bundles of programs without arrays do not have it.
 *
 * @module
 */
import { showAs, showValue } from "../messages/show.ts";
import {
  ArrayView,
  type ArrayViewClass,
  defineElementView,
  defineScalarArray,
  defineStructArray,
} from "./array_view.ts";
import { arrayLink, itemsWriter } from "./array_writer.ts";
import { scalarError } from "./record_errors.ts";
import { type Bound, SCALARS } from "./scalars.ts";
import {
  type ArrayType,
  arrayType,
  elementBytes,
  type ElementType,
  scalarOf,
  Struct,
} from "./schema.ts";
import { type ArrayCode, type Definitions, isUnbound, unitOfArray, WholeFrame } from "./view.ts";

/**
 * Makes the type of an array field of fixed length.
 *
 * @category Structs and views
 * @typeParam E Type of an element, inferred.
 * @param element A scalar, a struct or a {@linkcode ref}.
 * @param length Number of elements, a positive integer.
 * @returns The type, for a field of {@linkcode struct}, which checks it.
 *
 * @example Usage
 * ```ts
 * import { array, struct } from "@slabs/pool";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(struct({ rgba: array("u8", 4) }).size, 4);
 * ```
 */
export function array<E extends ElementType>(element: E, length: number): ArrayType<E> {
  return arrayType(element, length, CODE);
}

/** The code of arrays. */
const CODE: ArrayCode = { arrayLink, viewClass };

function viewClass(name: string, type: ArrayType, of: Definitions): ArrayViewClass {
  const View = plainViewClass(name, type, of);
  // Not by `extends`: V8 inlines only the constructors of classes without it.
  Object.setPrototypeOf(View.prototype, ArrayView.prototype);
  // Errors tell by it that a value is a view of an array.
  Object.defineProperty(View.prototype, "_of", { value: type });
  return View;
}

/** Stands for the outer value of an array that is written alone. */
const NO_FIELDS = {};

function plainViewClass(name: string, type: ArrayType, of: Definitions): ArrayViewClass {
  showAs<ArrayView>(
    ArrayView.prototype,
    (view) => isUnbound(view) ? "[unbound view]" : view.toArray(),
  );
  const { compile, writers } = of;
  const { element, length } = type;
  const unit = unitOfArray(type);
  let copy: ReturnType<typeof itemsWriter> | undefined; // made on first use: few arrays need it
  const copyFrom = (values: unknown, view: Bound) => {
    copy ??= itemsWriter(
      name,
      type,
      unit,
      0,
      (view) => view as Bound & ArrayView, // copyFrom() is called on it
      // In debug mode the getter of `_b` throws on a freed record.
      (_init, _seen, view) => view._b === undefined ? 0 : 1,
      compile,
      writers,
    );
    copy(values, NO_FIELDS, 0, view, undefined, 0, undefined);
  };
  if (element instanceof Struct) {
    const frames: WholeFrame[] = []; // by index, created on first use
    const write = (value: unknown, view: Bound, i: number) =>
      of.writeWhole(element, value, view, frames[i] ??= new WholeFrame(`${name}[${i}]`));
    const help = { indexError, write, copyFrom };
    return compile(
      defineStructArray,
      of.partViewClass(element, defineElementView),
      length,
      elementBytes(element) >> unit,
      help,
    );
  }
  const scalar = scalarOf(element);
  const { array, fits, decode } = SCALARS[scalar];
  const valueError = (i: number, value: unknown) =>
    scalarError(scalar, value, `${name}[${i}]`, undefined);
  const elements = { length, array, decode, fits };
  return compile(defineScalarArray, elements, { indexError, valueError, copyFrom });
}

function indexError(i: unknown, length: number): RangeError {
  return new RangeError(
    `Cannot reach element ${showValue(i)}: the array has elements 0 to ${length - 1}`,
  );
}
