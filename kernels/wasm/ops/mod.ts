/**
 * Every op of the vocabulary as jobs.
 *
 * @module
 */

import type { Input, Op } from "../../graph.ts";
import { lowerAttention } from "./attention.ts";
import { lowerConv2d } from "./conv2d.ts";
import { lowerGroupNorm } from "./group_norm.ts";
import type { Context, Lowering } from "./lowering.ts";
import { lowerLookup, lowerNearestCode, lowerSquaredError, lowerStraightThrough } from "./quantizer.ts";

export type { Addresses, Context, Lowering } from "./lowering.ts";

/** Prepares an op. */
export function lower(op: Exclude<Op, Input>, context: Context): Lowering {
  switch (op.op) {
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
  }
}
