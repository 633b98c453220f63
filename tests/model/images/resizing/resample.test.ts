import { assert, assertEquals, assertThrows } from "@std/assert";
import { decodePicture } from "../../../../model/images/mod.ts";
import type { Raster } from "../../../../model/images/raster/raster.ts";
import { type Box, type Resample, resize } from "../../../../model/images/resizing/resample.ts";
import { pictureUrl, preprocessed, stored } from "../picture_fixtures.ts";
import { isOpaque, readCases, rgbOf, sha256Of, syntheticPicture } from "../synthetic_pictures.ts";

interface Case {
  size: [width: number, height: number];
  seed: number;
  contrast: boolean;
  box: Box | null;
  out: [width: number, height: number];
  sha256: Record<Resample, string>;
}

for (const { size, seed, contrast, box, out, sha256 } of readCases<Case>("resized.json")) {
  Deno.test(`resize() gives PIL's bytes from ${size.join("×")}${box ? ` within ${box}` : ""} to ${out.join("×")}`, () => {
    const source = syntheticPicture(...size, seed, contrast);
    for (const [filter, expected] of Object.entries(sha256)) {
      const resized = resize(source, ...out, filter as Resample, box ?? undefined);
      assertEquals([resized.width, resized.height], out);
      assertEquals(sha256Of(resized), expected, filter);
      assert(isOpaque(resized));
    }
  });
}

for (const scenario of preprocessed.filter((s) => !s.do_convert_grayscale)) {
  Deno.test(`resize() gives PIL's bytes in scenario ${scenario.key}`, async () => {
    const { data, shape: [rows, columns] } = stored.bytes(`${scenario.key}.resized`);
    const resized = resize(await decodePicture(await Deno.readFile(pictureUrl(scenario))), columns, rows, "lanczos");
    assertEquals(rgbOf(resized), data);
  });
}

Deno.test("resize() returns the same raster if nothing changes", () => {
  const source = syntheticPicture(3, 2, 0, false);
  assertEquals(resize(source, 3, 2, "lanczos") === source, true);
  assertEquals(resize(source, 3, 2, "nearest", [0, 0, 3, 2]) === source, true);
});

Deno.test("resize() reads pixels at any offset in a buffer, and does not change them", () => {
  const source = syntheticPicture(9, 7, 1, false);
  const buffer = new Uint8ClampedArray(source.data.length + 5);
  buffer.set(source.data, 3);
  const moved: Raster = { ...source, data: buffer.subarray(3, 3 + source.data.length) };
  for (const filter of ["lanczos", "nearest"] as const) {
    assertEquals(resize(moved, 5, 11, filter), resize(source, 5, 11, filter));
  }
  assertEquals(moved.data, source.data);
});

Deno.test("resize() returns the same after a picture too large for the memory that is kept", () => {
  const small = syntheticPicture(9, 7, 1, false);
  const before = resize(small, 20, 20, "bicubic");
  const large = resize(small, 2400, 2400, "bicubic");
  assertEquals([large.width, large.height, isOpaque(large)], [2400, 2400, true]);
  assertEquals(resize(small, 20, 20, "bicubic"), before);
});

Deno.test("resize() takes pictures one pixel wide or high and very long", () => {
  for (const [width, height] of [[1, 2e5], [2e5, 1]]) {
    const source: Raster = { width, height, data: new Uint8ClampedArray(8e5).fill(255) };
    for (const filter of ["lanczos", "nearest"] as const) {
      const { data } = resize(source, Math.ceil(width / 2), Math.ceil(height / 2), filter);
      assertEquals([data.length, data.findIndex((byte) => byte !== 255)], [4e5, -1]);
    }
  }
});

Deno.test("resize() refuses a box outside the picture", () => {
  const source = syntheticPicture(4, 3, 0, false);
  const boxes: Box[] = [[-1, 0, 4, 3], [0, 0, 4.1, 3], [0, 2, 4, 1], [0, 0, NaN, 3]];
  for (const box of boxes) {
    assertThrows(() => resize(source, 2, 2, "box", box), RangeError, `box [${box}] is not inside its 4×3 pixels`);
  }
});

Deno.test("resize() refuses pictures so wide or high that resizing takes seconds or all memory", () => {
  const long = { width: 1, height: 2 ** 20, data: new Uint8ClampedArray(2 ** 22) };
  assertThrows(() => resize(long, 8, 8, "lanczos"), RangeError, "from 1048576 to 8 pixels per side");
  assertThrows(() => resize(long, 512, 2 ** 18, "box"), RangeError, "512×262144 by way of 512×1048576 pixels");
  assertEquals(resize(long, 8, 8, "nearest").height, 8);
  const longest = { width: 1, height: 65535, data: new Uint8ClampedArray(4 * 65535) };
  assertEquals(resize(longest, 8, 8, "lanczos").height, 8);
});
