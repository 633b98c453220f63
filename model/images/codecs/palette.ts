/**
 * Palettes and gray, as the codecs write them into pictures.
 *
 * @module
 */

import type { Raster } from "../raster/raster.ts";

/** A pixel for each of 256 indices: red, green, blue and 255 in memory order. */
export type Colours = Uint32Array<ArrayBuffer>;

/**
 * The colours of a palette with `step` bytes an entry, red at offset `red` of it and blue at `blue`.
 * Indices that the palette leaves out are grays, as in PIL.
 */
export function coloursOf(palette: Uint8Array, step = 3, red = 0, blue = 2): Colours {
  const bytes = new Uint8Array(4 * 256).fill(255);
  for (let i = 0; i < 256; i++) {
    const from = i * step;
    const isStated = from + step <= palette.length;
    bytes[4 * i] = isStated ? palette[from + red] : i;
    bytes[4 * i + 1] = isStated ? palette[from + 1] : i;
    bytes[4 * i + 2] = isStated ? palette[from + blue] : i;
  }
  return new Uint32Array(bytes.buffer);
}

/** A picture all of one colour. */
export function blank(width: number, height: number, colour: number): Raster {
  const data = new Uint8ClampedArray(4 * width * height);
  pixelsOf({ width, height, data }).fill(colour);
  return { width, height, data };
}

/** The pixels of a picture as numbers, to be written from {@linkcode Colours}. */
export function pixelsOf({ data }: Raster): Uint32Array<ArrayBuffer> {
  return new Uint32Array(data.buffer);
}
