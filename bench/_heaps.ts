/** Every way in which a `FreeListAllocator` can look for room. */
import type { Fit, FreeIndexKind } from "@slabs/pool";

/** A fit, and the index that it is found with. */
export interface HeapKind {
  readonly fit: Fit;
  readonly index: FreeIndexKind;
}

export const heapKinds: readonly HeapKind[] = [
  { fit: "first", index: "list" },
  { fit: "next", index: "list" },
  { fit: "best", index: "list" },
  { fit: "worst", index: "list" },
  { fit: "best", index: "tree" },
];
