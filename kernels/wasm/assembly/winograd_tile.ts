// What the tiles of both sizes have in common.
import { SLICE } from "../shared";
import { pointer } from "./area";
import { add } from "./simd";

/** Bytes of one slice of V: [6][32]. */
export const V_SLICE: usize = 6 * SLICE * 4;
/** Bytes of one slice of M: [6][8]. */
export const M_SLICE: usize = 6 * 8 * 4;
/** The first of the pointers to the residual's pixels; before them are those to the result's. */
export const RESULTS: usize = 36;

/** Channels of one source pixel. */
// @ts-ignore: decorator
@inline
export function source(i: usize, c: usize): v128 {
  return v128.load(pointer(i) + c);
}

/** Clears what a slice of V has beyond the last channel. */
export function clearTail(from: usize, end: usize, positions: i32, stride: usize): void {
  for (; from < end; from += 16) {
    for (let p = 0; p < positions; p++) v128.store(from + <usize>p * stride, i32x4.splat(0));
  }
}

/** Writes four channels of a pixel of the result. */
// @ts-ignore: decorator
@inline
export function put(i: usize, value: v128, c: usize, residual: bool): void {
  if (residual) value = add(value, v128.load(pointer(RESULTS + i) + c));
  v128.store(pointer(i) + c, value);
}
