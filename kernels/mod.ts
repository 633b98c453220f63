/**
 * The engines: tensors, the op vocabulary, and what runs it. Knows nothing of VQ models or of the Hub.
 *
 * @module
 */

export * from "./backend.ts";
export * from "./create.ts";
export * from "./errors.ts";
export * from "./graph.ts";
export * from "./pixels.ts";
export type { OpCost, OpProfile } from "./profile.ts";
export * from "./tensor.ts";
export type { WasmOptions } from "./wasm/mod.ts";
