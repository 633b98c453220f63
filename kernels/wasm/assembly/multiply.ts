// Matrix products of one slice of 32 channels: products [group][octets][6][8] of left operands [6][32] and a right operand
// [octets][32][8]. Which micro-kernel computes them does not change a bit of the result.
import { SLICE, WIDE } from "../shared";
import { RIGHT } from "./area";
import { copyLeft } from "./left";
import { rows, wideRows } from "./micro_kernels";

/** Bytes of an octet of a right operand, [32][8]. */
export const RIGHT_BYTES: usize = SLICE * 8 * 4;
/** Bytes of the products of one group and octet, [6][8]. */
export const PRODUCT_BYTES: usize = 6 * 8 * 4;

/** Multiplies the left operands of `groups` groups, `stride` bytes apart; adds to the products if they are not the first. */
export function multiply(
  left: usize,
  stride: usize,
  groups: i32,
  right: usize,
  octets: i32,
  products: usize,
  isFirst: bool,
): void {
  const productStride = <usize>octets * PRODUCT_BYTES;
  if (load<i32>(WIDE)) {
    for (; octets > 1; octets -= 2, right += 2 * RIGHT_BYTES, products += 2 * PRODUCT_BYTES) {
      copyRight(right);
      wideRows(groups, left, stride, products, productStride, isFirst);
    }
  }
  for (let group = 0; octets && group < groups; group++) {
    copyLeft(left + <usize>group * stride);
    rows(octets, right, products + <usize>group * productStride, isFirst);
  }
}

/** Copies two octets of a right operand to where the micro-kernel reads them. */
function copyRight(from: usize): void {
  for (let i: usize = 0; i < 2 * RIGHT_BYTES; i += 64) {
    const to = RIGHT + i;
    v128.store(to, v128.load(from + i));
    v128.store(to, v128.load(from + i, 16), 16);
    v128.store(to, v128.load(from + i, 32), 32);
    v128.store(to, v128.load(from + i, 48), 48);
  }
}
