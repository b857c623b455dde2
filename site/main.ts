/**
 * The main page: starts its parts.
 *
 * @module
 */
import { configure } from "@slabs/pool";
import { startEditor } from "./struct/editor.ts";
import { startHandle } from "./handle/handle.ts";
import { startMemory } from "./memory/memory.ts";
import { startSparks } from "./sparks/sparks.ts";

// The page's policy forbids to compile code at run time. Without this the first pool would try to, and
// the browser would report that.
configure({ specialize: false });

startSparks();
startMemory();
startEditor();
startHandle();
