/**
 * Vector quantization: upstream's `VectorQuantizer`.
 *
 * @module
 */

import type { CodebookParameter, Graph, Node } from "../../kernels/mod.ts";
import { embedDim, type VQConfig } from "./config.ts";
import type { Scope } from "./scope.ts";

/** With a commitment loss of weight 0.25: mean((e - z)²) + 0.25 · mean((e - z)²). */
const LOSS_FACTOR = 1.25;

/** The codebook of a model. */
export function codebookOf(w: Scope, config: VQConfig): CodebookParameter {
  return w.codebook("quantize.embedding", { codes: config.num_vq_embeddings, channels: embedDim(config) });
}

/** The results of quantization. */
export interface Quantization {
  /** int32 `[n, h, w]`. */
  readonly indices: Node;
  /** z + (e - z) for the nearest code e of each pixel: `[n, vq_embed_dim, h, w]`. */
  readonly quantized: Node;
  /** Scalar. */
  readonly loss: Node;
}

/** Replaces each pixel of the latents by the nearest code. */
export function quantize(g: Graph, w: Scope, config: VQConfig, latents: Node): Quantization {
  const codebook = codebookOf(w, config);
  const indices = g.nearestCode(latents, codebook);
  const codes = g.lookup(indices, codebook);
  return {
    indices,
    quantized: g.straightThrough(latents, codes),
    loss: g.squaredError(latents, codes, LOSS_FACTOR),
  };
}
