/** Limits on memory and time: files that cost far more than their size allows are refused, ordinary ones are not. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decodePicture, ImageProcessor } from "../../../../mod.ts";
import { checkCost } from "../../../../model/images/codecs/cost.ts";
import { openPicture } from "../../../../model/images/preparation/decode.ts";
import { makePng } from "../picture_fixtures.ts";
import { fixture } from "../../../support/paths.ts";

/** A fixture with some of its bytes replaced, at an offset after a text. */
function patched(name: string, text: string, skipped: number, bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  const file = Deno.readFileSync(fixture(`pictures/${name}`));
  const at = new TextDecoder("latin1").decode(file).indexOf(text);
  assert(at >= 0, name);
  file.set(bytes, at + skipped);
  return file;
}

/** A PNG of this size without pixels. */
function png(width: number, height: number, depth: number, colour: number): Uint8Array<ArrayBuffer> {
  return makePng({ width, height, depth, colour, rows: [] });
}

/** The file, padded to this many bytes. */
function padded(file: Uint8Array, bytes: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes);
  out.set(file);
  return out;
}

/** Two sides of 8000 pixels, in big and in little endian. */
const BIG = [31, 64, 31, 64], LITTLE = [64, 31, 64, 31];

const GREEDY: Record<string, Uint8Array> = {
  "a PNG of one bit": png(8192, 8192, 1, 0),
  "a PNG of 16 bits": png(8000, 6000, 16, 6),
  "a PNG of one row": png(2 ** 25, 1, 16, 6),
  "a JPEG": patched("golden/jpeg-420.jpg", "\xff\xc0", 5, BIG),
  "a progressive JPEG": patched("golden/jpeg-progressive.jpg", "\xff\xc2", 5, [12, 0, 20, 0]),
  "a JPEG of four inks": patched("golden/jpeg-cmyk.jpg", "\xff\xc0", 5, [12, 0, 20, 0]),
  "a WebP": patched("golden/webp-lossy.webp", "\x9d\x01\x2a", 3, LITTLE),
  "a GIF": patched("golden/gif.gif", "GIF8", 6, LITTLE),
  "an AVIF": patched("formats/lossless.avif", "ispe", 8, [0, 0, 12, 0, 0, 0, 12, 0]),
  "a BMP": patched("formats/rle8.bmp", "BM", 18, [64, 31, 0, 0, 64, 31, 0, 0]),
};

for (const [name, file] of Object.entries(GREEDY)) {
  Deno.test(`${name} that costs far more than its size allows is refused before it is decoded`, async () => {
    const started = performance.now();
    await assertRejects(() => decodePicture(file), RangeError, "pass maxPixels if you trust it");
    await assertRejects(() => new ImageProcessor().preprocess(file, { height: 8, width: 8 }), RangeError, "MB and");
    assert(performance.now() - started < 2000);
  });
}

Deno.test("maxPixels replaces the limits on memory and time", async () => {
  await assertRejects(() => decodePicture(GREEDY["a PNG of 16 bits"], { maxPixels: 48e6 }), TypeError, "fewer pixels");
  await assertRejects(
    () => decodePicture(GREEDY["a PNG of 16 bits"], { maxPixels: 4e6 }),
    RangeError,
    "raise maxPixels",
  );
});

Deno.test("ordinary pictures are within the limits on memory and time", async () => {
  const ordinary = {
    "a plain picture of 34 megapixels": png(6800, 5000, 8, 6),
    "line art of A4 at 600 dots an inch": png(4960, 7016, 1, 0),
    "a photo of 12 megapixels, held upright": padded(
      patched("golden/jpeg-exif-6.jpg", "\xff\xc0", 5, [12, 0, 16, 0]),
      1_200_000,
    ),
    "a photo of 50 megapixels": padded(patched("golden/jpeg-420.jpg", "\xff\xc0", 5, [24, 0, 32, 0]), 5_000_000),
    "a progressive one": padded(patched("golden/jpeg-progressive.jpg", "\xff\xc2", 5, [24, 0, 32, 0]), 5_000_000),
    "a screenshot of a large screen": patched("golden/webp-lossy.webp", "\x9d\x01\x2a", 3, [0, 15, 112, 8]),
    "an AVIF of 2 megapixels": patched("formats/lossless.avif", "ispe", 8, [0, 0, 7, 128, 0, 0, 4, 56]),
  };
  for (const file of Object.values(ordinary)) {
    await openPicture(file);
  }
});

Deno.test("each byte beyond a million raises the limits as much as one of them", () => {
  for (const bytes of [1, 1e6, 5e6]) {
    const counted = Math.max(bytes, 1e6);
    checkCost(bytes, 1, 1, { memory: 150 * counted, time: 2000 * counted });
    assertThrows(() => checkCost(bytes, 1, 1, { memory: 150 * counted + 1, time: 0 }), RangeError, "maxPixels");
    assertThrows(() => checkCost(bytes, 1, 1, { memory: 0, time: 2000 * counted + 1 }), RangeError, "maxPixels");
  }
});

Deno.test("a PNG of one column is read in bounded time", async () => {
  const rows = new Uint8Array(2 ** 22) as unknown as number[];
  const file = makePng({ width: 1, height: 2 ** 21, depth: 1, colour: 0, rows });
  const started = performance.now();
  assertEquals((await decodePicture(file)).height, 2 ** 21);
  assert(performance.now() - started < 2000);
});

Deno.test("a JPEG of very many EXIF segments is read in bounded time, to the same pixels", async () => {
  const plain = Deno.readFileSync(fixture("pictures/golden/jpeg-420.jpg"));
  const segment = [0xff, 0xe1, 0, 8, ...new TextEncoder().encode("Exif\0\0")];
  const file = Uint8Array.from([...plain.subarray(0, 2), ...Array(90_000).fill(segment).flat(), ...plain.subarray(2)]);
  const started = performance.now();
  assertEquals((await decodePicture(file)).data, (await decodePicture(plain)).data);
  assert(performance.now() - started < 2000);
});
