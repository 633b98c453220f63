/**
 * Reproducible random numbers.
 *
 * @module
 */

/** A random number generator: the same seed gives the same sequence. */
export interface Random {
  /** A whole number ≥ 0 and below `limit`. */
  below(limit: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of the items. */
  pick<T>(items: ArrayLike<T>): T;
}

/** The random numbers of one case. */
export function randomOf(seed: number, number: number): Random {
  let state = mix(mix(seed | 0) ^ number);
  const unit = () => {
    state = (state + 0x9e3779b9) | 0;
    return (mix(state) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(unit() * limit);
  return { below, chance: (probability) => unit() < probability, pick: (items) => items[below(items.length)] };
}

/** The finalizer of MurmurHash3: every bit of the result depends on every bit of `h`. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
