/**
 * What each pixel of the decoder needs of all others: statistics of norms, and keys and values of attentions. A decoding
 * may take it from an earlier one, and so decode part of a picture.
 *
 * @module
 */

import type { Graph, Node, NormParameter } from "../../kernels/mod.ts";

/** Keys and values that pixels attend to. */
export type KeysAndValues = readonly [k: Node, v: Node];

/** Where norms and attentions get what they need of all pixels. */
export interface Context {
  /** The coefficients of a norm; `undefined` for those of `x`, computed along with the norm. */
  coefficients(x: Node, norm: { weights: NormParameter; groups: number; epsilon: number }): Node | undefined;
  /** What pixels attend to; `compute` gives their own keys and values. */
  keysAndValues(compute: () => KeysAndValues): KeysAndValues;
}

/** All pixels are there. */
export const WHOLE: Context = {
  coefficients: () => undefined,
  keysAndValues: (compute) => compute(),
};

/** All pixels are there, and what they give is added to `kept`, in order. */
export function keeping(g: Graph, kept: Node[]): Context {
  const keep = <T extends Node>(node: T): T => {
    kept.push(node);
    return node;
  };
  return {
    coefficients(x, { weights, groups, epsilon }) {
      const band = { of: x.shape, height: x.shape[2], image: 0, first: 0 };
      return keep(g.normCoefficients(g.normSums(undefined, x, groups, band), weights, epsilon));
    },
    keysAndValues(compute) {
      const [k, v] = compute();
      return [keep(k), keep(v)];
    },
  };
}

/** Only some pixels are there: everything is taken from what was kept, in the same order. */
export function reusing(kept: readonly Node[]): Context {
  const rest = [...kept];
  return {
    coefficients: () => rest.shift(),
    keysAndValues: () => [rest.shift()!, rest.shift()!],
  };
}
