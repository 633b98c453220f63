/**
 * Records the dispatches of a graph, with conversions between the layouts of the API and of the kernels.
 *
 * @module
 */

import { costOf, outputCost } from "../graph/cost.ts";
import type { Graph, Input, Node, Op } from "../graph/graph.ts";
import type { Steps } from "../host/steps.ts";
import { type PixelRange, type Shape, sizeOf } from "../tensor/storage.ts";
import { recordFromNchw, recordToNchw } from "./ops/layout.ts";
import { recordOp } from "./ops/mod.ts";
import { pixelBytes, recordFromPixels, recordToPixels } from "./ops/pixels.ts";
import type { Plan, Port } from "./program/buffer_plan.ts";
import type { Choice } from "./record/choice.ts";
import type { Recorder } from "./record/recorder.ts";

/** Records a graph, one op a step, each as `choiceOf` chooses. */
export function* recordGraph(r: Recorder, graph: Graph, choiceOf: (op: Op) => Choice): Steps<Plan> {
  const inputs: Port[] = [];
  for (const node of graph.nodes) {
    r.op = costOf(node, r.isFloat16(node) ? 2 : 4);
    r.choice = choiceOf(node);
    if (node.kind === "input") inputs.push(recordInput(r, node));
    else recordOp(r, node);
    yield;
  }
  const outputs = graph.outputs.map((node, i) => {
    r.op = outputCost(node, i, 4);
    return recordOutput(r, node);
  });
  return { dispatches: r.dispatches, inputs, outputs, overflow: r.overflow };
}

/** Records the conversion of floats `[n, 3 or 1, h, w]` to RGBA bytes. */
export function recordPixelConversion(r: Recorder, shape: Shape, range: PixelRange): Plan {
  const [n, , h, w] = shape;
  r.op = outputCost({ shape, dtype: "float32" }, 0, 4);
  const [floats, pixels] = [r.allocate(byteLength(shape)), r.allocate(pixelBytes(shape))];
  recordToPixels(r, floats, shape, pixels, range);
  return {
    dispatches: r.dispatches,
    inputs: [{ memory: floats, shape, dtype: "float32" }],
    outputs: [{ memory: pixels, shape: [n, h, w], dtype: "int32" }],
    overflow: undefined,
  };
}

function recordInput(r: Recorder, node: Input): Port {
  const { shape, dtype, pixels } = node;
  if (pixels) {
    const memory = r.allocate(pixelBytes(shape));
    recordFromPixels(r, memory, r.createFeatureMap(node), pixels);
    return { memory, shape, dtype, pixels };
  }
  if (shape.length !== 4) return { memory: r.createArray(node), shape, dtype };
  const memory = r.allocate(byteLength(shape));
  recordFromNchw(r, memory, r.createFeatureMap(node));
  return { memory, shape, dtype };
}

function recordOutput(r: Recorder, node: Node): Port {
  const { shape, dtype } = node;
  if (shape.length !== 4) return { memory: r.array(node), shape, dtype };
  const memory = r.allocate(byteLength(shape));
  recordToNchw(r, r.featureMap(node), memory);
  return { memory, shape, dtype };
}

function byteLength(shape: Shape): number {
  return 4 * sizeOf(shape);
}
