/**
 * The halves of a model, and which tensors belong to one of them alone.
 *
 * @module
 */

import { show } from "../show.ts";

/**
 * A half of a model: `"encoder"` makes tokens of pictures, `"decoder"` makes pictures of tokens. Both include the codebook.
 */
export type ModelHalf = "encoder" | "decoder";

/** The layers of one half alone, by Diffusers' names. */
const LAYERS: Readonly<Record<ModelHalf, RegExp>> = {
  encoder: /^(encoder|quant_conv)\./,
  decoder: /^(decoder|post_quant_conv)\./,
};

/**
 * Checks the option `only`.
 *
 * @throws {TypeError} if it names no half
 */
export function checkOnly(only: unknown): asserts only is ModelHalf | undefined {
  if (only === undefined || only === "encoder" || only === "decoder") return;
  throw new TypeError(
    `Cannot load model: expected only to be "encoder" or "decoder", or undefined for both halves, found ${show(only)}`,
  );
}

/** Whether a tensor, by Diffusers' name, belongs to the half that is not loaded. */
export function isOfOtherHalf(name: string, only: ModelHalf | undefined): boolean {
  return only !== undefined && LAYERS[only === "encoder" ? "decoder" : "encoder"].test(name);
}
