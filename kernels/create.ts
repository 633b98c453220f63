/**
 * Choosing an engine.
 *
 * @module
 */

import type { Backend, TuningStore } from "./backend.ts";
import { DeviceError } from "./errors.ts";
import { createWasmBackend, type WasmOptions } from "./wasm/mod.ts";
import { createWebGpuBackend, findAdapter, isSoftware } from "./webgpu/mod.ts";

/**
 * Where to compute: on WebGPU, on the CPU, on a device that the caller opened (and will destroy), or, with `"auto"`, on
 * WebGPU if there is a real GPU and on the CPU otherwise.
 */
export type Device = "auto" | "webgpu" | "wasm" | GPUDevice;

/** How to open an engine: which element type, where its tuning is kept, and options of the CPU engine. */
export interface BackendOptions extends WasmOptions {
  /** What weights and intermediate values are stored in. The CPU engine has `"float32"` alone. Default `"float32"`. */
  readonly dtype?: "float32" | "float16";
  /** Where a WebGPU engine finds and keeps what {@linkcode Backend.tune} measures. By default it is not kept. */
  readonly tuningStore?: TuningStore;
}

/**
 * Opens an engine.
 *
 * @throws {DeviceError} if the device is not there, or does not have the element type
 * @throws {TypeError} if there is no such element type
 */
export async function createBackend(device: Device, options: BackendOptions = {}): Promise<Backend> {
  const { dtype = "float32", tuningStore } = options;
  if (dtype !== "float32" && dtype !== "float16") {
    throw new TypeError(`Cannot compute in ${dtype}: expected dtype "float32" or "float16"`);
  }
  if (typeof device === "object" && device !== null && "createBuffer" in device) {
    return await createWebGpuBackend({ device, dtype, tuningStore });
  }
  switch (device) {
    case "webgpu":
      return await createWebGpuBackend({ dtype, tuningStore });
    case "wasm":
      return await createCpuBackend(options, 'device "wasm"');
    case "auto":
      return await hasGpu()
        ? await createWebGpuBackend({ dtype, tuningStore })
        : await createCpuBackend(options, "no GPU");
  }
  throw new DeviceError(
    `Cannot use device ${JSON.stringify(device)}: expected "auto", "webgpu", "wasm" or a GPUDevice`,
  );
}

/** The CPU engine; `found` says what led to it. */
async function createCpuBackend(options: BackendOptions, found: string): Promise<Backend> {
  if (options.dtype !== "float16") return await createWasmBackend(options);
  throw new DeviceError(
    `Cannot compute in float16: expected a WebGPU adapter with the feature shader-f16, found ${found}, and the CPU engine ` +
      "computes in float32. Leave dtype out",
  );
}

/** Whether there is an adapter that is not itself a CPU. */
async function hasGpu(): Promise<boolean> {
  const adapter = await findAdapter();
  return adapter !== null && !isSoftware(adapter.info);
}
