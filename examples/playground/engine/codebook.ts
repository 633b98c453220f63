/**
 * Codes: their colours in maps, their neighbours, and what they look like.
 *
 * @module
 */

import { type Picture, tokenMap, type Tokens } from "../../../mod.ts";
import type { Neighbour, Pixels } from "./types.ts";

/** Codes on a sheet, along each side. */
const SHEET = 16;
/** Tokens of each code on it, along each side. */
const BLOCK = 2;

/** The most codes that {@linkcode sheetOfCodes} shows. */
export const MAX_SWATCHES = SHEET * SHEET / 2;

/** RGBA of every code in maps of tokens. */
export function coloursOf(codes: number): Uint8ClampedArray<ArrayBuffer> {
  return tokenMap(Int32Array.from({ length: codes }, (_, code) => code), [1, codes]).data;
}

/**
 * The codes nearest to one, itself first, by Euclidean distance.
 *
 * @param vectors the codes one after another
 */
export function nearestCodes(vectors: Float32Array, dimensions: number, code: number, count: number): Neighbour[] {
  const nearest: Neighbour[] = [{ code, distance: 0 }];
  for (let other = 0; other < vectors.length / dimensions; other++) {
    if (other === code) continue;
    let sum = 0;
    for (let i = 0; i < dimensions; i++) sum += (vectors[code * dimensions + i] - vectors[other * dimensions + i]) ** 2;
    const distance = Math.sqrt(sum);
    if (nearest.length === count && distance >= nearest[count - 1].distance) continue;
    const place = nearest.findLastIndex((found) => found.distance <= distance) + 1;
    nearest.splice(place, 0, { code: other, distance });
    nearest.length = Math.min(nearest.length, count);
  }
  return nearest;
}

/**
 * Tokens in which each code fills a block. The rest of the sheet shows codes from all over the codebook: the decoder's
 * norms see the whole sheet, so that a code looks the same whatever is shown with it.
 */
export function sheetOfCodes(shown: readonly number[], codes: number): Tokens {
  const side = SHEET * BLOCK;
  const indices = new Int32Array(side * side);
  const codeAt = (block: number) => shown[block] ?? Math.floor(block * codes / SHEET ** 2);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      indices[row * side + column] = codeAt(Math.floor(row / BLOCK) * SHEET + Math.floor(column / BLOCK));
    }
  }
  return { indices, shape: [1, side, side] };
}

/** The middles of the first blocks of a decoded sheet, as large as a token. */
export function swatchesOf({ width, data }: Picture, count: number): Pixels[] {
  const block = width / SHEET;
  const token = block / BLOCK;
  const middle = Math.floor((block - token) / 2);
  return Array.from({ length: count }, (_, i) => {
    const [top, left] = [Math.floor(i / SHEET) * block + middle, i % SHEET * block + middle];
    const rows = Array.from({ length: token }, (_, y) => {
      const begin = 4 * ((top + y) * width + left);
      return data.subarray(begin, begin + 4 * token);
    });
    const pixels = new Uint8ClampedArray(4 * token * token);
    rows.forEach((row, y) => pixels.set(row, 4 * token * y));
    return { width: token, height: token, data: pixels };
  });
}
