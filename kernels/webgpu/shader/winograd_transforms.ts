/**
 * The transforms of Winograd's F(4×4, 3×3): their matrices, and the order of values in a transformed tile.
 *
 * @module
 */

import { unroll } from "./wgsl.ts";

/** Outputs along one side of a tile. */
export const TILE = 4;
/** Inputs along one side of a tile: its outputs and their halo. */
export const INPUT_TILE = TILE + 2;
/** Positions of a transformed tile, with a matrix product for each. */
export const POSITIONS = INPUT_TILE * INPUT_TILE;
/**
 * Index of the last transformed row and column. They are differences of neighbors, so they are zero where the input is
 * upsampled and each pixel is repeated 2×2.
 */
export const LAST = INPUT_TILE - 1;

type Matrix = readonly (readonly number[])[];

/**
 * Transformed kernels are scaled by this, and transformed inputs by its inverse: the input transform enlarges values up to
 * a hundred times, which may overflow float16. A power of two, so that results in float32 stay the same.
 */
export const KERNEL_SCALE = 64;

/** Transforms a kernel column and scales it by the square root of {@linkcode KERNEL_SCALE}. */
const G: Matrix = [
  [2, 0, 0],
  [-4 / 3, -4 / 3, -4 / 3],
  [1 / 3, 2 / 3, 4 / 3],
  [1 / 3, -2 / 3, 4 / 3],
  [0, 0, 8],
  [-4 / 3, 4 / 3, -4 / 3],
];
/** Transforms an input column. */
export const B_TRANSPOSED: Matrix = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
  [0, 4, -4, -1, 1, 0],
];
/** Transforms an output column. */
export const A_TRANSPOSED: Matrix = [
  [1, 1, 1, 1, 0, 1],
  [0, 1, 2, -2, 0, -1],
  [0, 1, 4, 4, 0, 1],
  [0, 1, 8, -8, 1, -1],
];

/** The dot product of a matrix row and named values, as WGSL. */
export function dot(row: readonly number[], value: (k: number) => string): string {
  const terms = row.map((factor, k) =>
    factor === 0 ? "" : `${factor < 0 ? "-" : "+"} ${term(Math.abs(factor), value(k))} `
  );
  return terms.join("").replace(/^\+ /, "");
}

function term(factor: number, value: string): string {
  return factor === 1 ? value : `${factor.toPrecision(10)} * ${value}`;
}

/** Transformed rows, or columns, that are not zero. */
export function countOf(upsample: boolean): number {
  return upsample ? LAST : INPUT_TILE;
}

/** Index of a position in a transformed tile; those that are zero after upsampling come last. */
export function positionOf(row: number, column: number): number {
  if (row < LAST && column < LAST) return row * LAST + column;
  return LAST * LAST + (row === LAST ? column : INPUT_TILE + row);
}

/**
 * Transforms a kernel of nine taps `g0` … `g8`, and calls `write` for each position in the first `places` rows and
 * columns.
 */
export function transformKernel(places: number, write: (position: number, value: string) => string): string {
  return unroll(places, (i) => unroll(3, (x) => `let t${i}_${x} = ${dot(G[i], (ky) => `g${ky * 3 + x}`)};\n  `)) +
    unroll(places, (i) => unroll(places, (j) => write(positionOf(i, j), dot(G[j], (x) => `t${i}_${x}`))));
}
