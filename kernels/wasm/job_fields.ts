/**
 * The fields of jobs. The kernels' classes are generated from this table, and what the host writes is typed by it.
 *
 * @module
 */

import { Kind } from "./abi.ts";

/** The AssemblyScript type of a 32-bit field: an address, an integer or a float. */
type FieldType = "usize" | "i32" | "f32";

const CONV = {
  x: "usize",
  weights: "usize",
  bias: "usize",
  /** Added to the result, or 0. */
  residual: "usize",
  y: "usize",
  images: "i32",
  /** Sides of the source. */
  height: "i32",
  width: "i32",
  /** Sides of the result. */
  outHeight: "i32",
  outWidth: "i32",
  /** 1 if each source pixel counts as 2x2 pixels. */
  upsample: "i32",
  stride: "i32",
  /** Channels as stored: multiples of 4. */
  inChannels: "i32",
  outChannels: "i32",
} as const;

const WINOGRAD = {
  ...CONV,
  /** Side of a tile of results: 4 or 6; at stride 2, 4. */
  side: "i32",
  /** Parts of the tiles: at a time, a block takes one and, on small maps, a chunk of output channels. */
  tileBlocks: "i32",
  /** Center, scale and shift of each channel, [images][3][inChannels], by which sources are normalized before SiLU, or 0. */
  coefficients: "usize",
  /** Octets of output channels of a panel of weights. */
  chunk: "i32",
  /** On large maps: the panels of weights, which {@linkcode Kind.WinogradWeights} transformed; otherwise 0. */
  panels: "usize",
  /** On small maps: the transformed sources; otherwise 0. */
  sources: "usize",
  workspace: "usize",
  workspaceBytes: "usize",
} as const;

const ATTENTION = {
  q: "usize",
  k: "usize",
  v: "usize",
  y: "usize",
  images: "i32",
  /** Queries and keys of an image. */
  pixels: "i32",
  keyPixels: "i32",
  /** Channels as stored. */
  stored: "i32",
  /** Of the scores: 1 / sqrt(channels). */
  scale: "f32",
  /** Packed keys and values. */
  keys: "usize",
  values: "usize",
  /** Keys per step of the running softmax, a multiple of 32. */
  chunk: "i32",
  /** Blocks of queries of an image. */
  queryBlocks: "i32",
  workspace: "usize",
  workspaceBytes: "usize",
} as const;

const SQUARED_ERROR = {
  x: "usize",
  code: "usize",
  y: "usize",
  /** Sums of the chunks, float64. */
  sums: "usize",
  /** Vectors of four values. */
  vectors: "i32",
  /** Vectors per chunk. Results depend on it, so it must not depend on the number of threads. */
  chunk: "i32",
  chunks: "i32",
  /** Number of values in the mean. */
  values: "i32",
  factor: "f32",
} as const;

/** The fields of each kind of job, in memory order. */
export const JOB_FIELDS = {
  [Kind.Widen]: {
    from: "usize",
    to: "usize",
    /** An `Element`. */
    element: "i32",
    /** Vectors of four values. */
    vectors: "i32",
    /** Blocks are ranges of vectors. */
    blocks: "i32",
  },
  [Kind.PackConv]: {
    /** Rows of the checkpoint's [out][in][taps]. */
    raw: "usize",
    /** All of the packed weights. */
    packed: "usize",
    inChannels: "i32",
    outChannels: "i32",
    taps: "i32",
    /** Input channels as stored. */
    stored: "i32",
    /** Octets of output channels before those in `raw`, and in it. */
    firstOctet: "i32",
    octets: "i32",
  },
  [Kind.PackTaps]: {
    /** The checkpoint's [out][in][taps]. */
    raw: "usize",
    packed: "usize",
    inChannels: "i32",
    outChannels: "i32",
    /** Octets of columns. */
    octets: "i32",
  },
  [Kind.PackCodebook]: {
    /** Rows of the checkpoint's [codes][channels]. */
    raw: "usize",
    /** All of the packed codes. */
    packed: "usize",
    codes: "i32",
    channels: "i32",
    /** Octets of codes before those in `raw`. */
    firstOctet: "i32",
  },
  [Kind.ImplicitGemm]: {
    ...CONV,
    kernel: "i32",
    /** Channels per tap of the weights: one to three, or as stored. */
    tapChannels: "i32",
    /** Zeros above and to the left. */
    padding: "i32",
    /** Blocks are ranges of pixels times ranges of output channels. */
    pixelBlocks: "i32",
    channelBlocks: "i32",
    workspace: "usize",
    workspaceBytes: "usize",
  },
  [Kind.TapSums]: {
    /** Of each tap and each source pixel from row `productRow` on. */
    products: "usize",
    productRow: "i32",
    bias: "usize",
    /** Added to the result, or 0. */
    residual: "usize",
    y: "usize",
    /** Columns of the source. */
    width: "i32",
    /** Sides of the result. */
    outHeight: "i32",
    outWidth: "i32",
    /** The rows of the result to compute. */
    firstRow: "i32",
    rows: "i32",
    /** 1 if each source pixel counts as 2x2 pixels. */
    upsample: "i32",
    /** Output channels: one to four. */
    outputs: "i32",
    /** Products per source pixel. */
    columns: "i32",
    /** Blocks are ranges of rows. */
    blocks: "i32",
  },
  [Kind.WinogradWeights]: WINOGRAD,
  [Kind.WinogradLarge]: WINOGRAD,
  [Kind.WinogradSources]: WINOGRAD,
  [Kind.WinogradSmall]: WINOGRAD,
  [Kind.NormStatistics]: {
    x: "usize",
    /** Pixels of an image. */
    pixels: "i32",
    channels: "i32",
    /** Channels as stored. */
    stored: "i32",
    groups: "i32",
    /** Pixels per chunk. Results depend on it, so it must not depend on the number of threads. */
    chunkPixels: "i32",
    /** Chunks of an image. */
    chunks: "i32",
    /** Mean and sum of squared differences from it of each chunk and group, float64: [images][chunks][groups][2]. */
    statistics: "usize",
    workspace: "usize",
    workspaceBytes: "usize",
  },
  [Kind.NormFold]: {
    gamma: "usize",
    beta: "usize",
    /** Pixels of an image. */
    pixels: "i32",
    channels: "i32",
    /** Channels as stored. */
    stored: "i32",
    groups: "i32",
    epsilon: "f32",
    chunkPixels: "i32",
    chunks: "i32",
    /** Pixels and chunks of a band: no chunk crosses its end. The last band may have fewer. */
    bandPixels: "i32",
    bandChunks: "i32",
    /** What {@linkcode Kind.NormStatistics} wrote. */
    statistics: "usize",
    /** Center, scale and shift of each channel as stored: [images][3][stored]. */
    coefficients: "usize",
  },
  [Kind.NormApply]: {
    x: "usize",
    y: "usize",
    images: "i32",
    height: "i32",
    width: "i32",
    /** Channels as stored. */
    stored: "i32",
    /** What {@linkcode Kind.NormFold} wrote. */
    coefficients: "usize",
    act: "i32",
    /** Spatial norm: maps of scale and shift, or 0, and their sides. */
    modulationScale: "usize",
    modulationShift: "usize",
    modulationHeight: "i32",
    modulationWidth: "i32",
    /** The rows of the image and of the modulation maps at which `x` and the maps begin, and rows of a whole image. */
    firstRow: "i32",
    modulationFirst: "i32",
    imageHeight: "i32",
    /** Blocks are ranges of pixels. */
    blocks: "i32",
  },
  [Kind.AttentionPack]: ATTENTION,
  [Kind.Attention]: ATTENTION,
  [Kind.NearestCode]: {
    x: "usize",
    codebook: "usize",
    y: "usize",
    pixels: "i32",
    codes: "i32",
    channels: "i32",
    /** Channels of `x` as stored. */
    stored: "i32",
    /** The index of a pixel that is not near any code. */
    none: "i32",
    /** 1 for the greatest inner product, 0 for the least squared distance. */
    product: "i32",
    /** 1 to write the second nearest codes behind the nearest. */
    second: "i32",
    /** Blocks are ranges of pixels. */
    blocks: "i32",
  },
  [Kind.Lookup]: {
    indices: "usize",
    codebook: "usize",
    y: "usize",
    pixels: "i32",
    codes: "i32",
    channels: "i32",
    /** Channels of `y` as stored. */
    stored: "i32",
    /** Blocks are ranges of pixels. */
    blocks: "i32",
  },
  [Kind.CodeMargin]: {
    x: "usize",
    /** The nearest codes, and behind them the second nearest. */
    indices: "usize",
    codes: "usize",
    /** Margins, and behind them the squared lengths. */
    y: "usize",
    pixels: "i32",
    channels: "i32",
    /** Channels of `x` and `codes` as stored. */
    stored: "i32",
    /** As for the nearest code. */
    product: "i32",
    /** Blocks are ranges of pixels. */
    blocks: "i32",
  },
  [Kind.StraightThrough]: {
    x: "usize",
    code: "usize",
    y: "usize",
    /** Vectors of four values. */
    vectors: "i32",
    /** Blocks are ranges of vectors. */
    blocks: "i32",
  },
  [Kind.SquaredError]: SQUARED_ERROR,
  [Kind.SquaredErrorFold]: SQUARED_ERROR,
  [Kind.Copy]: {
    x: "usize",
    y: "usize",
    /** Vectors of four values. */
    vectors: "i32",
    /** Blocks are ranges of vectors. */
    blocks: "i32",
  },
} as const satisfies Record<Kind, Readonly<Record<string, FieldType>>>;

/** The values of a job's fields. */
export type Fields<K extends Kind> = Readonly<Record<keyof (typeof JOB_FIELDS)[K], number>>;
