/**
 * The allocator of @thi.ng/malloc. One of its modules asks for `NODE_ENV` as it is loaded, which would take a permission
 * for every bench: it is given an empty environment to look at, in which it checks what it does by default.
 *
 * @module
 */
import process from "node:process";
import type { MemPool as MemPoolClass } from "@thi.ng/malloc";

const { env } = process;
Object.defineProperty(process, "env", { value: {}, configurable: true, writable: true });

/** First fit, in lists of the free and of the used blocks. */
export const MemPool: typeof MemPoolClass = (await import("@thi.ng/malloc")).MemPool;

Object.defineProperty(process, "env", { value: env, configurable: true, writable: true });
