/**
 * Convolutions: by Winograd's algorithm or implicit GEMM, whichever is faster for the shape of an image.
 *
 * @module
 */

import { type Conv2d, macs } from "../../graph/graph.ts";
import { padded } from "../memory/layout.ts";
import {
  DEPTH,
  GATHER_SLICES,
  GROUP,
  Kind,
  PANEL_OCTETS,
  POINTERS_PER_TAP,
  RING_BYTES,
  SLICE,
  STAGGER,
  ZERO,
} from "../abi.ts";
import type { Fields } from "../job_fields.ts";
import type { Job } from "../threads/job.ts";
import { type Addresses, blocksOf, type Context, type ConvAlgorithm, type Lowering } from "./lowering.ts";
import { tapChannels, tapColumns } from "./packed_weights.ts";

/** With fewer channels, Winograd's transforms cost more than its products save. */
const WINOGRAD_CHANNELS = 16;
/**
 * Up to this number of multiplications per image, implicit GEMM, whose errors are a third to a tenth of Winograd's, is faster
 * on maps of few tiles and at most two milliseconds slower on others.
 */
const SMALL = 2 ** 25;

/** Lowers a convolution. */
export function lowerConv2d(op: Conv2d, context: Context): Lowering {
  if (tapColumns(op.weights)) return lowerTapSums(op, context);
  return usesWinograd(op, context.algorithm) ? lowerWinograd(op, context) : lowerImplicitGemm(op, context);
}

/** Whether the algorithm that is chosen for a convolution can normalize what it reads: whole cache lines of channels. */
export function normalizesSources(op: Conv2d, algorithm: ConvAlgorithm | undefined): boolean {
  const fillsLines = 4 * padded(op.weights.in) % LINE === 0;
  return fillsLines && strideOf(op) === 1 && !op.upsample && !tapColumns(op.weights) && usesWinograd(op, algorithm);
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

/** Up to this number of groups of tiles, a map is small: its transformed sources are few, and blocks transform the weights. */
const SMALL_GROUPS = 24;

function lowerWinograd(op: Conv2d, context: Context): Lowering {
  const [images, outChannels, outHeight, outWidth] = op.shape;
  const side = tileSide(op), positions = ((side - 1) * strideOf(op) + 3) ** 2;
  const work = {
    side,
    groups: Math.ceil(images * Math.ceil(outHeight / side) * Math.ceil(outWidth / side) / GROUP),
    positions,
    weightPositions: side === 6 ? 64 : 36,
    slices: Math.ceil(op.x.shape[1] / SLICE),
    octets: Math.ceil(outChannels / 8),
  };
  return work.groups > SMALL_GROUPS ? lowerLargeMap(op, context, work) : lowerSmallMap(op, context, work);
}

/** The size of a convolution by Winograd's algorithm. */
interface WinogradWork {
  /** Side of a tile of results. */
  readonly side: 4 | 6;
  /** Groups of six tiles. */
  readonly groups: number;
  /** Positions of a transformed tile, and those that have weights of their own. */
  readonly positions: number;
  readonly weightPositions: number;
  /** Slices of input channels, and octets of output channels. */
  readonly slices: number;
  readonly octets: number;
}

/** Bytes of the lhs panel of a group, and of the products of a group and an octet. */
const LHS_BYTES = 4 * GROUP * SLICE, PRODUCT_BYTES = 4 * GROUP * 8;

/** Bytes of a slice and an octet of weights. */
const RHS_BYTES = 4 * SLICE * 8;
/** Bytes of a cache line, which pads the weights of a position on small maps. */
const LINE = 64;

/** Maximum groups of tiles per block. */
const BLOCK_GROUPS = 12;
/**
 * Bytes of a block's transformed tiles and products: what a core's second-level cache holds beside the weights. With larger
 * weights, blocks are as large, because each block reads all weights.
 */
const CACHE_BYTES = 5 * 2 ** 18;

/** Transforms all weights, then the tiles, block by block. */
function lowerLargeMap(op: Conv2d, context: Context, work: WinogradWork): Lowering {
  const { side, groups, positions, weightPositions, slices, octets } = work;
  const weightBytes = slices * weightPositions * (octets * RHS_BYTES + STAGGER);
  const groupBytes = LHS_BYTES + positions * (DEPTH * LHS_BYTES + octets * PRODUCT_BYTES);
  const ring = ringBytes(op, context);
  const blockBytes = Math.max(CACHE_BYTES, weightBytes);
  const blockGroups = Math.min(BLOCK_GROUPS, Math.max(3, Math.floor(blockBytes / groupBytes)));
  const tileBlocks = blocksOf(groups, blockGroups, context.threads);
  const workspace = ring + Math.ceil(groups / tileBlocks) * groupBytes + positions * STAGGER;
  return {
    temporary: weightBytes,
    workspace,
    jobs: (at) => {
      const fields = {
        ...convFields(op, at, context),
        coefficients: coefficientsOf(op, at, context),
        side,
        tileBlocks,
        chunk: octets,
        panels: at.temporary,
        sources: 0,
        workspace: at.workspace,
        workspaceBytes: workspace,
      };
      return [
        { kind: Kind.WinogradWeights, blocks: slices * Math.ceil(octets / PANEL_OCTETS), fields },
        { kind: Kind.WinogradLarge, blocks: tileBlocks, fields },
      ];
    },
  };
}

/** Transforms all tiles, then the weights, chunk by chunk of output channels. */
function lowerSmallMap(op: Conv2d, context: Context, work: WinogradWork): Lowering {
  const { side, groups, positions, weightPositions, slices, octets } = work;
  const chunk = Math.min(octets, PANEL_OCTETS), chunks = Math.ceil(octets / chunk);
  const tileBlocks = tileBlocksOf(groups, chunks, context.threads);
  const workspace = Math.max(
    ringBytes(op, context),
    DEPTH * chunk * weightPositions * (RHS_BYTES + LINE) +
      positions * (Math.ceil(groups / tileBlocks) * chunk * PRODUCT_BYTES + STAGGER),
  );
  return {
    temporary: slices * positions * (groups * LHS_BYTES + STAGGER),
    workspace,
    jobs: (at) => {
      const fields = {
        ...convFields(op, at, context),
        coefficients: coefficientsOf(op, at, context),
        side,
        tileBlocks,
        chunk,
        panels: 0,
        sources: at.temporary,
        workspace: at.workspace,
        workspaceBytes: workspace,
      };
      return [
        { kind: Kind.WinogradSources, blocks: groups, fields },
        { kind: Kind.WinogradSmall, blocks: tileBlocks * chunks, fields },
      ];
    },
  };
}

/** Address of the coefficients by which the sources are normalized; 0 if they are not. */
function coefficientsOf(op: Conv2d, at: Addresses, { fused }: Context): number {
  const norm = fused.ofConv.get(op);
  return norm ? at.of(norm) : 0;
}

/** Bytes of the pixels that a thread normalizes, if it does. */
function ringBytes(op: Conv2d, { fused }: Context): number {
  return fused.ofConv.has(op) ? RING_BYTES : 0;
}

/** Partitions groups of tiles only if chunks are too few for the threads, because each part transforms the weights again. */
function tileBlocksOf(groups: number, chunks: number, threads: number): number {
  let blocks = 1;
  while (blocks < groups && blocks * chunks < 4 * threads && blocks * chunks % threads > 0) blocks++;
  return blocks;
}

/** Maximum groups of pixels per block, which reads the weights of a slice once. */
const MAX_GROUPS = 32;

function lowerImplicitGemm(op: Conv2d, context: Context): Lowering {
  const [images, channels, outHeight, outWidth] = op.shape;
  const kernel = op.weights.kind === "conv" ? op.weights.kernel : 1, inner = tapChannels(op.weights.in);
  const partition = partitionProducts(images * outHeight * outWidth, channels, kernel, inner, context.threads);
  return {
    temporary: 0,
    workspace: partition.workspace,
    jobs: (at) => {
      const padding = kernel === 3 && strideOf(op) === 1 ? 1 : 0;
      return [implicitGemmJob({ ...convFields(op, at, context), kernel, tapChannels: inner, padding }, partition, at)];
    },
  };
}

/** How implicit GEMM partitions its work, and the workspace that this takes. */
interface Partition {
  readonly pixelBlocks: number;
  readonly channelBlocks: number;
  readonly workspace: number;
}

function partitionProducts(
  pixels: number,
  channels: number,
  kernel: number,
  inner: number,
  threads: number,
): Partition {
  const octets = Math.ceil(channels / 8), groups = Math.ceil(pixels / GROUP);
  const pixelBlocks = blocksOf(groups, MAX_GROUPS, threads);
  const channelBlocks = pixelBlocks < threads ? Math.min(octets, threads) : 1;
  const slices = Math.min(GATHER_SLICES, Math.ceil(kernel ** 2 * inner / SLICE));
  const workspace = Math.ceil(groups / pixelBlocks) * 4 *
    (kernel ** 2 * POINTERS_PER_TAP + GROUP * (slices * SLICE + octets * 8));
  return { pixelBlocks, channelBlocks, workspace };
}

type GemmFields = Fields<Kind.ImplicitGemm>;

function implicitGemmJob(
  fields: Omit<GemmFields, keyof Partition | "workspaceBytes">,
  { pixelBlocks, channelBlocks, workspace }: Partition,
  at: Addresses,
): Job {
  return {
    kind: Kind.ImplicitGemm,
    blocks: pixelBlocks * channelBlocks,
    fields: { ...fields, pixelBlocks, channelBlocks, workspace: at.workspace, workspaceBytes: workspace },
  };
}

/** Bytes of the products of taps that are computed before they are added up, while they are in the cache. */
const TAP_BYTES = 2 ** 20;
/** Least rows of a band of wide maps, since the rows above and below are multiplied twice. */
const MIN_TAP_ROWS = 8;

/** Multiplies each source pixel by all taps, then adds up the products: a band of rows at a time. */
function lowerTapSums(op: Conv2d, context: Context): Lowering {
  const [images, outputs, outHeight, outWidth] = op.shape, [, , height, width] = op.x.shape;
  const columns = tapColumns(op.weights), inner = padded(op.weights.in), scale = outHeight / height;
  const bands = tapBands(height, 4 * width * columns).map(({ row, end }) => {
    const productRow = Math.max(0, row - 1), productRows = Math.min(height, end + 1) - productRow;
    const partition = partitionProducts(productRows * width, columns, 1, inner, context.threads);
    const sums = { productRow, firstRow: row * scale, rows: (end - row) * scale };
    return { productRow, productRows, partition, sums };
  });
  return {
    temporary: 4 * width * columns * Math.max(...bands.map(({ productRows }) => productRows)),
    workspace: Math.max(...bands.map(({ partition }) => partition.workspace)),
    jobs: (at) => {
      const { x, y, bias, residual, ...fields } = convFields(op, at, context), products = at.temporary;
      const jobsOf = (image: number) =>
        bands.flatMap(({ productRow, productRows, partition, sums }): Job[] => {
          const source = x + 4 * inner * width * (image * height + productRow);
          const result = 16 * image * outHeight * outWidth, blocks = Math.min(sums.rows, context.threads);
          const matrix = {
            ...fields,
            ...{ x: source, bias: ZERO, residual: 0, y: products, images: 1 },
            ...{ height: productRows, outHeight: productRows, outWidth: width, upsample: 0, outChannels: columns },
            ...{ kernel: 1, tapChannels: inner, padding: 0 },
          };
          const added = {
            ...{ products, bias, residual: residual && residual + result, y: y + result },
            ...{ width, outHeight, outWidth, upsample: fields.upsample, outputs, columns, blocks },
          };
          return [implicitGemmJob(matrix, partition, at), {
            kind: Kind.TapSums,
            blocks,
            fields: { ...sums, ...added },
          }];
        });
      return Array.from({ length: images }, (_, image) => jobsOf(image)).flat();
    },
  };
}

/** Bands of source rows, whose products fit the cache together with those of the rows above and below. */
function tapBands(height: number, rowBytes: number): { row: number; end: number }[] {
  const rows = Math.max(MIN_TAP_ROWS, Math.floor(TAP_BYTES / rowBytes) - 2);
  return Array.from({ length: Math.ceil(height / rows) }, (_, i) => {
    return { row: i * rows, end: Math.min(height, (i + 1) * rows) };
  });
}

function strideOf({ weights }: Conv2d): number {
  return weights.kind === "conv" ? weights.stride : 1;
}

/** The fields that both kinds of jobs have. */
function convFields(op: Conv2d, at: Addresses, { parameters, fused }: Context) {
  const { weight, bias } = parameters.get(op.weights);
  const [images, outChannels, outHeight, outWidth] = op.shape;
  const [, inChannels, height, width] = op.x.shape;
  return {
    x: at.of(fused.ofConv.get(op)?.x ?? op.x),
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
