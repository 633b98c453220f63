// What the transforms, which build/winograd.ts generates, have in common. They take four channels of a tile at a time: all
// columns into scratch memory, [row][column], then all rows out of it.
import { PIXELS, pointer, RESIDUALS } from "../memory/pointers";

/** Offset of channel byte `c` of a tile in V, whose slices are `sliceBytes` apart. */
@inline
export function vOffset(c: usize, sliceBytes: usize): usize {
  return (c >> 7) * sliceBytes + (c & 127);
}

/** Clears the last slice of V beyond `bytes` of channels. */
export function clearTail(to: usize, bytes: usize, positions: usize, stride: usize): void {
  for (; bytes & 127; bytes += 16) {
    const at = to + vOffset(bytes, positions * stride);
    for (let p: usize = 0; p < positions; p++) v128.store(at + p * stride, i32x4.splat(0));
  }
}

/** Reads four channels of a pixel of the source. */
@inline
export function source(row: usize, column: usize, c: usize): v128 {
  return v128.load(pointer(PIXELS, row, column) + c);
}

/**
 * Reads four channels of a pixel of the residual. Call it before results are written: rows are often a multiple of 4 KiB
 * apart, and a load waits for a store to the same offset of another page.
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
