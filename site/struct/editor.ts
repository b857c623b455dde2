/**
 * The part of the page in which a struct is written and its layout is seen.
 *
 * @module
 */
import { type AnyStruct, SchemaError, toC, toWGSL } from "@slabs/pool";
import { byId, html } from "../page/dom.ts";
import { build, codeOf, type Layout } from "./builder.ts";
import { drawLayout } from "./drawing.ts";
import { ParseError, parseSchema, type StructNode } from "./parser.ts";

/** The texts that can be shown of a struct, by the name of their tab. */
type Tab = "use" | "c" | "wgsl";

/** Starts the part. */
export function startEditor(): void {
  new Editor();
}

class Editor {
  readonly #source = byId("struct-source", HTMLTextAreaElement);
  readonly #error = byId("struct-error", HTMLElement);
  readonly #layouts = byId("struct-layouts", HTMLElement);
  readonly #text = byId("struct-text", HTMLElement);
  readonly #copy = byId("struct-copy", HTMLButtonElement);
  #nodes: readonly StructNode[] = [];
  #struct: AnyStruct | undefined;
  #layout: Layout = "c";
  #tab: Tab = "use";

  constructor() {
    this.#source.addEventListener("input", () => this.#read());
    for (const radio of document.querySelectorAll<HTMLInputElement>("#struct [name=tab]")) {
      radio.addEventListener("change", () => {
        this.#tab = radio.value as Tab; // the values in the page are these
        this.#showText();
      });
    }
    this.#copy.addEventListener("click", () => this.#copyText());
    this.#read();
  }

  #read(): void {
    try {
      const nodes = parseSchema(this.#source.value);
      const structs = { c: build(nodes, "c"), compact: build(nodes, "compact") };
      this.#nodes = nodes;
      if (structs.compact.size === structs.c.size) this.#layout = "c";
      this.#layouts.replaceChildren(
        ...(["c", "compact"] as const).map((layout) => this.#layoutOf(layout, structs)),
      );
      this.#struct = structs[this.#layout];
      this.#error.textContent = "";
    } catch (error) {
      if (!(error instanceof SchemaError || error instanceof ParseError)) throw error;
      this.#error.textContent = error.message;
    }
    this.#source.setAttribute("aria-invalid", String(this.#error.textContent !== ""));
    this.#showText();
  }

  /** A layout with its size, and the button that chooses it for the texts. */
  #layoutOf(layout: Layout, structs: Readonly<Record<Layout, AnyStruct>>): Element {
    const struct = structs[layout];
    const radio = html("input", { type: "radio", name: "layout", value: layout });
    radio.checked = layout === this.#layout;
    radio.addEventListener("change", () => {
      this.#layout = layout;
      this.#struct = struct;
      this.#showText();
    });
    const title = layout === "c" ? "As C lays it out" : "Compact";
    const size = `${struct.size} bytes, align ${struct.align}`;
    return html(
      "div",
      {},
      html("label", { class: "layout-title" }, radio, html("strong", {}, title), ` ${size}`),
      drawLayout(struct),
    );
  }

  #showText(): void {
    if (this.#struct === undefined) return;
    this.#text.textContent = textOf(this.#tab, this.#struct, this.#nodes, this.#layout);
    this.#copy.textContent = "Copy";
  }

  async #copyText(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#text.textContent ?? "");
      this.#copy.textContent = "Copied";
    } catch { // not allowed: then the text is selected, to be copied by hand
      getSelection()?.selectAllChildren(this.#text);
    }
  }
}

function textOf(
  tab: Tab,
  struct: AnyStruct,
  nodes: readonly StructNode[],
  layout: Layout,
): string {
  if (tab === "use") return codeOf(nodes, layout);
  try {
    return tab === "c" ? toC(struct) : toWGSL(struct);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    return error.message;
  }
}
