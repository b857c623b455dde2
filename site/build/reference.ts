/**
 * The reference: a page for each category of exports, made from their doc comments.
 *
 * @module
 */
import { type Doc, type Export, type Member, readExports } from "./exports.ts";
import { coloured, rendered, slugOf } from "./markdown.ts";
import { escaped, pageOf } from "./shell.ts";

const MODULE = new URL("../../mod.ts", import.meta.url);

/** Writes the pages of the reference. */
export async function writeReference(dist: URL): Promise<void> {
  const folder = new URL("reference/", dist);
  await Deno.mkdir(folder, { recursive: true });
  const reference = new Reference(readExports(MODULE));
  for (const [name, html] of reference.pages()) {
    await Deno.writeTextFile(new URL(name, folder), html);
  }
}

class Reference {
  /** Exports by category, in the order of the module. */
  readonly #categories: ReadonlyMap<string, readonly Export[]>;
  /** Where each export is described. */
  readonly #links: ReadonlyMap<string, string>;

  constructor(all: readonly Export[]) {
    this.#categories = Map.groupBy(all, ({ doc }) => tagOf(doc, "category") ?? "Others");
    this.#links = new Map(
      [...this.#categories].flatMap(([category, exports]) =>
        exports.map(({ name }) => [name, `${fileOf(category)}#${name}`] as const)
      ),
    );
  }

  /** @returns Each page by its name. */
  *pages(): Generator<[string, string]> {
    yield ["index.html", this.#page("Reference", this.#index())];
    for (const [category, exports] of this.#categories) {
      const body = exports.map((it) => this.#export(it)).join("\n");
      yield [fileOf(category), this.#page(category, `<h1>${category}</h1>\n${body}`)];
    }
  }

  #page(title: string, main: string): string {
    const items = ["Reference", ...this.#categories.keys()].map((name) => {
      const current = name === title ? ' aria-current="page"' : "";
      return `<li><a href="${
        name === "Reference" ? "./" : fileOf(name)
      }"${current}>${name}</a></li>`;
    });
    const list = `<ul>${items.join("")}</ul>`;
    return pageOf({
      title: `${title} · Slabs`,
      description: `Reference of Slabs: ${title}`,
      root: "../",
      body: `<div class="reader">
<nav class="side" aria-label="Reference">${list}</nav>
<details class="side-small"><summary>Pages of the reference</summary>${list}</details>
<main id="content" class="prose reference">
${main}
</main>
</div>`,
    });
  }

  #index(): string {
    const parts = [...this.#categories].map(([category, exports]) => {
      const items = exports.map(({ name, doc }) =>
        `<dt><a href="${this.#links.get(name)}"><code>${name}</code></a></dt><dd>${
          this.#inline(firstSentence(doc))
        }</dd>`
      );
      return `<h2><a href="${fileOf(category)}">${category}</a></h2>\n<dl class="index">${
        items.join("\n")
      }</dl>`;
    });
    return `<h1>Reference</h1>\n${parts.join("\n")}`;
  }

  #export(it: Export): string {
    const members = it.members.map((member) => this.#member(member, `${it.name}.${member.name}`));
    return `<section class="export">\n${this.#entry(it, it.name, "h2")}${
      members.join("\n")
    }</section>`;
  }

  #member(member: Member, id: string): string {
    return `<div class="member">\n${this.#entry(member, id, "h3")}</div>`;
  }

  #entry({ name, signatures, doc }: Member, id: string, heading: string): string {
    const code = signatures.map((signature) => coloured(signature, "ts")).join("");
    return `<${heading} id="${escaped(id)}">${escaped(name)}</${heading}>\n${code}${
      this.#text(doc.text)
    }${this.#tags(doc)}`;
  }

  #tags({ tags }: Doc): string {
    const rows = tags.flatMap(({ name, text }) => {
      const term = TERMS[name];
      return term === undefined
        ? []
        : [`<dt>${term}</dt><dd>${this.#inline(withCode(name, text))}</dd>`];
    });
    const examples = tags.filter(({ name }) => name === "example").map(({ text }) => {
      const [title, ...body] = text.split("\n");
      return `<details><summary>Example${
        title === "Usage" || title.startsWith("\`") ? "" : `: ${this.#inline(title)}`
      }</summary>${this.#text(title.startsWith("\`") ? text : body.join("\n"))}</details>`;
    });
    const list = rows.length === 0 ? "" : `<dl class="tags">${rows.join("\n")}</dl>\n`;
    return list + examples.join("\n");
  }

  /** Markdown as blocks, with links to other exports. */
  #text(text: string): string {
    const linked = text.replace(/\{@link(?:code)?\s+([^}\s]+)\s*([^}]*)\}/g, (_, name, title) => {
      const link = this.#links.get(name), shown = title || name;
      return link === undefined ? `\`${shown}\`` : `[\`${shown}\`](${link})`;
    });
    return rendered(linked, (href) => href.startsWith(".") ? undefined : href);
  }

  /** Markdown of one paragraph. */
  #inline(text: string): string {
    return this.#text(text).replace(/^<p>|<\/p>\s*$/g, "");
  }
}

/** Tags that are shown, by what they are called. */
const TERMS: Readonly<Record<string, string | undefined>> = {
  default: "Default",
  param: "Parameter",
  returns: "Returns",
  throws: "Throws",
  typeParam: "Type parameter",
};

/** Sets the name of a parameter, the class of an error or a default value as code. */
function withCode(tag: string, text: string): string {
  if (tag === "throws") return text.replace(/^\{([^}]+)\}/, "`$1`");
  if (tag === "default") return text.replace(/^\{(.*)\}$/s, "`$1`");
  return tag === "returns" ? text : text.replace(/^\S+/, "`$&`:");
}

function tagOf({ tags }: Doc, name: string): string | undefined {
  return tags.find((tag) => tag.name === name)?.text;
}

function firstSentence({ text }: Doc): string {
  const paragraph = text.split("\n\n")[0].replaceAll("\n", " ");
  return /^.*?[.:](?= [A-Z{]|$)/.exec(paragraph)?.[0] ?? paragraph;
}

function fileOf(category: string): string {
  return `${slugOf(category)}.html`;
}
