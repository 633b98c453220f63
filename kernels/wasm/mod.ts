/**
 * The CPU engine: WebAssembly SIMD kernels, on one thread or on many.
 *
 * @module
 */

export { createWasmBackend, type WasmOptions } from "./backend.ts";
