// Lhs panels of matrix products: [6][32].
import { GROUP, SLICE } from "../../abi";
import { LHS } from "../memory/area";

const ROW: usize = SLICE * 4;
/** Bytes of an lhs panel. */
export const LHS_BYTES: usize = ROW * GROUP;

/** Sets columns `k` to `k + 3` of row `r`. */
@inline
export function setLhs(lhs: usize, r: usize, k: usize, value: v128): void {
  v128.store(lhs + r * ROW + (k << 2), value);
}

/** Copies 32 consecutive floats to row `r`. */
@inline
export function copyRow(lhs: usize, r: usize, from: usize): void {
  const to = lhs + r * ROW;
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
  v128.store(to, v128.load(from, 64), 64);
  v128.store(to, v128.load(from, 80), 80);
  v128.store(to, v128.load(from, 96), 96);
  v128.store(to, v128.load(from, 112), 112);
}

/** Copies the first `bytes` of 32 floats to row `r` and clears the rest; `bytes` is a multiple of 16. */
export function copyPartialRow(lhs: usize, r: usize, from: usize, bytes: usize): void {
  const to = lhs + r * ROW;
  let i: usize = 0;
  for (; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
  for (; i < ROW; i += 16) v128.store(to + i, i32x4.splat(0));
}

/** Copies the lhs panel of a slice to the micro-kernel's constant address. */
export function copyLhs(from: usize, slice: i32): void {
  const to = LHS + <usize> slice * LHS_BYTES;
  for (let r: usize = 0; r < <usize> GROUP; r++) copyRow(to, r, from + r * ROW);
}
