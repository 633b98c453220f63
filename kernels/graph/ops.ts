/**
 * The op vocabulary: what a VQ autoencoder computes, op by op. Recorded by `Graph`.
 *
 * @module
 */

import type { DType, PixelRange, Shape } from "../tensor/storage.ts";
import type { CodebookParameter, ConvParameter, LinearParameter, NormParameter } from "./parameters.ts";

/** Activations of the resnets, by the names of `act_fn` (`gelu` is the exact erf form). */
export type Activation = "silu" | "mish" | "gelu" | "relu";

/** A tensor handed in at run time. */
export interface Input extends Node {
  /** Tells it from other ops. */
  readonly kind: "input";
  /** Position among the inputs. */
  readonly index: number;
  /** Given as RGBA bytes that stand for floats of this range; `undefined` if as floats or integers. */
  readonly pixels: PixelRange | undefined;
}

/**
 * Convolution. 3×3 at stride 1 pads one zero on every side; at stride 2 one column of zeros on the right and one row
 * at the bottom (upstream's `Downsample2D`), so that a side becomes `floor(side / 2)`.
 */
export interface Conv2d extends Node {
  /** Tells it from other ops. */
  readonly kind: "conv2d";
  /** What is convolved: `[n, in, h, w]`. */
  readonly x: Node;
  /** Its layer. */
  readonly weights: ConvParameter | LinearParameter;
  /** Whether every pixel of `x` is first repeated to 2×2 pixels (upstream's `Upsample2D`). */
  readonly upsample: boolean;
  /** Added to the result; same shape. */
  readonly residual: Node | undefined;
}

/** Group normalization with biased variance over contiguous channel groups, then the activation if there is one. */
export interface GroupNorm extends Node {
  /** Tells it from other ops. */
  readonly kind: "groupNorm";
  /** What is normalized: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Its layer. */
  readonly weights: NormParameter;
  /** How many groups the channels form, equal in size. */
  readonly groups: number;
  /** Added to the variance. */
  readonly epsilon: number;
  /** Applied last; `undefined` for none. */
  readonly activation: Activation | undefined;
  /** Spatial norm: the normalized value is multiplied by `scale` and `shift` is added, each resized to `x` by nearest. */
  readonly modulation: Modulation | undefined;
}

/** Per-pixel scale and shift of a spatial norm, at latent resolution: `[n, channels, h, w]`. */
export interface Modulation {
  /** What the normalized value is multiplied by. */
  readonly scale: Node;
  /** What is added after that. */
  readonly shift: Node;
}

/** Self-attention over all pixels with one head: `softmax(q·kᵀ / √channels)·v`. */
export interface Attention extends Node {
  /** Tells it from other ops. */
  readonly kind: "attention";
  /** Queries: `[n, channels, h, w]`. */
  readonly q: Node;
  /** Keys, of the same shape. */
  readonly k: Node;
  /** Values, of the same shape. */
  readonly v: Node;
}

/** For each pixel the index of the nearest codebook row, the lowest on ties: int32 `[n, h, w]`. */
export interface NearestCode extends Node {
  /** Tells it from other ops. */
  readonly kind: "nearestCode";
  /** Vectors to look for: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Rows to choose from. */
  readonly codebook: CodebookParameter;
  /** The index of a pixel that no row is near, as it holds NaN, infinity, or what is too large to be squared. */
  readonly none: 0 | -1;
}

/** Codebook rows by index: `[n, channels, h, w]`. */
export interface Lookup extends Node {
  /** Tells it from other ops. */
  readonly kind: "lookup";
  /** Rows to take: int32 `[n, h, w]`. */
  readonly indices: Node;
  /** Rows to take from. */
  readonly codebook: CodebookParameter;
}

/** `x + (code - x)`: the code up to one rounding, which is what upstream's straight-through estimator returns. */
export interface StraightThrough extends Node {
  /** Tells it from other ops. */
  readonly kind: "straightThrough";
  /** What was quantized: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Its nearest codes, of the same shape. */
  readonly code: Node;
}

/** `factor * mean((x - code)²)`, a scalar. */
export interface SquaredError extends Node {
  /** Tells it from other ops. */
  readonly kind: "squaredError";
  /** What was quantized: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Its nearest codes, of the same shape. */
  readonly code: Node;
  /** What the mean is multiplied by. */
  readonly factor: number;
}

// The ops below are for computing in bands of rows what would be too large as a whole; `inBands` records them.

/** Rows of one image of `x`, `[1, channels, rows, w]`, where they are: nothing is computed. */
export interface Rows extends Node {
  /** Tells it from other ops. */
  readonly kind: "rows";
  /** What the rows are taken of: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Which image of `x`. */
  readonly image: number;
  /** The first row. */
  readonly first: number;
}

/** `into` with rows of one image replaced, in place: nothing else may read `into`. */
export interface Place extends Node {
  /** Tells it from other ops. */
  readonly kind: "place";
  /** What the rows are put into, `[n, channels, h, w]`; at first nothing, and the other rows are undefined. */
  readonly into: Node | undefined;
  /** The rows: `[1, channels, rows, w]`. */
  readonly part: Node;
  /** Which image they belong to. */
  readonly image: number;
  /** Where they go. */
  readonly first: number;
}

/** Where a band lies in a feature map whose bands, but for the last ones of each image, have the same height. */
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
 * What a group normalization needs to know of a feature map, gathered band by band, in place: nothing else may read
 * `into`. The engine chooses the form.
 */
export interface NormSums extends Node {
  /** Tells it from other ops. */
  readonly kind: "normSums";
  /** Sums of earlier bands. */
  readonly into: Node | undefined;
  /** A band, `[1, channels, rows, w]`, or the whole feature map. */
  readonly x: Node;
  /** How many groups the channels form. */
  readonly groups: number;
  /** Which band `x` is; the whole is one of all rows. */
  readonly band: Band;
}

/** What {@linkcode Normalize} does to each channel of each image, from the sums of all bands. The engine chooses the form. */
export interface NormCoefficients extends Node {
  /** Tells it from other ops. */
  readonly kind: "normCoefficients";
  /** Of every band. */
  readonly sums: NormSums;
  /** The layer. */
  readonly weights: NormParameter;
  /** Added to the variance. */
  readonly epsilon: number;
}

/** The second half of a {@linkcode GroupNorm}, for rows of one image. */
export interface Normalize extends Node {
  /** Tells it from other ops. */
  readonly kind: "normalize";
  /** What is normalized: `[1, channels, rows, w]`. */
  readonly x: Node;
  /** Those of all images. */
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

/** A recorded op; also its result, to pass on to further ops. */
export interface Node {
  /** Position in `Graph.nodes`; operands come before results. */
  readonly id: number;
  /** NCHW, whatever layout the engine uses inside. */
  readonly shape: Shape;
  /** Element type; float values are `"float32"` here, whatever the engine computes in. */
  readonly dtype: DType;
}

/** Every kind of op. */
export type Op =
  | Input
  | Conv2d
  | GroupNorm
  | Attention
  | NearestCode
  | Lookup
  | StraightThrough
  | SquaredError
  | Rows
  | Place
  | NormSums
  | NormCoefficients
  | Normalize;
