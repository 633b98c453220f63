// Filling the micro-kernel's left operand, LEFT [6][32].
import { SLICE } from "../shared";
import { LEFT } from "./area";

const ROW: usize = SLICE * 4;

/** Sets row `r`, columns `k` to `k + 3`. */
// @ts-ignore: decorator
@inline
export function setLeft(r: usize, k: usize, value: v128): void {
  v128.store(LEFT + r * ROW + (k << 2), value);
}

/** Copies 32 consecutive floats to row `r`. */
// @ts-ignore: decorator
@inline
export function copyRow(r: usize, from: usize): void {
  const to = LEFT + r * ROW;
  v128.store(to, v128.load(from));
  v128.store(to + 16, v128.load(from, 16));
  v128.store(to + 32, v128.load(from, 32));
  v128.store(to + 48, v128.load(from, 48));
  v128.store(to + 64, v128.load(from, 64));
  v128.store(to + 80, v128.load(from, 80));
  v128.store(to + 96, v128.load(from, 96));
  v128.store(to + 112, v128.load(from, 112));
}

/** Copies the first `bytes` of 32 floats to row `r` and clears the rest; `bytes` is a multiple of 16. */
export function copyPartialRow(r: usize, from: usize, bytes: usize): void {
  const to = LEFT + r * ROW;
  let i: usize = 0;
  for (; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
  for (; i < ROW; i += 16) v128.store(to + i, i32x4.splat(0));
}

/** Copies a contiguous [6][32]. */
export function copyLeft(from: usize): void {
  copyRow(0, from);
  copyRow(1, from + ROW);
  copyRow(2, from + 2 * ROW);
  copyRow(3, from + 3 * ROW);
  copyRow(4, from + 4 * ROW);
  copyRow(5, from + 5 * ROW);
}
