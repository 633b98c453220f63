// What all tiles have in common.
//
// The transforms take four channels of a tile at a time: all columns into scratch memory, [row][column], then all rows out
// of it. All calls are written down, because then scratch memory and pointers are at constant addresses.
import { LHS_BYTES } from "../matmul/lhs_panel";
import { PIXELS, pointer, RESIDUALS } from "../memory/pointers";
import { add } from "../simd/simd";

/** Where channel byte `c` of a tile lies in V: slices of all positions, one after the other. */
@inline
export function vOffset(c: usize, positions: usize): usize {
  return (c >> 7) * positions * LHS_BYTES + (c & 127);
}

/** Clears what the last slice of V has beyond `bytes` of channels. */
export function clearTail(to: usize, bytes: usize, positions: usize): void {
  for (; bytes & 127; bytes += 16) {
    const at = to + vOffset(bytes, positions);
    for (let p: usize = 0; p < positions; p++) v128.store(at + p * LHS_BYTES, i32x4.splat(0));
  }
}

/** Reads four channels of a pixel of the source. */
@inline
export function source(row: usize, column: usize, c: usize): v128 {
  return v128.load(pointer(PIXELS, row, column) + c);
}

/**
 * Reads four channels of a pixel of the residual. Before any result is written: rows are often a multiple of 4 KiB apart, and
 * such a load waits for a store to the same place of another page.
 */
@inline
export function residue(row: usize, column: usize, c: usize): v128 {
  return v128.load(pointer(RESIDUALS, row, column) + c);
}

/** Writes four channels of a pixel of the result. */
@inline
export function put(row: usize, column: usize, value: v128, c: usize): void {
  v128.store(pointer(PIXELS, row, column) + c, value);
}

/** Writes a column of four pixels of the result, plus those of the residual. */
@inline
export function putColumn4(j: usize, r0: v128, r1: v128, r2: v128, r3: v128, c: usize, residual: bool): void {
  if (residual) {
    r0 = add(r0, residue(0, j, c));
    r1 = add(r1, residue(1, j, c));
    r2 = add(r2, residue(2, j, c));
    r3 = add(r3, residue(3, j, c));
  }
  put(0, j, r0, c);
  put(1, j, r1, c);
  put(2, j, r2, c);
  put(3, j, r3, c);
}
