/**
 * Reads a schema as it stands in a program, without running it: `struct({ hp: "u16" })`.
 *
 * ```text
 * schema   = statement+
 * statement= [ "const" NAME "=" ] ( call | fields ) [ ";" ]
 * call     = "struct" "(" fields [ "," options ] ")"
 * fields   = "{" { NAME ":" type "," } "}"
 * options  = "{" { NAME ":" STRING "," } "}"
 * type     = STRING | NAME | call | "array" "(" type "," NUMBER ")"
 *          | "ref" "(" ( NAME | STRING ) ")"
 * ```
 *
 * @module
 */

/** A type as it is written. */
export type TypeNode =
  | { readonly kind: "scalar"; readonly name: string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "array"; readonly element: TypeNode; readonly length: number }
  | { readonly kind: "ref"; readonly target: string; readonly isSelf: boolean }
  | StructNode;

/** A struct as it is written. */
export interface StructNode {
  readonly kind: "struct";
  /** Name of its constant; `""` if it has none. */
  readonly constant: string;
  readonly options: ReadonlyMap<string, string>;
  readonly fields: readonly { readonly name: string; readonly type: TypeNode }[];
}

/** What is wrong with a text, and where. */
export class ParseError extends Error {
  override readonly name = "ParseError";
}

const TOKEN =
  /\s+|\/\/[^\n]*|\/\*[^]*?\*\/|("[^"\n]*"|'[^'\n]*'|[\p{ID_Start}$_][\p{ID_Continue}$]*|\d+|[{}()[\],:=;])/uy;

interface Token {
  readonly text: string;
  readonly line: number;
}

/**
 * Reads a schema.
 *
 * @param text The schema.
 * @returns Its structs, in order.
 * @throws {ParseError} when it is none.
 */
export function parseSchema(text: string): StructNode[] {
  const parser = new Parser(tokensOf(text));
  const structs: StructNode[] = [];
  while (!parser.isAtEnd) structs.push(parser.statement());
  if (structs.length === 0) throw new ParseError('Write a struct: { x: "f32", hp: "u16" }');
  return structs;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (let at = 0; at < text.length;) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw new ParseError(`Line ${line}: unexpected ${text[at]}`);
    if (match[1] !== undefined) tokens.push({ text: match[1], line });
    line += match[0].split("\n").length - 1;
    at = TOKEN.lastIndex;
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  get #text(): string {
    return this.#tokens[this.#at]?.text ?? "the end";
  }

  statement(): StructNode {
    let constant = "";
    this.#take("export");
    if (this.#take("const")) {
      constant = this.#name("a name");
      this.#expect("=");
    }
    const struct = this.#text === "{"
      ? { kind: "struct", constant, options: new Map(), fields: this.#fields() } as const
      : this.#struct(constant);
    this.#take(";");
    return struct;
  }

  #struct(constant: string): StructNode {
    this.#expect("struct");
    this.#expect("(");
    const fields = this.#fields();
    const options = new Map<string, string>();
    if (this.#take(",") && this.#text === "{") {
      this.#list(() => {
        const option = this.#key();
        this.#expect(":");
        options.set(option, this.#string());
      });
      this.#take(",");
    }
    this.#expect(")");
    return { kind: "struct", constant, options, fields };
  }

  #fields(): StructNode["fields"] {
    const fields: { name: string; type: TypeNode }[] = [];
    this.#list(() => {
      const name = this.#key();
      this.#expect(":");
      fields.push({ name, type: this.#type() });
    });
    return fields;
  }

  /** Reads `{ item, item, }`. */
  #list(item: () => void): void {
    this.#expect("{");
    while (!this.#take("}")) {
      item();
      if (this.#text !== "}") this.#expect(",");
    }
  }

  #type(): TypeNode {
    const text = this.#text;
    if (isString(text)) return { kind: "scalar", name: this.#string() };
    if (text === "struct") return this.#struct("");
    if (text === "array") return this.#array();
    if (text === "ref") return this.#ref();
    return { kind: "name", name: this.#name('a type, such as "f32"') };
  }

  #array(): TypeNode {
    this.#expect("array");
    this.#expect("(");
    const element = this.#type();
    this.#expect(",");
    const length = this.#text;
    if (!/^\d+$/.test(length)) this.#fail("a number of elements");
    this.#at++;
    this.#take(",");
    this.#expect(")");
    return { kind: "array", element, length: Number(length) };
  }

  #ref(): TypeNode {
    this.#expect("ref");
    this.#expect("(");
    const isSelf = isString(this.#text);
    const target = isSelf ? this.#string() : this.#name('a struct, or "self"');
    this.#expect(")");
    return { kind: "ref", target, isSelf };
  }

  #key(): string {
    return isString(this.#text) ? this.#string() : this.#name("the name of a field");
  }

  #name(wanted: string): string {
    if (!/^[\p{ID_Start}$_]/u.test(this.#text) || this.isAtEnd) this.#fail(wanted);
    return this.#tokens[this.#at++].text;
  }

  #string(): string {
    if (!isString(this.#text)) this.#fail("a string");
    return this.#tokens[this.#at++].text.slice(1, -1);
  }

  #take(text: string): boolean {
    if (this.#text !== text || this.isAtEnd) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail(text);
  }

  #fail(wanted: string): never {
    const line = (this.#tokens[this.#at] ?? this.#tokens.at(-1))?.line ?? 1;
    throw new ParseError(`Line ${line}: expected ${wanted}, got ${this.#text}`);
  }
}

function isString(text: string): boolean {
  return text[0] === '"' || text[0] === "'";
}
