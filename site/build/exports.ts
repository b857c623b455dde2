/**
 * Finds what a module exports, with signatures and doc comments, in its source text. The source has
 * all types of its exports written out, so that text is enough and nothing need be checked.
 *
 * @module
 */
import ts from "typescript";

/** A doc comment. */
export interface Doc {
  /** What stands before the tags, as Markdown. */
  readonly text: string;
  readonly tags: readonly { readonly name: string; readonly text: string }[];
}

/** A member of a class or an interface. */
export interface Member {
  readonly name: string;
  /** One, or one for each overload. */
  readonly signatures: readonly string[];
  readonly doc: Doc;
}

/** An export. */
export interface Export extends Member {
  readonly members: readonly Member[];
}

type Exports = Map<string, ts.Node[]>;

/**
 * @param file A module.
 * @returns Its exports, in order.
 */
export function readExports(file: URL): Export[] {
  return [...exportsOf(file, new Map())].map(([name, nodes]) => ({
    ...memberOf(name, nodes),
    members: membersOf(nodes[0]),
  }));
}

// -- which --

/** @param known Modules that were read before. */
function exportsOf(file: URL, known: Map<string, Exports>): Exports {
  const before = known.get(file.href);
  if (before !== undefined) return before;
  const found: Exports = new Map();
  known.set(file.href, found);
  const text = Deno.readTextFileSync(file);
  const source = ts.createSourceFile(file.pathname, text, ts.ScriptTarget.ESNext, true);
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement)) addAll(found, statement, file, known);
    else if (isExported(statement)) {
      for (const name of namesOf(statement)) found.set(name, [...found.get(name) ?? [], statement]);
    }
  }
  return found;
}

/** Adds what a statement exports of another module. */
function addAll(
  found: Exports,
  { moduleSpecifier, exportClause }: ts.ExportDeclaration,
  file: URL,
  known: Map<string, Exports>,
): void {
  if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return;
  const theirs = exportsOf(new URL(moduleSpecifier.text, file), known);
  if (exportClause === undefined) theirs.forEach((nodes, name) => found.set(name, nodes));
  else if (ts.isNamedExports(exportClause)) {
    for (const { name, propertyName } of exportClause.elements) {
      const nodes = theirs.get((propertyName ?? name).text);
      if (nodes !== undefined) found.set(name.text, nodes);
    }
  }
}

function isExported(statement: ts.Statement): boolean {
  return ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(
        ({ kind }) => kind === ts.SyntaxKind.ExportKeyword,
      ) === true;
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const { name } = statement as ts.DeclarationStatement; // all others that can be exported are
  return name === undefined ? [] : [name.getText()];
}

// -- what --

function memberOf(name: string, nodes: readonly ts.Node[]): Member {
  // With overloads, the one that has a body is not called by its own signature.
  const overloads = nodes.length === 1
    ? nodes
    : nodes.filter((node) => bodyStart(node) === node.end);
  const documented = nodes.find((node) => docOf(node).text !== "") ?? nodes[0];
  return { name, signatures: overloads.map(signatureOf), doc: docOf(documented) };
}

function membersOf(node: ts.Node): Member[] {
  if (!ts.isClassDeclaration(node) && !ts.isInterfaceDeclaration(node)) return [];
  const byName = new Map<string, ts.Node[]>();
  for (const member of node.members) {
    if (!isPublic(member)) continue;
    const name = ts.isConstructorDeclaration(member) ? "constructor" : member.name?.getText() ?? "";
    byName.set(name, [...byName.get(name) ?? [], member]);
  }
  return [...byName].map(([name, nodes]) => memberOf(name, nodes));
}

function isPublic(member: ts.ClassElement | ts.TypeElement): boolean {
  const flags = ts.getCombinedModifierFlags(member as ts.Declaration); // every member is one
  if ((flags & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0) return false;
  if (/^[_#]/.test(member.name?.getText() ?? "")) return false;
  return !docOf(member).tags.some(({ name }) => name === "ignore" || name === "internal");
}

/** The text of a declaration without its body, its value, or its members. */
function signatureOf(node: ts.Node): string {
  return node.getSourceFile().text.slice(node.getStart(), bodyStart(node))
    .replace(/[\s{=;]+$/, "")
    .replace(/^export (declare )?/, "")
    .replace(/\b(declare|override|abstract) (?!class)/g, "")
    .replace(/^ {2}/gm, node.parent === node.getSourceFile() ? "  " : "");
}

function bodyStart(node: ts.Node): number {
  if (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) return node.members.pos;
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations[0].initializer?.pos ?? node.end;
  }
  if (ts.isPropertyDeclaration(node)) return node.initializer?.pos ?? node.end;
  return (node as ts.FunctionLikeDeclaration).body?.pos ?? node.end; // others have no body
}

// -- doc comments --

function docOf(node: ts.Node): Doc {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const raw = comments.at(-1)?.getText() ?? "";
  const lines = raw.replace(/^\/\*\*|\*\/$/g, "").split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""));
  const parts: { name: string; text: string }[] = [{ name: "", text: "" }];
  let isCode = false;
  for (const line of lines) {
    if (line.startsWith("```")) isCode = !isCode;
    const tag = isCode ? null : /^@(\w+) ?(.*)$/.exec(line);
    if (tag !== null) parts.push({ name: tag[1], text: tag[2] });
    else parts[parts.length - 1].text += `\n${line}`;
  }
  const [{ text }, ...tags] = parts.map((part) => ({ ...part, text: part.text.trim() }));
  return { text, tags };
}
