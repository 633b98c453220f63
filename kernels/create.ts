/**
 * Choosing an engine.
 *
 * @module
 */

import type { Backend } from "./backend.ts";
import { DeviceError } from "./errors.ts";
import { createWebGpuBackend } from "./webgpu/backend.ts";

/** Where to compute: the best there is, WebGPU, or a device that the caller opened (and will destroy). */
export type Device = "auto" | "webgpu" | GPUDevice;

/**
 * Opens an engine.
 *
 * @throws {DeviceError} if the device is not there
 */
export async function createBackend(device: Device): Promise<Backend> {
  if (typeof device === "object" && device !== null) return await createWebGpuBackend({ device });
  if (device === "auto" || device === "webgpu") return await createWebGpuBackend();
  throw new DeviceError(`Cannot use device ${JSON.stringify(device)}: expected "auto", "webgpu" or a GPUDevice`);
}
