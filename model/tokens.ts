/**
 * Discrete tokens: what a picture becomes between tokenizing and detokenizing.
 *
 * @module
 */

/** The tokens of a batch of pictures. */
export interface Tokens {
  /** Codebook rows, in batch, row, column order. */
  readonly indices: Int32Array;
  /** Batch, rows, columns. */
  readonly shape: readonly [n: number, h: number, w: number];
}

/**
 * Checks that indices form a grid of a given shape and name rows of a codebook.
 *
 * @throws {TypeError} if the shape is none
 * @throws {RangeError} if there are too few or too many indices, or one lies outside the codebook
 */
export function checkTokens(tokens: Tokens, codes: number): void {
  const { indices, shape } = tokens ?? {};
  if (!Array.isArray(indices) && !(indices instanceof Int32Array)) {
    throw new TypeError("Cannot use tokens: expected { indices: Int32Array, shape: [n, h, w] }, found no such indices");
  }
  if (!Array.isArray(shape) || shape.length !== 3 || !shape.every((side) => Number.isSafeInteger(side) && side > 0)) {
    throw new TypeError(`Cannot use tokens: shape must be [n, h, w], whole numbers ≥ 1, found [${shape}]`);
  }
  const [n, h, w] = shape;
  if (indices.length !== n * h * w) {
    throw new RangeError(`Cannot use tokens: shape [${shape}] takes ${n * h * w} indices, found ${indices.length}`);
  }
  const bad = indices.findIndex((index) => !(Number.isInteger(index) && index >= 0 && index < codes));
  if (bad >= 0) {
    throw new RangeError(
      `Cannot use tokens: index ${indices[bad]} at position ${bad} is not in the codebook, which has rows 0 to ${
        codes - 1
      }`,
    );
  }
}
