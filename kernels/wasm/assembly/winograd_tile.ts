// What all tiles have in common.
//
// The transforms take a tile 16 channels at a time, because that is a line of the caches: tiles touch so many lines, at
// such regular distances, that a line which is not used up at once is evicted before its next use. First all columns are
// transformed into scratch memory, [channels/4][row][column], then all rows out of it.
import { pointer } from "./area";
import { LEFT_BYTES } from "./left";
import { add } from "./simd";

/** The first of the pointers to the residual's pixels; before them are those to the result's. */
export const RESULTS: usize = 36;
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
export function put(i: usize, value: v128, c: usize, residual: bool): void {
  if (residual) value = add(value, v128.load(pointer(RESULTS + i) + c));
  v128.store(pointer(i) + c, value);
}
