/**
 * What each method of the model computes, and which layers that takes.
 *
 * @module
 */

import type { ModelHalf } from "../../hub/mod.ts";
import { Graph, type Node, type Parameter, parametersOf, type PixelRange, type Shape } from "../../kernels/mod.ts";
import { downsamplingFactor, embedDim, spatialNormChannels, type VQConfig } from "./config.ts";
import { type Context, keeping, reusing, WHOLE } from "./context.ts";
import { decode } from "./decoder.ts";
import { encode } from "./encoder.ts";
import { codebookOf, findCodes, findMargins, quantize } from "./quantizer.ts";
import { Scope } from "./scope.ts";

const ROOT = new Scope();

/** The token of latents that are NaN. */
export const NO_CODE = -1;

/** Records a computation of one input, and of what an earlier pass kept; returns its outputs in order. */
type Record = (g: Graph, config: VQConfig, input: Node, kept: readonly Node[]) => Node[];

/** The computations of tokens. */
const TOKEN_PASSES = {
  detokenize: (g, config, indices) => [detokenize(g, config, indices, WHOLE)],

  detokenizeEditable: (g, config, indices) => {
    const kept: Node[] = [];
    return [detokenize(g, config, indices, keeping(g, kept)), ...kept];
  },

  detokenizeWindow: (g, config, indices, kept) => [detokenize(g, config, indices, reusing(kept))],
} satisfies { [name: string]: Record };

/** The computations of a model, by name. */
export const PASSES = {
  encode: (g, config, sample) => [encode(g, ROOT, config, sample)],

  quantize: (g, config, latents) => {
    const { quantized, indices, loss } = quantize(g, ROOT, config, latents);
    return [quantized, indices, loss];
  },

  decode: (g, config, latents) => {
    const { quantized, loss } = quantize(g, ROOT, config, latents);
    return [decode(g, ROOT, config, quantized), loss];
  },

  decodeContinuous: (g, config, latents) => [decode(g, ROOT, config, latents)],

  forward: (g, config, sample) => {
    const { quantized, loss } = quantize(g, ROOT, config, encode(g, ROOT, config, sample));
    return [decode(g, ROOT, config, quantized), loss];
  },

  tokenize: (g, config, sample) => [findCodes(g, ROOT, config, encode(g, ROOT, config, sample), NO_CODE)],

  tokenizeWithMargins: (g, config, sample) => {
    return findMargins(g, ROOT, config, encode(g, ROOT, config, sample), NO_CODE);
  },

  ...TOKEN_PASSES,
} satisfies { [name: string]: Record };

function detokenize(g: Graph, config: VQConfig, indices: Node, context: Context): Node {
  return decode(g, ROOT, config, g.lookup(indices, codebookOf(ROOT, config)), { context });
}

/** Name of a computation. */
export type Pass = keyof typeof PASSES;

/** Records a computation for an input of this shape, which may be given as pixels, and kept values of these shapes. */
export function recordPass(
  g: Graph,
  pass: Pass,
  config: VQConfig,
  { shape, pixels, kept = [] }: { shape: Shape; pixels?: PixelRange; kept?: readonly Shape[] },
): void {
  const dtype = pass in TOKEN_PASSES ? "int32" : "float32";
  const input = pixels ? g.pixels(shape, pixels) : g.input(shape, dtype);
  for (const node of PASSES[pass](g, config, input, kept.map((shape) => g.input(shape)))) g.output(node);
}

/** Every layer of a model, or of a half of it, found by recording it for the smallest picture. */
export function modelParameters(config: VQConfig, only?: ModelHalf): Parameter[] {
  const g = new Graph();
  const side = downsamplingFactor(config);
  const latents = only === "decoder"
    ? g.input([1, embedDim(config), 1, 1])
    : encode(g, ROOT, config, g.input([1, config.in_channels, side, side]));
  const { quantized } = quantize(g, ROOT, config, latents);
  if (only !== "encoder") {
    decode(g, ROOT, config, quantized, { zq: g.input([1, spatialNormChannels(config), 1, 1]) });
  }
  return parametersOf(g);
}
