// What the declarations need and TypeScript's es2022 library lacks. They merge with those of newer
// libraries and of @types/node.

interface SymbolConstructor {
  readonly dispose: unique symbol;
}

interface Disposable {
  [Symbol.dispose](): void;
}

declare namespace WebAssembly {
  interface Memory {
    grow(delta: number): number;
  }
}
