/** What a call needs on the device: planned, and held to. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { MemoryOptions, Tensor } from "../../mod.ts";
import { filled, makeModel, picture, testOnEveryDevice, TINY } from "./models.ts";

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
    const { weights, buffers } = model.memory();
    assertEquals(weights, plan.weights);
    // Buffers are whole multiples of 256 bytes. The CPU engine's memory grows by pages, and has some from the start.
    if (device === "webgpu") assertAlmostEquals(buffers, plan.activations, 4096, method);
    else assert(buffers >= plan.activations, method);
    for (const tensor of Object.values(results)) tensor.dispose();
  }
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
  refuses({ shape: [1, 3, 8] }, "expected shape [n, 3, height, width]");
  refuses({ shape: [1, 3, 0, 8] }, "it is empty");
  refuses({ shape: [1, 3, 8.5, 8] }, "sides must be whole numbers");
  refuses({ shape: [1, 3, 8, 8], method: "detokenize" }, "expected shape [n, height, width]");
});
