/**
 * How a convolution or another matrix product is computed, where there is a choice.
 *
 * @module
 */

import type { Tile } from "../shader/tiles.ts";

/** The algorithms for convolutions. */
export const CONV_ALGORITHMS = ["winograd", "implicitGemm"] as const;

/** One of the {@linkcode CONV_ALGORITHMS}. */
export type ConvAlgorithm = (typeof CONV_ALGORITHMS)[number];

/** How to compute an op, as far as it supports that. */
export interface Choice {
  /** By default the one with the lower estimated cost. */
  readonly algorithm?: ConvAlgorithm;
  /** By default the tile with the lowest estimated cost for each product. */
  readonly tile?: Tile;
}
