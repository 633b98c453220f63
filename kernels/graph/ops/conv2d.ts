/**
 * Convolutions and linear layers.
 *
 * @module
 */

import type { ConvParameter, LinearParameter } from "../parameters.ts";
import {
  type BandRule,
  check,
  checkFeatureMap,
  type Node,
  type OpDescriptor,
  pixelsOf,
  type RowRange,
  sameShape,
} from "./descriptor.ts";

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

/** See {@linkcode Conv2d}. */
export const conv2d: OpDescriptor<Conv2d> = {
  result({ x, weights, upsample, residual }) {
    const { name } = weights;
    checkFeatureMap(x, name);
    const [n, c, h, w] = x.shape;
    check(c === weights.in, `${name}: takes ${weights.in} channels, got ${c}`);
    const { kernel, stride } = windowOf(weights);
    const side = (pixels: number) => upsample ? 2 * pixels : Math.floor(pixels / stride);
    const shape = [n, weights.out, side(h), side(w)];
    check(!upsample || (kernel === 3 && stride === 1), `${name}: only 3×3 convolutions of stride 1 upsample`);
    check(!residual || sameShape(residual.shape, shape), `${name}: residual is [${residual?.shape}]`);
    return { name, shape, dtype: "float32" };
  },
  operands: ({ x, residual }) => residual ? [x, residual] : [x],
  withOperands: (op, [x, residual]) => ({ ...op, x, residual }),
  parameter: ({ weights }) => weights,
  macs: ({ weights, shape }) => pixelsOf(shape) * weights.in * weights.out * windowOf(weights).kernel ** 2,
  overwritable: ({ residual }) => residual ? [residual] : [],
  band(op, rows) {
    const { operands: [source], computed } = haloOf(op, rows);
    return { operands: op.residual ? [source, computed] : [source], computed };
  },
};

/** Kernel and stride of a layer; a linear layer is a 1×1 convolution. */
function windowOf(weights: Conv2d["weights"]): Pick<ConvParameter, "kernel" | "stride"> {
  return weights.kind === "conv" ? weights : { kernel: 1, stride: 1 };
}

/** The rows of `x` that some rows of the result read. */
function haloOf({ weights, upsample, x, shape }: Conv2d, [first, end]: RowRange): BandRule {
  const [height, resultHeight] = [x.shape[2], shape[2]];
  const { kernel, stride } = windowOf(weights);
  const halo = kernel === 1 ? 0 : 1;
  if (upsample) {
    const source = [Math.max(0, Math.floor((first - halo) / 2)), Math.min(height, Math.floor(end / 2) + 1)] as const;
    return { operands: [source], computed: [2 * source[0], 2 * source[1]] };
  }
  if (stride === 2) return { operands: [[2 * first, Math.min(height, 2 * end + 1)]], computed: [first, end] };
  const source = [Math.max(0, first - halo), Math.min(resultHeight, end + halo)] as const;
  return { operands: [source], computed: source };
}
