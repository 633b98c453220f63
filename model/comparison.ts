/**
 * Metrics of a reconstruction: number of tokens, bits per pixel, PSNR.
 *
 * @module
 */

import { checkOptions } from "../hub/mod.ts";
import type { Picture } from "./images/mod.ts";
import type { Tokens } from "./tokens/mod.ts";

/** The result of {@linkcode describeReconstruction}. */
export interface ReconstructionReport {
  /** Rows and columns of tokens. */
  readonly grid: readonly [height: number, width: number];
  /** Number of tokens. */
  readonly tokens: number;
  /** Number of different codes among them. */
  readonly distinctCodes: number;
  /** Bits of the tokens, log₂ of the codebook's size each, divided by the number of pixels. */
  readonly bitsPerPixel: number;
  /** See {@linkcode psnr}. */
  readonly psnr: number;
}

/**
 * Compares a picture with its reconstruction from tokens.
 *
 * @param original the picture at the size that was tokenized
 * @param options.tokens the tokens of this picture, `[1, h, w]`
 * @param options.codes number of codes in the codebook: `num_vq_embeddings`
 * @throws {RangeError} if the pictures differ in size, or the tokens are those of several pictures
 *
 * @example
 * ```ts
 * import { describeReconstruction, Picture } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * const gray = new Picture(8, 4, new Uint8ClampedArray(4 * 8 * 4).fill(128));
 * const tokens = { indices: Int32Array.of(7, 7), shape: [1, 1, 2] } as const;
 * assertEquals(describeReconstruction(gray, gray, { tokens, codes: 1024 }), {
 *   grid: [1, 2],
 *   tokens: 2,
 *   distinctCodes: 1,
 *   bitsPerPixel: 0.625,
 *   psnr: Infinity,
 * });
 * ```
 */
export function describeReconstruction(
  original: Picture,
  reconstruction: Picture,
  options: { tokens: Tokens; codes: number },
): ReconstructionReport {
  checkOptions("describe reconstruction", options, { tokens: true, codes: true });
  const { tokens, codes } = options;
  const [n, height, width] = tokens.shape;
  if (n !== 1) {
    throw new RangeError(`Cannot describe reconstruction: expected tokens of one picture, found [${tokens.shape}]`);
  }
  const count = tokens.indices.length;
  return {
    grid: [height, width],
    tokens: count,
    distinctCodes: new Set(tokens.indices).size,
    bitsPerPixel: count * Math.log2(codes) / (original.width * original.height),
    psnr: psnr(original, reconstruction),
  };
}

/**
 * Peak signal-to-noise ratio of two pictures in decibels: `10 · log₁₀(255² / mean squared difference)` over red, green
 * and blue. Infinite if they are equal.
 *
 * @throws {RangeError} if they differ in size
 */
export function psnr(a: Picture, b: Picture): number {
  if (a.width !== b.width || a.height !== b.height) {
    throw new RangeError(
      `Cannot compare pictures: they differ in size, ${a.width}×${a.height} and ${b.width}×${b.height}`,
    );
  }
  let squares = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    for (let c = i; c < i + 3; c++) squares += (a.data[c] - b.data[c]) ** 2;
  }
  return 10 * Math.log10(255 ** 2 * 3 * a.width * a.height / squares);
}
