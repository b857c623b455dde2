/**
 * Renders Markdown as HTML: headings with ids, code in colours, links between pages.
 *
 * @module
 */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import typescript from "highlight.js/lib/languages/typescript";
import { Marked } from "marked";
import { escaped } from "./shell.ts";

hljs.registerLanguage("bash", bash);
hljs.registerLanguage("c", c);
hljs.registerLanguage("typescript", typescript);

/** Languages as fences name them. Others are left without colours. */
const LANGUAGES: Readonly<Record<string, string>> = {
  c: "c",
  js: "typescript",
  sh: "bash",
  ts: "typescript",
  tsx: "typescript",
};

/**
 * Colours code.
 *
 * @param text The code.
 * @param language Language as a fence names it.
 * @returns Its HTML.
 */
export function coloured(text: string, language: string): string {
  const name = LANGUAGES[language];
  const code = name === undefined ? escaped(text) : hljs.highlight(text, { language: name }).value;
  return `<pre tabindex="0"><code>${code}</code></pre>\n`;
}

/**
 * Renders a text.
 *
 * @param text Markdown.
 * @param linkOf Returns where a link goes; `undefined` when its text shall stand without a link.
 * @returns HTML.
 */
export function rendered(text: string, linkOf: (href: string) => string | undefined): string {
  const marked = new Marked({ async: false });
  marked.use({
    renderer: {
      code: ({ text, lang = "" }) => coloured(text, lang.split(/\s/)[0]),
      heading({ tokens, depth, text }) {
        return `<h${depth} id="${slugOf(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens), target = linkOf(href);
        return target === undefined ? inner : `<a href="${escaped(target)}">${inner}</a>`;
      },
      image: ({ href, text }) =>
        `<img src="${escaped(linkOf(href) ?? href)}" alt="${escaped(text)}" loading="lazy">`,
      table({ header, rows }) {
        const cells = (row: typeof header, tag: string) =>
          row.map(({ tokens, align }) =>
            `<${tag}${align === null ? "" : ` align="${align}"`}>${
              this.parser.parseInline(tokens)
            }</${tag}>`
          ).join("");
        const body = rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
        return `<div class="wide" tabindex="0"><table><thead><tr>${
          cells(header, "th")
        }</tr></thead>\n<tbody>${body}</tbody></table></div>\n`;
      },
    },
  });
  return marked.parse(text) as string; // a string, as it is not async
}

/** @returns The id of a heading, as code hosts make it. */
export function slugOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}
