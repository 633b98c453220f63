/** Weights that are too large for a device, or for the faster algorithm on it. */
import { assertEquals, assertRejects } from "@std/assert";
import { type Backend, type ConvParameter, DeviceError } from "../../../kernels/mod.ts";
import { createWebGpuBackend } from "../../../kernels/webgpu/mod.ts";
import { assertClose } from "../../support/golden.ts";
import { runOp } from "../engines.ts";
import { tensorOf } from "../tensors.ts";
import { openDevice, testOn } from "../../support/engines.ts";

/** An engine on a device whose bindings have at most 128 MiB, as WebGPU guarantees. */
async function withSmallBindings(use: (backend: Backend) => Promise<void>): Promise<void> {
  const device = await openDevice();
  assertEquals(device.limits.maxStorageBufferBindingSize, 128 << 20);
  const backend = await createWebGpuBackend({ device });
  try {
    await use(backend);
  } finally {
    backend.dispose();
    device.destroy();
  }
}

function conv(channels: number): ConvParameter {
  return { kind: "conv", name: "large", in: channels, out: channels, kernel: 3, stride: 1 };
}

testOn(
  "webgpu",
  "a convolution is computed whose weights, transformed for Winograd's algorithm, do not fit a binding",
  () =>
    withSmallBindings(async (backend) => {
      const channels = 1024; // 36 MiB, transformed 144 MiB
      const weight = {
        shape: [channels, channels, 3, 3],
        data: new Float32Array(channels * channels * 9).fill(2 ** -10),
      };
      const bias = { shape: [channels], data: Float32Array.from({ length: channels }, (_, i) => i) };
      const x = { shape: [1, channels, 2, 2], data: new Float32Array(channels * 4).fill(1) };
      const parameter = conv(channels);
      const { data } = await runOp(
        backend,
        [tensorOf(x)],
        [{ parameter, weight, bias }],
        (g, [x]) => g.conv2d(x, parameter),
      );
      // Each pixel of two by two sees all four, and is one in each channel.
      assertClose(data, Float32Array.from({ length: channels * 4 }, (_, i) => 4 + Math.floor(i / 4)), 1e-6, "sums");
    }),
);

testOn(
  "webgpu",
  "weights that do not fit a binding are an error that names the layer",
  () =>
    withSmallBindings(async (backend) => {
      const channels = 2048; // 144 MiB
      const loading = () =>
        backend.setParameter(conv(channels), new Float32Array(channels * channels * 9), new Float32Array(channels));
      await assertRejects(loading, DeviceError, "bytes of large: the device refused");
      assertEquals(backend.memory.weights, 0);
    }),
);

testOn("webgpu", "weights that are set several times at once are kept once", async () => {
  const backend = await createWebGpuBackend();
  const layer = conv(36);
  const set = () => backend.setParameter(layer, new Float32Array(36 * 36 * 9), new Float32Array(36));
  await set();
  const { weights } = backend.memory;
  await Promise.all([set(), set(), set()]);
  assertEquals(backend.memory.weights, weights);
  backend.dispose();
});

testOn("webgpu", "weights that arrive after the engine was disposed are refused, and freed", async () => {
  const norm = { kind: "norm", name: "norm", channels: 32 } as const;
  const layer = conv(36);
  const backend = await createWebGpuBackend();
  const pending = [
    backend.setParameter(norm, new Float32Array(32), new Float32Array(32)),
    backend.setParameter(layer, new Float32Array(36 * 36 * 9), new Float32Array(36)),
  ];
  backend.dispose();
  for (const setting of pending) await assertRejects(() => setting, DeviceError, "the model was disposed");
  assertEquals(backend.memory.weights, 0);
});
