/** Models whose device fails: memory refused, commands refused, the device lost. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DeviceError, type Progress, VQModel } from "../../../mod.ts";
import { assertClose } from "../../support/golden.ts";
import { checkpointOf, makeModel, MemoryFiles, picture, take, TINY } from "../models.ts";
import { openDevice, testOn } from "../../support/engines.ts";

const CONFIG = { ...TINY, mid_block_add_attention: false };

/** Adapters of the devices of {@linkcode withGpu}: Deno ends the process when a device's adapter is gone. */
const adapters: GPUAdapter[] = [];

/** Makes a call, which frees what loading needed. */
async function settle(model: VQModel): Promise<void> {
  using sample = picture(1, 3, 8, 8);
  await take((await model.encode(sample)).latents);
}

/** Lets a device refuse buffers once all of them are more than `limit` bytes, as one does that has no more memory. */
function limitMemory(device: GPUDevice): { limit: number; used: number } {
  const memory = { limit: Infinity, used: 0 };
  const createBuffer = device.createBuffer.bind(device);
  const popErrorScope = device.popErrorScope.bind(device);
  let refused = false;
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    memory.used += buffer.size;
    refused = memory.used > memory.limit;
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      memory.used -= buffer.size;
      destroy();
    };
    return buffer;
  };
  device.popErrorScope = async () => {
    const error = refused ? new GPUOutOfMemoryError("Not enough memory left") : null;
    refused = false;
    return await popErrorScope() ?? error;
  };
  return memory;
}

testOn("webgpu", "a call takes less memory if the device has too little", async () => {
  const device = await openDevice();
  const memory = limitMemory(device);
  const config = { ...CONFIG, block_out_channels: [16, 16] };
  using model = await makeModel(config, { device });
  using sample = picture(1, 3, 160, 40);
  const expected = await take((await model.encode(sample)).latents);
  const before = model.memory({ shape: sample.shape, method: "encode" });

  using poorer = await makeModel(config, { device });
  await settle(poorer);
  memory.limit = memory.used + 0.85 * before.activations;
  assertClose(await take((await poorer.encode(sample)).latents), expected, 3e-6, "latents");
  const after = poorer.memory({ shape: sample.shape, method: "encode" });
  assert(after.activations < before.activations, `${after.activations} of ${before.activations}`);
  device.destroy();
});

testOn(
  "webgpu",
  "memory that the device does not have is an error that names the op, and the model goes on",
  async () => {
    const device = await openDevice();
    const memory = limitMemory(device);
    using model = await makeModel(CONFIG, { device });
    await settle(model);
    using sample = picture(1, 3, 24, 40);
    memory.limit = memory.used + 1000;
    const { message } = await assertRejects(() => model.encode(sample), DeviceError, "Cannot allocate");
    assert(/\d+ bytes for (inputs|encoder)\.[\w.]+: the device has no memory left/.test(message), message);
    memory.limit = Infinity;
    const { latents } = await model.encode(sample);
    using other = await makeModel(CONFIG, { device });
    assertClose(await take(latents), await take((await other.encode(sample)).latents), 3e-6, "latents");
    device.destroy();
  },
);

testOn("webgpu", "idle memory of other calls is freed before memory runs out", async () => {
  const device = await openDevice();
  const memory = limitMemory(device);
  using model = await makeModel(TINY, { device });
  const samples = [64, 54, 46].map((side) => picture(1, 3, side, side));
  const plan = () => model.memory({ shape: samples[0].shape, method: "tokenize" }).activations;
  const before = plan();
  memory.limit = memory.used + 1.1 * before;
  for (let round = 0; round < 2; round++) for (const sample of samples) await model.tokenize(sample);
  assertEquals(plan(), before);
  device.destroy();
});

testOn("webgpu", "a picture far too large is an error", async () => {
  using model = await makeModel(CONFIG);
  using tokens = picture(1, 3, 2, 2);
  const shape = [1, 3, 2 ** 16, 2 ** 16];
  let error: unknown;
  try {
    model.memory({ shape });
  } catch (caught) {
    error = caught;
  }
  assert(error instanceof DeviceError, `${error}`);
  await take((await model.encode(tokens)).latents);
});

testOn("webgpu", "commands that the device refuses are an error that names the op, and the model goes on", async () => {
  const device = await openDevice();
  using model = await makeModel(CONFIG, { device });
  using sample = picture(1, 3, 8, 8);
  const createBindGroup = device.createBindGroup;
  device.createBindGroup = function (descriptor) {
    const [first, ...others] = descriptor.entries as GPUBindGroupEntry[];
    const entries = descriptor.label?.includes("encoder.conv_in") ? [first] : [first, ...others];
    return createBindGroup.call(device, { ...descriptor, entries });
  };
  const { message } = await assertRejects(() => model.encode(sample), DeviceError);
  assert(/^Cannot run conv of encoder\.conv_in, on \d+ bytes: the device refused/.test(message), message);
  device.createBindGroup = createBindGroup;
  await take((await model.encode(sample)).latents);
  device.destroy();
});

testOn(
  "webgpu",
  "losing the caller's own device is an error, also when reading results, and nothing hangs",
  async () => {
    const device = await openDevice();
    using model = await makeModel(CONFIG, { device });
    using sample = picture(1, 3, 8, 8);
    using latents = (await model.encode(sample)).latents;
    device.destroy();
    await assertRejects(() => latents.data(), DeviceError, "the device failed or was disposed");
    for (const call of [() => model.encode(sample), () => model.tokenize(sample), () => model.decode(latents)]) {
      await assertRejects(call, DeviceError, "the device was lost");
    }
    await assertRejects(() => model.encode(picture(1, 3, 10, 8)), DeviceError, "load the model again");
  },
);

/** Lets the adapter pass for that of a real GPU meanwhile; `use` gets the devices that are requested, as they come. */
async function withGpu(
  use: (devices: GPUDevice[]) => Promise<void>,
  prepare?: (device: GPUDevice) => void,
): Promise<void> {
  const devices: GPUDevice[] = [];
  const { requestAdapter } = navigator.gpu;
  navigator.gpu.requestAdapter = async () => {
    const adapter = (await requestAdapter.call(navigator.gpu))!;
    adapters.push(adapter);
    const { requestDevice } = adapter;
    return Object.defineProperties(adapter, {
      info: { value: { description: "a real GPU", isFallbackAdapter: false } },
      requestDevice: {
        value: async (options: GPUDeviceDescriptor) => {
          const device = await requestDevice.call(adapter, options);
          devices.push(device);
          prepare?.(device);
          return device;
        },
      },
    });
  };
  try {
    await use(devices);
  } finally {
    navigator.gpu.requestAdapter = requestAdapter;
  }
}

testOn(
  "webgpu",
  "a device that auto chose is replaced when it is lost, the second time by the CPU engine",
  async () => {
    await withGpu(async (devices) => {
      const events: Progress[] = [];
      using model = await makeModel(CONFIG, { device: "auto", onProgress: (progress) => events.push(progress) });
      using sample = picture(1, 3, 12, 8);
      assertEquals(model.device, "webgpu");
      model.memoryLimit = 1e8;
      const { latents } = await model.encode(sample);
      const expected = await latents.data();

      devices[0].destroy();
      await devices[0].lost;
      const [first, second] = await Promise.all([model.encode(sample), model.encode(sample)]);
      for (const result of [first, second]) {
        assertClose(await take(result.latents), expected, 1e-6, "on a fresh device");
      }
      assertEquals([devices.length, model.device], [2, "webgpu"]);
      await assertRejects(
        () => model.decode(latents),
        DeviceError,
        "its device lost",
      );

      devices[1].destroy();
      await devices[1].lost;
      const tokens = await model.tokenize(sample);
      assertEquals([devices.length, model.device, tokens.indices.length], [2, "wasm", 24]);
      assertClose(await take((await model.encode(sample)).latents), expected, 3e-6, "on the CPU");
      const fallbacks = events.filter(({ status }) => status === "fallback");
      assertEquals(fallbacks.length, 2);
      for (const { reason } of fallbacks) assertStringIncludes(reason!, "the device was lost");
      assertEquals(events.filter(({ status }) => status === "ready").length, 3);
    });
  },
);

testOn("webgpu", "a device that is lost while something compiles is replaced", async () => {
  await withGpu(async (devices) => {
    using model = await makeModel(CONFIG, { device: "auto" });
    using sample = picture(1, 3, 12, 8);
    const expected = (await model.tokenize(sample)).indices;
    devices[0].destroy();
    const { sample: decoded } = await model.forward(sample); // not compiled before
    decoded.dispose();
    assertEquals([devices.length, model.device], [2, "webgpu"]);
    assertEquals((await model.tokenize(sample)).indices, expected);
  });
});

testOn(
  "webgpu",
  "a device that repeats calls in float32 is replaced when it is lost, the second time by the CPU",
  async () => {
    await withGpu(async (devices) => {
      const checkpoint = checkpointOf(CONFIG);
      const stored = checkpoint.get("encoder.conv_in.weight")!;
      const loud = { ...stored, values: () => stored.values().map((value) => value * 1e6) }; // beyond float16
      checkpoint.set("encoder.conv_in.weight", loud);
      const { opener } = new MemoryFiles(CONFIG, checkpoint);
      const events: Progress[] = [];
      const onProgress = (progress: Progress) => events.push(progress);
      using model = await VQModel.fromFiles(opener, { device: "auto", dtype: "float16", onProgress });
      using sample = picture(1, 3, 12, 8);
      const expected = await take((await model.encode(sample)).latents);

      for (const [repeating, opened] of [[1, 3], [2, 3]]) {
        devices[repeating].destroy();
        await devices[repeating].lost;
        assertClose(await take((await model.encode(sample)).latents), expected, 3e-6, "latents");
        assertEquals([devices.length, model.device, model.dtype], [opened, "webgpu", "float16"]);
      }
      assertEquals(events.filter(({ status }) => status === "fallback").length, 2);
      assertEquals(events.filter(({ status }) => status === "repeat").length, 3);
    });
  },
);

testOn(
  "webgpu",
  'a GPU that "auto" chose and that cannot hold the model is replaced by the CPU engine',
  async () => {
    const events: Progress[] = [];
    const onProgress = (progress: Progress) => events.push(progress);
    await withGpu(async () => {
      using model = await makeModel(CONFIG, { device: "auto", onProgress });
      assertEquals(model.device, "wasm");
      using sample = picture(1, 3, 12, 8);
      await take((await model.encode(sample)).latents);
      const [{ reason }] = events.filter(({ status }) => status === "fallback");
      assert(/^Cannot upload \d+ bytes of (encoder|decoder)\./.test(reason!), reason);
      await assertRejects(() => makeModel(CONFIG, { device: "webgpu" }), DeviceError, "Cannot upload");
    }, (device) => limitMemory(device).limit = 2000);
  },
);
