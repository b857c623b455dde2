/**
 * What keeps handles apart. All of it exists in types alone.
 *
 * @module
 */

/** Key of the brand of a handle; it exists in types alone. */
export declare const brand: unique symbol;

/** What every handle has in types, and no plain number; no value has it. */
export interface Marked {
  /** Never there. */
  readonly [brand]: {
    /** So that the brand is no empty type, which everything would pass for. */
    readonly is: "handle";
  };
}

/**
 * What tells handles of one key from those of another; no value has it. It may be missing, so that an `AnyHandle`, which lacks it,
 * passes for a handle of any key.
 *
 * @typeParam K The key.
 */
export interface Branded<K> extends Marked {
  /** Never there. */
  readonly [brand]: {
    /** As for each handle. */
    readonly is: "handle";
    /** The key. Names are told apart as they are; fields must be the same ones, neither more nor fewer. */
    readonly of?: K extends string ? K : Exactly<K>;
  };
}

/**
 * Makes a type count as itself only, never as a subtype or supertype.
 *
 * @typeParam T The type.
 */
export type Exactly<T> = (of: T) => T;

/**
 * What the public `Handle` of a struct comes to. It has the same name since compilers show this one: so an error says `Handle<"Ship">`,
 * and not all that a ship is made of.
 *
 * @typeParam K Name of the struct; the fields where it has none.
 */
export type Handle<K> = number & Branded<K>;
