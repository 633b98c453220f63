/** Weights that are too large for a device, or for the faster algorithm on it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Backend, type ConvParameter, DeviceError, Tensor } from "../../../kernels/mod.ts";
import { createWebGpuBackend } from "../../../kernels/webgpu/mod.ts";
import { assertClose } from "../../support/golden.ts";
import { runOp } from "../engines.ts";
import { tensorOf } from "../tensors.ts";
import { openDevice, testOn } from "../../support/engines.ts";
import { recordingDevice } from "./recording_device.ts";

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

testOn(
  "webgpu",
  "a codebook that fits no binding is searched and looked up",
  () =>
    withSmallBindings(async (backend) => {
      const [codes, channels] = [131_073, 256]; // one code more than 128 MiB
      const parameter = { kind: "codebook", name: "codes", codes, channels } as const;
      const weight = { shape: [codes, channels], data: new Float32Array(codes * channels) };
      for (let code = 0; code < codes; code++) weight.data[(code + 1) * channels - 1] = code % 131_000;
      const wanted = [1, 72, 73, 65_535, 65_536, 65_537, 130_999]; // the last 73 codes are the first again
      const x = { shape: [1, channels, 1, 7], data: new Float32Array(7 * channels) };
      x.data.set(wanted, 7 * (channels - 1));
      const layer = { parameter, weight };
      const indices = await runOp(backend, [tensorOf(x)], [layer], (g, [x]) => g.nearestCode(x, parameter));
      assertEquals([...indices.data], wanted);
      assertEquals(backend.memory.weights, 4 * codes * channels);

      const last = new Tensor(Int32Array.of(...wanted.slice(0, 6), codes - 1), [1, 1, 7]);
      const looked = await runOp(backend, [last], [layer], (g, [indices]) => g.lookup(indices, parameter));
      x.data[x.data.length - 1] = 72;
      assertEquals(looked.data, x.data);
    }),
);

Deno.test("no buffer of a codebook is larger than the device's largest", async () => {
  const { device } = recordingDevice();
  const sizes: number[] = [];
  const create = device.createBuffer.bind(device);
  const limits = { maxBufferSize: 4096, maxStorageBufferBindingSize: 2 ** 31 } as GPUSupportedLimits;
  const small = Object.assign(device, {
    limits,
    createBuffer(descriptor: GPUBufferDescriptor) {
      sizes.push(descriptor.size);
      return create(descriptor);
    },
  });
  const backend = await createWebGpuBackend({ device: small });
  const [codes, channels] = [1000, 5];
  await backend.setParameter(
    { kind: "codebook", name: "codes", codes, channels },
    new Float32Array(5000),
    new Float32Array(),
  );
  assert(sizes.every((size) => size <= 4096), `found buffers of ${sizes} bytes`);
  assertEquals(sizes.reduce((a, b) => a + b), 4 * 8 * codes);
  assertEquals(backend.memory.weights, 4 * 8 * codes);
  backend.dispose();
});

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
