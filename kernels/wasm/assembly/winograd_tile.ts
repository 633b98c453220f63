// What all tiles have in common.
//
// The transforms take a tile 16 channels at a time, because that is a line of the caches: tiles touch so many lines, at
// such regular distances, that a line which is not used up at once is evicted before its next use. First all columns are
// transformed into scratch memory, [channels/4][row][column], then all rows out of it.
import { LEFT_BYTES } from "./left";
import { PIXELS, pointer, RESIDUALS } from "./pointers";
import { add } from "./simd";

/** Bytes of the channels that are transformed together. */
export const LINE: usize = 64;

/** Where channel byte `c` of a tile lies in V: slices of all positions, one after the other. */
// @ts-ignore: decorator
@inline
export function vOffset(c: usize, positions: usize): usize {
  return (c >> 7) * positions * LEFT_BYTES + (c & 127);
}

/** Clears what the last slice of V has beyond `bytes` of channels. */
export function clearTail(to: usize, bytes: usize, positions: usize): void {
  for (; bytes & 127; bytes += 16) {
    const at = to + vOffset(bytes, positions);
    for (let p: usize = 0; p < positions; p++) v128.store(at + p * LEFT_BYTES, i32x4.splat(0));
  }
}

/** Writes four channels of a pixel of the result. */
// @ts-ignore: decorator
@inline
export function put(row: usize, column: usize, value: v128, c: usize, residual: bool): void {
  if (residual) value = add(value, v128.load(pointer(RESIDUALS, row, column) + c));
  v128.store(pointer(PIXELS, row, column) + c, value);
}
