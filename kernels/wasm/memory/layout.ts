/**
 * How tensors lie in memory: NHWC, channels padded with zeros to a multiple of 4, so that pixels are whole vectors.
 *
 * @module
 */

import { type Shape, sizeOf } from "../../tensor/storage.ts";

/** Channels as stored. */
export function padded(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

/** How many elements a tensor takes: four-dimensional ones are padded, all others are as they are. */
export function storedSize(shape: Shape): number {
  if (shape.length !== 4) return sizeOf(shape);
  const [n, c, h, w] = shape;
  return n * padded(c) * h * w;
}

/** Images and their pixels, for ops that treat all alike. */
export function pixelsOf(shape: Shape): number {
  return shape.length === 4 ? shape[0] * shape[2] * shape[3] : sizeOf(shape);
}

/** Copies NCHW elements to where they are stored. */
export function store(from: ArrayLike<number>, to: Float32Array, shape: Shape): void {
  const [n, c, h, w] = shape;
  const stored = padded(c), pixels = h * w;
  if (stored !== c) to.fill(0);
  for (let image = 0; image < n; image++) {
    for (let channel = 0; channel < c; channel++) {
      let source = (image * c + channel) * pixels;
      const end = source + pixels;
      for (let target = image * pixels * stored + channel; source < end; source++, target += stored) {
        to[target] = from[source];
      }
    }
  }
}

/** Copies stored elements to NCHW. */
export function restore(from: Float32Array, to: Float32Array, shape: Shape): void {
  const [n, c, h, w] = shape;
  const stored = padded(c), pixels = h * w;
  for (let image = 0; image < n; image++) {
    for (let channel = 0; channel < c; channel++) {
      let target = (image * c + channel) * pixels;
      const end = target + pixels;
      for (let source = image * pixels * stored + channel; target < end; target++, source += stored) {
        to[target] = from[source];
      }
    }
  }
}
