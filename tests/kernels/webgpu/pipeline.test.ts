/** Compiling kernels. */
import { assertRejects } from "@std/assert";
import { DeviceError } from "../../../kernels/mod.ts";
import { PipelineCache } from "../../../kernels/webgpu/shader/pipeline.ts";
import { recordingDevice } from "./recording_device.ts";
import { testOn } from "../../support/engines.ts";

testOn("webgpu", "a compiler that hangs is given up after some time, with an error that says what to use", async () => {
  const { device } = recordingDevice();
  device.createComputePipelineAsync = () => new Promise(() => {});
  const pipeline = new PipelineCache(device, 100).get({ label: "count", source: "struct Params { n: u32 }" });
  const expected = 'Cannot compile count on this device: its compiler took longer than 0.1 seconds. Use device: "wasm"';
  await assertRejects(() => pipeline.compile(), DeviceError, expected);
});
