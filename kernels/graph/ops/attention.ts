/**
 * Attention.
 *
 * @module
 */

import { check, checkFeatureMap, type Node, type OpDescriptor, parentName, pixelsOf, sameShape } from "./descriptor.ts";

/**
 * Attention with one head of all pixels of `q` to all pixels of `k`: `softmax(q·kᵀ / √channels)·v`. Both may be maps of
 * different size.
 */
export interface Attention extends Node {
  /** Tells it from other ops. */
  readonly kind: "attention";
  /** Queries: `[n, channels, h, w]`. */
  readonly q: Node;
  /** Keys: `[n, channels, h', w']`. */
  readonly k: Node;
  /** Values, of the shape of the keys. */
  readonly v: Node;
}

/** See {@linkcode Attention}. */
export const attention: OpDescriptor<Attention> = {
  result({ q, k, v }) {
    [q, k, v].forEach((operand) => checkFeatureMap(operand, "attention"));
    const { shape } = q;
    const fits = sameShape(shape.slice(0, 2), k.shape.slice(0, 2)) && sameShape(k.shape, v.shape);
    check(fits, `attention: [${shape}], [${k.shape}], [${v.shape}]`);
    return { name: parentName(q), shape, dtype: "float32" };
  },
  operands: ({ q, k, v }) => [q, k, v],
  withOperands: (op, [q, k, v]) => ({ ...op, q, k, v }),
  macs: ({ shape, k }) => 2 * pixelsOf(shape) * k.shape[2] * k.shape[3] * shape[1],
};
