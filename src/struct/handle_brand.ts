/**
 * The brands of handle types, which exist only in types.
 *
 * They are in a file of their own, since its `Handle` has the same name as the public one.
 *
 * @module
 */

/**
 * Key of the brand of a handle; it exists only in types.
 *
 * @category Handles
 * @internal
 */
export declare const brand: unique symbol;

/**
 * The brand of every handle, which no plain number has in types. No value has it.
 *
 * @category Handles
 * @internal
 */
export interface Marked {
  /** Exists only in types. */
  readonly [brand]: {
    /** Without it the brand would be an empty type, to which every value is assignable. */
    readonly is: "handle";
  };
}

/**
 * The brand of the handles of one key. No value has it. The key is optional, so that an
 * `AnyHandle`, which has none, is assignable to a handle of any key.
 *
 * @category Handles
 * @internal
 * @typeParam K The key.
 */
export interface Branded<K> extends Marked {
  /** Exists only in types. */
  readonly [brand]: {
    /** The same for each handle. */
    readonly is: "handle";
    /** The key: a name, or fields, which must be exactly the same. */
    readonly of?: K extends string ? K : Exactly<K>;
  };
}

/**
 * Makes a type invariant: assignable neither to a subtype nor to a supertype.
 *
 * @category Handles
 * @internal
 * @typeParam T The type.
 */
export type Exactly<T> = (of: T) => T;

/**
 * The type that the public `Handle` of a struct resolves to. It has the same name because the
 * compiler shows this one: an error says `Handle<"Ship">` and does not list the fields of a ship.
 *
 * @category Handles
 * @typeParam K Name of the struct; its fields when it has no name.
 */
export type Handle<K> = number & Branded<K>;
