/**
 * Pictures as RGBA bytes: four bytes a pixel to transfer to a device and back, a third of three floats.
 *
 * Bytes convert to floats and back as in torch and numpy, in single precision; the kernels' results are bit-identical.
 *
 * @module
 */

import type { DeviceStorage, PixelRange, Shape } from "./storage.ts";

/** RGBA bytes on the host that stand for the floats of a tensor `[n, 3 or 1, h, w]`. Alpha is ignored. */
export class Pixels implements DeviceStorage {
  /** Row by row, image by image. Gray pixels hold their byte three times. */
  readonly bytes: Uint8ClampedArray<ArrayBuffer>;
  /** What the bytes stand for. */
  readonly range: PixelRange;
  readonly #shape: Shape;

  /** The pixels of a tensor of this shape. */
  constructor(bytes: Uint8ClampedArray<ArrayBuffer>, shape: Shape, range: PixelRange) {
    this.bytes = bytes;
    this.range = range;
    this.#shape = shape;
  }

  /** The elements as floats, NCHW. */
  // deno-lint-ignore require-await
  async read(): Promise<Float32Array<ArrayBuffer>> {
    return this.floats();
  }

  /** The elements as floats, NCHW. */
  floats(): Float32Array<ArrayBuffer> {
    return pixelsToFloats(this, this.#shape);
  }

  /** The bytes; converted if another range is asked for. */
  // deno-lint-ignore require-await
  async readPixels(range: PixelRange): Promise<Uint8ClampedArray<ArrayBuffer>> {
    if (range === this.range) return this.bytes.slice();
    return floatsToPixels(this.floats(), this.#shape, range);
  }

  /** Nothing to do: the bytes are the host's. */
  retain(): void {}

  /** Nothing to do either. */
  release(): void {}
}

/** The floats that pixels stand for, NCHW. */
function pixelsToFloats({ bytes, range }: Pixels, [n, c, h, w]: Shape): Float32Array<ArrayBuffer> {
  const table = FLOATS[range];
  const plane = h * w;
  const floats = new Float32Array(n * c * plane);
  let to = 0;
  for (let i = 0; i < n * c; i++) {
    const [image, channel] = [Math.floor(i / c), i % c];
    const end = 4 * plane * (image + 1);
    for (let at = 4 * plane * image + channel; at < end; at += 4) floats[to++] = table[bytes[at]];
  }
  return floats;
}

/**
 * The opaque pixels nearest to floats `[n, 3 or 1, h, w]`: clamped to the range, halves rounded to even, NaN as 0.
 */
export function floatsToPixels(
  floats: ArrayLike<number>,
  [n, c, h, w]: Shape,
  range: PixelRange,
): Uint8ClampedArray<ArrayBuffer> {
  // To 0..1 in single precision, as upstream's `denormalize`.
  const [scale, shift] = range === "signed" ? [0.5, 0.5] : [1, 0];
  const plane = h * w;
  const bytes = new Uint8ClampedArray(4 * n * plane).fill(255);
  for (let i = 0; i < n * 3; i++) {
    const [image, channel] = [Math.floor(i / 3), i % 3];
    let from = (image * c + channel % c) * plane;
    const end = 4 * plane * (image + 1);
    // A clamped array clamps, rounds halves to even and stores NaN as 0.
    for (let at = 4 * plane * image + channel; at < end; at += 4) {
      bytes[at] = Math.fround(Math.fround(floats[from++] * scale + shift) * 255);
    }
  }
  return bytes;
}

const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
/** The float that each byte stands for: upstream's `pil_to_numpy` and `normalize`. */
const FLOATS: Record<PixelRange, Float32Array> = { unit: UNIT, signed: UNIT.map((unit) => 2 * unit - 1) };
