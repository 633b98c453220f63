/**
 * Identifies the codebook of tokens.
 *
 * @module
 */

import { showText } from "../../hub/show.ts";

/** Identifies a codebook. */
export interface Codebook {
  /**
   * SHA-256 of its values in little-endian float32, in hexadecimal, whatever dtype they are stored or used in. The values
   * are those that are decoded: where codes are unit vectors, normalized; where they are signs, ±1.
   */
  readonly hash: string;
  /** Number of codes: `num_vq_embeddings`. */
  readonly codes?: number;
  /** The name that its model was loaded by. */
  readonly model?: string;
}

/** Whether a value is a SHA-256 in hexadecimal. */
export function isHash(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
}

/**
 * Checks that tokens belong to a codebook.
 *
 * @throws {RangeError} if they belong to another one
 */
export function checkCodebook(tokens: Codebook, own: Codebook): void {
  if (tokens.hash === own.hash) return;
  throw new RangeError(
    `Cannot use tokens: they belong to ${describe(tokens)}, this is ${
      describe(own)
    }. Load the model that they belong to, ` +
      "or remove their codebook field to decode them anyway",
  );
}

function describe({ model, hash }: Codebook): string {
  return `${model ? `the model ${showText(`${model}`)}` : "a model"} with codebook ${showText(`${hash}`.slice(0, 16))}`;
}
