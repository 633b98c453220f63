/** Pictures travel as bytes, without any visible difference. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { ImageProcessor, Tensor } from "../../mod.ts";
import { makeModel, TINY } from "./models.ts";
import { testOnEveryDevice } from "../support/engines.ts";

const PICTURE = { width: 26, height: 14, data: Uint8Array.from({ length: 3 * 26 * 14 }, (_, i) => 37 * i ^ i >> 3) };

/** The same numbers, but as floats. */
async function asFloats(tensor: Tensor): Promise<Tensor> {
  return new Tensor((await tensor.data()).slice() as Float32Array<ArrayBuffer>, tensor.shape);
}

for (const config of [TINY, { ...TINY, in_channels: 1, out_channels: 1 }]) {
  const gray = config.in_channels === 1;
  testOnEveryDevice(`${gray ? "gray" : "coloured"} pictures give the same as bytes and as floats`, async (device) => {
    using model = await makeModel(config, { device });
    for (const doNormalize of [true, false]) {
      const processor = new ImageProcessor({ vaeScaleFactor: 2, doNormalize, doConvertGrayscale: gray });
      const pictures = [PICTURE, { ...PICTURE, data: PICTURE.data.toReversed() }];
      const sample = await processor.preprocess(pictures);
      const floats = await asFloats(await processor.preprocess(pictures));

      using latents = (await model.encode(sample)).latents;
      using expected = (await model.encode(floats)).latents;
      assertEquals(await latents.data(), await expected.data());
      const tokens = await model.tokenize(sample);
      assertEquals(tokens, await model.tokenize(floats));

      using decoded = await model.detokenize(tokens);
      for (const doDenormalize of [true, false]) {
        const ofDevice = await processor.postprocess(decoded, { doDenormalize });
        assertEquals(ofDevice, await processor.postprocess(await asFloats(decoded), { doDenormalize }));
        const ofHost = await processor.postprocess(sample, { doDenormalize });
        assertEquals(ofHost, await processor.postprocess(floats, { doDenormalize }));
      }
    }
  });
}

testOnEveryDevice("a picture may be read as floats, and changed, while and before it is encoded", async (device) => {
  using model = await makeModel(TINY, { device });
  const processor = new ImageProcessor({ vaeScaleFactor: 2 });
  const encode = async (sample: Tensor) => {
    using latents = (await model.encode(sample)).latents;
    return await latents.data();
  };
  const expected = await encode(await processor.preprocess(PICTURE));
  const sample = await processor.preprocess(PICTURE);
  const [latents, data] = await Promise.all([encode(sample), sample.data()]);
  assertEquals(latents, expected);
  data.fill(0.5);
  assertNotEquals(await encode(sample), expected);
});
