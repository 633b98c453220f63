import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Picture } from "../../model/images/mod.ts";
import { describeReconstruction, psnr } from "../../model/comparison.ts";

/** A picture of one grey. */
function grey(width: number, height: number, value: number): Picture {
  const data = new Uint8ClampedArray(4 * width * height).fill(value);
  return new Picture(width, height, data.map((byte, i) => i % 4 === 3 ? 255 : byte));
}

Deno.test("describeReconstruction() counts tokens, codes and bits", () => {
  const tokens = { indices: Int32Array.of(5, 0, 5, 9, 5, 0), shape: [1, 2, 3] } as const;
  const report = describeReconstruction(grey(12, 8, 100), grey(12, 8, 110), { tokens, codes: 16 });
  assertEquals({ ...report, psnr: 0 }, { grid: [2, 3], tokens: 6, distinctCodes: 3, bitsPerPixel: 0.25, psnr: 0 });
  assertAlmostEquals(report.psnr, 28.13080361, 1e-8);
});

Deno.test("describeReconstruction() takes the tokens of one picture", () => {
  const tokens = { indices: Int32Array.of(1, 2), shape: [2, 1, 1] } as const;
  const picture = grey(4, 4, 0);
  assertThrows(
    () => describeReconstruction(picture, picture, { tokens, codes: 16 }),
    RangeError,
    "one picture, found [2,1,1]",
  );
});

Deno.test("psnr() is 0 dB from black to white, infinite for equal pictures, and ignores alpha", () => {
  assertEquals(psnr(grey(3, 2, 0), grey(3, 2, 255)), 0);
  assertEquals(psnr(grey(3, 2, 77), grey(3, 2, 77)), Infinity);
  const clear = new Picture(1, 1, Uint8ClampedArray.of(77, 77, 77, 0));
  assertEquals(psnr(clear, grey(1, 1, 77)), Infinity);
});

Deno.test("psnr() averages over pixels and channels", () => {
  const red = new Picture(2, 1, Uint8ClampedArray.of(12, 0, 0, 255, 0, 0, 0, 255));
  assertAlmostEquals(psnr(red, grey(2, 1, 0)), 10 * Math.log10(65025 / 24), 1e-12);
});

Deno.test("psnr() refuses pictures of different sizes", () => {
  assertThrows(() => psnr(grey(2, 1, 0), grey(1, 2, 0)), RangeError, "they differ in size, 2×1 and 1×2");
});
