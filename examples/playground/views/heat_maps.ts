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

/** The colours of 256 places. */
const RAMP = Array.from({ length: 256 }, (_, i) => rampColour(i / 255));

/** The mean difference of red, green and blue at each pixel; `undefined` if the sides differ. */
export function differenceMap(a: Pixels, b: Pixels): Pixels | undefined {
  if (a.width !== b.width || a.height !== b.height) return undefined;
  const data = new Uint8ClampedArray(a.data.length);
  for (let i = 0; i < data.length; i += 4) {
    let sum = 0;
    for (let c = i; c < i + 3; c++) sum += Math.abs(a.data[c] - b.data[c]);
    paint(data, i, sum / 3 / MAX_DIFFERENCE);
  }
  return { width: a.width, height: a.height, data };
}

/** Margins of tokens: bright where a token nearly was another one. */
export function marginMap(margins: Float32Array, columns: number, greatest: number): Pixels {
  const data = new Uint8ClampedArray(4 * margins.length);
  margins.forEach((margin, cell) => paint(data, 4 * cell, 1 - Math.sqrt(Math.min(margin, greatest) / greatest)));
  return { width: columns, height: margins.length / columns, data };
}

/** The margin that 95 % of the tokens do not exceed. Infinite ones do not count: there is no other code. */
export function greatestMargin(margins: Float32Array): number {
  const finite = margins.filter(Number.isFinite).sort();
  return finite[Math.floor(0.95 * (finite.length - 1))] || 1;
}

function paint(data: Uint8ClampedArray, offset: number, place: number): void {
  data.set(RAMP[Math.round(255 * Math.min(Math.max(place, 0), 1))], offset);
  data[offset + 3] = 255;
}
