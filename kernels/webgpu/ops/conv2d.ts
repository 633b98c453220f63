/**
 * Convolution: chooses the algorithm.
 *
 * @module
 */

import type { Conv2d } from "../../graph/graph.ts";
import type { ConvParameter, LinearParameter } from "../../graph/parameters.ts";
import { recordImplicitGemm } from "./implicit_gemm.ts";
import { VEC4 } from "../record/feature_map.ts";
import type { Recorder } from "../record/recorder.ts";
import type { ConvAlgorithm } from "../record/packed_weights.ts";
import { POSITIONS } from "../shader/winograd_transforms.ts";
import { recordWinograd } from "./winograd.ts";

/** With fewer channels, Winograd's transforms cost more than the multiplications they save. */
const WINOGRAD_CHANNELS = 32;

/** The algorithm for a layer: `wanted`, if it can compute the layer. Weights are packed for it. */
export function chooseAlgorithm(
  parameter: ConvParameter | LinearParameter,
  bindingLimit: number,
  wanted?: ConvAlgorithm,
): ConvAlgorithm {
  if (!canUseWinograd(parameter, bindingLimit)) return "implicitGemm";
  return wanted ?? (Math.min(parameter.in, parameter.out) >= WINOGRAD_CHANNELS ? "winograd" : "implicitGemm");
}

/**
 * Whether Winograd's algorithm can compute a convolution: one of 3×3 and stride 1 whose transformed weights fit a binding
 * of the packing kernel.
 */
function canUseWinograd(parameter: ConvParameter | LinearParameter, bindingLimit: number): boolean {
  if (parameter.kind !== "conv" || parameter.kernel !== 3 || parameter.stride !== 1) return false;
  return POSITIONS * 4 * Math.ceil(parameter.in / 4) * Math.ceil(parameter.out / 4) * VEC4 <= bindingLimit;
}

/** Records a convolution or a linear layer. */
export function recordConv2d(r: Recorder, op: Conv2d): void {
  const x = r.featureMap(op.x);
  const y = r.createFeatureMap(op);
  const weights = r.parameter(op.weights);
  const record = weights.algorithm === "winograd" ? recordWinograd : recordImplicitGemm;
  record(r, op, x, y, weights);
}
