/**
 * The constants that suit an adapter: two sets for one source.
 *
 * A software adapter runs a workgroup's lanes in SIMD and pays for every load (a loop over lanes), so an invocation should
 * do as many multiplications per load as its accumulators allow, with all lanes along channels. A real GPU wants thousands
 * of invocations with few registers.
 *
 * @module
 */

/** The outputs that one invocation computes, and how invocations form a workgroup. */
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

/** Everything that depends on the kind of adapter. */
export interface Tuning {
  /** Implicit GEMM convolution: `rows` are pixels of one picture row. */
  readonly conv: Tile;
  /** Matrix products: Winograd's middle, attention. */
  readonly gemm: Tile;
  /** Workgroups of kernels that do little per element: lanes along channels, and along pixels. */
  readonly lanes: readonly [channels: number, pixels: number];
  /** Pixels an invocation of such a kernel visits. */
  readonly strip: number;
  /** Bytes of a feature map that a kernel sees at once, where its binding limit is not less. */
  readonly windowBytes: number;
  /** Bytes of Winograd's transformed tiles, or of attention's scores, held at once. */
  readonly scratchBytes: number;
  /** Invocations in a workgroup that reduces together. */
  readonly reduceLanes: number;
  /** Invocations below which the codebook search is split among more of them. */
  readonly minInvocations: number;
}

/** For adapters that compute on the CPU. */
export const SOFTWARE: Tuning = {
  conv: { rows: 16, columns: 2, lanesX: 8, lanesY: 1 },
  gemm: { rows: 32, columns: 4, lanesX: 8, lanesY: 1 },
  lanes: [8, 1],
  strip: 64,
  windowBytes: Infinity,
  scratchBytes: 64 << 20,
  reduceLanes: 8,
  minInvocations: 64,
};

/** For GPUs. */
export const HARDWARE: Tuning = {
  conv: { rows: 8, columns: 2, lanesX: 8, lanesY: 8 },
  gemm: { rows: 8, columns: 2, lanesX: 8, lanesY: 8 },
  lanes: [16, 4],
  strip: 16,
  windowBytes: Infinity,
  scratchBytes: 64 << 20,
  reduceLanes: 64,
  minInvocations: 16384,
};

/** Narrows a tile to `columns` columns (in `vec4f`): first within an invocation, then between invocations. */
export function fitTile(tile: Tile, columns: number): Tile {
  let { rows, columns: each, lanesX, lanesY } = tile;
  while (each > 1 && each * lanesX > columns) {
    each /= 2;
    rows = Math.min(32, rows * 2);
  }
  while (lanesX > 1 && lanesX > columns) {
    lanesX /= 2;
    lanesY *= 2;
  }
  return { rows, columns: each, lanesX, lanesY };
}
