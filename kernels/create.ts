/**
 * Choosing an engine.
 *
 * @module
 */

import type { Backend } from "./backend.ts";
import { DeviceError } from "./errors.ts";
import { createWasmBackend, type WasmOptions } from "./wasm/mod.ts";
import { createWebGpuBackend } from "./webgpu/backend.ts";
import { findAdapter, isSoftware } from "./webgpu/device.ts";

/**
 * Where to compute: on WebGPU, on the CPU, on a device that the caller opened (and will destroy), or, with `"auto"`, on
 * WebGPU if there is a real GPU and on the CPU otherwise.
 */
export type Device = "auto" | "webgpu" | "wasm" | GPUDevice;

/**
 * Opens an engine.
 *
 * @param options of the CPU engine
 * @throws {DeviceError} if the device is not there
 */
export async function createBackend(device: Device, options: WasmOptions = {}): Promise<Backend> {
  if (typeof device === "object" && device !== null && "createBuffer" in device) {
    return await createWebGpuBackend({ device });
  }
  switch (device) {
    case "webgpu":
      return await createWebGpuBackend();
    case "wasm":
      return await createWasmBackend(options);
    case "auto":
      return await hasGpu() ? await createWebGpuBackend() : await createWasmBackend(options);
  }
  throw new DeviceError(
    `Cannot use device ${JSON.stringify(device)}: expected "auto", "webgpu", "wasm" or a GPUDevice`,
  );
}

/** Whether there is an adapter that is not itself a CPU. */
async function hasGpu(): Promise<boolean> {
  const adapter = await findAdapter();
  return adapter !== null && !isSoftware(adapter.info);
}
