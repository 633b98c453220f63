/**
 * Lowering of each op to jobs.
 *
 * @module
 */

import type { Op, OpKind, OpOf } from "../../graph/graph.ts";
import { storedSize } from "../memory/layout.ts";
import { lowerAttention } from "./attention.ts";
import { lowerConv2d } from "./conv2d.ts";
import {
  coefficientsBytes,
  lowerGroupNorm,
  lowerNormalize,
  lowerNormCoefficients,
  lowerNormSums,
  normSumsBytes,
} from "./group_norm.ts";
import type { Context, FusedNorms, Lowering } from "./lowering.ts";
import {
  lowerCodeMargin,
  lowerLookup,
  lowerNearestCode,
  lowerSquaredError,
  lowerStraightThrough,
} from "./quantizer.ts";
import { lowerPlace } from "./rows.ts";

export { findFusedNorms } from "./fused_norms.ts";
export type { Addresses, EngineState, Lowering } from "./lowering.ts";
export { rowOffset } from "./rows.ts";

/** Ops that compute something: inputs are uploaded, and rows are views. */
type ComputedKind = Exclude<OpKind, "input" | "rows">;

/** How each kind of op is lowered. */
const LOWERINGS: { readonly [K in ComputedKind]: (op: OpOf<K>, context: Context) => Lowering } = {
  conv2d: lowerConv2d,
  groupNorm: lowerGroupNorm,
  attention: lowerAttention,
  nearestCode: lowerNearestCode,
  lookup: lowerLookup,
  codeMargin: lowerCodeMargin,
  straightThrough: lowerStraightThrough,
  squaredError: lowerSquaredError,
  place: lowerPlace,
  normSums: lowerNormSums,
  normCoefficients: lowerNormCoefficients,
  normalize: lowerNormalize,
};

/** Lowers an op. */
export function lower<K extends ComputedKind>(op: OpOf<K>, context: Context): Lowering {
  return LOWERINGS[op.kind](op, context);
}

/** Bytes of an op's result; of a fused norm, those of its coefficients. */
export function resultBytes(op: Op, fused?: FusedNorms): number {
  if (op.kind === "normSums") return normSumsBytes(op);
  if (fused?.norms.has(op)) return coefficientsBytes(op.shape[0], op.shape[1]);
  return 4 * storedSize(op.shape);
}
