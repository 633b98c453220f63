/**
 * Pixels as codecs, resizing and the image processor exchange them.
 *
 * @module
 */

/** Opaque pixels of four bytes: red, green, blue and 255, row by row from the top left, as PIL stores RGB. */
export interface Raster {
  /** Width in pixels, at least 1. */
  readonly width: number;
  /** Height in pixels, at least 1. */
  readonly height: number;
  /** `4 × width × height` bytes. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

const BLACK = new Uint32Array(Uint8Array.of(0, 0, 0, 255).buffer)[0];

/** A picture filled with one colour, a number of four bytes in memory order. Default: black. */
export function blank(width: number, height: number, colour: number = BLACK): Raster {
  const picture = { width, height, data: new Uint8ClampedArray(4 * width * height) };
  pixelsOf(picture).fill(colour);
  return picture;
}

/** A view of a picture with one number per pixel. The picture's bytes must be aligned to four. */
export function pixelsOf({ data }: Raster): Uint32Array<ArrayBuffer> {
  return new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
}

/** Expands samples of 1 (gray), 3 (RGB) or 4 (RGBA) channels to opaque pixels. */
export function expandSamples(samples: Uint8Array | Uint8ClampedArray, channels: number): Raster["data"] {
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  const data = new Uint8ClampedArray(samples.length / channels * 4);
  for (let from = 0, to = 0; to < data.length; from += channels, to += 4) {
    data[to] = samples[from];
    data[to + 1] = samples[from + green];
    data[to + 2] = samples[from + blue];
    data[to + 3] = 255;
  }
  return data;
}
