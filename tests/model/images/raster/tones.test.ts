import { assertEquals } from "@std/assert";
import type { Raster } from "../../../../model/images/raster/raster.ts";
import { binarize, toGray } from "../../../../model/images/raster/tones.ts";
import { readCases, sha256Of, syntheticPicture } from "../synthetic_pictures.ts";

Deno.test("toGray() gives PIL's luma", () => {
  for (
    const { size, seed, sha256 } of readCases<{ size: [number, number]; seed: number; sha256: { gray: string } }>(
      "fitted.json",
    )
  ) {
    assertEquals(sha256Of(toGray(syntheticPicture(...size, seed, false))), sha256.gray);
  }
});

Deno.test("binarize() splits values at 0.5 in their range, and keeps pictures opaque", () => {
  const source: Raster = {
    width: 1,
    height: 3,
    data: Uint8ClampedArray.of(0, 127, 128, 255, 191, 192, 255, 255, 1, 2, 3, 255),
  };
  assertEquals([...binarize(source, "unit").data], [0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0, 255]);
  assertEquals([...binarize(source, "signed").data], [0, 0, 0, 255, 0, 255, 255, 255, 0, 0, 0, 255]);
  assertEquals(source.data[1], 127);
});
