/**
 * Every op of the vocabulary as jobs.
 *
 * @module
 */

import type { Input, Op, Rows } from "../../graph/graph.ts";
import { lowerAttention } from "./attention.ts";
import { lowerConv2d } from "./conv2d.ts";
import { lowerGroupNorm, lowerNormalize, lowerNormCoefficients, lowerNormSums } from "./group_norm.ts";
import type { Context, Lowering } from "./lowering.ts";
import { lowerLookup, lowerNearestCode, lowerSquaredError, lowerStraightThrough } from "./quantizer.ts";
import { lowerPlace } from "./rows.ts";

export { normCoefficientsBytes, normSumsBytes } from "./group_norm.ts";
export type { Addresses, Context, Lowering } from "./lowering.ts";
export { rowOffset } from "./rows.ts";

/** Ops that compute something. */
export type ComputedOp = Exclude<Op, Input | Rows>;

/** Prepares an op. */
export function lower(op: ComputedOp, context: Context): Lowering {
  switch (op.kind) {
    case "conv2d":
      return lowerConv2d(op, context);
    case "groupNorm":
      return lowerGroupNorm(op, context);
    case "attention":
      return lowerAttention(op, context);
    case "nearestCode":
      return lowerNearestCode(op, context);
    case "lookup":
      return lowerLookup(op, context);
    case "straightThrough":
      return lowerStraightThrough(op, context);
    case "squaredError":
      return lowerSquaredError(op);
    case "place":
      return lowerPlace(op, context);
    case "normSums":
      return lowerNormSums(op);
    case "normCoefficients":
      return lowerNormCoefficients(op, context);
    case "normalize":
      return lowerNormalize(op, context);
  }
}
