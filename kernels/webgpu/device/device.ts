/**
 * Finding a GPU, and asking it for all it has: WebGPU's default limits are far below what adapters offer.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { HARDWARE, SOFTWARE, SWIFTSHADER, type Tuning } from "../shader/tiles.ts";

/** What an adapter says of itself, as a copy. */
export type AdapterInfo = Pick<GPUAdapterInfo, "vendor" | "architecture" | "device" | "description">;

/** A device, with what kernels need to know about it. */
export interface Gpu {
  readonly device: GPUDevice;
  /** What its adapter is. */
  readonly info: AdapterInfo;
  /** A software adapter wants other tile shapes than a real GPU; see `tuning.ts`. */
  readonly software: boolean;
  /** The device was handed in by the caller, who also destroys it. */
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

/** The adapter that WebGPU prefers, or `null` where there is none. */
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

/** The constants for a device. */
export function tuningFor({ software, info }: Gpu): Tuning {
  if (!software) return HARDWARE;
  return isSwiftShader(info) ? SWIFTSHADER : SOFTWARE;
}

/**
 * Requests a device with the adapter's own limits.
 *
 * @throws {DeviceError} if there is no adapter, or it refuses
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
    throw new DeviceError(`Cannot open a WebGPU device on ${adapter.info.description || "the adapter"}: ${cause}`, {
      cause,
    });
  }
}

/** Uses a device that the caller opened and will destroy. */
export async function borrowGpu(device: GPUDevice): Promise<Gpu> {
  return { device, ...describe(await infoOf(device)), borrowed: true };
}

/**
 * What the adapter of a device is. Deno ends the process where that is asked for and the adapter has been collected as
 * garbage; there it is taken from the adapter that is preferred, which is seldom another.
 */
async function infoOf(device: GPUDevice): Promise<GPUAdapterInfo | undefined> {
  return "Deno" in globalThis ? (await findAdapter())?.info : device.adapterInfo;
}

function describe(info?: GPUAdapterInfo): Pick<Gpu, "info" | "software"> {
  const { vendor = "", architecture = "", device = "", description = "" } = info ?? {};
  return { info: { vendor, architecture, device, description }, software: info !== undefined && isSoftware(info) };
}

/** Lets a loss of the device come to be known: whatever failed may be explained by it. */
export function noticeLoss(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Refuses a device without float16.
 *
 * @throws {DeviceError}
 */
export function checkFloat16({ device, info, borrowed }: Gpu): void {
  if (device.features.has("shader-f16")) return;
  if (!borrowed) device.destroy();
  const { description, vendor } = info;
  throw new DeviceError(
    `Cannot compute in float16: expected a WebGPU device with the feature shader-f16, found ${
      description || vendor || "one"
    } without it. ` +
      (borrowed ? 'Request the device with requiredFeatures: ["shader-f16"], or leave' : "Leave") + " dtype out",
  );
}

/**
 * Does some work for the device, without waiting for it.
 *
 * @param what the work, in messages
 * @throws {DeviceError} with what the device says against it, which it would not say otherwise
 */
export async function guarded<T>(device: GPUDevice, what: string, work: () => T): Promise<T> {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  try {
    return work();
  } finally {
    const errors = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    const cause = errors.find((error) => error !== null);
    // deno-lint-ignore no-unsafe-finally -- what the device says explains why the work failed, if it did
    if (cause) throw new DeviceError(`Cannot ${what}: the device refused, ${cause.message}`, { cause });
  }
}
