/**
 * Runs a model, with progress on the terminal.
 *
 * @module
 */

import type { ImageProcessor, Picture, Tensor, Tokens, VQModel } from "../mod.ts";
import { showComputing } from "./terminal.ts";

/** Pictures to tokens. */
export function toTokens(model: VQModel, sample: Tensor): Promise<Tokens> {
  return showComputing("Tokenizing", (options) => model.tokenize(sample, options));
}

/** Tokens to a tensor of pictures. */
export function toSample(model: VQModel, tokens: Tokens): Promise<Tensor> {
  return showComputing("Detokenizing", (options) => model.detokenize(tokens, options));
}

/** Tokens of one picture to that picture. */
export async function toPicture(model: VQModel, processor: ImageProcessor, tokens: Tokens): Promise<Picture> {
  using decoded = await toSample(model, tokens);
  const [picture] = await processor.postprocess(decoded);
  return picture;
}
