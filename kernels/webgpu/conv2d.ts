/**
 * Convolution: which algorithm computes it.
 *
 * @module
 */

import type { Conv2d, ConvParameter, LinearParameter } from "../graph.ts";
import { recordImplicitGemm } from "./implicit_gemm.ts";
import type { Recorder } from "./recorder.ts";
import type { ConvAlgorithm } from "./weights.ts";
import { recordWinograd } from "./winograd.ts";

/** Below this many channels Winograd's transforms cost more than the multiplications they save. */
const WINOGRAD_CHANNELS = 32;

/** The algorithm for a layer; fixed when its weights are uploaded. */
export function chooseAlgorithm(parameter: ConvParameter | LinearParameter): ConvAlgorithm {
  return canUseWinograd(parameter) && Math.min(parameter.in, parameter.out) >= WINOGRAD_CHANNELS
    ? "winograd"
    : "direct";
}

/** Whether Winograd's algorithm computes this kind of convolution at all. */
export function canUseWinograd(parameter: ConvParameter | LinearParameter): boolean {
  return parameter.kind === "conv" && parameter.kernel === 3 && parameter.stride === 1;
}

/** Records a convolution or a linear layer. */
export function recordConv2d(r: Recorder, op: Conv2d): void {
  const x = r.activation(op.x);
  const y = r.createActivation(op);
  const weights = r.parameter(op.weights);
  const record = weights.algorithm === "winograd" ? recordWinograd : recordImplicitGemm;
  record(r, op, x, y, weights);
}
