// Rhs panels of matrix products: consecutive octets of [32][8].
import { SLICE } from "../../abi";
import { LINE } from "../memory/cache_lines";

/** Bytes of an octet. */
export const RHS_BYTES: usize = SLICE * 8 * 4;
/** Bytes of two octets, which the 256-bit micro-kernel takes at once. */
export const PAIR_BYTES: usize = 2 * RHS_BYTES;

/** Bytes, in whole cache lines, that each of `groups` groups copies, so that together they copy a pair. */
export function pairBytesPerGroup(groups: i32): usize {
  return (PAIR_BYTES / LINE + <usize> groups - 1) / <usize> groups * LINE;
}
