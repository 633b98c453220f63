/**
 * Gray and black-and-white pictures, as PIL and Diffusers make them.
 *
 * @module
 */

import type { PixelRange } from "../../../kernels/mod.ts";
import type { Raster } from "./raster.ts";

/** PIL's `convert("L")`, each pixel three times its gray: ITU-R 601 luma in 16-bit fixed point. */
export function toGray({ width, height, data }: Raster): Raster {
  const out = data.slice();
  for (let at = 0; at < data.length; at += 4) {
    const luma = (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
    out[at] = out[at + 1] = out[at + 2] = luma;
  }
  return { width, height, data: out };
}

/**
 * Upstream's `binarize`, which follows `normalize`: samples that stand for less than 0.5 in `range` become 0, the others 1.
 * So bytes 0 and 255 come out, and stand for 0 and 1 in the range `"unit"` whatever `range` was.
 */
export function binarize({ width, height, data }: Raster, range: PixelRange): Raster {
  const least = range === "unit" ? 0.5 * 255 : 0.75 * 255; // -1 to 1 reaches 0.5 at three quarters
  const out = data.slice();
  for (let at = 0; at < out.length; at++) out[at] = out[at] < least ? 0 : 255;
  return { width, height, data: out };
}
