/**
 * The engines whose tests run: both, or the one that the variable `ENGINE` names. Those of the other are not registered,
 * so that `ENGINE=wasm` needs neither a graphics driver nor a browser.
 */

/** Where models compute. */
export type Engine = "webgpu" | "wasm";

const ALL: readonly Engine[] = ["webgpu", "wasm"];
const named = Deno.env.get("ENGINE") || "all";
if (named !== "all" && !ALL.some((engine) => engine === named)) {
  throw new Error(`ENGINE must be "webgpu", "wasm" or "all", found "${named}"`);
}

/** The engines under test. */
export const DEVICES = ALL.filter((engine) => named === "all" || named === engine);

/** The engine for what is the same on every one. */
export const [ANY_DEVICE] = DEVICES;

/** Registers a test that needs this engine. */
export function testOn(engine: Engine, name: string, run: (t: Deno.TestContext) => void | Promise<void>): void {
  if (DEVICES.includes(engine)) Deno.test(name, run);
}

/** Registers a test for every engine. */
export function testOnEveryDevice(name: string, run: (device: Engine) => Promise<void>): void {
  for (const device of DEVICES) Deno.test(`${name} (${device})`, () => run(device));
}

/** Kept for as long as their devices: Deno ends the process when a device is asked for an adapter that is gone. */
const adapters: GPUAdapter[] = [];

/** Opens a WebGPU device as callers do: by default with the limits that WebGPU guarantees, not the adapter's. */
export async function openDevice(descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("Expected a WebGPU adapter, found none: run `deno task test`, which sets up Mesa's");
  adapters.push(adapter);
  return await adapter.requestDevice(descriptor);
}
