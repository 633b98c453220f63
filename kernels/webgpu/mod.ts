/**
 * The WebGPU engine.
 *
 * @module
 */

export { createWebGpuBackend, type WebGpuOptions } from "./backend.ts";
export { findAdapter, isSoftware } from "./device/device.ts";
