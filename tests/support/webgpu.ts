/** WebGPU devices of a test's own. */

/** Kept for as long as their devices: Deno ends the process when a device is asked for an adapter that is gone. */
const adapters: GPUAdapter[] = [];

/** Opens a device as callers do: by default with the limits that WebGPU guarantees, not the adapter's. */
export async function openDevice(descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("Expected a WebGPU adapter, found none: run `deno task test`, which sets up Mesa's");
  adapters.push(adapter);
  return await adapter.requestDevice(descriptor);
}
