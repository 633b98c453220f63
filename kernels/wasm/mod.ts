/**
 * The CPU engine: WebAssembly SIMD kernels, on one thread or on many.
 *
 * @module
 */

export { createWasmBackend, WASM_OPTIONS, type WasmBackend, type WasmOptions } from "./backend.ts";
