/**
 * The cases of a seed: the reader and the input of each.
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

/** Largest input in bytes; reading it should take less than 200 MB. */
const LARGEST_INPUT = 1_000_000;
/** Number of changes, one of these: mostly one change, which gets past most checks. */
const CHANGES = [1, 1, 1, 2, 4];

/** The reader of a case: all take turns. */
export function targetOf(number: number): Target {
  return TARGETS[number % TARGETS.length];
}

/** A case by its number: a sample with a few changes, always the same for the same seed. */
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
