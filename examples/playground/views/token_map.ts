/**
 * Maps of tokens in false colours.
 *
 * @module
 */

import type { Pixels } from "../engine/types.ts";

/** A picture of one pixel per token. `colours` holds the RGBA of every code. */
export function tokenPixels(tokens: Int32Array, columns: number, colours: Uint8ClampedArray<ArrayBuffer>): Pixels {
  const palette = new Uint32Array(colours.buffer, colours.byteOffset, colours.length / 4);
  const pixels = new Uint32Array(tokens.length);
  for (let cell = 0; cell < tokens.length; cell++) pixels[cell] = palette[tokens[cell]];
  return { width: columns, height: tokens.length / columns, data: new Uint8ClampedArray(pixels.buffer) };
}
