/**
 * The quantizer's ops: nearest code, lookup, margin, straight-through, squared error.
 *
 * @module
 */

import { sizeOf } from "../../tensor/storage.ts";
import type { CodebookParameter } from "../parameters.ts";
import { check, checkFeatureMap, type Node, type OpDescriptor, parentName, pixelsOf, sameShape } from "./descriptor.ts";

/** What makes a codebook row the nearest to a vector: the least squared `"distance"`, or the greatest inner `"product"`. */
export type CodeMetric = "distance" | "product";

/**
 * For each pixel the index of the nearest codebook row, the lowest on ties: int32 `[n, h, w]`; with `second`, those of
 * all images are followed by the second nearest: int32 `[2n, h, w]`.
 */
export interface NearestCode extends Node {
  /** Tells it from other ops. */
  readonly kind: "nearestCode";
  /** Vectors to look for: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Rows to choose from. */
  readonly codebook: CodebookParameter;
  /**
   * The index of a pixel without a nearest row: it holds NaN or infinity, or the distance or product overflows. A pixel
   * without a second nearest row always has -1 there.
   */
  readonly none: 0 | -1;
  /** What makes a row the nearest. */
  readonly metric: CodeMetric;
  /** Whether to find the second nearest row too. */
  readonly second: boolean;
}

/** See {@linkcode NearestCode}. */
export const nearestCode: OpDescriptor<NearestCode> = {
  result({ x, codebook: { name, channels }, second }) {
    checkFeatureMap(x, name);
    const [n, c, h, w] = x.shape;
    check(c === channels, `${name}: codes have ${channels} channels, got ${c}`);
    return { name, shape: [second ? 2 * n : n, h, w], dtype: "int32" };
  },
  operands: ({ x }) => [x],
  withOperands: (op, [x]) => ({ ...op, x }),
  parameter: ({ codebook }) => codebook,
  macs: ({ x, codebook: { codes, channels } }) => pixelsOf(x.shape) * codes * channels,
};

/** Codebook rows by index: `[n, channels, h, w]`. */
export interface Lookup extends Node {
  /** Tells it from other ops. */
  readonly kind: "lookup";
  /** Rows to take: int32 `[n, h, w]`. */
  readonly indices: Node;
  /** Rows to take from. */
  readonly codebook: CodebookParameter;
}

/** See {@linkcode Lookup}. */
export const lookup: OpDescriptor<Lookup> = {
  result({ indices: { shape, dtype }, codebook: { name, channels } }) {
    check(dtype === "int32" && shape.length === 3, `lookup: indices are [${shape}]`);
    const [n, h, w] = shape;
    return { name, shape: [n, channels, h, w], dtype: "float32" };
  },
  operands: ({ indices }) => [indices],
  withOperands: (op, [indices]) => ({ ...op, indices }),
  parameter: ({ codebook }) => codebook,
  weightsRead: ({ shape }) => sizeOf(shape),
};

/**
 * For each pixel the distance from its vector to the plane on which its two nearest codes are equally near, 0 if they are
 * equal, infinity if there is no second; then for each pixel the squared length of its vector: float32 `[2n, h, w]`.
 */
export interface CodeMargin extends Node {
  /** Tells it from other ops. */
  readonly kind: "codeMargin";
  /** What was quantized: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Its nearest codes and the second nearest, see {@linkcode NearestCode}. */
  readonly indices: Node;
  /** The codes of these indices: `[2n, channels, h, w]`. */
  readonly codes: Node;
  /** What made them the nearest. */
  readonly metric: CodeMetric;
}

/** See {@linkcode CodeMargin}. */
export const codeMargin: OpDescriptor<CodeMargin> = {
  result({ x, indices, codes }) {
    [x, codes].forEach((operand) => checkFeatureMap(operand, "codeMargin"));
    const [n, c, h, w] = x.shape;
    const isPair = sameShape(codes.shape, [2 * n, c, h, w]) && sameShape(indices.shape, [2 * n, h, w]);
    check(isPair, `codeMargin: of [${x.shape}], indices are [${indices.shape}], and codes [${codes.shape}]`);
    return { name: parentName(codes), shape: indices.shape, dtype: "float32" };
  },
  operands: ({ x, indices, codes }) => [x, indices, codes],
  withOperands: (op, [x, indices, codes]) => ({ ...op, x, indices, codes }),
};

/** `x + (code - x)`: the code up to one rounding, which is what upstream's straight-through estimator returns. */
export interface StraightThrough extends Node {
  /** Tells it from other ops. */
  readonly kind: "straightThrough";
  /** What was quantized: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Its nearest codes, of the same shape. */
  readonly code: Node;
}

/** See {@linkcode StraightThrough}. */
export const straightThrough: OpDescriptor<StraightThrough> = {
  result({ x, code }) {
    checkPair(x, code, "straightThrough");
    return { name: parentName(code), shape: x.shape, dtype: "float32" };
  },
  operands: ({ x, code }) => [x, code],
  withOperands: (op, [x, code]) => ({ ...op, x, code }),
  overwritable: ({ x, code }) => [x, code],
};

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

/** See {@linkcode SquaredError}. */
export const squaredError: OpDescriptor<SquaredError> = {
  result({ x, code }) {
    checkPair(x, code, "squaredError");
    return { name: parentName(code), shape: [], dtype: "float32" };
  },
  operands: ({ x, code }) => [x, code],
  withOperands: (op, [x, code]) => ({ ...op, x, code }),
};

/** Refuses vectors and codes of different shapes. */
function checkPair(x: Node, code: Node, kind: string): void {
  [x, code].forEach((operand) => checkFeatureMap(operand, kind));
  check(sameShape(x.shape, code.shape), `${kind}: [${x.shape}] and [${code.shape}]`);
}
