// Matrix products of one slice of 32 channels: products [group][octets][6][8] of left operands [6][32] and a right operand
// [octets][32][8]. Which micro-kernel computes them does not change a bit of the result.
import { GROUP, WIDE } from "../../abi";
import { RIGHT0 } from "../memory/area";
import { copyLeft } from "./left";
import { rows, wideRows0, wideRows1 } from "./micro_kernels";
import { copyLines, PAIR_BYTES, RIGHT_BYTES, shareOfPair } from "./right";

/** Bytes of the products of one group and octet, [6][8]. */
export const PRODUCT_BYTES: usize = GROUP * 8 * 4;

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
  if (load<i32>(WIDE) && octets > 1) {
    copyLines(RIGHT0, RIGHT0 + PAIR_BYTES, right);
    const share = shareOfPair(groups);
    for (let isEven = true; octets > 1; isEven = !isEven) {
      octets -= 2;
      right += PAIR_BYTES;
      const next: usize = octets > 1 ? share : 0;
      if (isEven) wideRows0(groups, left, stride, products, productStride, isFirst, right, next);
      else wideRows1(groups, left, stride, products, productStride, isFirst, right, next);
      products += 2 * PRODUCT_BYTES;
    }
  }
  for (let group = 0; octets && group < groups; group++) {
    copyLeft(left + <usize>group * stride);
    rows(octets, right, products + <usize>group * productStride, isFirst);
  }
}
