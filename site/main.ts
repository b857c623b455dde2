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

// The page's policy forbids to compile code at run time. Without this the first pool would try to,
// and the browser would report that. It costs nothing here, as the page has loops over one kind of
// record only: a step of 100,000 sparks takes 0.72 ms in V8 with shared code and with own code, at
// best, where plain objects take 3.9 ms.
configure({ specialize: false });

startSparks();
startMemory();
startEditor();
startHandle();
