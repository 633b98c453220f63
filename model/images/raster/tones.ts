/**
 * Converts pictures to gray and to black and white, like PIL and Diffusers.
 *
 * @module
 */

import type { PixelRange } from "../../../kernels/mod.ts";
import type { Raster } from "./raster.ts";

/** PIL's `convert("L")`, ITU-R 601 luma in 16-bit fixed point, with the gray in all three channels. */
export function toGray({ width, height, data }: Raster): Raster {
  const out = data.slice();
  for (let at = 0; at < data.length; at += 4) {
    const luma = (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
    out[at] = out[at + 1] = out[at + 2] = luma;
  }
  return { width, height, data: out };
}

/**
 * Upstream's `binarize`, which follows `normalize`: values below 0.5 in `range` become 0, all others 1.
 * The result is bytes 0 and 255 in the range `"unit"`, whatever `range` was.
 */
export function binarize({ width, height, data }: Raster, range: PixelRange): Raster {
  const least = range === "unit" ? 0.5 * 255 : 0.75 * 255; // of -1 to 1, 0.5 is at three quarters
  const out = data.slice();
  for (let at = 0; at < out.length; at++) out[at] = out[at] < least ? 0 : 255;
  return { width, height, data: out };
}
