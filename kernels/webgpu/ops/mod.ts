/**
 * Every op of the vocabulary as dispatches.
 *
 * @module
 */

import { type Graph, type Node, operands, type OpKind, type OpOf } from "../../graph/graph.ts";
import type { Recorder } from "../record/recorder.ts";
import { recordAttention } from "./attention.ts";
import { recordConv2d } from "./conv2d.ts";
import { recordGroupNorm } from "./group_norm.ts";
import { recordLookup } from "./lookup.ts";
import { recordCodeMargin, recordNearestCode } from "./nearest_code.ts";
import { recordNormCoefficients, recordNormSums } from "./group_norm_sums.ts";
import { recordNormalize } from "./group_norm_apply.ts";
import { recordPlace, recordRows } from "./rows.ts";
import { recordSquaredError } from "./squared_error.ts";
import { recordStraightThrough } from "./straight_through.ts";

/** Ops that are recorded; inputs are uploaded by the program. */
type RecordedKind = Exclude<OpKind, "input">;

/** How a kind of op is computed. */
interface Lowering<K extends RecordedKind> {
  record(r: Recorder, op: OpOf<K>): void;
  /**
   * Where values are stored in float16: `"result"`, its result may be; `"copy"`, it only moves values, so its result may
   * be where its operand may; `"never"`, neither its result nor its operands may be. Otherwise only its operands may be.
   */
  readonly float16?: "result" | "copy" | "never";
}

const LOWERINGS: { readonly [K in RecordedKind]: Lowering<K> } = {
  conv2d: { record: recordConv2d, float16: "result" },
  groupNorm: { record: recordGroupNorm, float16: "result" },
  attention: { record: recordAttention, float16: "result" },
  nearestCode: { record: recordNearestCode, float16: "never" },
  lookup: { record: recordLookup },
  codeMargin: { record: recordCodeMargin, float16: "never" },
  straightThrough: { record: recordStraightThrough, float16: "never" },
  squaredError: { record: recordSquaredError, float16: "never" },
  rows: { record: recordRows, float16: "copy" },
  place: { record: recordPlace, float16: "copy" },
  normSums: { record: recordNormSums },
  normCoefficients: { record: recordNormCoefficients },
  normalize: { record: recordNormalize, float16: "result" },
};

/** Records the dispatches of an op. */
export function recordOp<K extends RecordedKind>(r: Recorder, op: OpOf<K>): void {
  LOWERINGS[op.kind].record(r, op);
}

/**
 * The values of a graph that are stored in float16 where that is wanted: those that layers pass to layers. What enters
 * and leaves, and the latents and codes that a quantizer compares, are small and stay float32.
 */
export function float16Values(graph: Graph): ReadonlySet<Node> {
  const values = new Set<Node>();
  const float32 = new Set<Node>(graph.outputs);
  for (const op of graph.nodes.toReversed()) {
    const float16 = op.kind === "input" ? undefined : LOWERINGS[op.kind].float16;
    if ((float16 === "result" || float16 === "copy") && !float32.has(op)) values.add(op);
    if (float16 === "never" || (float16 === "copy" && float32.has(op))) {
      operands(op).forEach((operand) => float32.add(operand));
    }
  }
  return values;
}
