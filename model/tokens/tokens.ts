/**
 * Discrete tokens: what a picture becomes between tokenizing and detokenizing.
 *
 * @module
 */

import { show } from "../../hub/show.ts";
import type { Codebook } from "./codebook.ts";
import { type GridShape, layOut, shapeOf, valuesOf } from "./indices.ts";

/** The tokens of a batch of pictures. */
export interface Tokens {
  /** Codebook rows, in batch, row, column order. */
  readonly indices: Int32Array;
  /** Batch, rows, columns. */
  readonly shape: readonly [n: number, h: number, w: number];
  /** The codebook that the indices are rows of, where that is known: the model refuses those of another. */
  readonly codebook?: Codebook;
}

/** An array of whole numbers. */
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

/**
 * Indices of tokens: one after another, or nested as `[h][w]`, `[n][h][w]`, or, where a shape is given, `[n][h * w]`.
 */
export type TokenIndices = IntegerArray | readonly IntegerArray[] | readonly (readonly IntegerArray[])[];

/** Tokens as the model's methods take them: {@linkcode Tokens}, or indices of other types. */
export interface TokensLike {
  /** Codebook rows, in batch, row, column order. */
  readonly indices: TokenIndices;
  /** Batch, rows, columns; not needed for indices that are nested as `[h][w]` or `[n][h][w]`. */
  readonly shape?: readonly number[];
  /** See {@linkcode Tokens.codebook}. */
  readonly codebook?: Codebook;
}

/**
 * Tokens of whatever a caller gives for some, checked to form a grid and to name rows of a codebook before memory is
 * taken for them.
 *
 * @throws {TypeError} if there are no indices, or the shape is none
 * @throws {RangeError} if there are too few or too many indices, or one lies outside the codebook
 */
export function toTokens(tokens: TokensLike | TokenIndices, codes: number): Tokens {
  const { indices, shape, codebook } = isArrays(tokens) ? { indices: tokens } : Object(tokens) as TokensLike;
  const task = "Cannot use tokens";
  if (shape !== undefined) checkShape(shape, task);
  const own = shapeOf(indices, task);
  const lying = layOut(own, { shape, task });
  const range = { least: 0, most: codes - 1, problem: `not in the codebook, which has rows 0 to ${codes - 1}` };
  return { indices: valuesOf(indices, { shape: own, range, task }), shape: lying, codebook };
}

/** Checks that a shape is one of tokens. */
export function checkShape(shape: unknown, task: string): asserts shape is GridShape {
  if (!Array.isArray(shape) || shape.length !== 3 || !shape.every((side) => Number.isSafeInteger(side) && side > 0)) {
    throw new TypeError(`${task}: shape must be [n, h, w], whole numbers ≥ 1, found ${show(shape)}`);
  }
}

/** Whether what a caller gives are arrays, rather than something that holds them. */
export function isArrays(value: unknown): value is TokenIndices {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}
