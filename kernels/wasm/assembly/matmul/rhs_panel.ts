// Rhs panels of matrix products, octets of [32][8], which lie one after the other.
import { SLICE } from "../../abi";
import { LINE } from "../memory/cache_lines";

/** Bytes of an octet. */
export const RHS_BYTES: usize = SLICE * 8 * 4;
/** Bytes of the pair of octets that the micro-kernel for vectors of 256 bits takes at once. */
export const PAIR_BYTES: usize = 2 * RHS_BYTES;

/** Bytes of whole lines that each of `groups` groups must copy, so that all of them copy a pair. */
export function shareOfPair(groups: i32): usize {
  return (PAIR_BYTES / LINE + <usize> groups - 1) / <usize> groups * LINE;
}
