// Matrix products of slices of channels at one position of transformed tiles.
import { WIDE } from "../../abi";
import { wideOctet, wideRows0 } from "../matmul/micro_kernels";
import { multiplyNarrow, PRODUCT_BYTES } from "../matmul/multiply";
import { PAIR_BYTES, RHS_BYTES } from "../matmul/rhs_panel";
import { RHS0 } from "../memory/area";

/**
 * `multiply` for one or two slices whose rhs panels are in the cache: for few groups, calls copy them faster than code beside
 * products. Octets of rhs panels are `rhsOctet` bytes apart.
 */
export function multiplyCached(
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
  if (!load<i32>(WIDE)) {
    return multiplyNarrow(slices, groups, octets, lhs, lhsSlice, lhsGroup, rhs, rhsSlice, rhsOctet, products, isFirst);
  }
  const stride = <usize> octets * PRODUCT_BYTES;
  for (; octets > 0; octets -= 2, rhs += 2 * rhsOctet, products += 2 * PRODUCT_BYTES) {
    for (let i = 0; i < slices; i++) {
      const to = RHS0 + <usize> i * PAIR_BYTES, from = rhs + <usize> i * rhsSlice;
      memory.copy(to, from, RHS_BYTES);
      if (octets > 1) memory.copy(to + RHS_BYTES, from + rhsOctet, RHS_BYTES);
    }
    if (octets > 1) wideRows0(slices, groups, lhs, lhsGroup, lhsSlice, products, stride, isFirst, 0, 0, 0);
    else wideOctet(slices, groups, lhs, lhsGroup, lhsSlice, products, stride, isFirst, 0, 0, 0);
  }
}
