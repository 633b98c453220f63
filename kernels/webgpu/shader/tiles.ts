/**
 * Kernel constants for each kind of adapter.
 *
 * A software adapter runs a workgroup's lanes in SIMD, and each load is a loop over lanes, so an invocation should do as
 * many multiplications per load as its accumulators allow, with all lanes along channels. A real GPU needs thousands of
 * invocations with few registers for occupancy.
 *
 * @module
 */

import { countProcessors } from "../../host/processors.ts";

/** The outputs of one invocation, and the invocations of a workgroup. */
export interface Tile {
  /** Rows (pixels) an invocation computes. */
  readonly rows: number;
  /** Columns an invocation computes, in `vec4f` of channels. */
  readonly columns: number;
  /** Invocations of a workgroup along columns. */
  readonly lanesX: number;
  /** Invocations of a workgroup along rows. */
  readonly lanesY: number;
}

/** Constants that depend on the kind of adapter. */
export interface Tuning {
  /** Candidates of {@linkcode chooseTile} for the matrix products of convolutions and attention. */
  readonly tiles: readonly Tile[];
  /** Workgroups that run at the same time, if those of a small product can be too few for all; otherwise 1. */
  readonly parallelWorkgroups: number;
  /** Convolutions to a few channels: `lanesX` lanes partition the input channels. */
  readonly thinTile: Tile & { columns: 1 };
  /** Workgroups of element-wise kernels: lanes along channels and along pixels. */
  readonly lanes: readonly [channels: number, pixels: number];
  /** Pixels that an invocation of such a kernel processes. */
  readonly chunkPixels: number;
  /** Most bytes of a feature map or a codebook in one binding, if the binding limit is not lower. */
  readonly windowBytes: number;
  /**
   * How to hold weights by default. To transform those of aMUSEd's decoder in each call is to move some 2.3 GB: about 1 ms
   * of a GPU with 4 TB/s, and 30 ms of one with 100 GB/s, which takes some 600 ms for a picture of 256×256 pixels.
   * Mesa's llvmpipe, which loads and stores lane by lane, takes up to half as long again for pictures of 64×64.
   */
  readonly weights: "compact" | "fast";
  /**
   * Fewest tiles of feature maps for Winograd's algorithm with compact weights: with fewer, transforming these costs more
   * than the multiplications that it saves. For a pair of channels 180 bytes are moved, and 252 operations saved per tile.
   */
  readonly winogradTiles: number;
  /** Most bytes of Winograd's transformed tiles, of its transformed weights, or of attention's scores, at a time. */
  readonly scratchBytes: number;
  /** Most floating-point operations of one dispatch, which cannot be stopped: a second or two on slow devices. */
  readonly dispatchFlops: number;
  /** Invocations of a workgroup that computes a reduction. */
  readonly reduceLanes: number;
  /** Invocations below which each searches only a part of the codebook. */
  readonly minInvocations: number;
}

/** For adapters that compute on the CPU. */
export const SOFTWARE: Tuning = {
  tiles: [
    { rows: 32, columns: 8, lanesX: 8, lanesY: 1 },
    { rows: 32, columns: 4, lanesX: 8, lanesY: 1 },
    { rows: 16, columns: 12, lanesX: 8, lanesY: 1 },
    { rows: 16, columns: 8, lanesX: 8, lanesY: 1 },
    { rows: 8, columns: 8, lanesX: 8, lanesY: 1 },
    { rows: 4, columns: 4, lanesX: 8, lanesY: 1 },
    { rows: 1, columns: 4, lanesX: 8, lanesY: 1 },
    { rows: 32, columns: 2, lanesX: 8, lanesY: 1 },
    { rows: 32, columns: 1, lanesX: 8, lanesY: 1 },
    { rows: 32, columns: 1, lanesX: 1, lanesY: 8 },
  ],
  parallelWorkgroups: countProcessors(),
  thinTile: { rows: 32, columns: 1, lanesX: 8, lanesY: 1 },
  lanes: [8, 1],
  chunkPixels: 64,
  windowBytes: Infinity,
  weights: "fast",
  winogradTiles: 8,
  scratchBytes: 64 << 20,
  dispatchFlops: 1e9,
  reduceLanes: 8,
  minInvocations: 64,
};

/** For Chrome's software adapter, whose compiler takes minutes for kernels of many accumulators. */
export const SWIFTSHADER: Tuning = {
  ...SOFTWARE,
  tiles: [
    { rows: 16, columns: 2, lanesX: 8, lanesY: 1 },
    { rows: 8, columns: 2, lanesX: 8, lanesY: 1 },
    { rows: 2, columns: 2, lanesX: 8, lanesY: 1 },
    { rows: 16, columns: 1, lanesX: 8, lanesY: 1 },
    { rows: 16, columns: 1, lanesX: 1, lanesY: 8 },
  ],
  thinTile: { rows: 8, columns: 1, lanesX: 8, lanesY: 1 },
};

/** For GPUs. */
export const HARDWARE: Tuning = {
  tiles: [
    { rows: 8, columns: 2, lanesX: 8, lanesY: 8 },
    { rows: 4, columns: 2, lanesX: 8, lanesY: 8 },
    { rows: 16, columns: 1, lanesX: 8, lanesY: 8 },
    { rows: 16, columns: 1, lanesX: 1, lanesY: 64 },
    { rows: 4, columns: 1, lanesX: 1, lanesY: 64 },
  ],
  parallelWorkgroups: 1,
  thinTile: { rows: 8, columns: 1, lanesX: 16, lanesY: 4 },
  lanes: [16, 4],
  chunkPixels: 16,
  windowBytes: Infinity,
  weights: "compact",
  winogradTiles: 16,
  scratchBytes: 64 << 20,
  dispatchFlops: 2e11,
  reduceLanes: 64,
  minInvocations: 16384,
};

/** Cost of loading a `vec4f`, in products of a `vec4f` with a 4×4 matrix, as measured on Mesa's llvmpipe. */
const LOAD_COST = 2;

/**
 * The tile with the lowest cost for `count` matrices of `rows` × `columns` (in `vec4f`), idle lanes and workgroups
 * included.
 */
export function chooseTile(
  { tiles, parallelWorkgroups }: Pick<Tuning, "tiles" | "parallelWorkgroups">,
  rows: number,
  columns: number,
  count = 1,
): Tile {
  const cost = (tile: Tile) => {
    const each = LOAD_COST * (tile.rows + 4 * tile.columns) + tile.rows * tile.columns;
    const across = Math.ceil(columns / (tile.columns * tile.lanesX));
    const down = Math.ceil(rows / (tile.rows * tile.lanesY));
    return each * tile.lanesX * tile.lanesY * Math.ceil(across * down * count / parallelWorkgroups);
  };
  return tiles.reduce((best, tile) => cost(tile) < cost(best) ? tile : best);
}
