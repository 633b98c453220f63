/**
 * From pictures to the tensors a VQ model takes, and back.
 *
 * @module
 */

import { type PixelRange, Pixels, readPixels } from "../../kernels/pixels.ts";
import { Tensor } from "../../kernels/tensor.ts";
import { decodePicture, MAX_PIXELS, Picture } from "./picture.ts";
import type { Raster } from "./raster.ts";
import { resize } from "./resample.ts";

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
export type PictureSource = string | URL | Uint8Array | ArrayBuffer | PixelData | ImageData;

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
   * @throws {RangeError} if `vaeScaleFactor` is not a whole number ≥ 1, or `maxPixels` less than 1
   */
  constructor(options: ImageProcessorOptions = {}) {
    checkResample(options.resample);
    this.#doResize = options.doResize ?? true;
    this.#vaeScaleFactor = wholeNumber("vaeScaleFactor", options.vaeScaleFactor ?? 8);
    this.#doNormalize = options.doNormalize ?? true;
    this.#doConvertGrayscale = options.doConvertGrayscale ?? false;
    this.#maxPixels = options.maxPixels ?? MAX_PIXELS;
    if (!(this.#maxPixels >= 1)) {
      throw new RangeError(`Cannot prepare pictures: maxPixels must be a number ≥ 1, found ${this.#maxPixels}`);
    }
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
    const rasters: Raster[] = [];
    for (const one of Array.isArray(source) ? source : [source]) {
      options.signal?.throwIfAborted();
      const raster = await readRaster(one, this.#maxPixels, options.signal);
      rasters.push(this.#doResize ? this.#fit(raster, options) : raster);
    }
    checkSameSize(rasters);
    return toTensor(rasters, this.#doConvertGrayscale, rangeOf(this.#doNormalize));
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
    const pixels = await readPixels(tensor, rangeOf(options.doDenormalize ?? this.#doNormalize));
    const bytes = 4 * height * width;
    return Array.from({ length: count }, (_, n) => {
      return new Picture(width, height, pixels.slice(n * bytes, (n + 1) * bytes));
    });
  }

  #fit(raster: Raster, { height, width }: PreprocessOptions): Raster {
    const rows = this.#target("height", height ?? raster.height);
    const columns = this.#target("width", width ?? raster.width);
    checkPixels(columns, rows, this.#maxPixels);
    return resize(raster, columns, rows, "lanczos");
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

function rangeOf(signed: boolean): PixelRange {
  return signed ? "signed" : "unit";
}

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

/** Any source as opaque pixels. */
async function readRaster(source: PictureSource, maxPixels: number, signal?: AbortSignal): Promise<Raster> {
  if (typeof source === "string" || source instanceof URL) {
    source = await readPicture(source, signal);
  }
  if (source instanceof ArrayBuffer) source = new Uint8Array(source);
  if (source instanceof Uint8Array) source = await decodePicture(source, { maxPixels });
  const data = source?.data;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new TypeError(
      "Cannot preprocess picture: expected a path, a file: URL, the bytes of a PNG or JPEG file, " +
        "or { width, height, data } with data in a Uint8Array or Uint8ClampedArray",
    );
  }
  return toRaster({ width: source.width, height: source.height, data }, maxPixels);
}

function toRaster({ width, height, data }: PixelData, maxPixels: number): Raster {
  const pixels = wholeNumber("width", width) * wholeNumber("height", height);
  checkPixels(width, height, maxPixels);
  const channels = data.length / pixels;
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new RangeError(
      `Cannot preprocess picture: ${width}×${height} pixels need ${pixels} bytes of gray, ${3 * pixels} of RGB ` +
        `or ${4 * pixels} of RGBA, found ${data.length}`,
    );
  }
  const out = new Uint8ClampedArray(4 * pixels).fill(255);
  for (let from = 0, to = 0; to < out.length; from += channels, to += 4) {
    for (let c = 0; c < 3; c++) out[to + c] = data[channels === 1 ? from : from + c];
  }
  return { width, height, data: out };
}

/** A tensor over the bytes of pictures of one size; gray ones stand for one channel. */
function toTensor(rasters: Raster[], grayscale: boolean, range: PixelRange): Tensor {
  const [{ width, height }] = rasters;
  const bytes = new Uint8ClampedArray(4 * rasters.length * height * width).fill(255);
  let to = 0;
  for (const { data } of rasters) {
    for (let at = 0; at < data.length; at += 4, to += 4) {
      const gray = grayscale ? luma(data, at) : undefined;
      for (let c = 0; c < 3; c++) bytes[to + c] = gray ?? data[at + c];
    }
  }
  const shape = [rasters.length, grayscale ? 1 : 3, height, width];
  return new Tensor(new Pixels(bytes, shape, range), shape, "float32");
}

/** PIL's `convert("L")`: ITU-R 601 luma in 16-bit fixed point. */
function luma(data: Uint8ClampedArray, at: number): number {
  return (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
}

function checkSameSize(rasters: Raster[]): void {
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
