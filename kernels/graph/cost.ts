/**
 * What the ops of a graph cost: numbers to compute and to move, and the time it took.
 *
 * @module
 */

import { macs, type Node, type Op, operands, parameterOf } from "./graph.ts";
import { sizesOf } from "./parameters.ts";
import { type Shape, sizeOf } from "../tensor/storage.ts";

/** What an op has to do, whatever the engine makes of it. */
export interface OpCost {
  /** Kind of op; on WebGPU also `"input"` and `"output"`, the conversions between the API's layout and the engine's. */
  readonly op: Op["kind"] | "output";
  /** Its layer, such as `decoder.up_blocks.1.resnets.0.conv1`. */
  readonly name: string;
  /** Shape of the result, NCHW. */
  readonly shape: Shape;
  /** Floating-point operations of the textbook algorithm: two for each multiply-accumulate; see {@linkcode macs}. */
  readonly flops: number;
  /** Bytes of operands, weights and result, each counted once. */
  readonly bytes: number;
}

/** An op's cost, and the time it took. */
export interface OpProfile extends OpCost {
  /** Milliseconds on the engine. */
  readonly milliseconds: number;
}

/** The cost of an op on an engine that stores floats in `floatBytes` bytes. */
export function costOf(op: Op, floatBytes: number): OpCost {
  const parameter = parameterOf(op);
  const weights = !parameter ? 0 : op.kind === "lookup" ? sizeOf(op.shape) : sizesOf(parameter).reduce((a, b) => a + b);
  const values = op.kind === "input" ? [op, op] : [op, ...operands(op)];
  return {
    op: op.kind,
    name: nameOf(op),
    shape: op.shape,
    flops: 2 * macs(op),
    bytes: floatBytes * weights + values.reduce((sum, node) => sum + bytesOf(node, floatBytes), 0),
  };
}

/** The cost of handing out the result that is number `index`. */
export function outputCost(node: Node, index: number, floatBytes: number): OpCost {
  return {
    op: "output",
    name: `outputs.${index}`,
    shape: node.shape,
    flops: 0,
    bytes: 2 * bytesOf(node, floatBytes),
  };
}

/** Ops have no names of their own: that of the layer, or of what they work on. */
function nameOf(op: Op): string {
  const parameter = parameterOf(op);
  if (parameter) return parameter.name;
  switch (op.kind) {
    case "input":
      return `inputs.${op.index}`;
    case "attention":
      return parentOf(op.q);
    case "straightThrough":
    case "squaredError":
      return parentOf(op.code);
    case "rows":
    case "normSums":
      return nameOf(op.x as Op);
    case "place":
      return nameOf(op.part as Op);
    case "normalize":
      return nameOf(op.coefficients as Op);
    default:
      return op.kind;
  }
}

/** What holds the layer that made a value, and other layers: its name without the last part. */
function parentOf(node: Node): string {
  const name = nameOf(node as Op);
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}

function bytesOf({ shape, dtype }: Node, floatBytes: number): number {
  return sizeOf(shape) * (dtype === "int32" ? 4 : floatBytes);
}
