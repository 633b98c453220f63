/**
 * The passes of a group normalization, for computing in bands: sums of each band, what they come to, and the
 * normalization of each band.
 *
 * @module
 */

import type { Shape } from "../../tensor/storage.ts";
import type { NormParameter } from "../parameters.ts";
import type { Node, OpDescriptor } from "./descriptor.ts";
import { type Activation, coefficientsShape, type Modulation, modulationOperands } from "./group_norm.ts";

/** Where a band lies in a feature map whose bands have the same height, but for the last one of each image. */
export interface Band {
  /** Shape of the whole feature map: `[n, channels, h, w]`. */
  readonly of: Shape;
  /** Rows of every band of an image but the last. */
  readonly height: number;
  /** Which image it is part of. */
  readonly image: number;
  /** Its first row there. */
  readonly first: number;
}

/**
 * Statistics of a feature map for a group normalization, gathered band by band, in place: nothing else may read `into`.
 * The engine chooses the form.
 */
export interface NormSums extends Node {
  /** Tells it from other ops. */
  readonly kind: "normSums";
  /** Sums of earlier bands. */
  readonly into: Node | undefined;
  /** A band, `[1, channels, rows, w]`, or the whole feature map. */
  readonly x: Node;
  /** Number of groups that the channels form. */
  readonly groups: number;
  /** Which band `x` is; the whole is one of all rows. */
  readonly band: Band;
}

/** See {@linkcode NormSums}. */
export const normSums: OpDescriptor<NormSums> = {
  result: ({ x }) => ({ name: x.name, shape: [], dtype: "float32" }),
  operands: ({ into, x }) => into ? [into, x] : [x],
  withOperands: (op, nodes) => ({ ...op, into: op.into && nodes[0], x: nodes.at(-1)! }),
  sharedOperand: ({ into }) => into,
};

/**
 * Center, scale and shift of each channel of each image, from the sums of all bands: `[n, 3, channels]`, with channels
 * padded to a multiple of four. The engine chooses the center.
 */
export interface NormCoefficients extends Node {
  /** Tells it from other ops. */
  readonly kind: "normCoefficients";
  /** Sums of every band. */
  readonly sums: NormSums;
  /** The layer. */
  readonly weights: NormParameter;
  /** Added to the variance. */
  readonly epsilon: number;
}

/** See {@linkcode NormCoefficients}. */
export const normCoefficients: OpDescriptor<NormCoefficients> = {
  result: ({ weights, sums: { band: { of: [n] } } }) => {
    return { name: weights.name, shape: coefficientsShape(n, weights), dtype: "float32" };
  },
  operands: ({ sums }) => [sums],
  withOperands: (op, [sums]) => ({ ...op, sums: sums as NormSums }),
  parameter: ({ weights }) => weights,
};

/** The second half of a {@linkcode GroupNorm}, for rows of one image. */
export interface Normalize extends Node {
  /** Tells it from other ops. */
  readonly kind: "normalize";
  /** What is normalized: `[1, channels, rows, w]`. */
  readonly x: Node;
  /** {@linkcode NormCoefficients}, of all images. */
  readonly coefficients: Node;
  /** Applied last; `undefined` for none. */
  readonly activation: Activation | undefined;
  /** Scale and shift of these rows, `[1, channels, rows, w]` each. */
  readonly modulation: Modulation | undefined;
  /** Where the rows lie in the image. */
  readonly place: RowPlace;
}

/** Where rows of an image lie, and those of its modulation, which are of another resolution. */
export interface RowPlace {
  /** Which image. */
  readonly image: number;
  /** The first row. */
  readonly first: number;
  /** Rows of the whole image. */
  readonly height: number;
  /** The first row of the modulation. */
  readonly modulationFirst: number;
  /** Rows of the whole modulation. */
  readonly modulationHeight: number;
}

/** See {@linkcode Normalize}. */
export const normalize: OpDescriptor<Normalize> = {
  result: ({ x: { shape, dtype }, coefficients: { name } }) => ({ name, shape, dtype }),
  operands: ({ x, coefficients, modulation }) => [x, coefficients, ...modulationOperands(modulation)],
  overwritable: ({ x }) => [x],
};
