/**
 * The cost of ops: floating-point operations, bytes, and measured time.
 *
 * @module
 */

import { type Shape, sizeOf } from "../tensor/storage.ts";
import type { Node } from "./ops/descriptor.ts";
import { macs, type Op, operands, type OpKind, weightsRead } from "./ops/mod.ts";

/** The cost of an op, whatever engine computes it. */
export interface OpCost {
  /** Kind of op; on WebGPU also `"input"` and `"output"`, the conversions between the API's layout and the engine's. */
  readonly op: OpKind | "output";
  /** Its layer, such as `decoder.up_blocks.1.resnets.0.conv1`. */
  readonly name: string;
  /** Shape of the result, NCHW. */
  readonly shape: Shape;
  /** Floating-point operations of the textbook algorithm: two for each multiply-accumulate. */
  readonly flops: number;
  /** Bytes of operands, weights and result, each counted once. */
  readonly bytes: number;
}

/** An op's cost and its measured time. */
export interface OpProfile extends OpCost {
  /** Milliseconds on the engine. */
  readonly milliseconds: number;
}

/** The cost of an op on an engine that stores floats in `floatBytes` bytes. */
export function costOf(op: Op, floatBytes: number): OpCost {
  const { kind, name, shape } = op;
  const values = kind === "input" ? [op, op] : [op, ...operands(op)]; // an input is copied to the engine's layout
  const valueBytes = values.reduce((sum, node) => sum + bytesOf(node, floatBytes), 0);
  return { op: kind, name, shape, flops: 2 * macs(op), bytes: floatBytes * weightsRead(op) + valueBytes };
}

/** The cost of converting result number `index` to the API's layout. */
export function outputCost(node: Pick<Node, "shape" | "dtype">, index: number, floatBytes: number): OpCost {
  return {
    op: "output",
    name: `outputs.${index}`,
    shape: node.shape,
    flops: 0,
    bytes: 2 * bytesOf(node, floatBytes),
  };
}

function bytesOf({ shape, dtype }: Pick<Node, "shape" | "dtype">, floatBytes: number): number {
  return sizeOf(shape) * (dtype === "int32" ? 4 : floatBytes);
}
