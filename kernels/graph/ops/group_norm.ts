/**
 * Group normalization and spatial normalization.
 *
 * @module
 */

import type { Shape } from "../../tensor/storage.ts";
import type { NormParameter } from "../parameters.ts";
import { check, checkFeatureMap, type Node, type OpDescriptor, type RowRange, sameShape } from "./descriptor.ts";

/** Activations of the resnets, by the names of `act_fn` (`gelu` is the exact erf form). */
export type Activation = "silu" | "mish" | "gelu" | "relu";

/** Per-pixel scale and shift of a spatial norm, at latent resolution: `[n, channels, h, w]`. */
export interface Modulation {
  /** What the normalized value is multiplied by. */
  readonly scale: Node;
  /** What is added after that. */
  readonly shift: Node;
}

/** Group normalization with biased variance over contiguous channel groups, then the activation if there is one. */
export interface GroupNorm extends Node {
  /** Tells it from other ops. */
  readonly kind: "groupNorm";
  /** What is normalized: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Its layer. */
  readonly weights: NormParameter;
  /** Number of groups that the channels form, equal in size. */
  readonly groups: number;
  /** Added to the variance. */
  readonly epsilon: number;
  /** Applied last; `undefined` for none. */
  readonly activation: Activation | undefined;
  /** Spatial norm: the normalized value times `scale` plus `shift`, each resized to `x` by nearest. */
  readonly modulation: Modulation | undefined;
  /** {@linkcode NormCoefficients} to apply; `undefined` for those of `x`. */
  readonly coefficients: Node | undefined;
}

/** See {@linkcode GroupNorm}. */
export const groupNorm: OpDescriptor<GroupNorm> = {
  result({ x, weights, groups, modulation, coefficients }) {
    const { name } = weights;
    checkFeatureMap(x, name);
    const [n, c, h, w] = x.shape;
    check(c === weights.channels, `${name}: takes ${weights.channels} channels, got ${c}`);
    const isWhole = Number.isSafeInteger(groups) && groups > 0;
    check(isWhole && c % groups === 0, `${name}: ${c} channels do not form ${groups} equal groups`);
    for (const { shape } of modulationOperands(modulation)) {
      const [mn, mc, mh, mw] = shape;
      check(mn === n && mc === c && h % mh === 0 && w % mw === 0, `${name}: modulated by [${shape}]`);
    }
    const expected = coefficientsShape(n, weights);
    const fits = !coefficients || sameShape(coefficients.shape, expected);
    check(fits, `${name}: coefficients are [${coefficients?.shape}], expected [${expected}]`);
    return { name, shape: x.shape, dtype: "float32" };
  },
  operands: ({ x, modulation, coefficients }) => {
    return [x, ...modulationOperands(modulation), ...coefficients ? [coefficients] : []];
  },
  withOperands: (op, [x, ...rest]) => {
    const [scale, shift] = rest;
    return {
      ...op,
      x,
      modulation: op.modulation && { scale, shift },
      coefficients: op.coefficients && rest.at(-1),
    };
  },
  parameter: ({ weights }) => weights,
  overwritable: ({ x }) => [x],
  band(op, rows) {
    const modulationRows = op.modulation ? modulationRowsOf(op, op.modulation, rows) : rows;
    return { operands: op.modulation ? [rows, modulationRows, modulationRows] : [rows], computed: rows };
  },
};

/** The shape of the coefficients of `n` images. */
export function coefficientsShape(n: number, { channels }: NormParameter): Shape {
  return [n, 3, Math.ceil(channels / 4) * 4];
}

/** Scale and shift, where there are any. */
export function modulationOperands(modulation: Modulation | undefined): Node[] {
  return modulation ? [modulation.scale, modulation.shift] : [];
}

/** The rows of the modulation that some rows of a norm read. */
function modulationRowsOf({ shape }: GroupNorm, { scale }: Modulation, [first, end]: RowRange): RowRange {
  const [height, modulationHeight] = [shape[2], scale.shape[2]];
  return [
    Math.floor(first * modulationHeight / height),
    Math.floor((end - 1) * modulationHeight / height) + 1,
  ];
}
