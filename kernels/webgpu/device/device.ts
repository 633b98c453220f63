/**
 * Opens WebGPU devices with the limits of their adapters: WebGPU's default limits are far lower.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { OutOfMemoryError } from "./buffer_pool.ts";
import { HARDWARE, SOFTWARE, SWIFTSHADER, type Tuning } from "../shader/tiles.ts";

/** A copy of an adapter's info. */
export type AdapterInfo = Pick<GPUAdapterInfo, "vendor" | "architecture" | "device" | "description">;

/** A device and its adapter's properties. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly info: AdapterInfo;
  /** Whether the adapter computes on the CPU, for which other tiles are faster; see `shader/tiles.ts`. */
  readonly software: boolean;
  /** Whether the caller passed the device, and destroys it. */
  readonly borrowed: boolean;
}

const LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
] as const;

const FEATURES: GPUFeatureName[] = ["timestamp-query", "shader-f16"];

/** The high-performance adapter, or `null` if there is none. */
export async function findAdapter(gpu = runtimeGpu()): Promise<GPUAdapter | null> {
  return await gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? null;
}

function runtimeGpu(): GPU | undefined {
  return (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
}

/** Whether an adapter computes on the CPU, as Mesa's llvmpipe does. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter || isSwiftShader(info) ||
    /llvmpipe|lavapipe|software|basic render/i.test(info.description);
}

function isSwiftShader({ architecture, description }: AdapterInfo): boolean {
  return /swiftshader/i.test(`${architecture} ${description}`);
}

/** The kernel constants for a device. */
export function tuningFor({ software, info }: Gpu): Tuning {
  if (!software) return HARDWARE;
  return isSwiftShader(info) ? SWIFTSHADER : SOFTWARE;
}

/**
 * Requests a device with the adapter's limits.
 *
 * @throws {DeviceError} if there is no adapter, or it does not provide a device
 */
export async function openGpu(gpu?: GPU): Promise<Gpu> {
  const adapter = await findAdapter(gpu);
  if (!adapter) {
    throw new DeviceError(
      "Cannot open a WebGPU device: no adapter was found. Install a Vulkan, Metal or Direct3D 12 driver (a software one " +
        'such as Debian\'s mesa-vulkan-drivers will do), or use device: "wasm"',
    );
  }
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
    });
    return { device, ...describe(adapter.info), borrowed: false };
  } catch (cause) {
    throw new DeviceError(`Cannot open a WebGPU device on ${adapter.info?.description || "the adapter"}: ${cause}`, {
      cause,
    });
  }
}

/** Wraps a device that the caller opened and will destroy. */
export async function borrowGpu(device: GPUDevice): Promise<Gpu> {
  return { device, ...describe(await infoOf(device)), borrowed: true };
}

/**
 * The info of a device's adapter. In Deno, `device.adapterInfo` ends the process if the adapter was garbage-collected, so
 * there it is that of the preferred adapter, which is nearly always the same.
 */
async function infoOf(device: GPUDevice): Promise<GPUAdapterInfo | undefined> {
  return "Deno" in globalThis ? (await findAdapter())?.info : device.adapterInfo;
}

function describe(info?: GPUAdapterInfo): Pick<Gpu, "info" | "software"> {
  const { vendor = "", architecture = "", device = "", description = "" } = info ?? {};
  return { info: { vendor, architecture, device, description }, software: info !== undefined && isSoftware(info) };
}

/** Waits until `device.lost` has resolved if the device was lost, which may be why an operation failed. */
export function noticeLoss(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Checks that a device supports float16.
 *
 * @throws {DeviceError} if it does not
 */
export function checkFloat16({ device, info, borrowed }: Gpu): void {
  if (device.features.has("shader-f16")) return;
  if (!borrowed) device.destroy();
  const { description, vendor } = info;
  throw new DeviceError(
    `Cannot compute in float16: expected a WebGPU device with the feature shader-f16, found ${
      description || vendor || "one"
    } without it. ` +
      (borrowed ? 'Request the device with requiredFeatures: ["shader-f16"], or omit' : "Omit") + " dtype",
  );
}

/**
 * Runs `work`, which gives the device commands, in error scopes for memory and validation.
 *
 * @param what names the work in messages
 * @throws {OutOfMemoryError} if the device has no memory left
 * @throws {DeviceError} if the device reports another error, which WebGPU does not throw by itself
 */
export async function guarded<T>(device: GPUDevice, what: string, work: () => T): Promise<T> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  try {
    return work();
  } finally {
    const [validation, memory] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    const cause = validation ?? memory;
    const Kind = memory ? OutOfMemoryError : DeviceError;
    // deno-lint-ignore no-unsafe-finally -- the device's error explains why the work failed, if it did
    if (cause) throw new Kind(`Cannot ${what}: the device refused, ${cause.message}`, { cause });
  }
}
