/**
 * Which norms convolutions apply themselves: Winograd's algorithm normalizes the pixels of a tile when it transforms them, so
 * that the normalized feature map is neither written nor read.
 *
 * @module
 */

import { type Conv2d, type Graph, type GroupNorm, type Node, operands } from "../../graph/graph.ts";
import { normalizesSources } from "./conv2d.ts";
import type { ConvAlgorithm, FusedNorms } from "./lowering.ts";

/** Finds group norms with SiLU that one convolution alone reads. */
export function findFusedNorms(graph: Graph, algorithm: ConvAlgorithm | undefined): FusedNorms {
  const readers = new Map<Node, number>();
  for (const node of [...graph.nodes.flatMap((op) => operands(op)), ...graph.outputs]) {
    readers.set(node, (readers.get(node) ?? 0) + 1);
  }
  const ofConv = new Map<Node, GroupNorm>();
  for (const op of graph.nodes) {
    if (op.kind !== "conv2d" || !normalizesSources(op, algorithm)) continue;
    const norm = fusible(graph, op);
    if (norm && readers.get(norm) === 1) ofConv.set(op, norm);
  }
  return { ofConv, norms: new Set(ofConv.values()) };
}

/** The group norm with SiLU whose result a convolution reads. */
function fusible({ nodes }: Graph, { x }: Conv2d): GroupNorm | undefined {
  const norm = nodes[x.id];
  if (norm.kind !== "groupNorm" || norm.activation !== "silu" || norm.modulation || norm.coefficients) return undefined;
  return norm;
}
