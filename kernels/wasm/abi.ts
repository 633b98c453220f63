/**
 * Constants shared by the host and the kernels. The file is valid as TypeScript and as AssemblyScript.
 *
 * @module
 */

/** What a job computes. */
export enum Kind {
  Widen,
  PackConv,
  PackTaps,
  PackCodebook,
  ImplicitGemm,
  TapSums,
  WinogradWeights,
  WinogradLarge,
  WinogradSources,
  WinogradSmall,
  NormStatistics,
  NormFold,
  NormApply,
  AttentionPack,
  Attention,
  NearestCode,
  Lookup,
  CodeMargin,
  StraightThrough,
  SquaredError,
  SquaredErrorFold,
  Copy,
}

/** Element types of weights that are converted to float32. */
export enum Element {
  F64,
  F16,
  BF16,
}

/** Activations as numbers. */
export enum Act {
  None,
  Silu,
  Mish,
  Gelu,
  Relu,
}

// The memory map. Addresses below HEAP are constants in the kernels: those need no bounds checks.

/** Control words of the threads: a flag to stop them, and the barrier's generation, which each job increments. */
export const CONTROL = 1024;
/** Byte offset of the barrier's generation: on another cache line than the flag. */
export const BARRIER = 64;
/** A flag: whether V8 merges pairs of 128-bit vectors into 256-bit ones. */
export const WIDE = CONTROL + 2 * BARRIER;
/** Bytes of a thread's private memory, which begins at `(t + 1) * AREA` for thread `t`. */
export const AREA = 16384;
/** Number of private memories. */
export const MAX_THREADS = 62;
/** As much memory for operands of the kernels that the host calls directly. */
export const HOST = 63 * AREA;
/** Zeros, read in place of pixels outside an image. */
export const ZERO = 1048576;
/** Scratch space for results outside an image. */
export const TRASH = 1179648;
/** Bytes of {@linkcode ZERO} and of {@linkcode TRASH}: the channels of one pixel. */
export const PIXEL_BYTES = 131072;
/** The first byte that the allocator hands out. */
export const HEAP = 2097152;

// A job: a header, and from FIELDS on the fields of its kind, in 32-bit words.

/** Bytes of one job. */
export const JOB = 192;
/** Byte offset of the fields. */
export const FIELDS = 64;

/** Rows of the micro-kernel: pixels, tiles or queries. */
export const GROUP = 6;
/** Channels per call of the micro-kernel; weights are packed in slices of as many. */
export const SLICE = 32;
/** Slices of source channels that Winograd's algorithm transforms before it multiplies. */
export const DEPTH = 2;
/**
 * Columns of the ring of pixels that Winograd's algorithm normalizes before it transforms them: at least those of a tile and
 * the next one. A power of two.
 */
export const RING_COLUMNS = 16;
/** Bytes of a pixel there: the channels of {@link DEPTH} slices. */
export const RING_PIXEL = DEPTH * SLICE * 4;
/** Bytes of the ring: the rows of a tile. */
export const RING_BYTES = 8 * RING_COLUMNS * RING_PIXEL;
/** Octets of output channels whose weights Winograd's algorithm transforms before it multiplies. */
export const PANEL_OCTETS = 4;
/** Octets per block of packing: a page of memory, which the system then provides to one thread. */
export const PAGE_OCTETS = 4;
/** Padding in bytes between sources, weights or products of consecutive positions: powers of two would share cache sets. */
export const STAGGER = 192;
/** Maximum slices of the inner dimension that implicit GEMM gathers before it multiplies. */
export const GATHER_SLICES = 8;
/** Pointers to source pixels per tap: six, padded to whole vectors. */
export const POINTERS_PER_TAP = 8;
