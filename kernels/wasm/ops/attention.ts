/**
 * Attention.
 *
 * @module
 */

import type { Attention } from "../../graph/graph.ts";
import { padded } from "../memory/layout.ts";
import { GROUP, Kind, SLICE } from "../abi.ts";
import { blocksOf, type Context, type Lowering } from "./lowering.ts";

/** Maximum groups of queries per block, which reads keys and values once. */
const LARGEST = 16;
/** Keys per step of the running softmax. */
const CHUNK = 512;

/** Lowers an attention. */
export function lowerAttention(op: Attention, { threads }: Context): Lowering {
  const [images, channels, height, width] = op.shape;
  const stored = padded(channels), pixels = height * width, keyPixels = op.k.shape[2] * op.k.shape[3];
  const keySlices = Math.ceil(keyPixels / SLICE), octets = Math.ceil(stored / 8);
  const keys = 4 * images * keySlices * SLICE * Math.ceil(stored / SLICE) * SLICE;
  const values = 4 * images * keySlices * SLICE * octets * 8;
  const groups = Math.ceil(pixels / GROUP);
  const queryBlocks = blocksOf(groups, LARGEST, threads);
  const chunk = Math.min(CHUNK, keySlices * SLICE);
  const workspace = Math.ceil(groups / queryBlocks) * GROUP * 4 * (2 + octets * 8 + chunk + 2 * SLICE);
  return {
    temporary: keys + values,
    workspace,
    jobs: (at) => {
      const fields = {
        q: at.of(op.q),
        k: at.of(op.k),
        v: at.of(op.v),
        y: at.of(op),
        images,
        pixels,
        keyPixels,
        stored,
        scale: channels ** -0.5,
        keys: at.temporary,
        values: at.temporary + keys,
        chunk,
        queryBlocks,
        workspace: at.workspace,
        workspaceBytes: workspace,
      };
      return [
        { kind: Kind.AttentionPack, blocks: images * keySlices, fields },
        { kind: Kind.Attention, blocks: images * queryBlocks, fields },
      ];
    },
  };
}
