/** The range of a model's pixels, and the processor that is set up for it. */
import { assertEquals, assertThrows } from "@std/assert";
import { ImageProcessor, type ImageProcessorOptions, type PixelRange, VQModel } from "../../mod.ts";
import { pixelRangeOf } from "../../model/architecture/config.ts";
import { loadGolden } from "../support/golden.ts";
import { LOOKUP, makeModel, TINY } from "./models.ts";
import { ANY_DEVICE } from "../support/engines.ts";

/** A black picture of 9×5 pixels. */
const BLACK = { width: 9, height: 5, data: new Uint8Array(9 * 5) };

/** What the processor for a model makes of a picture: shape and first value. */
async function prepared(
  model: { config: { in_channels: number }; pixelRange: PixelRange; downsamplingFactor: number },
  options?: ImageProcessorOptions,
): Promise<[shape: readonly number[], value: number]> {
  const sample = await ImageProcessor.for(model, options).preprocess(BLACK);
  return [sample.shape, (await sample.data())[0]];
}

Deno.test("models of Diffusers that look codes up take pixels from 0 to 1, others from -1 to 1", async () => {
  const amused = loadGolden("tiny-amused");
  using model = await VQModel.fromPretrained(amused.directory, { device: ANY_DEVICE });
  assertEquals(model.pixelRange, "unit");
  using other = await makeModel(TINY);
  assertEquals(other.pixelRange, "signed");
});

Deno.test("a family's range of pixels is its own", async () => {
  using model = await makeModel(LOOKUP);
  for (const pixel_range of ["signed", "unit"] as const) {
    const family = { name: "taming", quantizer: "nearest", pixel_range } as const;
    assertEquals(pixelRangeOf({ ...model.config, family }), pixel_range);
  }
});

Deno.test("ImageProcessor.for() sets range, sides and channels as the model has them", async () => {
  using tiny = await makeModel(TINY);
  assertEquals(await prepared(tiny), [[1, 3, 4, 8], -1]);
  using gray = await makeModel({ ...LOOKUP, in_channels: 1, out_channels: 1 });
  assertEquals(await prepared(gray), [[1, 1, 4, 8], 0]);
});

Deno.test("options of ImageProcessor.for() override what the model has", async () => {
  using model = await makeModel(TINY);
  assertEquals(await prepared(model, { doNormalize: false }), [[1, 3, 4, 8], 0]);
  assertEquals(await prepared(model, { vaeScaleFactor: 1, doNormalize: undefined }), [[1, 3, 5, 9], -1]);
  assertEquals(await prepared(model, { doConvertGrayscale: true }), [[1, 1, 4, 8], -1]);
});

Deno.test("ImageProcessor.for() refuses anything but a loaded model, and unknown options", async () => {
  using model = await makeModel(TINY);
  for (const other of [undefined, null, {}, Promise.resolve(model)]) {
    assertThrows(() => ImageProcessor.for(other as unknown as VQModel), TypeError, "expected a loaded model");
  }
  for (const options of [null, { do_normalize: false }]) {
    assertThrows(
      () => ImageProcessor.for(model, options as unknown as ImageProcessorOptions),
      TypeError,
      "create image",
    );
  }
});
