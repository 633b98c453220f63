/** Invalid samples, latents, indices and tokens, and NaN. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DeviceError, Tensor } from "../../mod.ts";
import { filled, LOOKUP, makeModel, MOVQ, picture, soon, take, TINY } from "./models.ts";
import { testOnEveryDevice } from "../support/engines.ts";

testOnEveryDevice("invalid samples are refused", async (device) => {
  using model = await makeModel(TINY, { device });
  using disposed = picture(1, 3, 8, 8);
  disposed.dispose();
  const cases: [sample: Tensor, Kind: typeof TypeError | typeof RangeError, message: string][] = [
    [filled(0, 3, 8, 8), RangeError, "expected shape [n, 3, height, width], found [3,8,8]"],
    [filled(0, 1, 3, 8, 8, 1), RangeError, "expected shape [n, 3, height, width], found [1,3,8,8,1]"],
    [filled(0, 1, 4, 8, 8), RangeError, "expected 3 channels (in_channels), found 4 in [1,4,8,8]"],
    [filled(0, 1, 8, 8, 3), RangeError, "expected 3 channels (in_channels), found 8"],
    [new Tensor(new Int32Array(192), [1, 3, 8, 8]), TypeError, "expected float32 elements, found int32"],
    [new Tensor(new Float32Array(0), [0, 3, 8, 8]), RangeError, "empty"],
    [new Tensor(new Float32Array(0), [1, 3, 0, 8]), RangeError, "empty"],
    [filled(0, 1, 3, 1, 8), RangeError, "8×1 pixels"],
    [filled(0, 1, 3, 8, 1), RangeError, "1×8 pixels"],
    [disposed, TypeError, "disposed"],
    [new Float32Array(192) as unknown as Tensor, TypeError, "expected a Tensor, found [object Float32Array]"],
    [undefined as unknown as Tensor, TypeError, "expected a Tensor, found [object Undefined]"],
  ];
  for (const [sample, Kind, message] of cases) {
    await assertRejects(() => model.encode(sample), Kind, message);
    await assertRejects(() => model.forward(sample), Kind, message);
    await assertRejects(() => model.tokenize(sample), Kind, message);
  }
});

testOnEveryDevice("invalid latents are refused", async (device) => {
  using model = await makeModel({ ...TINY, vq_embed_dim: 5 }, { device });
  using disposed = filled(0, 1, 5, 2, 2);
  disposed.dispose();
  const cases: [latents: Tensor, Kind: typeof TypeError | typeof RangeError, message: string][] = [
    [filled(0, 5, 2, 2), RangeError, "expected shape [n, 5, height, width], found [5,2,2]"],
    [filled(0, 1, 3, 2, 2), RangeError, "expected 5 channels (vq_embed_dim), found 3"],
    [new Tensor(new Float32Array(0), [1, 5, 0, 2]), RangeError, "empty"],
    [new Tensor(new Int32Array(20), [1, 5, 2, 2]), TypeError, "expected float32 elements, found int32"],
    [disposed, TypeError, "disposed"],
    [[] as unknown as Tensor, TypeError, "expected a Tensor, found [object Array]"],
  ];
  for (const [latents, Kind, message] of cases) {
    await assertRejects(() => model.quantize(latents), Kind, message);
    await assertRejects(() => model.decode(latents), Kind, message);
    await assertRejects(() => model.decode(latents, { forceNotQuantize: true }), Kind, message);
  }
});

testOnEveryDevice("models that decode latents take no indices without quantizing", async (device) => {
  using model = await makeModel(TINY, { device });
  const indices = new Tensor(new Int32Array(4), [1, 2, 2]);
  const options = { forceNotQuantize: true, shape: [1, 2, 2, 3] };
  await assertRejects(() => model.decode(indices, options), TypeError, "expected float32 elements, found int32");
});

testOnEveryDevice("models that look indices up refuse all else, and need to know the shape", async (device) => {
  using model = await makeModel(LOOKUP, { device });
  const decode = (data: ArrayLike<number>, shape?: readonly number[]) => {
    const indices = new Tensor(Int32Array.from(data), [data.length]);
    return model.decode(indices, { forceNotQuantize: true, shape });
  };
  assertEquals((await decode([0, 1, 23, 3, 4, 5], [1, 2, 3, 3])).sample.shape, [1, 3, 4, 6]);
  for (const shape of [undefined, [1, 2, 3], [6], [1, 3, 2, 3, 1], [1, 3, 2, 3].toReversed(), [1, 2, 3, 4]]) {
    await assertRejects(() => decode([0, 1, 2, 3, 4, 5], shape), RangeError, "shape must be [n, h, w, 3]");
  }
  for (const shape of [[1, 2, 2, 3], [2, 2, 3, 3]]) {
    await assertRejects(() => decode([0, 1, 2, 3, 4, 5], shape), RangeError, "found 6");
  }
  for (const bad of [-1, 24, 2 ** 31 - 1, -(2 ** 31)]) {
    const message = `index ${bad} at position 2 is not in the codebook, which has rows 0 to 23`;
    await assertRejects(() => decode([0, 1, bad, 3], [1, 2, 2, 3]), RangeError, message);
  }
  const latents = filled(0, 1, 3, 2, 2);
  const options = { forceNotQuantize: true, shape: [1, 2, 2, 3] };
  await assertRejects(() => model.decode(latents, options), TypeError, "takes int32 indices, found float32");
  assertEquals((await model.decode(latents)).sample.shape, [1, 3, 4, 4]);
});

testOnEveryDevice("invalid tokens are refused", async (device) => {
  using model = await makeModel(TINY, { device });
  const detokenize = (indices: number[], shape: readonly number[]) =>
    model.detokenize({ indices: Int32Array.from(indices), shape: shape as [number, number, number] });
  assertEquals((await detokenize([0, 23], [1, 1, 2])).shape, [1, 3, 2, 4]);
  await assertRejects(() => detokenize([0, 24], [1, 1, 2]), RangeError, "index 24 at position 1");
  await assertRejects(() => detokenize([-1, 0], [1, 1, 2]), RangeError, "index -1 at position 0");
  await assertRejects(() => detokenize([0, 1], [1, 2, 2]), RangeError, "takes 4 indices, found 2");
  for (const shape of [[1, 2], [2], [1, 1, 1, 2], [0, 1, 2], [1, 0.5, 4], [1, -1, -2]]) {
    await assertRejects(() => detokenize([0, 1], shape), TypeError, "shape must be [n, h, w]");
  }
});

Deno.test("an unknown device is refused", async () => {
  const options = { device: "cuda" as "webgpu" };
  await assertRejects(() => makeModel(TINY, options), DeviceError, '"cuda"');
});

testOnEveryDevice("NaN gives indices of the codebook, and does not hang", async (device) => {
  for (const config of [TINY, { ...MOVQ, num_vq_embeddings: 200 }]) {
    using model = await makeModel(config, { device });
    const { num_vq_embeddings, latent_channels } = model.config;
    for (const value of [NaN, Infinity, -Infinity, 3e38]) {
      const sample = picture(1, 3, 12, 12);
      (sample.storage as Float32Array)[77] = value;
      const latents = filled(0.1, 1, latent_channels, 3, 3);
      (latents.storage as Float32Array)[4] = value;

      const { indices } = await soon(model.quantize((await model.encode(sample)).latents));
      const { indices: quantized } = await soon(model.quantize(latents));
      for (const index of [...await take(indices), ...await take(quantized)]) {
        assert(Number.isInteger(index) && index >= 0 && index < num_vq_embeddings, `${value} became index ${index}`);
      }
      if (!Number.isFinite(value)) await assertRejects(() => soon(model.tokenize(sample)), RangeError, "sample is");
      await soon((await model.decode(latents)).sample.data());
      await soon((await model.decode(latents, { forceNotQuantize: true })).sample.data());
      await soon((await model.forward(sample)).sample.data());
    }
    const clean = await take((await model.forward(picture(1, 3, 12, 12))).sample);
    assert(clean.every(Number.isFinite), "NaN stays behind in memory that is used again");
  }
});
