/** Moments that `SEED` chooses. */

let state = Number(Deno.env.get("SEED") ?? 1);

/** A number from 0 to 1, the next of a row that only depends on the seed. */
export function random(): number {
  state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
  return (state >>> 0) / 2 ** 32;
}
