/** Several calls of one model at the same time, and calls that a signal stops. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { Tensor } from "../../mod.ts";
import { syntheticImage } from "../support/synthetic.ts";
import { makeModel, picture, take, TINY } from "./models.ts";
import { testOnEveryDevice } from "../support/engines.ts";

testOnEveryDevice("calls at the same time give what they give one after another", async (device) => {
  using model = await makeModel(TINY, { device });
  const samples = [[1, 8, 8], [1, 8, 8], [2, 6, 10], [1, 5, 7], [3, 4, 4]].map(([n, h, w], i) => {
    return new Tensor(syntheticImage([n, 3, h, w], i), [n, 3, h, w]);
  });
  const visit = async (sample: Tensor) => {
    using latents = (await model.encode(sample)).latents;
    const [decoded, tokens] = await Promise.all([model.decode(latents), model.tokenize(sample)]);
    return [await take(decoded.sample), await take(decoded.commitLoss), tokens];
  };
  const oneByOne = [];
  for (const sample of samples) oneByOne.push(await visit(sample));
  assertEquals(await Promise.all(samples.map(visit)), oneByOne);
  assertNotEquals(oneByOne[0], oneByOne[1]);
});

testOnEveryDevice("more shapes at the same time than programs are kept all come out right", async (device) => {
  using model = await makeModel(TINY, { device });
  const sides = Array.from({ length: 20 }, (_, i) => i + 2);
  const encode = async (side: number) => await take((await model.encode(picture(1, 3, side, 6))).latents);
  const together = await Promise.all(sides.map(encode));
  for (const [i, side] of sides.entries()) assertEquals(together[i], await encode(side), `side ${side}`);
});

testOnEveryDevice("a signal stops a call, and the model goes on", async (device) => {
  using model = await makeModel(TINY, { device });
  using sample = picture(1, 3, 8, 8);
  using latents = (await model.encode(sample)).latents;
  const expected = await latents.data();
  const tokens = await model.tokenize(sample);
  const calls = [
    (signal: AbortSignal) => model.encode(sample, { signal }),
    (signal: AbortSignal) => model.quantize(latents, { signal }),
    (signal: AbortSignal) => model.decode(latents, { signal }),
    (signal: AbortSignal) => model.decode(latents, { signal, forceNotQuantize: true }),
    (signal: AbortSignal) => model.forward(sample, { signal }),
    (signal: AbortSignal) => model.tokenize(sample, { signal }),
    (signal: AbortSignal) => model.detokenize(tokens, { signal }),
  ];
  const reason = new Error("enough");
  const { buffers } = model.memory();
  for (const call of calls) {
    assertEquals(await assertRejects(() => call(AbortSignal.abort(reason))), reason);
    const controller = new AbortController();
    const running = call(controller.signal);
    controller.abort(reason);
    assertEquals(await assertRejects(() => running), reason);
  }
  assert(model.memory().buffers <= buffers, "stopped calls keep no memory");
  assertEquals(await take((await model.encode(sample)).latents), expected);
});
