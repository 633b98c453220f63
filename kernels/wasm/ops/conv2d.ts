/**
 * Convolutions: Winograd's algorithm where the weights were packed for it and the map is not small, implicit GEMM otherwise.
 *
 * @module
 */

import { type Conv2d, macs } from "../../graph/graph.ts";
import { padded } from "../memory/layout.ts";
import type { Packed } from "./packed_weights.ts";
import { DEPTH, GROUP, Kind, POINTERS_PER_TAP, SLICE, STAGGER } from "../abi.ts";
import { type Addresses, blocksOf, type Context, type Lowering } from "./lowering.ts";

/**
 * Up to this number of multiplications per image, implicit GEMM, whose errors are a third to a tenth of Winograd's, is faster
 * on maps of few tiles and at most two milliseconds slower on others.
 */
const SMALL = 2 ** 25;

/** Lowers a convolution. */
export function lowerConv2d(op: Conv2d, context: Context): Lowering {
  const packed = context.parameters.get(op.weights);
  const isSmall = macs(op) / op.shape[0] <= SMALL;
  const weights = isSmall && packed.implicitGemm ? packed.implicitGemm : packed;
  switch (weights.kind) {
    case Kind.PackWinograd4:
    case Kind.PackWinogradStrided:
      return lowerWinograd(op, weights, 4, context);
    case Kind.PackWinograd6:
      return lowerWinograd(op, weights, 6, context);
    default:
      return lowerImplicitGemm(op, weights, context);
  }
}

function lowerWinograd(op: Conv2d, weights: Packed, side: 4 | 6, { threads }: Context): Lowering {
  const [images, channels, outHeight, outWidth] = op.shape;
  const octets = Math.ceil(channels / 8);
  const groups = Math.ceil(images * Math.ceil(outHeight / side) * Math.ceil(outWidth / side) / GROUP);
  const positions = ((side - 1) * strideOf(op) + 3) ** 2;
  const groupBytes = positions * GROUP * 4 * (DEPTH * SLICE + octets * 8);
  const { tileBlocks, channelBlocks } = winogradBlocks(octets, weights.bytes, groupBytes, groups, threads);
  const workspace = Math.ceil(groups / tileBlocks) * groupBytes + positions * STAGGER;
  return {
    temporary: 0,
    workspace,
    jobs: (at) => [{
      kind: Kind.Winograd,
      blocks: tileBlocks * channelBlocks,
      fields: {
        ...convFields(op, at, weights),
        side,
        tileBlocks,
        channelBlocks,
        workspace: at.workspace,
        workspaceBytes: workspace,
      },
    }],
  };
}

/** Bytes of a block's transformed tiles and products: what a core's second-level cache holds beside the weights. */
const CACHE_BYTES = 5 * 2 ** 18;
/** With much larger weights, blocks are larger too, because each block reads all weights. */
const WEIGHTS_PER_BLOCK = 2;
/** Minimum octets of output channels per block, because each block transforms its tiles. */
const BLOCK_OCTETS = 16;

/** Partitions groups of tiles, and if those are few, output channels as well. */
function winogradBlocks(octets: number, weightBytes: number, groupBytes: number, groups: number, threads: number) {
  const blockBytes = Math.max(CACHE_BYTES, weightBytes / WEIGHTS_PER_BLOCK);
  const largest = Math.min(12, Math.max(3, Math.floor(blockBytes / groupBytes)));
  if (groups > largest) return { tileBlocks: blocksOf(groups, largest, threads), channelBlocks: 1 };
  const channelBlocks = Math.min(threads, Math.max(1, Math.floor(octets / BLOCK_OCTETS)));
  return { tileBlocks: Math.min(groups, Math.ceil(threads / channelBlocks)), channelBlocks };
}

/** Maximum groups of pixels per block, which reads the weights of a slice once. */
const MAX_GROUPS = 32;

function lowerImplicitGemm(op: Conv2d, weights: Packed, { threads }: Context): Lowering {
  const [images, channels, outHeight, outWidth] = op.shape;
  const kernel = op.weights.kind === "conv" ? op.weights.kernel : 1;
  const octets = Math.ceil(channels / 8);
  const groups = Math.ceil(images * outHeight * outWidth / GROUP);
  const pixelBlocks = blocksOf(groups, MAX_GROUPS, threads);
  const channelBlocks = pixelBlocks < threads ? Math.min(octets, threads) : 1;
  const workspace = Math.ceil(groups / pixelBlocks) * 4 *
    (kernel ** 2 * POINTERS_PER_TAP + GROUP * (SLICE + octets * 8));
  return {
    temporary: 0,
    workspace,
    jobs: (at) => [{
      kind: Kind.ImplicitGemm,
      blocks: pixelBlocks * channelBlocks,
      fields: {
        ...convFields(op, at, weights),
        kernel,
        padding: kernel === 3 && strideOf(op) === 1 ? 1 : 0,
        pixelBlocks,
        channelBlocks,
        workspace: at.workspace,
        workspaceBytes: workspace,
      },
    }],
  };
}

function strideOf({ weights }: Conv2d): number {
  return weights.kind === "conv" ? weights.stride : 1;
}

/** The fields that both kinds of jobs have. */
function convFields(op: Conv2d, at: Addresses, { weight, bias }: Packed) {
  const [images, outChannels, outHeight, outWidth] = op.shape;
  const [, inChannels, height, width] = op.x.shape;
  return {
    x: at.of(op.x),
    weights: weight,
    bias,
    residual: op.residual ? at.of(op.residual) : 0,
    y: at.of(op),
    images,
    height,
    width,
    outHeight,
    outWidth,
    upsample: Number(op.upsample),
    stride: strideOf(op),
    inChannels: padded(inChannels),
    outChannels: padded(outChannels),
  };
}
