import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Tensor } from "../../../kernels/tensor.ts";
import { ImageProcessor, type PictureSource } from "../../../model/images/image_processor.ts";
import { Picture } from "../../../model/images/picture.ts";
import { bytes, floats, pictureUrl, postprocessed, preprocessed, type Scenario, shapeOf } from "./picture_fixtures.ts";

const PHOTO = preprocessed.find(({ image }) => image === "photo.png")!;

function processorFor(scenario: Scenario): ImageProcessor {
  return new ImageProcessor({
    vaeScaleFactor: scenario.vae_scale_factor,
    doNormalize: scenario.do_normalize,
    doResize: scenario.do_resize,
    doConvertGrayscale: scenario.do_convert_grayscale,
  });
}

function flat(width: number, height: number, value = 255): { width: number; height: number; data: Uint8Array } {
  return { width, height, data: new Uint8Array(width * height).fill(value) };
}

for (const scenario of preprocessed) {
  Deno.test(`preprocess() equals Diffusers in scenario ${scenario.key}`, async () => {
    const { key, height, width } = scenario;
    const tensor = await processorFor(scenario).preprocess(pictureUrl(scenario), { height, width });
    const [rows, columns, channels] = shapeOf(`${key}.resized`);
    assertEquals(tensor.shape, [1, channels, rows, columns]);

    const actual = await tensor.data();
    const plane = rows * columns;
    const resized = bytes(`${key}.resized`);
    const range = scenario.do_normalize ?? true ? (byte: number) => 2 * byte / 255 - 1 : (byte: number) => byte / 255;
    const wrong = resized.findIndex((byte, i) =>
      !(Math.abs(actual[i % channels * plane + Math.floor(i / channels)] - range(byte)) < 1e-6)
    );
    assertEquals(wrong, -1, "index of the first value that is not the resized byte");

    const all = floats(`${key}.preprocessed`);
    if (all) assertEquals(actual, all);
    else {
      const top = floats(`${key}.preprocessed_top8`)!;
      const topOf = (c: number) => actual.slice(c * plane, c * plane + 8 * columns);
      assertEquals([0, 1, 2].map(topOf), [0, 1, 2].map((c) => top.slice(c * 8 * columns, (c + 1) * 8 * columns)));
    }
  });
}

for (const { key, do_normalize } of postprocessed) {
  Deno.test(`postprocess() equals Diffusers in scenario ${key}`, async () => {
    const tensor = new Tensor(floats(`${key}.input`)!, shapeOf(`${key}.input`));
    const pictures = await new ImageProcessor({ doNormalize: do_normalize }).postprocess(tensor);
    const [count, height, width, channels] = shapeOf(`${key}.uint8`);
    assertEquals(pictures.map((p) => [p.height, p.width]), Array(count).fill([height, width]));
    const actual = pictures.flatMap(({ data }) => [...data].filter((_, i) => i % 4 < channels));
    assertEquals(Uint8Array.from(actual), bytes(`${key}.uint8`));
  });
}

Deno.test("preprocess() takes a path, a URL, bytes and pixels alike", async () => {
  const processor = new ImageProcessor({ doResize: false });
  const url = pictureUrl(PHOTO);
  const file = await Deno.readFile(url);
  const expected = await processor.preprocess(url);
  const [picture] = await processor.postprocess(expected);
  for (const source of [fromFileUrl(url), file, file.buffer, picture]) {
    const tensor = await processor.preprocess(source);
    assertEquals(tensor.shape, expected.shape);
    assertEquals(await tensor.data(), await expected.data());
  }
});

Deno.test("preprocess() tells gray, RGB and RGBA by the number of bytes and drops alpha", async () => {
  const processor = new ImageProcessor({ doResize: false, doNormalize: false });
  const one = { width: 1, height: 1 };
  const values = async (
    data: number[],
  ) => [...await (await processor.preprocess({ ...one, data: Uint8Array.from(data) })).data()];
  assertEquals(await values([255]), [1, 1, 1]);
  assertEquals(await values([255, 0, 255]), [1, 0, 1]);
  assertEquals(await values([255, 0, 255, 0]), [1, 0, 1]);
});

Deno.test("preprocess() makes a batch of an array", async () => {
  const processor = new ImageProcessor({ doNormalize: false });
  const tensor = await processor.preprocess([flat(9, 9, 0), flat(20, 30, 255)], { height: 8, width: 8 });
  assertEquals(tensor.shape, [2, 3, 8, 8]);
  const data = await tensor.data();
  assertEquals([data[0], data[3 * 64 - 1], data[3 * 64], data[6 * 64 - 1]], [0, 0, 1, 1]);
  await assertRejects(() => processor.preprocess([flat(8, 8), flat(16, 8)]), RangeError, "picture 1 is 16×8");
  await assertRejects(() => processor.preprocess([]), RangeError, "empty");
});

Deno.test("preprocess() rounds sizes down and refuses those that vanish", async () => {
  const processor = new ImageProcessor({ vaeScaleFactor: 4 });
  assertEquals((await processor.preprocess(flat(7, 9))).shape, [1, 3, 8, 4]);
  assertEquals((await processor.preprocess(flat(7, 9), { width: 11 })).shape, [1, 3, 8, 8]);
  await assertRejects(() => processor.preprocess(flat(3, 9)), RangeError, "width 3 rounds down to 0");
  await assertRejects(() => processor.preprocess(flat(9, 9), { height: 3 }), RangeError, "height 3 rounds down to 0");
});

Deno.test("preprocess() refuses sizes that are no whole numbers", async () => {
  const processor = new ImageProcessor();
  for (const height of [-8, 8.5, NaN, Infinity, 0]) {
    await assertRejects(
      () => processor.preprocess(flat(8, 8), { height }),
      RangeError,
      "height must be a whole number",
    );
  }
  const text = "8" as unknown as number;
  await assertRejects(() => processor.preprocess(flat(8, 8), { height: text }), TypeError, "height must be a number");
  await assertRejects(() => processor.preprocess(flat(8, 8), { height: 1e6, width: 1e6 }), RangeError, "maxPixels");
  assertThrows(() => new ImageProcessor({ vaeScaleFactor: 0 }), RangeError, "vaeScaleFactor");
});

Deno.test("preprocess() refuses what is no picture", async () => {
  const processor = new ImageProcessor();
  for (const source of [null, undefined, 7, {}, new Float32Array(4), { width: 1, height: 1, data: [1] }]) {
    await assertRejects(() => processor.preprocess(source as PictureSource), TypeError, "expected a path");
  }
  const short = { width: 8, height: 8, data: new Uint8Array(65) };
  await assertRejects(() => processor.preprocess(short), RangeError, "found 65");
  await assertRejects(() => processor.preprocess(new Uint8Array(9)), TypeError, "Cannot decode picture");
  for (const maxPixels of [0, -1, NaN]) {
    assertThrows(
      () => new ImageProcessor({ maxPixels }),
      RangeError,
      `maxPixels must be a number ≥ 1, found ${maxPixels}`,
    );
  }
  await assertRejects(() => new ImageProcessor({ maxPixels: 63 }).preprocess(flat(8, 8)), RangeError, "maxPixels");
  await assertRejects(() => new ImageProcessor({ maxPixels: 63 }).preprocess(pictureUrl(PHOTO)), RangeError, "640×480");
  await assertRejects(() => processor.preprocess("tests/fixtures/no such picture.png"), Error, "no such picture.png");
});

Deno.test("preprocess() knows no other way of resizing", async () => {
  const resample = "bicubic" as "lanczos";
  assertThrows(() => new ImageProcessor({ resample }), TypeError, '"bicubic"');
  await assertRejects(() => new ImageProcessor().preprocess(flat(8, 8), { resample }), TypeError, '"bicubic"');
});

Deno.test("preprocess() stops at a signal", async () => {
  const reason = new Error("enough");
  const error = await assertRejects(() =>
    new ImageProcessor().preprocess(flat(8, 8), { signal: AbortSignal.abort(reason) })
  );
  assertEquals(error, reason);
});

Deno.test("postprocess() clamps, rounds halves to even and makes NaN black", async () => {
  const values = Float32Array.of(-3, 0.5 / 255, 1.5 / 255, 2.5 / 255, 1, 7, NaN, Infinity);
  const [picture] = await new ImageProcessor({ doNormalize: false }).postprocess(new Tensor(values, [1, 1, 2, 4]));
  assertEquals([...picture.data].filter((_, i) => i % 4 === 0), [0, 0, 2, 2, 255, 255, 0, 255]);
});

Deno.test("postprocess() lets doDenormalize overrule doNormalize", async () => {
  const tensor = new Tensor(Float32Array.of(0, NaN), [1, 1, 1, 2]);
  const [picture] = await new ImageProcessor({ doNormalize: false }).postprocess(tensor, { doDenormalize: true });
  assertEquals([...picture.data], [128, 128, 128, 255, 0, 0, 0, 255]);
});

Deno.test("postprocess() refuses tensors that are no pictures", async () => {
  const processor = new ImageProcessor();
  const zeros = new Float32Array(8);
  for (const shape of [[8], [1, 2, 2, 2], [2, 1, 4]]) {
    await assertRejects(() => processor.postprocess(new Tensor(zeros, shape)), TypeError, "expected a float tensor");
  }
  await assertRejects(() => processor.postprocess(new Tensor(new Int32Array(3), [1, 3, 1, 1])), TypeError, "int32");
  const disposed = new Tensor(zeros, [1, 1, 2, 4]);
  disposed.dispose();
  await assertRejects(() => processor.postprocess(disposed), TypeError, "disposed");
});

Deno.test("a picture comes back from preprocess() and postprocess() byte for byte", async () => {
  const data = Uint8ClampedArray.from({ length: 4 * 256 }, (_, i) => i % 4 === 3 ? 255 : (i >> 2) * (i % 4 + 1));
  for (const doNormalize of [true, false]) {
    const processor = new ImageProcessor({ doNormalize });
    const [picture] = await processor.postprocess(await processor.preprocess(new Picture(16, 16, data)));
    assertEquals(picture.data, data);
  }
});

Deno.test("preprocess() takes bytes over shared memory, and ImageData", async () => {
  const processor = new ImageProcessor();
  const file = await Deno.readFile(pictureUrl(PHOTO));
  const shared: Uint8Array = new Uint8Array(new SharedArrayBuffer(file.length));
  shared.set(file);
  const expected = await (await processor.preprocess(file)).data();
  const floats = await (await processor.preprocess(shared)).data();
  assertEquals(floats.findIndex((value, i) => value !== expected[i]), -1);
  const image: ImageData = new ImageData(8, 8);
  assertEquals((await processor.preprocess(image)).shape, [1, 3, 8, 8]);
});
