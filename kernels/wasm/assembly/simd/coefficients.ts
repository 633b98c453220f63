// The coefficients that normalizeSilu reads.
import { SCRATCH } from "../memory/area";
import { copyLines, LINE } from "../memory/cache_lines";

/** Copies center, scale and shift of 16 channels, which are `row` bytes apart, to scratch memory. */
export function copyCoefficients(from: usize, row: usize): void {
  for (let i: usize = 0; i < 3; i++) copyLines(SCRATCH + i * LINE, SCRATCH + (i + 1) * LINE, from + i * row);
}
