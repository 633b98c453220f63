/**
 * Crops and pastes pictures like PIL's `Image.crop` and `Image.paste`.
 *
 * @module
 */

import { blank, type Raster } from "../raster/raster.ts";

/** Copies `part` into `target`, with its top left corner at (x, y). Pixels outside `target` are dropped. */
export function paste(target: Raster, part: Raster, x: number, y: number): void {
  const left = Math.max(x, 0);
  const right = Math.min(x + part.width, target.width);
  if (right <= left) return;
  const bottom = Math.min(y + part.height, target.height);
  for (let row = Math.max(y, 0); row < bottom; row++) {
    const from = 4 * ((row - y) * part.width - x);
    target.data.set(part.data.subarray(from + 4 * left, from + 4 * right), 4 * (row * target.width + left));
  }
}

/** The rectangle of this size at (left, top). Black outside the picture. */
export function crop(source: Raster, left: number, top: number, width: number, height: number): Raster {
  const out = blank(width, height);
  paste(out, source, -left, -top);
  return out;
}
