/**
 * Damages tar archives, and corrects the checksums of their headers.
 *
 * @module
 */

import { latin1, type Mutate, mutateBytes, textOf } from "./bytes.ts";

const BLOCK = 512;
const CHECKSUM = 148;
const CHECKSUM_LENGTH = 8;
const MAGIC = 257;

/** Changes bytes anywhere; most of the headers stay valid. */
export const mutateTar: Mutate = (bytes, random) => {
  const changed = mutateBytes(bytes, random).slice();
  if (random.chance(0.1)) return changed;
  for (let at = 0; at + BLOCK <= changed.length; at += BLOCK) {
    const header = changed.subarray(at, at + BLOCK);
    if (textOf(header.subarray(MAGIC, MAGIC + 5)) !== "ustar") continue;
    header.fill(0x20, CHECKSUM, CHECKSUM + CHECKSUM_LENGTH);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(latin1(`${sum.toString(8).padStart(6, "0")}\0 `), CHECKSUM);
  }
  return changed;
};
