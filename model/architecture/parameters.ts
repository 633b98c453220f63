/**
 * Which layers a model has.
 *
 * @module
 */

import { Graph, type Parameter, parametersOf } from "../../kernels/mod.ts";
import { downsamplingFactor, type VQConfig } from "./config.ts";
import { decode } from "./decoder.ts";
import { encode } from "./encoder.ts";
import { quantize } from "./quantizer.ts";
import { Weights } from "./scope.ts";

/** Every layer of a model, found by recording it for the smallest picture. */
export function modelParameters(config: VQConfig): Parameter[] {
  const [g, w] = [new Graph(), new Weights()];
  const side = downsamplingFactor(config);
  const latents = encode(g, w, config, g.input([1, config.in_channels, side, side]));
  const { quantized } = quantize(g, w, config, latents);
  // Spatial norms have weights for latent_channels, even where codes are wider or narrower.
  decode(g, w, config, quantized, g.input([1, config.latent_channels, 1, 1]));
  return parametersOf(g);
}
