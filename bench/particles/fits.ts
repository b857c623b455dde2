/** The ways in which a `FreeListAllocator` can look for room. */
import type { Fit, FreeIndexKind } from "@slabs/pool";

export const FITS: readonly { readonly fit: Fit; readonly index: FreeIndexKind }[] = [
  { fit: "best", index: "tree" },
  { fit: "first", index: "list" },
  { fit: "next", index: "list" },
  { fit: "best", index: "list" },
  { fit: "worst", index: "list" },
];
