/**
 * The cases of a seed: which reader each is for, and what it is given.
 *
 * @module
 */

import { type Bytes, mutateBytes } from "./mutations/bytes.ts";
import { type Random, randomOf } from "./random.ts";
import { TARGETS } from "./targets.ts";
import type { Target } from "./targets/target.ts";

/** An input for a reader. */
export interface Case {
  readonly target: Target;
  readonly bytes: Bytes;
}

/** Less than a megabyte, for which 200 MB ought to do. */
const LARGEST_INPUT = 1_000_000;
/** How many changes are made: mostly one, which gets furthest. */
const CHANGES = [1, 1, 1, 2, 4];

/** The reader of a case: each has its turn. */
export function targetOf(number: number): Target {
  return TARGETS[number % TARGETS.length];
}

/** A case by its number, always the same of the same seed: a sample with a few changes. */
export function makeCase(seed: number, number: number): Case {
  const target = targetOf(number);
  const random = randomOf(seed, number);
  let bytes = random.pick(target.samples());
  for (let changes = random.pick(CHANGES); changes > 0; changes--) bytes = change(bytes, target, random);
  return { target, bytes };
}

function change(bytes: Bytes, target: Target, random: Random): Bytes {
  if (bytes.length === 0) return bytes;
  const mutate = random.chance(0.8) ? target.mutate : mutateBytes;
  return mutate(bytes, random).slice(0, LARGEST_INPUT);
}
