/**
 * Maps of tokens in false colours.
 *
 * @module
 */

import type { Pixels } from "../engine/types.ts";

/** A picture of one pixel per token. `colours` holds the RGBA of every code. */
export function tokenPixels(tokens: Int32Array, columns: number, colours: Uint8ClampedArray<ArrayBuffer>): Pixels {
  const palette = new Uint32Array(colours.buffer, colours.byteOffset, colours.length / 4);
  const pixels = Uint32Array.from(tokens, (code) => palette[code]);
  return { width: columns, height: tokens.length / columns, data: new Uint8ClampedArray(pixels.buffer) };
}
