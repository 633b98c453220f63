/** Memory of tensors and models, and freeing it. */
import { assert, assertEquals, assertIsError, assertRejects } from "@std/assert";
import { NO_MEMORY } from "../../kernels/mod.ts";
import { type Device, DeviceError, Tensor } from "../../mod.ts";
import { assertClose } from "../support/golden.ts";
import { filled, LOOKUP, makeModel, picture, soon, take, TINY } from "./models.ts";
import { openDevice, testOn, testOnEveryDevice } from "../support/engines.ts";

testOnEveryDevice("fifty rounds of encoding and decoding take no more memory than two", async (device) => {
  using model = await makeModel(TINY, { device });
  const round = async (i: number) => {
    using sample = picture(1, 3, 8, i % 2 ? 8 : 10);
    using latents = (await model.encode(sample)).latents;
    const { quantized, indices, loss } = await model.quantize(latents);
    const { sample: decoded, commitLoss } = await model.decode(latents);
    using again = await model.detokenize(await model.tokenize(sample));
    await again.data();
    await decoded.data();
    for (const tensor of [quantized, indices, loss, decoded, commitLoss]) tensor.dispose();
  };
  for (let i = 0; i < 4; i++) await round(i);
  const before = model.memory();
  for (let i = 0; i < 50; i++) await round(i);
  assertEquals(model.memory(), before);
});

testOn("webgpu", "tensors that are kept keep their memory, and give it back when they are disposed of", async () => {
  using model = await makeModel();
  using sample = picture(1, 3, 32, 32);
  (await model.encode(sample)).latents.dispose();
  const { buffers } = model.memory();
  const kept = [];
  for (let i = 0; i < 10; i++) kept.push((await model.encode(sample)).latents);
  const grown = model.memory().buffers;
  assert(grown >= buffers + 9 * 16 * 16 * 3 * 4, `${grown} bytes, ${buffers} before`);
  const values = await Promise.all(kept.map((tensor) => tensor.data()));
  for (const value of values) assertEquals(value, values[0]);
  for (const tensor of kept) tensor.dispose();
  const withReadbacks = model.memory().buffers;
  for (let i = 0; i < 10; i++) (await model.encode(sample)).latents.dispose();
  assertEquals(model.memory().buffers, withReadbacks);
});

testOnEveryDevice("input that the caller owns is neither changed nor disposed of", async (device) => {
  using model = await makeModel(TINY, { device });
  using sample = picture(1, 3, 8, 8);
  const pixels = Float32Array.from(await sample.data());
  using latents = (await model.encode(sample)).latents;
  const before = await latents.data();
  for (let i = 0; i < 3; i++) await model.decode(latents);
  assertEquals([sample.disposed, latents.disposed], [false, false]);
  assertEquals(await sample.data(), pixels);
  assertEquals(await latents.data(), before);
});

testOnEveryDevice("many shapes one after another do not pile up memory", async (device) => {
  using model = await makeModel(TINY, { device });
  const visit = async (side: number) => {
    const { sample, commitLoss } = await model.forward(picture(1, 3, side, side));
    await Promise.all([sample, commitLoss].map(take));
  };
  for (let side = 4; side < 24; side++) await visit(side);
  const first = model.memory().buffers;
  for (let side = 4; side < 24; side++) await visit(side);
  assertEquals(model.memory().buffers, first);
});

testOnEveryDevice(
  "dispose frees all memory, also that of tensors in use, and may be called twice",
  async (device) => {
    const model = await makeModel(TINY, { device });
    const { latents } = await model.encode(picture(1, 3, 8, 8));
    await latents.data();
    assert(model.memory().weights > 4 * model.numParameters(), "weights are on the device");
    assert(model.memory().buffers > 0);
    model.dispose();
    assertEquals(model.memory(), NO_MEMORY);
    model.dispose();
    latents.dispose();
    latents.dispose();
    assertEquals(model.memory(), NO_MEMORY);
  },
);

testOnEveryDevice("calls on a disposed model say so", async (device) => {
  const model = await makeModel(LOOKUP, { device });
  using sample = picture(1, 3, 4, 4);
  using latents = filled(0, 1, 3, 2, 2);
  const tokens = { indices: new Int32Array(4), shape: [1, 2, 2] as const };
  const calls = [
    () => model.encode(sample),
    () => model.quantize(latents),
    () => model.decode(latents),
    () => model.decode(new Tensor(tokens.indices, [1, 2, 2]), { forceNotQuantize: true, shape: [1, 2, 2, 3] }),
    () => model.forward(sample),
    () => model.tokenize(sample),
    () => model.detokenize(tokens),
    () => model.savePretrained("never"),
  ];
  model.dispose();
  for (const call of calls) {
    await assertRejects(call, TypeError, "Cannot use the model: it was disposed", call.toString());
  }
});

testOnEveryDevice("reading a result after its model was disposed fails", checkReadAfterDispose);

testOn("webgpu", "reading a result after its model was disposed fails, on the caller's device", async () => {
  const device = await openDevice();
  await checkReadAfterDispose(device);
  device.destroy();
});

async function checkReadAfterDispose(device: Device): Promise<void> {
  const model = await makeModel(TINY, { device });
  const { latents } = await model.encode(picture(1, 3, 8, 8));
  model.dispose();
  await assertRejects(() => soon(latents.data()), DeviceError, "disposed");
  assertEquals(model.memory(), NO_MEMORY);
  using other = await makeModel();
  await assertRejects(() => soon(other.decode(latents)), DeviceError, "disposed");
}

testOnEveryDevice(
  "a running call fails or finishes when its model is disposed, and does not hang",
  async (device) => {
    const model = await makeModel(TINY, { device });
    using sample = picture(1, 3, 16, 16);
    (await model.encode(sample)).latents.dispose();
    const calls = [model.encode(sample), model.encode(picture(1, 3, 12, 12)), model.tokenize(sample)];
    model.dispose();
    for (const result of await soon(Promise.allSettled<unknown>(calls))) {
      if (result.status === "fulfilled") continue;
      assertIsError(result.reason, TypeError, "Cannot use the model: it was disposed during the call");
    }
    assertEquals(model.memory(), NO_MEMORY);
  },
);

testOn("webgpu", "the caller's own device is used, and not destroyed", async () => {
  const device = await openDevice();
  let buffers = 0;
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    buffers++;
    return createBuffer(descriptor);
  };
  const values = [];
  for (let i = 0; i < 2; i++) {
    using model = await makeModel(TINY, { device });
    values.push(await take((await model.forward(picture(1, 3, 8, 8))).sample));
  }
  assert(buffers > 50, `${buffers} buffers`);
  assertEquals(values[0], values[1]);

  using model = await makeModel();
  assertClose(await take((await model.forward(picture(1, 3, 8, 8))).sample), values[0], 1e-6, "own device");
  device.pushErrorScope("validation");
  const buffer = createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  await buffer.mapAsync(GPUMapMode.READ);
  assertEquals(await device.popErrorScope(), null);
  device.destroy();
});

testOn("webgpu", "a device that is lost is said to be lost", async () => {
  const device = await openDevice();
  using model = await makeModel(TINY, { device });
  device.destroy();
  await device.lost;
  await assertRejects(() => soon(model.encode(picture(1, 3, 8, 8))), DeviceError, "the device was lost");
});
