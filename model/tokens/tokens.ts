/**
 * Tokens: the indices of pictures in a codebook.
 *
 * @module
 */

import { show } from "../../hub/show.ts";
import type { Codebook } from "./codebook.ts";
import { type GridShape, layOut, shapeOf, valuesOf } from "./indices.ts";

/** The tokens of a batch of pictures. */
export interface Tokens {
  /** Indices in the codebook, in batch, row, column order. */
  readonly indices: Int32Array;
  /** Batch size, rows, columns. */
  readonly shape: readonly [n: number, h: number, w: number];
  /** The codebook of the indices, if known. The model refuses tokens of another one. */
  readonly codebook?: Codebook;
  /**
   * How clear the choice of each token is, in the order of `indices`, if `margins` was asked for: the distance from the
   * latent vector to the plane on which its two best codes are equally good, divided by the root mean square of the latents
   * of all pictures of the call. A vector has to move at least that far before its token changes to the second best code.
   *
   * 0 on a tie, and infinity if the codebook has one code only. The plane halves the way between the codes where the
   * nearest code is chosen, as in Diffusers; where codes are compared by angle, sign or inner product, it passes through the
   * origin. Both engines agree within about 1e-5, float16 and float32 within about 1e-2. Files of tokens do not hold
   * margins.
   */
  readonly margins?: Float32Array;
}

/** An array of integers. */
export type IntegerArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly (number | bigint)[];

/** Indices of tokens: flat, or nested as `[h][w]`, `[n][h][w]`, or, with a shape, `[n][h * w]`. */
export type TokenIndices = IntegerArray | readonly IntegerArray[] | readonly (readonly IntegerArray[])[];

/** Tokens for the model's methods: {@linkcode Tokens}, or indices of other types. */
export interface TokensLike {
  /** Indices in the codebook, in batch, row, column order. */
  readonly indices: TokenIndices;
  /** Batch size, rows, columns; optional for indices nested as `[h][w]` or `[n][h][w]`. */
  readonly shape?: readonly number[];
  /** See {@linkcode Tokens.codebook}. */
  readonly codebook?: Codebook;
}

/**
 * Converts tokens from a caller. Checks that they form a grid and are in the codebook, before it allocates memory.
 *
 * @throws {TypeError} if there are no indices, or the shape is invalid
 * @throws {RangeError} if there are too few or too many indices, or one is outside the codebook
 */
export function toTokens(tokens: TokensLike | TokenIndices, codes: number): Tokens {
  const { indices, shape, codebook } = isArrays(tokens) ? { indices: tokens } : Object(tokens) as TokensLike;
  const task = "Cannot use tokens";
  if (shape !== undefined) checkShape(shape, task);
  const own = shapeOf(indices, task);
  const grid = layOut(own, { shape, task });
  const range = { min: 0, max: codes - 1, problem: `not in the codebook, which has rows 0 to ${codes - 1}` };
  return { indices: valuesOf(indices, { shape: own, range, task }), shape: grid, codebook };
}

/** Checks that a shape is `[n, h, w]`. */
export function checkShape(shape: unknown, task: string): asserts shape is GridShape {
  if (!Array.isArray(shape) || shape.length !== 3 || !shape.every((side) => Number.isSafeInteger(side) && side > 0)) {
    throw new TypeError(`${task}: shape must be [n, h, w], whole numbers ≥ 1, found ${show(shape)}`);
  }
}

/** Whether a value is indices in arrays, rather than an object with `indices`. */
export function isArrays(value: unknown): value is TokenIndices {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}
