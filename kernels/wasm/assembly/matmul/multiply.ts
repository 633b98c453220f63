// Matrix products of one slice of 32 channels: products [group][octets][6][8] of lhs panels [6][32] and an rhs panel
// [octets][32][8]. All micro-kernels give the same bits.
import { GROUP, WIDE } from "../../abi";
import { RHS0 } from "../memory/area";
import { copyLines } from "../memory/cache_lines";
import { copyLhs } from "./lhs_panel";
import { rows, wideOctet, wideRows0, wideRows1 } from "./micro_kernels";
import { PAIR_BYTES, pairBytesPerGroup, RHS_BYTES } from "./rhs_panel";

/** Bytes of the products of one group and octet, [6][8]. */
export const PRODUCT_BYTES: usize = GROUP * 8 * 4;

/** Multiplies the lhs panels of `groups` groups, `stride` bytes apart. Unless `isFirst`, adds to the products. */
export function multiply(
  lhs: usize,
  stride: usize,
  groups: i32,
  rhs: usize,
  octets: i32,
  products: usize,
  isFirst: bool,
): void {
  const productStride = <usize> octets * PRODUCT_BYTES;
  if (load<i32>(WIDE)) return multiplyWide(lhs, stride, groups, rhs, octets, products, productStride, isFirst);
  for (let group = 0; group < groups; group++) {
    copyLhs(lhs + <usize> group * stride);
    rows(octets, rhs, products + <usize> group * productStride, isFirst);
  }
}

/** {@link multiply} by the 256-bit micro-kernels: octets in pairs, and a last one alone. */
function multiplyWide(
  lhs: usize,
  stride: usize,
  groups: i32,
  rhs: usize,
  octets: i32,
  products: usize,
  productStride: usize,
  isFirst: bool,
): void {
  if (octets > 1) copyLines(RHS0, RHS0 + PAIR_BYTES, rhs);
  const bytesPerGroup = pairBytesPerGroup(groups);
  for (let isEven = true; octets > 1; isEven = !isEven) {
    octets -= 2;
    rhs += PAIR_BYTES;
    const next: usize = octets > 1 ? bytesPerGroup : 0;
    if (isEven) wideRows0(groups, lhs, stride, products, productStride, isFirst, rhs, next);
    else wideRows1(groups, lhs, stride, products, productStride, isFirst, rhs, next);
    products += 2 * PRODUCT_BYTES;
  }
  if (!octets) return;
  copyLines(RHS0, RHS0 + RHS_BYTES, rhs);
  wideOctet(groups, lhs, stride, products, productStride, isFirst, rhs, 0);
}
