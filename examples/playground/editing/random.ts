/**
 * Random numbers that are the same for the same seed, so that a link reproduces what chance did.
 *
 * @module
 */

/** A generator of numbers from 0 up to 1: a linear congruential generator, of which the upper 24 bits are used. */
export function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) | 0;
  return () => {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    return (state >>> 8) / 2 ** 24;
  };
}
