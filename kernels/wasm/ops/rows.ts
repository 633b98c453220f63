/**
 * Rows of feature maps, which share their memory, and copies of them.
 *
 * @module
 */

import type { Node, Place } from "../../graph/graph.ts";
import { padded, storedSize } from "../memory/layout.ts";
import { Kind } from "../abi.ts";
import { blocksOf, type Context, type Lowering } from "./lowering.ts";

/** Maximum vectors per block. */
const VECTORS = 8192;

/** Byte offset of a row of an image in a feature map. */
export function rowOffset({ shape: [, c, h, w] }: Node, image: number, row: number): number {
  return 4 * padded(c) * w * (image * h + row);
}

/** Lowers the copy of rows into a feature map. */
export function lowerPlace(op: Place, { threads }: Context): Lowering {
  const vectors = storedSize(op.part.shape) / 4;
  const blocks = blocksOf(vectors, VECTORS, threads);
  return {
    temporary: 0,
    workspace: 0,
    jobs: (at) => [{
      kind: Kind.Copy,
      blocks,
      fields: { x: at.of(op.part), y: at.of(op) + rowOffset(op, op.image, op.first), vectors, blocks },
    }],
  };
}
