/**
 * Vector quantization: upstream's `VectorQuantizer`.
 *
 * @module
 */

import type { CodebookParameter, CodeMetric, Graph, Node } from "../../kernels/mod.ts";
import { embedDim, type VQConfig } from "./config.ts";
import type { Scope } from "./scope.ts";

/** With a commitment loss of weight 0.25: mean((e - z)²) + 0.25 · mean((e - z)²). */
const LOSS_FACTOR = 1.25;

/** The codebook of a model. */
export function codebookOf(w: Scope, config: VQConfig): CodebookParameter {
  return w.codebook("quantize.embedding", { codes: config.num_vq_embeddings, channels: embedDim(config) });
}

/**
 * The index of each pixel's code: int32 `[n, h, w]`. Pixels without one get `none`, see `NearestCode`.
 *
 * Unit vectors and signs all have the same length, so that the nearest is that of the greatest inner product. Products are
 * as exact for latents of any length.
 */
export function findCodes(g: Graph, w: Scope, config: VQConfig, latents: Node, none?: 0 | -1): Node {
  return g.nearestCode(latents, codebookOf(w, config), none, metricOf(config));
}

function metricOf({ family }: VQConfig): CodeMetric {
  return (family?.quantizer ?? "nearest") === "nearest" ? "distance" : "product";
}

/** The index of each pixel's code, then that of the second nearest, int32 `[2n, h, w]`; and its `CodeMargin`. */
export function findMargins(g: Graph, w: Scope, config: VQConfig, latents: Node, none: 0 | -1): Node[] {
  const [codebook, metric] = [codebookOf(w, config), metricOf(config)];
  const indices = g.nearestCode(latents, codebook, none, metric, true);
  return [indices, g.codeMargin(latents, indices, g.lookup(indices, codebook), metric)];
}

/** The results of quantization. */
export interface Quantization {
  /** int32 `[n, h, w]`. */
  readonly indices: Node;
  /** z + (e - z) for the code e of each pixel: `[n, vq_embed_dim, h, w]`. */
  readonly quantized: Node;
  /** Scalar. */
  readonly loss: Node;
}

/** Replaces each pixel of the latents by its code. */
export function quantize(g: Graph, w: Scope, config: VQConfig, latents: Node): Quantization {
  const indices = findCodes(g, w, config, latents);
  const codes = g.lookup(indices, codebookOf(w, config));
  return {
    indices,
    quantized: g.straightThrough(latents, codes),
    loss: g.squaredError(latents, codes, LOSS_FACTOR),
  };
}
