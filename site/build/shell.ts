/**
 * The frame of every page: head, policy, navigation.
 *
 * @module
 */

/**
 * The content security policy of every page. Nothing but the site's own files is loaded or run, and
 * no code is compiled at run time: the pools of the page share the module's own code.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** What differs from page to page. */
export interface Page {
  readonly title: string;
  /** One sentence, for search engines. */
  readonly description: string;
  /** The way from the page to the root of the site: `"./"`, `"../"`. */
  readonly root: string;
  /** What is in the body, as HTML. */
  readonly body: string;
  /** Path of the page's script from the root, if it has one beside those of all pages. */
  readonly script?: string;
}

/** @returns The HTML of a page. */
export function pageOf({ title, description, root, body, script }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escaped(description)}">
<title>${escaped(title)}</title>
<link rel="icon" href="${root}icon.svg" type="image/svg+xml">
<link rel="manifest" href="${root}manifest.webmanifest">
<link rel="stylesheet" href="${root}style.css">
<script src="${root}theme.js"></script>
<script type="module" src="${root}offline.js"></script>
${script === undefined ? "" : `<script type="module" src="${root}${script}"></script>`}
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="bar">
<a class="brand" href="${root}">Slabs</a>
<nav aria-label="Site">
<a class="part" href="${root}#memory">Memory</a>
<a class="part" href="${root}#struct">Structs</a>
<a class="part" href="${root}#handle">Handles</a>
<a href="${root}guide/first_pool.html">Guide</a>
<a href="${root}reference/">Reference</a>
</nav>
<button id="theme" class="quiet" type="button" aria-label="Dark or light" title="Dark or light">◐</button>
</header>
${body}
</body>
</html>
`;
}

/** Escapes text for HTML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (it) => `&#${it.charCodeAt(0)};`);
}
