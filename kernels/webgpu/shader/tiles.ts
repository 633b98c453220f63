/**
 * The constants that suit an adapter: three sets for one source.
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
  /** Matrix products: what {@linkcode chooseTile} chooses from for convolutions and attention. */
  readonly tiles: readonly Tile[];
  /** Convolutions to a few channels: `lanesX` share the input channels. */
  readonly thinTile: Tile & { columns: 1 };
  /** Workgroups of kernels that do little per element: lanes along channels, and along pixels. */
  readonly lanes: readonly [channels: number, pixels: number];
  /** Pixels an invocation of such a kernel visits. */
  readonly strip: number;
  /** Bytes of a feature map that a kernel sees at once, where its binding limit is not less. */
  readonly windowBytes: number;
  /** Bytes of Winograd's transformed tiles, or of attention's scores, held at once. */
  readonly scratchBytes: number;
  /** Floating-point operations of one dispatch, which nothing can stop. On poor devices they take a second or two. */
  readonly dispatchFlops: number;
  /** Invocations in a workgroup that reduces together. */
  readonly reduceLanes: number;
  /** Invocations below which the codebook search is split among more of them. */
  readonly minInvocations: number;
}

/** For adapters that compute on the CPU. */
export const SOFTWARE: Tuning = {
  tiles: [
    { rows: 32, columns: 4, lanesX: 8, lanesY: 1 },
    { rows: 16, columns: 8, lanesX: 8, lanesY: 1 },
    { rows: 8, columns: 8, lanesX: 8, lanesY: 1 },
    { rows: 4, columns: 4, lanesX: 8, lanesY: 1 },
    { rows: 1, columns: 4, lanesX: 8, lanesY: 1 },
    { rows: 32, columns: 2, lanesX: 8, lanesY: 1 },
    { rows: 32, columns: 1, lanesX: 8, lanesY: 1 },
    { rows: 32, columns: 1, lanesX: 1, lanesY: 8 },
  ],
  thinTile: { rows: 32, columns: 1, lanesX: 8, lanesY: 1 },
  lanes: [8, 1],
  strip: 64,
  windowBytes: Infinity,
  scratchBytes: 64 << 20,
  dispatchFlops: 1e9,
  reduceLanes: 8,
  minInvocations: 64,
};

/** For Chrome's software adapter, whose compiler takes minutes for kernels of many accumulators, and others a second. */
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
  thinTile: { rows: 8, columns: 1, lanesX: 16, lanesY: 4 },
  lanes: [16, 4],
  strip: 16,
  windowBytes: Infinity,
  scratchBytes: 64 << 20,
  dispatchFlops: 2e11,
  reduceLanes: 64,
  minInvocations: 16384,
};

/** What loading a `vec4f` costs, in products of a `vec4f` with a 4×4 matrix: measured on Mesa's llvmpipe. */
const LOAD = 2;

/** The tile that computes a matrix of `rows` × `columns` (in `vec4f`) at the least cost, idle lanes included. */
export function chooseTile(tiles: readonly Tile[], rows: number, columns: number): Tile {
  const cost = (tile: Tile) => {
    const each = LOAD * (tile.rows + 4 * tile.columns) + tile.rows * tile.columns;
    const across = Math.ceil(columns / (tile.columns * tile.lanesX)) * tile.lanesX;
    const down = Math.ceil(rows / (tile.rows * tile.lanesY)) * tile.lanesY;
    return each * across * down;
  };
  return tiles.reduce((best, tile) => cost(tile) < cost(best) ? tile : best);
}
