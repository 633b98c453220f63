/**
 * The transforms of Winograd's F(4×4, 3×3), as WGSL: matrices, and where in a transformed tile each value stands.
 *
 * @module
 */

import { unroll } from "./wgsl.ts";

/** Outputs along one side of a tile. */
export const TILE = 4;
/** Inputs along one side of a tile. */
export const REACH = TILE + 2;
/** Matrix products a tile takes. */
export const POSITIONS = REACH * REACH;
/**
 * The last transformed row and column are differences of neighbors. Where each pixel stands for 2×2, these are equal, and
 * only the rows and columns before count.
 */
export const LAST = REACH - 1;

type Matrix = readonly (readonly number[])[];

/**
 * Kernels are transformed to this many times their values, and inputs to as many times less: their transform makes values
 * up to a hundred times as large, which float16 might not hold. A power of two, so float32 comes out the same.
 */
export const KERNEL_SCALE = 64;

/** Transforms a kernel column, and scales it by the root of {@linkcode KERNEL_SCALE}. */
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

/** One row of a matrix times a column of named values, as WGSL. */
export function dot(row: readonly number[], value: (k: number) => string): string {
  const terms = row.map((factor, k) =>
    factor === 0 ? "" : `${factor < 0 ? "-" : "+"} ${term(Math.abs(factor), value(k))} `
  );
  return terms.join("").replace(/^\+ /, "");
}

function term(factor: number, value: string): string {
  return factor === 1 ? value : `${factor.toPrecision(10)} * ${value}`;
}

/** Transformed rows, or columns, that count. */
export function countOf(upsample: boolean): number {
  return upsample ? LAST : REACH;
}

/** The number of a place in a transformed tile: those that always count come first. */
export function positionOf(row: number, column: number): number {
  if (row < LAST && column < LAST) return row * LAST + column;
  return LAST * LAST + (row === LAST ? column : REACH + row);
}

/** Writes a transformed kernel, whose nine taps are `g0` … `g8`. */
export function transformKernel(write: (position: number, value: string) => string): string {
  return unroll(REACH, (i) => unroll(3, (x) => `let t${i}_${x} = ${dot(G[i], (ky) => `g${ky * 3 + x}`)};\n  `)) +
    unroll(REACH, (i) => unroll(REACH, (j) => write(positionOf(i, j), dot(G[j], (x) => `t${i}_${x}`))));
}
