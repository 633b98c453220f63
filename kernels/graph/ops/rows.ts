/**
 * Rows of feature maps, for computing in bands: views of a feature map, and copies into one.
 *
 * @module
 */

import type { Shape } from "../../tensor/storage.ts";
import { check, type Node, type OpDescriptor } from "./descriptor.ts";

/** Rows of one image of `x`, `[1, channels, rows, w]`: a view, nothing is computed. */
export interface Rows extends Node {
  /** Tells it from other ops. */
  readonly kind: "rows";
  /** What the rows are taken of: `[n, channels, h, w]`. */
  readonly x: Node;
  /** Which image of `x`. */
  readonly image: number;
  /** The first row. */
  readonly first: number;
  /** The row after the last. */
  readonly end: number;
}

/** See {@linkcode Rows}. */
export const rows: OpDescriptor<Rows> = {
  result({ x: { shape: [n, c, h, w], dtype, name }, image, first, end }) {
    const isInside = image < n && first >= 0 && first < end && end <= h;
    check(isInside, `rows ${first} to ${end} of image ${image} of [${n},${c},${h},${w}]`);
    return { name, shape: [1, c, end - first, w], dtype };
  },
  operands: ({ x }) => [x],
  sharedOperand: ({ x }) => x,
};

/** `into` with rows of one image replaced, in place: nothing else may read `into`. */
export interface Place extends Node {
  /** Tells it from other ops. */
  readonly kind: "place";
  /** What the rows are put into, `[n, channels, h, w]`; at first nothing, and the other rows are undefined. */
  readonly into: Node | undefined;
  /** The rows: `[1, channels, rows, w]`. */
  readonly part: Node;
  /** Shape of the whole. */
  readonly whole: Shape;
  /** Which image they belong to. */
  readonly image: number;
  /** Where they go. */
  readonly first: number;
}

/** See {@linkcode Place}. */
export const place: OpDescriptor<Place> = {
  result({ part: { shape, dtype, name }, whole, image, first }) {
    const [n, c, h, w] = whole;
    const [one, pc, ph, pw] = shape;
    const isInside = one === 1 && pc === c && pw === w && image < n && first + ph <= h;
    check(isInside, `place: [${shape}] in [${whole}]`);
    return { name, shape: whole, dtype };
  },
  operands: ({ into, part }) => into ? [into, part] : [part],
  sharedOperand: ({ into }) => into,
};
