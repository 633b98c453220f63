/**
 * Pictures as floats, in tensors and arrays, like those of Diffusers' `VaeImageProcessor`.
 *
 * @module
 */

import { Tensor } from "../../kernels/mod.ts";

/** A picture of floats from 0 to 1, laid out like upstream's numpy arrays: `[height, width, channels]`. */
export interface FloatPixels {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** `height × width × channels` floats, row-major, with 1 or 3 channels. */
  readonly data: Float32Array;
}

/** Floats and their shape, like a numpy array. */
export interface FloatArray {
  /** Row-major. */
  readonly data: Float32Array<ArrayBuffer>;
  /** `[n, height, width, channels]`. */
  readonly shape: readonly [number, number, number, number];
}

/** Whether a source is a picture of floats. */
export function isFloatPixels(source: unknown): source is FloatPixels {
  return (source as FloatPixels | null)?.data instanceof Float32Array;
}

/** A tensor `[n, c, h, w]` of floats, or of a tensor that may be a single picture `[c, h, w]`. */
export async function asBatch(source: Tensor | FloatPixels): Promise<Tensor> {
  if (!(source instanceof Tensor)) return tensorOf(source);
  const { shape, dtype } = source;
  if (dtype === "int32" || shape.length < 3 || shape.length > 4) {
    throw new TypeError(
      `Cannot preprocess a tensor: expected floats [n, c, h, w] or [c, h, w], found ${dtype} [${shape}]`,
    );
  }
  return shape.length === 4 ? source : new Tensor(await source.data(), [1, ...shape]);
}

/** A tensor `[1, c, height, width]` of a picture of floats. */
function tensorOf({ width, height, data }: FloatPixels): Tensor {
  const channels = data.length / (width * height);
  if (channels !== 1 && channels !== 3) {
    throw new RangeError(
      `Cannot preprocess picture: ${width}×${height} pixels need ${width * height} floats of gray ` +
        `or ${3 * width * height} of RGB, found ${data.length}`,
    );
  }
  return new Tensor(toPlanes(data, channels), [1, channels, height, width]);
}

/** From interleaved channels to planes. */
function toPlanes(data: Float32Array, channels: number): Float32Array<ArrayBuffer> {
  const plane = data.length / channels;
  return Float32Array.from(data, (_, i) => data[(i % plane) * channels + Math.floor(i / plane)]);
}

/** From planes `[n, c, h, w]` to interleaved channels `[n, h, w, c]`. */
export async function toArray(tensor: Tensor): Promise<FloatArray> {
  const [n, c, h, w] = tensor.shape;
  const planes = await tensor.data();
  const data = new Float32Array(planes.length);
  for (let from = 0; from < data.length; from++) {
    const number = Math.floor(from / (c * h * w));
    const channel = Math.floor(from / (h * w)) % c;
    data[(number * h * w + from % (h * w)) * c + channel] = planes[from];
  }
  return { data, shape: [n, h, w, c] };
}

/** Concatenates tensors of one size to a batch. */
export async function concatTensors(tensors: readonly Tensor[]): Promise<Tensor> {
  const [, ...one] = tensors[0].shape;
  const n = tensors.findIndex(({ shape: [, ...other] }) => `${other}` !== `${one}`);
  if (n >= 0) {
    throw new RangeError(
      `Cannot preprocess pictures: picture ${n} is [${tensors[n].shape}], picture 0 is [${tensors[0].shape}]; ` +
        "pass height and width to make them one size",
    );
  }
  const count = tensors.reduce((sum, { shape }) => sum + shape[0], 0);
  const data = new Float32Array(count * one.reduce((product, side) => product * side, 1));
  let offset = 0;
  for (const tensor of tensors) {
    const values = await tensor.data();
    data.set(values, offset);
    offset += values.length;
  }
  return new Tensor(data, [count, ...one]);
}

/** Resizes a tensor `[n, c, h, w]` by nearest neighbour, like torch's `interpolate` with its defaults. */
export async function interpolate(tensor: Tensor, height: number, width: number): Promise<Tensor> {
  const [n, c, heightIn, widthIn] = tensor.shape;
  if (height === heightIn && width === widthIn) return tensor;
  const source = await tensor.data();
  const rows = nearest(heightIn, height), columns = nearest(widthIn, width);
  const data = new Float32Array(n * c * height * width);
  let to = 0;
  for (let plane = 0; plane < n * c; plane++) {
    for (const row of rows) {
      const start = (plane * heightIn + row) * widthIn;
      for (const column of columns) data[to++] = source[start + column];
    }
  }
  return new Tensor(data, [n, c, height, width]);
}

/** The source position of each target position. torch multiplies in single precision. */
function nearest(sizeIn: number, size: number): number[] {
  const scale = Math.fround(sizeIn / size);
  return Array.from({ length: size }, (_, i) => Math.min(sizeIn - 1, Math.floor(Math.fround(i * scale))));
}

/** A new tensor with each value changed. */
export async function mapTensor(tensor: Tensor, change: (value: number) => number): Promise<Tensor> {
  return new Tensor(Float32Array.from(await tensor.data(), change), tensor.shape);
}

/** Maps -1..1 to 0..1 and clamps, like upstream's `denormalize`. NaN stays NaN. */
export function denormalize(value: number): number {
  return Math.min(1, Math.max(0, Math.fround(Math.fround(value / 2) + 0.5)));
}
