/**
 * Opens an engine.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "./check_options.ts";
import type { Backend, TuningStore } from "./backend.ts";
import { DeviceError } from "./errors.ts";
import type { WasmOptions } from "./wasm/mod.ts";
import type { WebGpuOptions } from "./webgpu/mod.ts";

/**
 * Where to compute: on WebGPU, on the CPU, on a device that the caller opened (and will destroy), or, with `"auto"`, on
 * WebGPU if there is a real GPU and on the CPU otherwise.
 */
export type Device = "auto" | "webgpu" | "wasm" | GPUDevice;

/** How to open an engine: element type, tuning store, and options of the CPU engine. */
export interface BackendOptions extends WasmOptions {
  /** Element type of stored weights and intermediate values; the CPU engine has only `"float32"`, the default. */
  readonly dtype?: "float32" | "float16";
  /**
   * How a WebGPU engine holds the weights of 3×3 convolutions. `"compact"`: once; Winograd's algorithm transforms them in
   * each call. `"fast"`: transformed, which takes four times the memory, as far as the device has it. Default:
   * `"compact"` on a GPU, where that costs a few percent of the time, `"fast"` on a software adapter. No effect on
   * the CPU engine.
   */
  readonly weights?: "compact" | "fast";
  /** Where a WebGPU engine stores what {@linkcode Backend.tune} measures. By default it is not stored. */
  readonly tuningStore?: TuningStore;
}

/** Those of the CPU engine are repeated, because its module is only loaded when it is opened. */
const BACKEND_OPTIONS: OptionNames<BackendOptions> = {
  threads: true,
  signal: true,
  onFallback: true,
  weightBytes: true,
  algorithm: true,
  wide: true,
  dtype: true,
  weights: true,
  tuningStore: true,
};

/**
 * Opens an engine, whose modules are only loaded now.
 *
 * @throws {DeviceError} if the device is not available or does not support the element type
 * @throws {RangeError} if `threads` is not a whole number ≥ 1, and the CPU engine is opened
 * @throws {TypeError} for an unknown option, `dtype` or `weights`
 */
export async function createBackend(device: Device, options: BackendOptions = {}): Promise<Backend> {
  checkOptions("open engine", options, BACKEND_OPTIONS);
  const { dtype = "float32", weights, tuningStore } = options;
  if (dtype !== "float32" && dtype !== "float16") {
    throw new TypeError(`Cannot compute in ${dtype}: expected dtype "float32" or "float16"`);
  }
  if (weights !== undefined && weights !== "compact" && weights !== "fast") {
    throw new TypeError(`Cannot hold weights as ${weights}: expected weights "compact" or "fast"`);
  }
  if (typeof device === "object" && device !== null && "createBuffer" in device) {
    return await createWebGpuBackend({ device, dtype, weights, tuningStore });
  }
  switch (device) {
    case "webgpu":
      return await createWebGpuBackend({ dtype, weights, tuningStore });
    case "wasm":
      return await createCpuBackend(options, 'device "wasm"');
    case "auto":
      return await hasGpu()
        ? await createWebGpuBackend({ dtype, weights, tuningStore })
        : await createCpuBackend(options, "no GPU");
  }
  throw new DeviceError(
    `Cannot use device ${JSON.stringify(device)}: expected "auto", "webgpu", "wasm" or a GPUDevice`,
  );
}

async function createWebGpuBackend(options: WebGpuOptions): Promise<Backend> {
  const webgpu = await import("./webgpu/mod.ts");
  return await webgpu.createWebGpuBackend(options);
}

/** The CPU engine; `found` says why it was chosen. */
async function createCpuBackend(
  { dtype, weights: _weights, tuningStore: _tuningStore, ...options }: BackendOptions,
  found: string,
): Promise<Backend> {
  if (dtype !== "float16") {
    const wasm = await import("./wasm/mod.ts");
    return await wasm.createWasmBackend(options);
  }
  throw new DeviceError(
    `Cannot compute in float16: expected a WebGPU adapter with the feature shader-f16, found ${found}, and the CPU engine ` +
      "computes in float32. Leave dtype out",
  );
}

/** Whether there is an adapter that is not a software one. */
async function hasGpu(): Promise<boolean> {
  if (!globalThis.navigator?.gpu) return false;
  const { findAdapter, isSoftware } = await import("./webgpu/mod.ts");
  const adapter = await findAdapter();
  return adapter !== null && !isSoftware(adapter.info);
}
