/**
 * Tokens as a device returns them, with or without their margins.
 *
 * @module
 */

import type { Tensor } from "../../kernels/mod.ts";
import type { Tokens } from "./tokens.ts";

/** The tokens of indices `[n, h, w]`. */
export async function tokensOf(indices: Tensor): Promise<Tokens> {
  return { indices: await indices.data() as Int32Array, shape: indices.shape as Tokens["shape"] };
}

/**
 * The tokens of the results of `findMargins`.
 *
 * @param channels of the latents
 */
export async function tokensWithMargins([indices, margins]: readonly Tensor[], channels: number): Promise<Tokens> {
  const { indices: both, shape: [n, h, w] } = await tokensOf(indices);
  const count = both.length / 2;
  const values = await margins.data() as Float32Array;
  const squares = values.subarray(count).reduce((sum, square) => sum + square, 0);
  const rms = Math.sqrt(squares / (count * channels));
  return {
    indices: both.slice(0, count),
    shape: [n / 2, h, w],
    margins: values.slice(0, count).map((distance) => distance === 0 ? 0 : distance / rms),
  };
}
