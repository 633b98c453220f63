/**
 * Group norm and spatial norm, whole and in bands of rows.
 *
 * @module
 */

import type { GroupNorm, Node, Normalize, NormCoefficients, NormSums, RowPlace } from "../../graph/graph.ts";
import type { Shape } from "../../tensor/storage.ts";
import { type Chunks, splitImage } from "../../tiling/chunks.ts";
import type { Job } from "../threads/job.ts";
import { padded } from "../memory/layout.ts";
import { Act, Kind } from "../abi.ts";
import { type Addresses, blocksOf, type Context, type Lowering } from "./lowering.ts";

/** Values per chunk of pixels, which is read twice and so must fit the second-level cache. */
const CHUNK_VALUES = 65536;
/** Maximum values per block of the normalization. */
const BLOCK_VALUES = 32768;
/** Bytes of the statistics of one chunk and group. */
const STATISTICS = 16;

/** What the jobs that need no other memory than that of operands and result take. */
const NO_MEMORY = { temporary: 0, workspace: 0 };

const ACTS = { silu: Act.Silu, mish: Act.Mish, gelu: Act.Gelu, relu: Act.Relu };

/** Lowers a normalization. */
export function lowerGroupNorm(op: GroupNorm, context: Context): Lowering {
  const { shape, groups, modulation, coefficients: given } = op;
  const [images, channels, height] = shape;
  const place = { first: 0, height, modulationFirst: 0, modulationHeight: modulation?.scale.shape[2] ?? 1 };
  if (given) return { ...NO_MEMORY, jobs: (at) => [applyJob(op, { ...op, place }, context, at, at.of(given))] };
  const split = splitIntoChunks(shape, height);
  const statistics = statisticsBytes(shape, split, groups);
  const jobsBefore = (at: Addresses, coefficients: number) => [
    sumsJob(op.x, split, groups, at, at.temporary),
    foldJob(op, shape, split, context, at.temporary, coefficients),
  ];
  if (context.fused.norms.has(op)) {
    return { temporary: statistics, workspace: workspaceBytes(channels), jobs: (at) => jobsBefore(at, at.of(op)) };
  }
  return {
    temporary: statistics + coefficientsBytes(images, channels),
    workspace: workspaceBytes(channels),
    jobs: (at) => {
      const coefficients = at.temporary + statistics;
      return [...jobsBefore(at, coefficients), applyJob(op, { ...op, place }, context, at, coefficients)];
    },
  };
}

/** Lowers the statistics of a band. */
export function lowerNormSums(op: NormSums): Lowering {
  const { band: { of, height, image, first }, groups } = op;
  const split = splitIntoChunks(of, height);
  const before = image * split.chunks + Math.floor(first / height) * split.bandChunks;
  return {
    temporary: 0,
    workspace: workspaceBytes(of[1]),
    jobs: (at) => [sumsJob(op.x, split, groups, at, at.of(op) + STATISTICS * groups * before)],
  };
}

/** Lowers the coefficients from the statistics of all bands. */
export function lowerNormCoefficients(op: NormCoefficients, context: Context): Lowering {
  const { sums: { band: { of, height }, groups }, weights, epsilon } = op;
  const split = splitIntoChunks(of, height);
  return {
    ...NO_MEMORY,
    jobs: (at) => [foldJob({ weights, groups, epsilon }, of, split, context, at.of(op.sums), at.of(op))],
  };
}

/** Lowers the normalization of a band. */
export function lowerNormalize(op: Normalize, context: Context): Lowering {
  const before = coefficientsBytes(op.place.image, op.shape[1]);
  return {
    ...NO_MEMORY,
    jobs: (at) => [applyJob(op, op, context, at, at.of(op.coefficients) + before)],
  };
}

/** Bytes of the sums of all bands. */
export function normSumsBytes({ band: { of, height }, groups }: NormSums): number {
  return statisticsBytes(of, splitIntoChunks(of, height), groups);
}

/** The chunks of an image that is computed in bands of `bandHeight` rows. */
function splitIntoChunks([, channels, height, width]: Shape, bandHeight: number): Chunks {
  return splitImage(height, width, bandHeight, Math.max(1, Math.floor(CHUNK_VALUES / padded(channels))));
}

function statisticsBytes([images]: Shape, { chunks }: Chunks, groups: number): number {
  return STATISTICS * images * chunks * groups;
}

/** Bytes of center, scale and shift of each channel. */
export function coefficientsBytes(images: number, channels: number): number {
  return 3 * 4 * images * padded(channels);
}

/** Each thread's sums of one chunk: center, sum and sum of squares of each channel. */
function workspaceBytes(channels: number): number {
  return 3 * 4 * padded(channels);
}

/** Computes the statistics of the chunks of `x`. */
function sumsJob(x: Node, { chunkPixels }: Chunks, groups: number, at: Addresses, statistics: number): Job {
  const [images, channels, height, width] = x.shape;
  const pixels = height * width, chunks = Math.ceil(pixels / chunkPixels);
  return {
    kind: Kind.NormStatistics,
    blocks: images * chunks,
    fields: {
      x: at.of(x),
      pixels,
      channels,
      stored: padded(channels),
      groups,
      chunkPixels,
      chunks,
      statistics,
      workspace: at.workspace,
      workspaceBytes: workspaceBytes(channels),
    },
  };
}

/** Combines the statistics of all chunks of a feature map of this shape. */
function foldJob(
  { weights, groups, epsilon }: Pick<GroupNorm, "weights" | "groups" | "epsilon">,
  [images, channels, height, width]: Shape,
  { chunkPixels, chunks, bandPixels, bandChunks }: Chunks,
  { parameters }: Context,
  statistics: number,
  coefficients: number,
): Job {
  const { weight, bias } = parameters.get(weights);
  return {
    kind: Kind.NormFold,
    blocks: images,
    fields: {
      gamma: weight,
      beta: bias,
      pixels: height * width,
      channels,
      stored: padded(channels),
      groups,
      epsilon,
      chunkPixels,
      chunks,
      bandPixels,
      bandChunks,
      statistics,
      coefficients,
    },
  };
}

/** Normalizes `x`, whose rows are at `place` in the image. */
function applyJob(
  y: Node,
  { x, activation, modulation, place }: Pick<GroupNorm, "x" | "activation" | "modulation"> & {
    place: Omit<RowPlace, "image">;
  },
  { threads }: Context,
  at: Addresses,
  coefficients: number,
): Job {
  const [images, channels, height, width] = y.shape;
  const stored = padded(channels);
  const blocks = blocksOf(images * height * width, Math.max(1, Math.floor(BLOCK_VALUES / stored)), threads);
  return {
    kind: Kind.NormApply,
    blocks,
    fields: {
      x: at.of(x),
      y: at.of(y),
      images,
      height,
      width,
      stored,
      coefficients,
      act: activation ? ACTS[activation] : Act.None,
      modulationScale: modulation ? at.of(modulation.scale) : 0,
      modulationShift: modulation ? at.of(modulation.shift) : 0,
      modulationHeight: place.modulationHeight,
      modulationWidth: modulation?.scale.shape[3] ?? 1,
      firstRow: place.first,
      modulationFirst: place.modulationFirst,
      imageHeight: place.height,
      blocks,
    },
  };
}
