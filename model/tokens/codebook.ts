/**
 * Which codebook tokens are of.
 *
 * @module
 */

import { showText } from "../../hub/show.ts";

/** What tells a codebook from others. */
export interface Codebook {
  /** SHA-256, in hexadecimal digits, of its numbers in little-endian float32, whatever they are stored or used in. */
  readonly hash: string;
  /** How many codes it has: `num_vq_embeddings`. */
  readonly codes?: number;
  /** The model that it was loaded with, as that was named. */
  readonly model?: string;
}

/** Whether a text can be such a hash. */
export function isHash(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
}

/**
 * Checks that tokens are of a codebook.
 *
 * @throws {RangeError} if they are of another
 */
export function checkCodebook(tokens: Codebook, own: Codebook): void {
  if (tokens.hash === own.hash) return;
  throw new RangeError(
    `Cannot use tokens: they are of ${describe(tokens)}, this is ${
      describe(own)
    }. Load the model that they are of; or, ` +
      "to decode them all the same, leave out what they say of their codebook",
  );
}

function describe({ model, hash }: Codebook): string {
  return `${model ? `the model ${showText(`${model}`)}` : "a model"} with codebook ${showText(`${hash}`.slice(0, 16))}`;
}
