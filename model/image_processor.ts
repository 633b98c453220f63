/**
 * From pictures to the tensors a VQ model takes, and back.
 *
 * @module
 */

import { Tensor } from "../kernels/tensor.ts";
import { decodePicture, MAX_PIXELS, Picture } from "./picture.ts";
import { lanczosResize, type RgbRaster } from "./resample.ts";

/** Pixels in memory, such as an `ImageData` or a {@linkcode Picture}. */
export interface PixelData {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Bytes, row by row: gray, RGB or RGBA, told apart by how many there are. Alpha is dropped. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** A picture: the path or `file:` URL of a PNG or JPEG file, the bytes of one, or pixels. */
export type PictureSource = string | URL | Uint8Array<ArrayBuffer> | ArrayBuffer | PixelData;

/** The only way of resizing: PIL's `LANCZOS`, upstream's default. */
export type Resample = "lanczos";

/** Options of {@linkcode ImageProcessor}. Names and defaults are those of Diffusers' `VaeImageProcessor`. */
export interface ImageProcessorOptions {
  /** Whether to resize, and round sizes down to a multiple of `vaeScaleFactor`. Default true. */
  doResize?: boolean;
  /** What sides are made a multiple of: 2 to the number of the model's downsamplings. Default 8. */
  vaeScaleFactor?: number;
  /** How to resize. Default `"lanczos"`. */
  resample?: Resample;
  /** Whether tensors run from -1 to 1 (Kandinsky, LDM, VQ-Diffusion) or from 0 to 1 (aMUSEd). Default true: -1 to 1. */
  doNormalize?: boolean;
  /** Whether to make one gray channel instead of three. Default false. */
  doConvertGrayscale?: boolean;
  /** The most pixels a picture may have, before and after resizing. Default {@linkcode MAX_PIXELS}, 64 megapixels. */
  maxPixels?: number;
}

/** Options of {@linkcode ImageProcessor.preprocess}. */
export interface PreprocessOptions {
  /** Height in pixels, rounded down to a multiple of `vaeScaleFactor`. Default: the picture's own. */
  height?: number;
  /** Width in pixels, rounded down to a multiple of `vaeScaleFactor`. Default: the picture's own. */
  width?: number;
  /** How to resize, instead of the processor's. */
  resample?: Resample;
  /** Stops between two pictures, and while one is read. */
  signal?: AbortSignal;
}

/** Options of {@linkcode ImageProcessor.postprocess}. */
export interface PostprocessOptions {
  /** Whether the tensor runs from -1 to 1. Default: the processor's `doNormalize`. */
  doDenormalize?: boolean;
}

/**
 * Turns pictures into tensors and tensors into pictures, byte for byte as Diffusers' `VaeImageProcessor` does with PIL.
 *
 * Two differences: every picture is read as RGB (upstream's `do_convert_rgb`), and bytes are always clamped.
 *
 * @example
 * ```ts
 * import { ImageProcessor } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * const processor = new ImageProcessor({ vaeScaleFactor: 4 });
 * const gray = { width: 9, height: 5, data: new Uint8Array(9 * 5).fill(255) };
 * const tensor = await processor.preprocess(gray);
 * assertEquals(tensor.shape, [1, 3, 4, 8]);
 * const [picture] = await processor.postprocess(tensor);
 * assertEquals([picture.width, picture.height, picture.data[0]], [8, 4, 255]);
 * ```
 */
export class ImageProcessor {
  readonly #doResize: boolean;
  readonly #vaeScaleFactor: number;
  readonly #doNormalize: boolean;
  readonly #doConvertGrayscale: boolean;
  readonly #maxPixels: number;

  /**
   * A processor with these options; all have a default.
   *
   * @throws {TypeError} if `resample` is not `"lanczos"`
   * @throws {RangeError} if `vaeScaleFactor` is not a whole number ≥ 1
   */
  constructor(options: ImageProcessorOptions = {}) {
    checkResample(options.resample);
    this.#doResize = options.doResize ?? true;
    this.#vaeScaleFactor = wholeNumber("vaeScaleFactor", options.vaeScaleFactor ?? 8);
    this.#doNormalize = options.doNormalize ?? true;
    this.#doConvertGrayscale = options.doConvertGrayscale ?? false;
    this.#maxPixels = options.maxPixels ?? MAX_PIXELS;
  }

  /**
   * A host tensor `[n, 3, height, width]` of float32, or `[n, 1, height, width]` with `doConvertGrayscale`.
   * An array of pictures becomes a batch. A path needs permission to read it; nothing else needs any.
   *
   * @throws {TypeError} if the source is of another type, or its bytes are no picture that can be decoded
   * @throws {RangeError} if a size is not a whole number ≥ 1, or is rounded down to zero, or exceeds `maxPixels`; or if
   * the pictures of an array differ in size after resizing
   */
  async preprocess(
    source: PictureSource | readonly PictureSource[],
    options: PreprocessOptions = {},
  ): Promise<Tensor> {
    checkResample(options.resample);
    const rasters: RgbRaster[] = [];
    for (const one of Array.isArray(source) ? source : [source]) {
      options.signal?.throwIfAborted();
      const raster = await readRaster(one, this.#maxPixels, options.signal);
      rasters.push(this.#doResize ? this.#fit(raster, options) : raster);
    }
    checkSameSize(rasters);
    return toTensor(rasters, this.#doConvertGrayscale ? luma : rgb, this.#doNormalize);
  }

  /**
   * Pictures of a tensor `[n, 3, height, width]`, or gray ones of `[n, 1, height, width]`.
   * Values beyond the range are clamped to it, halves round to even as in numpy, and NaN becomes 0.
   *
   * @throws {TypeError} if the tensor has another shape, holds int32, or was disposed
   */
  async postprocess(tensor: Tensor, options: PostprocessOptions = {}): Promise<Picture[]> {
    const [count, channels, height, width] = tensor.shape;
    if (tensor.shape.length !== 4 || (channels !== 1 && channels !== 3) || tensor.dtype === "int32") {
      throw new TypeError(
        `Cannot make pictures: expected a float tensor [n, 3 or 1, height, width], ` +
          `found ${tensor.dtype} [${tensor.shape}]`,
      );
    }
    const values = await tensor.data();
    const toUnit = options.doDenormalize ?? this.#doNormalize ? denormalize : (value: number) => value;
    const plane = height * width;
    return Array.from({ length: count }, (_, n) => {
      const data = new Uint8ClampedArray(4 * plane).fill(255);
      for (let c = 0; c < 3; c++) {
        const from = (n * channels + c % channels) * plane;
        // A clamped array clamps, rounds halves to even and stores NaN as 0.
        for (let i = 0; i < plane; i++) data[4 * i + c] = Math.fround(toUnit(values[from + i]) * 255);
      }
      return new Picture(width, height, data);
    });
  }

  #fit(raster: RgbRaster, { height, width }: PreprocessOptions): RgbRaster {
    const rows = this.#target("height", height ?? raster.height);
    const columns = this.#target("width", width ?? raster.width);
    checkPixels(columns, rows, this.#maxPixels);
    return lanczosResize(raster, columns, rows);
  }

  #target(name: "height" | "width", side: number): number {
    const rounded = wholeNumber(name, side) - side % this.#vaeScaleFactor;
    if (rounded > 0) return rounded;
    throw new RangeError(
      `Cannot preprocess picture: ${name} ${side} rounds down to 0, it must be at least vaeScaleFactor, ` +
        `${this.#vaeScaleFactor}`,
    );
  }
}

/** From -1..1 to 0..1 in single precision, as upstream's `denormalize`; the bytes are clamped later. */
function denormalize(value: number): number {
  return Math.fround(Math.fround(value / 2) + 0.5);
}

/** Any source as RGB. */
/** The bytes of a picture's file. */
async function readPicture(path: string | URL, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const { readFile } = await import("node:fs/promises");
  try {
    const place = typeof path === "string" && path.startsWith("file:") ? new URL(path) : path;
    return new Uint8Array(await readFile(place, { signal }));
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof Error && cause.name === "NotCapable") throw cause; // says which permission to give
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(
      `Cannot read picture ${
        JSON.stringify(String(path))
      }: expected the path or file: URL of a PNG or JPEG file, or its ` +
        `bytes; ${reason}`,
      { cause },
    );
  }
}

async function readRaster(source: PictureSource, maxPixels: number, signal?: AbortSignal): Promise<RgbRaster> {
  if (typeof source === "string" || source instanceof URL) {
    source = await readPicture(source, signal);
  }
  if (source instanceof ArrayBuffer) source = new Uint8Array(source);
  if (source instanceof Uint8Array) source = await decodePicture(source, { maxPixels });
  if (!(source?.data instanceof Uint8Array || source?.data instanceof Uint8ClampedArray)) {
    throw new TypeError(
      "Cannot preprocess picture: expected a path, a file: URL, the bytes of a PNG or JPEG file, " +
        "or { width, height, data } with data in a Uint8Array or Uint8ClampedArray",
    );
  }
  return toRgb(source, maxPixels);
}

function toRgb({ width, height, data }: PixelData, maxPixels: number): RgbRaster {
  const pixels = wholeNumber("width", width) * wholeNumber("height", height);
  checkPixels(width, height, maxPixels);
  const channels = data.length / pixels;
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new RangeError(
      `Cannot preprocess picture: ${width}×${height} pixels need ${pixels} bytes of gray, ${3 * pixels} of RGB ` +
        `or ${4 * pixels} of RGBA, found ${data.length}`,
    );
  }
  const out = new Uint8ClampedArray(3 * pixels);
  for (let from = 0, to = 0; to < out.length; from += channels) {
    for (let c = 0; c < 3; c++) out[to++] = data[channels === 1 ? from : from + c];
  }
  return { width, height, data: out };
}

/** The bytes of each channel of the pixel that starts at `at`. */
type Channels = ((data: Uint8ClampedArray, at: number) => number)[];

const rgb: Channels = [0, 1, 2].map((c) => (data, at) => data[at + c]);

/** PIL's `convert("L")`: ITU-R 601 luma in 16-bit fixed point. */
const luma: Channels = [
  (data, at) => (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16,
];

/** Interleaved bytes to planes of floats: upstream's `pil_to_numpy`, `numpy_to_pt` and `normalize`. */
function toTensor(rasters: RgbRaster[], channels: Channels, normalize: boolean): Tensor {
  const floats = Float32Array.from({ length: 256 }, (_, byte) => {
    const unit = Math.fround(byte / 255);
    return normalize ? 2 * unit - 1 : unit;
  });
  const [{ width, height }] = rasters;
  const out = new Float32Array(rasters.length * channels.length * height * width);
  let to = 0;
  for (const { data } of rasters) {
    for (const byteOf of channels) {
      for (let at = 0; at < data.length; at += 3) out[to++] = floats[byteOf(data, at)];
    }
  }
  return new Tensor(out, [rasters.length, channels.length, height, width]);
}

function checkSameSize(rasters: RgbRaster[]): void {
  if (rasters.length === 0) throw new RangeError("Cannot preprocess pictures: the array is empty");
  const [{ width, height }] = rasters;
  const n = rasters.findIndex((raster) => raster.width !== width || raster.height !== height);
  if (n < 0) return;
  throw new RangeError(
    `Cannot preprocess pictures: picture ${n} is ${rasters[n].width}×${rasters[n].height}, ` +
      `picture 0 is ${width}×${height}; pass height and width to make them one size`,
  );
}

function wholeNumber(name: string, value: number): number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot process pictures: ${name} must be a number, found ${typeof value}`);
  }
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`Cannot process pictures: ${name} must be a whole number ≥ 1, found ${value}`);
}

function checkPixels(width: number, height: number, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  throw new RangeError(`Cannot preprocess picture: ${width}×${height} pixels are more than maxPixels, ${maxPixels}`);
}

function checkResample(resample: Resample = "lanczos"): void {
  if (resample === "lanczos") return;
  throw new TypeError(`Cannot resize pictures: expected resample "lanczos", found ${JSON.stringify(resample)}`);
}
