import { assertRejects } from "@std/assert";
import { DeviceError } from "../../../kernels/mod.ts";
import { PipelineCache } from "../../../kernels/webgpu/shader/pipeline.ts";
import { inNoTime } from "../in_no_time.ts";

Deno.test("a compiler that hangs is given up after a minute, with an error that says what to use", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  device.createComputePipelineAsync = () => new Promise(() => {});
  const source = `
    struct Params { n: u32 }
    @group(0) @binding(0) var<uniform> p: Params;
    @group(0) @binding(1) var<storage, read_write> y: array<u32>;
    @compute @workgroup_size(1) fn main() { y[0] = p.n; }`;
  const pipeline = new PipelineCache(device).get({ label: "count", source });
  await inNoTime(async () => {
    const expected = /^Cannot compile count on this device: .* longer than 60 seconds\. Use device: "wasm"$/;
    const error = await assertRejects(() => pipeline.compile(), DeviceError);
    if (!expected.test(error.message)) throw error;
  });
  device.destroy();
});
