/**
 * Group norm and spatial norm.
 *
 * @module
 */

import type { GroupNorm } from "../../graph.ts";
import { float } from "../job.ts";
import { padded } from "../layout.ts";
import { Act, Kind } from "../shared.ts";
import { blocksOf, type Context, type Lowering } from "./lowering.ts";

/** Values of a chunk of pixels, which is read twice: it stays in the second-level cache. */
const CHUNK_VALUES = 65536;
/** Values of a block of the normalization. */
const BLOCK_VALUES = 32768;

const ACTS = { silu: Act.Silu, mish: Act.Mish, gelu: Act.Gelu, relu: Act.Relu };

/** Prepares a normalization. */
export function lowerGroupNorm(op: GroupNorm, { threads, parameters }: Context): Lowering {
  const [images, channels, height, width] = op.shape;
  const stored = padded(channels), pixels = height * width;
  const chunkPixels = Math.max(1, Math.floor(CHUNK_VALUES / stored));
  const chunks = Math.ceil(pixels / chunkPixels);
  const statistics = 16 * images * chunks * op.groups;
  const pixelBlocks = blocksOf(images * pixels, Math.max(1, Math.floor(BLOCK_VALUES / stored)), threads);
  const workspace = 3 * 4 * stored;
  const modulation = op.modulation;
  const [, , modulationHeight, modulationWidth] = modulation?.scale.shape ?? op.shape;
  return {
    temporary: statistics + 3 * 4 * stored * images,
    workspace,
    jobs: (at) => {
      const { weight, bias } = parameters.get(op.weights);
      const fields = [
        at.of(op.x),
        at.of(op),
        weight,
        bias,
        images,
        height,
        width,
        stored,
        channels,
        op.groups,
        float(op.epsilon),
        chunkPixels,
        chunks,
        at.temporary,
        at.temporary + statistics,
        op.activation ? ACTS[op.activation] : Act.None,
        modulation ? at.of(modulation.scale) : 0,
        modulation ? at.of(modulation.shift) : 0,
        modulationHeight,
        modulationWidth,
        pixelBlocks,
        at.workspace,
        workspace,
      ];
      return [
        { kind: Kind.NormStatistics, blocks: images * chunks, fields },
        { kind: Kind.NormFold, blocks: images, fields },
        { kind: Kind.NormApply, blocks: pixelBlocks, fields },
      ];
    },
  };
}
