/**
 * The region in which tokens differ.
 *
 * @module
 */

/** Rows and columns of tokens: from `y0`, `x0` up to `y1`, `x1`, which are outside. */
export type Region = readonly [y0: number, x0: number, y1: number, x1: number];

/** The smallest region that holds all differences of two grids; `undefined` if they are equal. */
export function changedRegion(before: Int32Array, after: Int32Array, columns: number): Region | undefined {
  let [y0, x0, y1, x1] = [Infinity, Infinity, -1, -1];
  for (let cell = 0; cell < after.length; cell++) {
    if (before[cell] === after[cell]) continue;
    const [y, x] = [Math.floor(cell / columns), cell % columns];
    [y0, x0, y1, x1] = [Math.min(y0, y), Math.min(x0, x), Math.max(y1, y + 1), Math.max(x1, x + 1)];
  }
  return y1 < 0 ? undefined : [y0, x0, y1, x1];
}

/** Number of tokens that differ. */
export function countChanges(before: Int32Array, after: Int32Array): number {
  let count = 0;
  for (let cell = 0; cell < after.length; cell++) count += Number(after[cell] !== before[cell]);
  return count;
}
