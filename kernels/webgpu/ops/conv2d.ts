/**
 * Convolution: chooses the algorithm.
 *
 * @module
 */

import type { Conv2d } from "../../graph/graph.ts";
import type { ConvParameter, LinearParameter } from "../../graph/parameters.ts";
import type { ConvAlgorithm } from "../record/choice.ts";
import { type FeatureMap, VEC4 } from "../record/feature_map.ts";
import type { PreparedConv } from "../record/packed_weights.ts";
import type { Recorder } from "../record/recorder.ts";
import { POSITIONS, TILE } from "../shader/winograd_transforms.ts";
import { recordImplicitGemm } from "./implicit_gemm.ts";
import { columnsPerBand, recordWinograd } from "./winograd.ts";

/** With fewer channels, Winograd's transforms of feature maps cost more than the multiplications they save. */
const WINOGRAD_CHANNELS = 32;

/** Records a convolution or a linear layer. */
export function recordConv2d(r: Recorder, op: Conv2d): void {
  const x = r.featureMap(op.x);
  const y = r.createFeatureMap(op);
  const weights = r.parameter(op.weights);
  const record = chooseAlgorithm(r, op, x, y, weights) === "winograd" ? recordWinograd : recordImplicitGemm;
  record(r, op, x, y, weights);
}

/** The algorithm that was chosen for an op, if it can compute it; by default the one that is expected to be faster. */
function chooseAlgorithm(
  r: Recorder,
  op: Conv2d,
  x: FeatureMap,
  y: FeatureMap,
  { transformed }: PreparedConv,
): ConvAlgorithm {
  if (transformed) return "winograd";
  const fits = columnsPerBand(r, op.upsample, x) >= Math.min(y.c4, WINOGRAD_CHANNELS / 4);
  if (!canUseWinograd(op.weights) || !fits) return "implicitGemm";
  const tiles = y.n * Math.ceil(y.h / TILE) * Math.ceil(y.w / TILE);
  const pays = hasManyChannels(op.weights) && tiles >= r.tuning.winogradTiles;
  return r.choice.algorithm ?? (pays ? "winograd" : "implicitGemm");
}

/**
 * Whether to transform the weights of a layer for Winograd's algorithm when they are loaded, if they may take four times
 * the memory: if they fit a binding and a buffer, and the algorithm, `wanted` for all layers, pays.
 */
export function paysTransformed(
  layer: ConvParameter | LinearParameter,
  { maxStorageBufferBindingSize, maxBufferSize }: GPUSupportedLimits,
  wanted?: ConvAlgorithm,
): boolean {
  const bytes = POSITIONS * 4 * Math.ceil(layer.in / 4) * Math.ceil(layer.out / 4) * VEC4;
  const fits = bytes <= Math.min(maxStorageBufferBindingSize, maxBufferSize);
  return canUseWinograd(layer) && fits && (wanted ? wanted === "winograd" : hasManyChannels(layer));
}

function canUseWinograd(layer: ConvParameter | LinearParameter): boolean {
  return layer.kind === "conv" && layer.kernel === 3 && layer.stride === 1;
}

function hasManyChannels({ in: ins, out }: ConvParameter | LinearParameter): boolean {
  return Math.min(ins, out) >= WINOGRAD_CHANNELS;
}
