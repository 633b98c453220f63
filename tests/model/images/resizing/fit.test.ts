import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  cropCenter,
  resizeAndCenter,
  resizeAndCrop,
  resizeAndCropAdm,
  resizeAndFill,
} from "../../../../model/images/resizing/fit.ts";
import type { Raster } from "../../../../model/images/raster/raster.ts";
import { isOpaque, readCases, sha256Of, syntheticPicture } from "../synthetic_pictures.ts";

type Way = "fill" | "crop" | "center" | "adm" | "centerCrop";

interface Case {
  size: [width: number, height: number];
  out: [width: number, height: number];
  seed: number;
  /** Null where upstream fails. */
  sha256: Record<Way, string | null>;
}

const LIMIT = 1e6;

const WAYS: Record<Way, (source: Raster, width: number, height: number) => Raster> = {
  fill: resizeAndFill,
  crop: (source, width, height) => resizeAndCrop(source, width, height, LIMIT),
  center: (source, width) => resizeAndCenter(source, width, "bicubic", LIMIT),
  adm: (source, width) => resizeAndCropAdm(source, width, LIMIT),
  centerCrop: cropCenter,
};

for (const [way, fit] of Object.entries(WAYS)) {
  Deno.test(`fitting by "${way}" returns upstream's bytes for any aspect ratio`, () => {
    for (const { size, out, seed, sha256 } of readCases<Case>("fitted.json")) {
      const expected = sha256[way as Way];
      if (expected === null) continue;
      const picture = fit(syntheticPicture(...size, seed, false), ...out);
      assertEquals(sha256Of(picture), expected, `${size.join("×")} to ${out.join("×")}`);
      assert(isOpaque(picture));
    }
  });
}

Deno.test("resizeAndCenter() resizes by the given filter", () => {
  const source = syntheticPicture(20, 10, 1, true);
  const { data } = resizeAndCenter(source, 5, "nearest", LIMIT);
  assertEquals(data.filter((byte) => byte > 0 && byte < 255).length, 0);
});

Deno.test("pictures too narrow for a size are refused before memory is allocated", () => {
  const narrow = syntheticPicture(1, 4096, 1, false);
  assertThrows(() => resizeAndFill(narrow, 256, 256), RangeError, "1×4096 pixels become 0×256");
  assertThrows(() => resizeAndCrop(narrow, 256, 256, LIMIT), RangeError, "become 256×1048576");
  assertThrows(() => resizeAndCenter(narrow, 256, "bicubic", LIMIT), RangeError, "at most 1000000 pixels");
  assertThrows(() => resizeAndCropAdm(narrow, 256, LIMIT), RangeError, "become 256×1048576");
});
