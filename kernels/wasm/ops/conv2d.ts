/**
 * Convolutions: by Winograd's algorithm or implicit GEMM, whichever is faster for the shape of an image.
 *
 * @module
 */

import { type Conv2d, macs } from "../../graph/graph.ts";
import { padded } from "../memory/layout.ts";
import { DEPTH, GATHER_SLICES, GROUP, Kind, PANEL_OCTETS, POINTERS_PER_TAP, SLICE, STAGGER } from "../abi.ts";
import { type Addresses, blocksOf, type Context, type ConvAlgorithm, type Lowering } from "./lowering.ts";
import { tapChannels } from "./packed_weights.ts";

/** With fewer channels, Winograd's transforms cost more than its products save. */
const WINOGRAD_CHANNELS = 16;
/**
 * Up to this number of multiplications per image, implicit GEMM, whose errors are a third to a tenth of Winograd's, is faster
 * on maps of few tiles and at most two milliseconds slower on others.
 */
const SMALL = 2 ** 25;

/** Lowers a convolution. */
export function lowerConv2d(op: Conv2d, context: Context): Lowering {
  return usesWinograd(op, context.algorithm) ? lowerWinograd(op, context) : lowerImplicitGemm(op, context);
}

function usesWinograd(op: Conv2d, algorithm: ConvAlgorithm | undefined): boolean {
  const { weights } = op;
  if (weights.kind === "linear" || weights.kernel === 1 || weights.in < WINOGRAD_CHANNELS) return false;
  return algorithm ? algorithm === "winograd" : macs(op) / op.shape[0] > SMALL;
}

/** Transforming weights takes as long as multiplying them with this number of groups of tiles. */
const TRANSFORM_GROUPS = 1;

/** Side of a tile of results. It depends on one image's shape alone, so that each image of a batch has the same result. */
function tileSide(op: Conv2d): 4 | 6 {
  if (strideOf(op) === 2) return 4;
  const [, , height, width] = op.shape;
  const cost = (side: 4 | 6) => {
    return (side + 2) ** 2 * (Math.ceil(height / side) * Math.ceil(width / side) / GROUP + TRANSFORM_GROUPS);
  };
  return cost(6) < cost(4) ? 6 : 4;
}

function lowerWinograd(op: Conv2d, context: Context): Lowering {
  const [images, outChannels, outHeight, outWidth] = op.shape;
  const side = tileSide(op), octets = Math.ceil(outChannels / 8), slices = Math.ceil(op.x.shape[1] / SLICE);
  const groups = Math.ceil(images * Math.ceil(outHeight / side) * Math.ceil(outWidth / side) / GROUP);
  const positions = ((side - 1) * strideOf(op) + 3) ** 2;
  const isShared = groups > UNSHARED_GROUPS, chunk = isShared ? octets : Math.min(octets, PANEL_OCTETS);
  const panelBytes = (side === 6 ? 64 : 36) * (chunk * 4 * SLICE * 8 + STAGGER);
  const groupBytes = (octets: number) => 4 * GROUP * (SLICE + positions * (DEPTH * SLICE + octets * 8));
  const { tileBlocks, channelBlocks } = isShared
    ? { tileBlocks: sharedBlocks(groups, groupBytes(octets), slices * panelBytes, context.threads), channelBlocks: 1 }
    : unsharedBlocks(groups, octets, context.threads);
  const chunks = Math.ceil(2 * Math.ceil(octets / 2 / channelBlocks) / chunk);
  const workspace = Math.ceil(groups / tileBlocks) * groupBytes(chunks * chunk) + chunks * positions * STAGGER +
    (isShared ? 0 : DEPTH * panelBytes);
  return {
    temporary: isShared ? slices * panelBytes : 0,
    workspace,
    jobs: (at) => {
      const fields = {
        ...convFields(op, at, context),
        side,
        tileBlocks,
        channelBlocks,
        chunk,
        panels: isShared ? at.temporary : 0,
        workspace: at.workspace,
        workspaceBytes: workspace,
      };
      return [
        ...isShared
          ? [{ kind: Kind.WinogradWeights, blocks: slices * Math.ceil(octets / PANEL_OCTETS), fields } as const]
          : [],
        { kind: Kind.Winograd, blocks: tileBlocks * channelBlocks, fields },
      ];
    },
  };
}

/** Up to this number of groups of tiles, each block transforms the weights that it needs, otherwise all blocks share them. */
const UNSHARED_GROUPS = 24;
/** Maximum groups of tiles per block. */
const BLOCK_GROUPS = 12;
/** Bytes of a block's transformed tiles and products: what a core's second-level cache holds beside the weights. */
const CACHE_BYTES = 5 * 2 ** 18;
/** With much larger weights, blocks are larger too, because each block reads all weights. */
const WEIGHTS_PER_BLOCK = 2;

/** Partitions groups of tiles. */
function sharedBlocks(groups: number, groupBytes: number, weightBytes: number, threads: number): number {
  const blockBytes = Math.max(CACHE_BYTES, weightBytes / WEIGHTS_PER_BLOCK);
  return blocksOf(groups, Math.min(BLOCK_GROUPS, Math.max(3, Math.floor(blockBytes / groupBytes))), threads);
}

/** Partitions output channels rather than groups of tiles, so that few blocks transform the same weights. */
function unsharedBlocks(groups: number, octets: number, threads: number) {
  const channelBlocks = Math.min(Math.ceil(threads / Math.ceil(groups / BLOCK_GROUPS)), Math.ceil(octets / 2));
  return { tileBlocks: Math.min(groups, Math.ceil(threads / channelBlocks)), channelBlocks };
}

/** Maximum groups of pixels per block, which reads the weights of a slice once. */
const MAX_GROUPS = 32;

function lowerImplicitGemm(op: Conv2d, context: Context): Lowering {
  const [images, channels, outHeight, outWidth] = op.shape;
  const kernel = op.weights.kind === "conv" ? op.weights.kernel : 1;
  const octets = Math.ceil(channels / 8);
  const groups = Math.ceil(images * outHeight * outWidth / GROUP);
  const { threads } = context;
  const pixelBlocks = blocksOf(groups, MAX_GROUPS, threads);
  const channelBlocks = pixelBlocks < threads ? Math.min(octets, threads) : 1;
  const inner = tapChannels(op.weights.in);
  const slices = Math.min(GATHER_SLICES, Math.ceil(kernel ** 2 * inner / SLICE));
  const workspace = Math.ceil(groups / pixelBlocks) * 4 *
    (kernel ** 2 * POINTERS_PER_TAP + GROUP * (slices * SLICE + octets * 8));
  return {
    temporary: 0,
    workspace,
    jobs: (at) => [{
      kind: Kind.ImplicitGemm,
      blocks: pixelBlocks * channelBlocks,
      fields: {
        ...convFields(op, at, context),
        kernel,
        tapChannels: inner,
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
function convFields(op: Conv2d, at: Addresses, { parameters }: Context) {
  const { weight, bias } = parameters.get(op.weights);
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
