// Matrix products over slices of 32 channels: products [group][octets][6][8] of lhs panels [slice][group][6][32] and rhs
// panels [slice][octets][32][8]. All micro-kernels give the same bits.
import { GROUP, WIDE } from "../../abi";
import { RHS0 } from "../memory/area";
import { copyLines } from "../memory/cache_lines";
import { copyLhs } from "./lhs_panel";
import { rows, wideOctet, wideRows0, wideRows1 } from "./micro_kernels";
import { PAIR_BYTES, pairBytesPerGroup, RHS_BYTES } from "./rhs_panel";

/** Bytes of the products of one group and octet, [6][8]. */
export const PRODUCT_BYTES: usize = GROUP * 8 * 4;

/**
 * Multiplies the lhs panels of `slices` slices and `groups` groups, which are `lhsSlice` and `lhsGroup` bytes apart, by rhs
 * panels `rhsSlice` bytes apart. Unless `isFirst`, adds to the products.
 */
export function multiply(
  slices: i32,
  groups: i32,
  octets: i32,
  lhs: usize,
  lhsSlice: usize,
  lhsGroup: usize,
  rhs: usize,
  rhsSlice: usize,
  products: usize,
  isFirst: bool,
): void {
  for (let i = 0; i < slices; i += 2, lhs += 2 * lhsSlice, rhs += 2 * rhsSlice) {
    const count = min(2, slices - i), writes = isFirst && i == 0;
    if (load<i32>(WIDE)) multiplyWide(count, groups, octets, lhs, lhsSlice, lhsGroup, rhs, rhsSlice, products, writes);
    else multiplyNarrow(count, groups, octets, lhs, lhsSlice, lhsGroup, rhs, rhsSlice, RHS_BYTES, products, writes);
  }
}

/** Multiplies one or two slices by the 128-bit micro-kernel. Octets of rhs panels are `rhsOctet` bytes apart. */
export function multiplyNarrow(
  slices: i32,
  groups: i32,
  octets: i32,
  lhs: usize,
  lhsSlice: usize,
  lhsGroup: usize,
  rhs: usize,
  rhsSlice: usize,
  rhsOctet: usize,
  products: usize,
  isFirst: bool,
): void {
  for (; groups > 0; groups--, lhs += lhsGroup, products += <usize> octets * PRODUCT_BYTES) {
    for (let i = 0; i < slices; i++) copyLhs(lhs + <usize> i * lhsSlice, i);
    rows(slices, octets, rhs, rhsSlice, rhsOctet, products, isFirst);
  }
}

/** {@link multiply} one or two slices by the 256-bit micro-kernels: octets in pairs, and a last one alone. */
function multiplyWide(
  slices: i32,
  groups: i32,
  octets: i32,
  lhs: usize,
  lhsSlice: usize,
  lhsGroup: usize,
  rhs: usize,
  rhsSlice: usize,
  products: usize,
  isFirst: bool,
): void {
  const stride = <usize> octets * PRODUCT_BYTES, bytesPerGroup = pairBytesPerGroup(groups);
  if (octets > 1) copyPanels(slices, rhs, rhsSlice, PAIR_BYTES);
  for (let isEven = true; octets > 1; isEven = !isEven, products += 2 * PRODUCT_BYTES) {
    octets -= 2;
    rhs += PAIR_BYTES;
    const bytes: usize = octets > 1 ? bytesPerGroup : 0;
    if (isEven) wideRows0(slices, groups, lhs, lhsGroup, lhsSlice, products, stride, isFirst, rhs, rhsSlice, bytes);
    else wideRows1(slices, groups, lhs, lhsGroup, lhsSlice, products, stride, isFirst, rhs, rhsSlice, bytes);
  }
  if (!octets) return;
  copyPanels(slices, rhs, rhsSlice, RHS_BYTES);
  wideOctet(slices, groups, lhs, lhsGroup, lhsSlice, products, stride, isFirst, rhs, 0, 0);
}

/** Copies `bytes` of each slice to the first buffer. */
function copyPanels(slices: i32, rhs: usize, rhsSlice: usize, bytes: usize): void {
  copyLines(RHS0, RHS0 + bytes, rhs);
  if (slices > 1) copyLines(RHS0 + PAIR_BYTES, RHS0 + PAIR_BYTES + bytes, rhs + rhsSlice);
}
