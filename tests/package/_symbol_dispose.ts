/** The key of `dispose()` for `using`, which stands in the package for `Symbol.dispose`. */
export const SYMBOL_DISPOSE: symbol = /* @__PURE__ */ keyOf(Symbol);

// A property of `Symbol` itself would be replaced here as well.
function keyOf({ dispose }: { dispose?: symbol }): symbol {
  return dispose ?? Symbol.for("Symbol.dispose");
}
