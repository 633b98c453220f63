import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Tensor } from "../../../kernels/tensor/tensor.ts";
import {
  ImageProcessor,
  type ImageProcessorOptions,
  Picture,
  type PictureSource,
  type PostprocessOptions,
  type PreprocessOptions,
  type ProcessorInput,
} from "../../../model/images/mod.ts";
import { pictureUrl, preprocessed } from "./picture_fixtures.ts";

const PHOTO = preprocessed.find(({ image }) => image === "photo.png")!;

function flat(width: number, height: number, value = 255): { width: number; height: number; data: Uint8Array } {
  return { width, height, data: new Uint8Array(width * height).fill(value) };
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

Deno.test("preprocess() recognizes gray, RGB and RGBA by the number of bytes, and drops alpha", async () => {
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

Deno.test("preprocess() rounds sizes down, and refuses those that become 0", async () => {
  const processor = new ImageProcessor({ vaeScaleFactor: 4 });
  assertEquals((await processor.preprocess(flat(7, 9))).shape, [1, 3, 8, 4]);
  assertEquals((await processor.preprocess(flat(7, 9), { width: 11 })).shape, [1, 3, 8, 8]);
  await assertRejects(() => processor.preprocess(flat(3, 9)), RangeError, "width 3 rounds down to 0");
  await assertRejects(() => processor.preprocess(flat(9, 9), { height: 3 }), RangeError, "height 3 rounds down to 0");
});

Deno.test("preprocess() refuses sizes that are not whole numbers", async () => {
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

Deno.test("preprocess() refuses values that are not pictures", async () => {
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

Deno.test("preprocess() resizes by PIL's filters, and refuses others", async () => {
  const resample = "cubic" as "bicubic";
  assertThrows(() => new ImageProcessor({ resample }), TypeError, 'found "cubic"');
  await assertRejects(() => new ImageProcessor().preprocess(flat(8, 8), { resample }), TypeError, 'found "cubic"');
  const resizeMode = "stretch" as "fill";
  await assertRejects(() => new ImageProcessor().preprocess(flat(8, 8), { resizeMode }), TypeError, "resizeMode");
  const unlike = new Set<string>();
  for (const way of ["lanczos", "bicubic", "bilinear", "box", "hamming", "nearest"] as const) {
    const tensor = await new ImageProcessor({ resample: way }).preprocess(pictureUrl(PHOTO), { height: 24, width: 40 });
    assertEquals(tensor.shape, [1, 3, 24, 40]);
    unlike.add(`${(await tensor.data()).subarray(0, 100)}`);
  }
  assertEquals(unlike.size, 6);
});

Deno.test("preprocess() crops squares like training scripts", async () => {
  const processor = new ImageProcessor({ vaeScaleFactor: 4 });
  for (const crop of ["center", "adm"] as const) {
    const tensor = await processor.preprocess(flat(40, 20), { crop, height: 18 });
    assertEquals([tensor.shape, Math.min(...await tensor.data())], [[1, 3, 16, 16], 1]);
  }
  await assertRejects(() => processor.preprocess(flat(40, 20), { crop: "adm" }), TypeError, "needs height or width");
  const oblong = { crop: "center", height: 16, width: 32 } as const;
  await assertRejects(() => processor.preprocess(flat(40, 20), oblong), RangeError, "makes squares");
});

Deno.test("preprocess() refuses resizing options that exclude each other", async () => {
  const processor = new ImageProcessor({ vaeScaleFactor: 4, resample: "box" });
  const preprocess = async (options: PreprocessOptions) =>
    (await processor.preprocess(flat(40, 20), { height: 16, ...options })).shape.slice(2);
  for (const resample of ["bicubic", "nearest"] as const) {
    await assertRejects(() => preprocess({ crop: "adm", resample }), TypeError, "leave out resample");
    assertEquals(await preprocess({ crop: "center", resample }), [16, 16]);
  }
  for (const crop of ["center", "adm"] as const) {
    for (const resizeMode of ["fill", "crop", "keep"] as const) {
      const message = `crop "${crop}" excludes resizeMode "${resizeMode}"`;
      await assertRejects(() => preprocess({ crop, resizeMode }), TypeError, message);
    }
    assertEquals(await preprocess({ crop, resizeMode: "default" }), [16, 16]);
  }
});

Deno.test("unknown options are refused, and the message names the nearest known one", async () => {
  const upstream = { do_normalize: false } as ImageProcessorOptions;
  assertThrows(
    () => new ImageProcessor(upstream),
    TypeError,
    'unknown option "do_normalize"; did you mean "doNormalize"?',
  );
  assertThrows(() => new ImageProcessor(null as unknown as ImageProcessorOptions), TypeError, "an object of options");
  const processor = new ImageProcessor({ doNormalize: undefined });
  const resizing = { resize_mode: "fill" } as PreprocessOptions;
  await assertRejects(() => processor.preprocess(flat(8, 8), resizing), TypeError, 'did you mean "resizeMode"?');
  const tensor = await processor.preprocess(flat(8, 8));
  const output = { output_type: "np" } as PostprocessOptions as { outputType: "np" };
  await assertRejects(() => processor.postprocess(tensor, output), TypeError, 'did you mean "outputType"?');
});

Deno.test("preprocess() fills and crops pictures of another aspect ratio", async () => {
  const processor = new ImageProcessor({ vaeScaleFactor: 4, doNormalize: false });
  const half = { width: 16, height: 8, data: new Uint8Array(128).map((_, i) => i % 16 < 8 ? 0 : 255) };
  const valuesAt = async (resizeMode: "fill" | "crop") => {
    const tensor = await processor.preprocess(half, { resizeMode, height: 16, width: 16 });
    const data = await tensor.data();
    return [tensor.shape, data[0], data[15], data[240], data[255]];
  };
  assertEquals(await valuesAt("fill"), [[1, 3, 16, 16], 0, 1, 0, 1]);
  assertEquals(await valuesAt("crop"), [[1, 3, 16, 16], 0, 1, 0, 1]);
});

Deno.test("preprocess() with one side distorts the picture as upstream does, or keeps its aspect ratio", async () => {
  const processor = new ImageProcessor({ vaeScaleFactor: 4 });
  const sidesOf = async (options: PreprocessOptions, picture: ProcessorInput = flat(40, 20)) =>
    (await processor.preprocess(picture, options)).shape.slice(2);
  assertEquals(await sidesOf({ height: 8 }), [8, 40]);
  const resizeMode = "keep";
  assertEquals(await sidesOf({ height: 8, resizeMode }), [8, 16]);
  assertEquals(await sidesOf({ width: 70, resizeMode }), [32, 68]); // 35×70, rounded down
  assertEquals(await sidesOf({ height: 12, resizeMode }, flat(5, 3)), [12, 20]);
  assertEquals(await sidesOf({ height: 8, resizeMode }, new Tensor(new Float32Array(800), [1, 20, 40])), [8, 16]);
  await assertRejects(() => sidesOf({ width: 4, resizeMode }), RangeError, "height 2 rounds down to 0");
  const needed = "needs either height or width, found";
  await assertRejects(() => sidesOf({ resizeMode }), TypeError, `${needed} neither`);
  await assertRejects(() => sidesOf({ height: 8, width: 8, resizeMode }), TypeError, `${needed} both`);
});

Deno.test("preprocess() takes floats from 0 to 1 like upstream", async () => {
  const processor = new ImageProcessor({ vaeScaleFactor: 2 });
  const tensor = new Tensor(Float32Array.of(0, 0.25, 0.5, 1), [1, 2, 2]);
  assertEquals([...await (await processor.preprocess(tensor)).data()], [-1, -0.5, 0, 1]);
  const enlarged = await processor.preprocess(tensor, { height: 4 });
  assertEquals([enlarged.shape, [...await enlarged.data()]], [[1, 1, 4, 2], [-1, -0.5, -1, -0.5, 0, 1, 0, 1]]);
  const signed = new Tensor(Float32Array.of(-1, 0.25, 0.5, 1), [1, 1, 2, 2]);
  assertEquals([...await (await processor.preprocess(signed)).data()], [-1, 0.25, 0.5, 1]);
  const rgb = { width: 2, height: 2, data: Float32Array.from({ length: 12 }, (_, i) => i / 16) };
  const batch = await new ImageProcessor({ vaeScaleFactor: 2, doNormalize: false }).preprocess([rgb, rgb]);
  assertEquals(batch.shape, [2, 3, 2, 2]);
  assertEquals([...(await batch.data()).subarray(0, 4)], [0, 3 / 16, 6 / 16, 9 / 16]);
  const wrong = new Tensor(new Float32Array(4), [4]);
  await assertRejects(() => processor.preprocess(wrong), TypeError, "[c, h, w], found float32 [4]");
});

Deno.test("preprocess() binarizes after normalizing", async () => {
  const levels = { width: 4, height: 1, data: Uint8Array.of(127, 128, 191, 192) };
  const values = async (doNormalize: boolean) => {
    const processor = new ImageProcessor({
      vaeScaleFactor: 1,
      doBinarize: true,
      doConvertGrayscale: true,
      doNormalize,
    });
    return [...await (await processor.preprocess(levels)).data()];
  };
  assertEquals([await values(false), await values(true)], [[0, 1, 1, 1], [0, 0, 0, 1]]);
});

Deno.test("preprocess() keeps gray pixels in one channel without doConvertRgb", async () => {
  const processor = new ImageProcessor({ doConvertRgb: false });
  assertEquals((await processor.preprocess(flat(8, 8))).shape, [1, 1, 8, 8]);
  assertThrows(() => new ImageProcessor({ doConvertRgb: true, doConvertGrayscale: true }), TypeError, "both be true");
});

Deno.test("preprocess() takes blobs, responses, streams, shared memory, data: and http: URLs alike", async () => {
  const processor = new ImageProcessor({ doResize: false });
  const file = await Deno.readFile(pictureUrl(PHOTO));
  const shared = new SharedArrayBuffer(file.length);
  new Uint8Array(shared).set(file);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
    return url.endsWith("/photo") ? new Response(file) : new Response("no", { status: 404 });
  });
  const address = `http://127.0.0.1:${server.addr.port}`;
  const expected = await (await processor.preprocess(file)).data();
  const sources = [
    new Blob([file]),
    new File([file], "photo.png"),
    new Response(file),
    new Blob([file]).stream(),
    shared,
    new Uint8Array(shared),
    new Uint8ClampedArray(shared),
    new DataView(file.buffer),
    `data:image/png;base64,${file.toBase64()}`,
    `${address}/photo`,
    new URL(`${address}/photo`),
  ];
  for (const source of sources) assertEquals(await (await processor.preprocess(source)).data(), expected);
  await assertRejects(
    () => processor.preprocess(`${address}/none`),
    TypeError,
    '/none": expected the URL of a picture',
  );
  await assertRejects(() => processor.preprocess(`${address}/none`), TypeError, "picture file; found status 404");
  await server.shutdown();
  await assertRejects(() => processor.preprocess("s3://bucket/cat.png"), TypeError, "found s3:");
});

Deno.test("preprocess() says which picture's stream failed midway, and why", async () => {
  const processor = new ImageProcessor();
  const file = await Deno.readFile(pictureUrl(PHOTO));
  for (const reason of [new Error("the line is dead"), "the line is dead"]) {
    const failing = new ReadableStream({
      start: (controller) => controller.enqueue(file.subarray(0, 100)),
      pull: (controller) => controller.error(reason),
    });
    const error = await assertRejects(() => processor.preprocess([file, new Response(failing)]), TypeError);
    assertEquals(error.message, "Cannot read picture: expected all bytes of its file; the line is dead (picture 1)");
  }
  const used = new Blob([file]).stream();
  await used.cancel();
  used.getReader();
  await assertRejects(() => processor.preprocess(used), TypeError, "Cannot read picture: expected all bytes");
});

Deno.test("messages of preprocess() repeat no signatures of URLs and no control characters", async () => {
  const processor = new ImageProcessor();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("no picture"));
  const signed = `http://127.0.0.1:${server.addr.port}/a.png?X-Signature=SIGNED`;
  const sources = [signed, new URL(signed), `${signed.replace("http:", "s3:")}`, await fetch(signed)];
  const errors = [await assertRejects(() => processor.preprocess(sources), TypeError)];
  for (const source of sources) errors.push(await assertRejects(() => processor.preprocess(source), TypeError));
  await server.shutdown();
  errors.push(await assertRejects(() => processor.preprocess(signed), TypeError, "expected the URL of a picture file"));
  for (const error of errors) assert(!Deno.inspect(error).includes("SIGNED"), Deno.inspect(error));
  const file = new File([new Uint8Array(9)], "\x1b[2J.png");
  await assertRejects(() => processor.preprocess(file), TypeError, "(\\x1b[2J.png)");
});

Deno.test("preprocess() says which picture of an array is invalid", async () => {
  const processor = new ImageProcessor();
  const good = await Deno.readFile(pictureUrl(PHOTO));
  const bad = new File([new Uint8Array(9)], "cat.png");
  await assertRejects(() => processor.preprocess([good, bad]), TypeError, "(picture 1, cat.png)");
  await assertRejects(() => processor.preprocess([good, good.slice(0, 99)]), TypeError, "(picture 1)");
  await assertRejects(() => processor.preprocess(["none.png"]), TypeError, 'Cannot read picture "none.png"');
});

Deno.test("postprocess() returns floats and tensors by upstream's names", async () => {
  const tensor = new Tensor(Float32Array.of(-3, -1, 0, 0.5, 1, 2, 0, 0, 0, 0, 0, NaN), [1, 3, 2, 2]);
  const processor = new ImageProcessor();
  const pt = await processor.postprocess(tensor, { outputType: "pt" });
  assertEquals([pt.shape, [...await pt.data()]], [tensor.shape, [0, 0, 0.5, 0.75, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, NaN]]);
  const { data, shape } = await processor.postprocess(tensor, { outputType: "np" });
  assertEquals([shape, [...data]], [[1, 2, 2, 3], [0, 1, 0.5, 0, 1, 0.5, 0.5, 0.5, 0.5, 0.75, 0.5, NaN]]);
  const raw = await processor.postprocess(tensor, { outputType: "pt", doDenormalize: false });
  assertEquals(await raw.data(), await tensor.data());
  const outputType = "tf" as "np";
  await assertRejects(() => processor.postprocess(tensor, { outputType }), TypeError, 'found "tf"');
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

Deno.test("doDenormalize of postprocess() overrides doNormalize", async () => {
  const tensor = new Tensor(Float32Array.of(0, NaN), [1, 1, 1, 2]);
  const [picture] = await new ImageProcessor({ doNormalize: false }).postprocess(tensor, { doDenormalize: true });
  assertEquals([...picture.data], [128, 128, 128, 255, 0, 0, 0, 255]);
});

Deno.test("postprocess() refuses tensors that are not pictures", async () => {
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

Deno.test("postprocess() returns the bytes that preprocess() was given", async () => {
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
