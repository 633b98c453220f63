/**
 * Self-attention.
 *
 * @module
 */

import { check, checkFeatureMap, type Node, type OpDescriptor, parentName, pixelsOf, sameShape } from "./descriptor.ts";

/** Self-attention over all pixels with one head: `softmax(q·kᵀ / √channels)·v`. */
export interface Attention extends Node {
  /** Tells it from other ops. */
  readonly kind: "attention";
  /** Queries: `[n, channels, h, w]`. */
  readonly q: Node;
  /** Keys, of the same shape. */
  readonly k: Node;
  /** Values, of the same shape. */
  readonly v: Node;
}

/** See {@linkcode Attention}. */
export const attention: OpDescriptor<Attention> = {
  result({ q, k, v }) {
    [q, k, v].forEach((operand) => checkFeatureMap(operand, "attention"));
    const { shape } = q;
    check(sameShape(shape, k.shape) && sameShape(shape, v.shape), `attention: [${shape}], [${k.shape}], [${v.shape}]`);
    return { name: parentName(q), shape, dtype: "float32" };
  },
  operands: ({ q, k, v }) => [q, k, v],
  withOperands: (op, [q, k, v]) => ({ ...op, q, k, v }),
  macs: ({ shape }) => 2 * pixelsOf(shape) * shape[2] * shape[3] * shape[1],
};
