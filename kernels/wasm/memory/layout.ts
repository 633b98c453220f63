/**
 * The layout of tensors in memory: NHWC, with channels padded by zeros to a multiple of 4, so that pixels are whole vectors.
 *
 * @module
 */

import { type Shape, sizeOf } from "../../tensor/storage.ts";

/** Channels as stored. */
export function padded(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

/** Number of elements as stored: four-dimensional tensors are padded, others are not. */
export function storedSize(shape: Shape): number {
  if (shape.length !== 4) return sizeOf(shape);
  const [n, c, h, w] = shape;
  return n * padded(c) * h * w;
}

/** Number of pixels of all images. */
export function pixelsOf(shape: Shape): number {
  return shape.length === 4 ? shape[0] * shape[2] * shape[3] : sizeOf(shape);
}

/** Converts NCHW elements to the stored layout. */
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

/** Converts stored elements to NCHW. */
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
