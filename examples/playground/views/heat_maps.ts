/**
 * Heat maps: differences of pictures, and margins of tokens.
 *
 * @module
 */

import type { Pixels } from "../engine/types.ts";

/** Difference that has the brightest colour, in levels of 0 to 255. */
export const MAX_DIFFERENCE = 64;

/** Colours from low to high, between which others are interpolated. */
const STOPS = [[10, 11, 28], [66, 54, 170], [186, 64, 150], [247, 140, 84], [255, 243, 196]];

/** Red, green and blue at a place from 0 to 1. */
export function rampColour(place: number): number[] {
  const position = Math.min(Math.max(place, 0), 1) * (STOPS.length - 1);
  const below = Math.min(Math.floor(position), STOPS.length - 2);
  return STOPS[below].map((value, i) => value + (STOPS[below + 1][i] - value) * (position - below));
}

/** RGBA of 256 places, one number each: a pixel is written faster at once than byte by byte. */
const RAMP = new Uint32Array(
  Uint8ClampedArray.from(Array.from({ length: 256 }, (_, i) => [...rampColour(i / 255), 255]).flat()).buffer,
);

/** The mean difference of red, green and blue at each pixel; `undefined` if the sides differ. */
export function differenceMap(a: Pixels, b: Pixels): Pixels | undefined {
  if (a.width !== b.width || a.height !== b.height) return undefined;
  const pixels = new Uint32Array(a.width * a.height);
  for (let pixel = 0; pixel < pixels.length; pixel++) {
    let sum = 0;
    for (let i = 4 * pixel; i < 4 * pixel + 3; i++) sum += Math.abs(a.data[i] - b.data[i]);
    pixels[pixel] = colourAt(sum / 3 / MAX_DIFFERENCE);
  }
  return { width: a.width, height: a.height, data: new Uint8ClampedArray(pixels.buffer) };
}

/** Margins of tokens: bright where a token nearly was another one. */
export function marginMap(margins: Float32Array, columns: number, greatest: number): Pixels {
  const pixels = Uint32Array.from(margins, (margin) => colourAt(1 - Math.sqrt(Math.min(margin, greatest) / greatest)));
  return { width: columns, height: margins.length / columns, data: new Uint8ClampedArray(pixels.buffer) };
}

/** The margin that 95 % of the tokens do not exceed. Infinite ones do not count: there is no other code. */
export function greatestMargin(margins: Float32Array): number {
  const finite = margins.filter(Number.isFinite).sort();
  return finite[Math.floor(0.95 * (finite.length - 1))] || 1;
}

/** The colour at a place from 0 to 1. */
function colourAt(place: number): number {
  return RAMP[Math.round(255 * Math.min(Math.max(place, 0), 1))];
}
