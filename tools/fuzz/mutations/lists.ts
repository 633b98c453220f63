/**
 * Damages lists of parts: segments, chunks, boxes, instructions.
 *
 * @module
 */

import type { Random } from "../random.ts";

/** The most times that a part is repeated. */
const MOST_REPEATS = 2000;
/** The most bytes that repetitions of a part add. */
const MOST_ADDED = 500_000;

/** Drops, repeats, moves or changes one of the parts. */
export function mutateList<T>(parts: readonly T[], random: Random, change: (part: T) => T): T[] {
  if (parts.length === 0) return [];
  const at = random.below(parts.length);
  switch (random.below(8)) {
    case 0:
      return parts.toSpliced(at, 1);
    case 1:
      return parts.toSpliced(at, 0, ...copies(parts[at], random.pick([1, 2, 50, MOST_REPEATS])));
    case 2:
      return parts.toSpliced(at, 1).toSpliced(random.below(parts.length), 0, parts[at]);
    default:
      return parts.with(at, change(parts[at]));
  }
}

function copies<T>(part: T, count: number): T[] {
  return Array(Math.min(count, Math.ceil(MOST_ADDED / (lengthOf(part) + 1)))).fill(part);
}

/** Number of bytes and characters in a part. */
function lengthOf(part: unknown): number {
  if (typeof part === "string" || part instanceof Uint8Array) return part.length;
  return Object.values(Object(part)).reduce<number>((sum, value) => sum + lengthOf(value), 0);
}
