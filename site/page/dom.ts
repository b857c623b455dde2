/**
 * Short ways to find and make elements.
 *
 * @module
 */

/**
 * Finds an element of the page.
 *
 * @param id Its id.
 * @param type Its class.
 * @returns The element.
 * @throws {Error} when there is none of that class: the script does not fit the page.
 */
export function byId<E extends Element>(id: string, type: new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} #${id}`);
  return element;
}

/** Attributes by name; those that are `undefined` are left out. */
type Attributes = Readonly<Record<string, string | number | undefined>>;

/**
 * Makes an element of HTML.
 *
 * @param name Name of the element.
 * @param attributes Its attributes. There must be no `style`, as the page's policy forbids it.
 * @param children What is in it.
 */
export function html<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(name), attributes, children);
}

/** Makes an element of SVG, as {@linkcode html} does. */
export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  return filled(element, attributes, children);
}

function filled<E extends Element>(
  element: E,
  attributes: Attributes,
  children: readonly (Node | string)[],
): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}
