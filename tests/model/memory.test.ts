/** Memory of a call on the device: planned, and limited. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DeviceError, type MemoryOptions, type Tensor } from "../../mod.ts";
import { collectGarbage } from "../support/garbage.ts";
import { assertClose } from "../support/golden.ts";
import { filled, makeModel, picture, take, TINY } from "./models.ts";
import { testOn, testOnEveryDevice } from "../support/engines.ts";

testOnEveryDevice("memory is planned without taking any, and a call takes what was planned", async (device) => {
  const pictures = [1, 3, 64, 48], latents = [1, 3, 32, 24];
  for (const method of ["encode", "forward", "decode"] as const) {
    using model = await makeModel(TINY, { device });
    const before = model.memory();
    const shape = method === "decode" ? latents : pictures;
    const plan = model.memory({ shape, method });
    assertEquals(model.memory(), before);
    assertEquals(plan.weights, before.weights);
    assertEquals(plan.peak, plan.weights + plan.activations);
    const results: Record<string, Tensor> = method === "decode"
      ? { ...await model.decode(filled(0, ...shape)) }
      : { ...await model[method](picture(...shape)) };
    for (const tensor of Object.values(results)) await tensor.data();
    const { weights, buffers } = model.memory();
    assertEquals(weights, plan.weights);
    if (device === "webgpu") assert(buffers <= plan.activations, `${method}: ${buffers} of ${plan.activations}`);
    // Parameters of dispatches are planned, but not held as buffers. The CPU engine's memory has pages from the start.
    if (device === "webgpu") assertAlmostEquals(buffers, plan.activations, 0.2 * plan.activations, method);
    else assert(buffers >= plan.activations, method);
    for (const tensor of Object.values(results)) tensor.dispose();
  }
});

testOnEveryDevice("memoryLimit bounds the memory of every call, with the same result", async (device) => {
  using model = await makeModel({ ...TINY, mid_block_add_attention: false }, { device });
  using sample = picture(2, 3, 96, 24);
  const run = async () => {
    const { sample: decoded, commitLoss } = await model.forward(sample);
    const { indices } = await model.tokenize(sample);
    return { decoded: await take(decoded), loss: (await take(commitLoss))[0], indices };
  };
  const whole = model.memory({ shape: sample.shape });
  const expected = await run();
  const limit = whole.weights + Math.ceil(0.9 * whole.activations);
  model.memoryLimit = limit;
  assert(model.memory({ shape: sample.shape }).peak <= limit);
  const tiled = await run();
  if (device === "webgpu") {
    for (let round = 0; round < 2; round++) {
      using _decoded = await model.decode(picture(2, 3, 12 + 4 * round, 6)).then(({ sample }) => sample);
      await run();
      const { weights, buffers } = model.memory();
      assert(weights + buffers <= limit, `${weights + buffers} of ${limit} are held between calls`);
    }
  }
  assertClose(tiled.decoded, expected.decoded, 3e-6, "decoded");
  assertAlmostEquals(tiled.loss, expected.loss, 1e-6 * expected.loss);
  assert(tiled.indices.every((index, i) => index === expected.indices[i]));

  model.memoryLimit = undefined;
  assertEquals(model.memory({ shape: sample.shape }), whole);
  assertClose((await run()).decoded, expected.decoded, 0, "decoded");

  model.memoryLimit = 10_000;
  await assertRejects(() => model.encode(sample), DeviceError, "Cannot compute within 10000 bytes");
  for (const bytes of [0, -1, NaN, null, "1e9"] as number[]) {
    assertThrows(() => model.memoryLimit = bytes, RangeError, "memoryLimit must be a number of bytes > 0");
  }
  assertEquals(model.memoryLimit, 10_000);
});

testOnEveryDevice("what an editable picture keeps is planned, and taken", async (device) => {
  using model = await makeModel(TINY, { device });
  const tokens = { indices: new Int32Array(32 * 24), shape: [1, 32, 24] };
  const call = { shape: tokens.shape, method: "detokenize" } as const;
  const plain = model.memory(call), plan = model.memory({ ...call, editable: true });
  assert(plan.activations > plain.activations);
  const before = model.memory().used;
  const decoded = await model.detokenize(tokens, { editable: true });
  const { buffers, used } = model.memory();
  assert(used > before);
  if (device === "webgpu") assert(buffers <= plan.activations, `${buffers} of ${plan.activations}`);
  else assert(buffers >= plan.activations);
  decoded.dispose();
  assertThrows(
    () => model.memory({ shape: [1, 3, 64, 48], editable: true }),
    TypeError,
    "editable is an option of detok",
  );
});

testOnEveryDevice("memory is planned for every method and any size, if the method takes the shape", async (device) => {
  using model = await makeModel({ ...TINY, mid_block_add_attention: false }, { device });
  const activations = (options: MemoryOptions) => model.memory(options).activations;
  const forward = activations({ shape: [1, 3, 2048, 2048] });
  assert(forward > 2 * 4 * 4 * 2048 ** 2, "two maps of 4 channels at the least");
  assertEquals(forward, activations({ shape: [1, 3, 2048, 2048], method: "forward" }));
  for (const method of ["encode", "tokenize"] as const) {
    assert(activations({ shape: [1, 3, 2048, 2048], method }) > 2 * 4 * 4 * 2048 ** 2, method);
  }
  assert(activations({ shape: [1, 3, 1024, 1024], method: "quantize" }) > 3 * 4 * 1024 ** 2);
  assert(activations({ shape: [1, 3, 1024, 1024], method: "decode" }) > 2 * 4 * 4 * 2048 ** 2);
  assert(activations({ shape: [1, 1024, 1024], method: "detokenize" }) > 2 * 4 * 4 * 2048 ** 2);

  const refuses = (options: MemoryOptions, message: string) =>
    assertThrows(() => model.memory(options), RangeError, message);
  refuses({ shape: [1, 4, 8, 8] }, "Cannot use sample: expected 3 channels");
  refuses({ shape: [1, 3, 8, 8], method: "paint" as never }, "Cannot plan paint: expected encode, tokenize");
  refuses({} as never, "expected shape [n, 3, height, width], found none");
  refuses({ shape: [1, 3, 8] }, "expected shape [n, 3, height, width]");
  refuses({ shape: [1, 3, 0, 8] }, "it is empty");
  refuses({ shape: [1, 3, 8.5, 8] }, "sides must be whole numbers");
  refuses({ shape: [1, 3, 8, 8], method: "detokenize" }, "expected shape [n, height, width]");
});

testOnEveryDevice(
  "results that are not disposed are collected, and memory in use is distinguished from memory held",
  async (device) => {
    using model = await makeModel(TINY, { device });
    const call = async () => {
      const { latents } = await model.encode(picture(1, 3, 64, 64));
      await model.quantize(latents);
      const { sample } = await model.decode(latents);
      await sample.data();
      await model.detokenize(await model.tokenize(picture(1, 3, 64, 64)));
    };
    await call();
    await collectGarbage();
    const { used, held, weights, buffers } = model.memory();
    assertEquals(held, weights + buffers);
    assert(weights <= used && used < held, `${weights} ≤ ${used} < ${held}`);
    for (let i = 0; i < 3; i++) await call();
    assert(model.memory().used > used);
    await collectGarbage();
    assertEquals(model.memory().used, used);
  },
);

testOn(
  "webgpu",
  "compact weights take the bytes of the parameters, and are the default under a memory limit",
  async () => {
    const config = { ...TINY, block_out_channels: [64, 64], norm_num_groups: 32 };
    using fast = await makeModel(config, { device: "webgpu" }); // on a software adapter
    using compact = await makeModel(config, { device: "webgpu", weights: "compact" });
    using limited = await makeModel(config, { device: "webgpu", memoryLimit: 1e9 });
    const bytes = 4 * compact.numParameters();
    assert(compact.memory().weights <= 1.15 * bytes, `${compact.memory().weights} for ${bytes}`);
    assert(fast.memory().weights > 2 * bytes, `${fast.memory().weights} for ${bytes}`);
    assertEquals(limited.memory().weights, compact.memory().weights);
  },
);
