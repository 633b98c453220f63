/**
 * The number of processors.
 *
 * @module
 */

import { findNodeModule } from "./node_modules.ts";

/** How many threads can run at the same time; 1 where the runtime does not tell. Node 20 has no `navigator`. */
export function countProcessors(): number {
  return globalThis.navigator?.hardwareConcurrency ?? findNodeModule("node:os")?.availableParallelism() ?? 1;
}
