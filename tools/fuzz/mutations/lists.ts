/**
 * Damage to what consists of parts: segments, chunks, boxes, instructions.
 *
 * @module
 */

import type { Random } from "../random.ts";

/** The most times that a part is repeated. */
const MOST_REPEATS = 2000;

/** Drops, repeats, moves or changes one of the parts. */
export function mutateList<T>(parts: readonly T[], random: Random, change: (part: T) => T): T[] {
  if (parts.length === 0) return [];
  const at = random.below(parts.length);
  switch (random.below(8)) {
    case 0:
      return parts.toSpliced(at, 1);
    case 1:
      return parts.toSpliced(at, 0, ...Array<T>(random.pick([1, 2, 50, MOST_REPEATS])).fill(parts[at]));
    case 2:
      return parts.toSpliced(at, 1).toSpliced(random.below(parts.length), 0, parts[at]);
    default:
      return parts.with(at, change(parts[at]));
  }
}
