// Matrix products of one slice of channels at one position of transformed tiles.
import { WIDE } from "../../abi";
import { wideOctet, wideRows0 } from "../matmul/micro_kernels";
import { multiply, PRODUCT_BYTES } from "../matmul/multiply";
import { PAIR_BYTES, RHS_BYTES } from "../matmul/rhs_panel";
import { RHS0 } from "../memory/area";

/** `multiply` for an rhs panel that is in the cache: for few groups, one call copies it faster than code beside products. */
export function multiplyCached(
  lhs: usize,
  stride: usize,
  groups: i32,
  rhs: usize,
  octets: i32,
  products: usize,
  isFirst: bool,
): void {
  if (!load<i32>(WIDE)) return multiply(lhs, stride, groups, rhs, octets, products, isFirst);
  const productStride = <usize> octets * PRODUCT_BYTES;
  for (; octets > 1; octets -= 2, rhs += PAIR_BYTES, products += 2 * PRODUCT_BYTES) {
    memory.copy(RHS0, rhs, PAIR_BYTES);
    wideRows0(groups, lhs, stride, products, productStride, isFirst, 0, 0);
  }
  if (!octets) return;
  memory.copy(RHS0, rhs, RHS_BYTES);
  wideOctet(groups, lhs, stride, products, productStride, isFirst, 0, 0);
}
