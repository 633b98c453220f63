/**
 * What the host and the kernels must agree on. Written so that it is TypeScript and AssemblyScript at once.
 *
 * @module
 */

/** What a job computes; the kernels' dispatcher switches on it. */
export enum Kind {
  PackImplicitGemm,
  PackWinograd4,
  PackWinograd6,
  PackWinogradStrided,
  PackCodebook,
  ImplicitGemm,
  Winograd,
  NormStatistics,
  NormFold,
  NormApply,
  AttentionPack,
  Attention,
  NearestCode,
  Lookup,
  StraightThrough,
  SquaredError,
  SquaredErrorFold,
  Copy,
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

/** Words that steer the threads: whether to stop, and the turn that ends with each job. */
export const CONTROL = 1024;
/** Bytes from {@linkcode CONTROL} to the turn counter: another cache line. */
export const TURN = 64;
/** A word that is not 0 where V8 makes 256-bit vectors of pairs. */
export const WIDE = CONTROL + 2 * TURN;
/** Thread `t` keeps its operands and tables at `(t + 1) * AREA`. */
export const AREA = 16384;
/** How many areas there are. */
export const MAX_THREADS = 62;
/** As large an area, for what the host hands to the kernels that it calls itself. */
export const HOST = 63 * AREA;
/** Zeros that stand for every pixel outside an image. */
export const ZERO = 1048576;
/** Where the parts of a tile that stick out of the image are written. */
export const TRASH = 1179648;
/** Bytes of {@linkcode ZERO} and of {@linkcode TRASH}: the channels of one pixel. */
export const PIXEL_BYTES = 131072;
/** The first byte that the allocator hands out. */
export const HEAP = 2097152;

// A job: a header, and from FIELDS on what its kind needs, in 32-bit words.

/** Bytes of one job. */
export const JOB = 192;
/** Where a job's own words begin. */
export const FIELDS = 64;

/** Pixels, tiles or queries that the micro-kernel takes at once. */
export const GROUP = 6;
/** Channels that the micro-kernel takes at once; packed weights come in such slices. */
export const SLICE = 32;
/** Slices of source channels that Winograd's algorithm transforms at a time. */
export const DEPTH = 2;
/** Bytes between the products of consecutive positions of Winograd's tiles, which keep them out of the same cache sets. */
export const STAGGER = 192;
/** Pointers to source pixels that a matrix product keeps for six results: whole vectors. */
export const POINTERS_PER_TAP = 8;
