/**
 * From pictures to the tensors a VQ model takes, and back.
 *
 * @module
 */

import { show } from "../../hub/show.ts";
import { type PixelRange, Pixels, readPixels, Tensor } from "../../kernels/mod.ts";
import {
  concatTensors,
  denormalize,
  type FloatArray,
  type FloatPixels,
  interpolate,
  isFloatPixels,
  mapTensor,
  tensorOf,
  toArray,
} from "./floats.ts";
import { MAX_PIXELS, Picture } from "./picture.ts";
import {
  checkPixels,
  type Crop,
  fitRaster,
  type Preparation,
  type ResizeMode,
  sidesOf,
  type SizeRequest,
} from "./preparation/prepare.ts";
import type { Raster } from "./raster/raster.ts";
import type { Resample } from "./resizing/resample.ts";
import { nameOf, type PictureSource, readSource, toRaster } from "./sources.ts";
import { binarize, toGray } from "./raster/tones.ts";
import { WORKERS } from "./workers/pool.ts";
import { prepareAway } from "./workers/prepare_away.ts";

export type { FloatArray, FloatPixels } from "./floats.ts";
export type { Crop, ResizeMode } from "./preparation/prepare.ts";
export type { Resample } from "./resizing/resample.ts";
export type { Drawable, FileSource, PictureSource, PixelData } from "./sources.ts";

/** The ways of resizing, and of coming to another shape. */
const RESAMPLES = ["lanczos", "bicubic", "bilinear", "box", "hamming", "nearest"];
const RESIZE_MODES = ["default", "fill", "crop", "keep"];
const CROPS = ["center", "adm"];

/** Options of {@linkcode ImageProcessor}. Names and defaults are those of Diffusers' `VaeImageProcessor`. */
export interface ImageProcessorOptions {
  /** Whether to resize, and round sizes down to a multiple of `vaeScaleFactor`. Default true. */
  doResize?: boolean;
  /** What sides are made a multiple of: 2 to the number of the model's downsamplings. Default 8. */
  vaeScaleFactor?: number;
  /** How to resize, PIL's filter of that name. Default `"lanczos"`; with `crop: "center"`, `"bicubic"`. */
  resample?: Resample;
  /** Whether tensors run from -1 to 1 (Kandinsky, LDM, VQ-Diffusion) or from 0 to 1 (aMUSEd). Default true: -1 to 1. */
  doNormalize?: boolean;
  /** Whether to make samples that stand for less than 0.5 zero and the others one. Default false. */
  doBinarize?: boolean;
  /** Whether gray pixels in memory become three channels, as files always do (upstream's `load_image`). Default true. */
  doConvertRgb?: boolean;
  /** Whether to make one gray channel instead of three. Default false. */
  doConvertGrayscale?: boolean;
  /** Whether to turn pictures upright by their EXIF orientation, as upstream's `load_image` does. Default true. */
  applyOrientation?: boolean;
  /**
   * The most pixels a picture may have, before and after resizing. Default: {@linkcode MAX_PIXELS}, 64 megapixels, and of files as
   * in {@linkcode decodePicture}.
   */
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
  /**
   * What becomes of another shape; upstream's `resize_mode`: `"default"` distorts it, `"fill"` shrinks it to lie within the size
   * and draws out its borders, `"crop"` cuts off what sticks out. The last two resize by Lanczos. Not upstream's is `"keep"`:
   * of `height` and `width` one is given, and the other follows, so that the shape stays.
   */
  resizeMode?: ResizeMode;
  /**
   * Cuts a square of `height` (or `width`) pixels out of the picture, as training scripts do: `"center"` like torchvision's
   * `Resize` and `CenterCrop`, `"adm"` like ADM's, guided-diffusion's and DiT's `center_crop_arr`.
   */
  crop?: Crop;
  /** Stops between two pictures, and while one is read. */
  signal?: AbortSignal;
}

/** Options of {@linkcode ImageProcessor.postprocess}. */
export interface PostprocessOptions {
  /** Whether the tensor runs from -1 to 1. Default: the processor's `doNormalize`. */
  doDenormalize?: boolean;
  /**
   * What to make, by upstream's names: `"pil"` pictures, `"np"` floats `[n, height, width, channels]`, `"pt"` a tensor of
   * floats `[n, channels, height, width]`. Default `"pil"`. Floats run from 0 to 1.
   */
  outputType?: "pil" | "np" | "pt";
}

/** What a processor takes: pictures, or floats from 0 to 1, a tensor `[n, c, h, w]` or `[c, h, w]` of which are several or one. */
export type ProcessorInput = PictureSource | FloatPixels | Tensor;

/**
 * Turns pictures into tensors and tensors into pictures, byte for byte as Diffusers' `VaeImageProcessor` does with what its
 * `load_image` reads: every picture is RGB and upright. Bytes are always clamped.
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
  readonly #options: Readonly<ImageProcessorOptions>;
  readonly #multiple: number;
  readonly #maxPixels: number;

  /**
   * A processor with these options; all have a default.
   *
   * @throws {TypeError} if `resample` is none of its names, or both `doConvertRgb` and `doConvertGrayscale` are true
   * @throws {RangeError} if `vaeScaleFactor` is not a whole number ≥ 1, or `maxPixels` less than 1
   */
  constructor(options: ImageProcessorOptions = {}) {
    checkName("resample", RESAMPLES, options.resample);
    if (options.doConvertRgb && options.doConvertGrayscale) {
      throw new TypeError("Cannot prepare pictures: doConvertRgb and doConvertGrayscale cannot both be true");
    }
    this.#options = { ...options };
    this.#multiple = wholeNumber("vaeScaleFactor", options.vaeScaleFactor ?? 8);
    this.#maxPixels = options.maxPixels ?? MAX_PIXELS;
    if (!(this.#maxPixels >= 1)) {
      throw new RangeError(`Cannot prepare pictures: maxPixels must be a number ≥ 1, found ${this.#maxPixels}`);
    }
  }

  /**
   * A host tensor `[n, 3, height, width]` of float32, or `[n, 1, height, width]` with `doConvertGrayscale`.
   * An array of pictures becomes a batch. A path or URL needs permission to read it; nothing else needs any.
   *
   * Floats are resized by the nearest neighbour as upstream's are, and not normalized if any is below 0.
   *
   * @throws {TypeError} if the source is of another type, cannot be read, or its bytes are no picture that can be decoded
   * @throws {RangeError} if a size is not a whole number ≥ 1, or is rounded down to zero, or exceeds `maxPixels`; or if
   * the pictures of an array differ in size after resizing
   */
  async preprocess(
    source: ProcessorInput | readonly ProcessorInput[],
    options: PreprocessOptions = {},
  ): Promise<Tensor> {
    const preparation = this.#preparation(options);
    const sources = (Array.isArray(source) ? source : [source]) as readonly ProcessorInput[];
    if (sources.length === 0) throw new RangeError("Cannot preprocess pictures: the array is empty");
    if (sources.every(isFloats)) return await this.#preprocessFloats(sources, preparation);

    const pictures = await this.#prepare(sources as readonly PictureSource[], preparation, options.signal);
    const rasters = pictures.map(({ raster }) => raster);
    checkSameSize(rasters);
    return this.#toTensor(rasters, this.#options.doConvertRgb === false && pictures.every(({ gray }) => gray));
  }

  /** Pictures of a tensor, see {@linkcode PostprocessOptions.outputType}. */
  async postprocess(tensor: Tensor, options?: PostprocessOptions & { outputType?: "pil" }): Promise<Picture[]>;
  /** Floats of a tensor. */
  async postprocess(tensor: Tensor, options: PostprocessOptions & { outputType: "np" }): Promise<FloatArray>;
  /** A tensor of a tensor. */
  async postprocess(tensor: Tensor, options: PostprocessOptions & { outputType: "pt" }): Promise<Tensor>;
  /**
   * Pictures, or floats from 0 to 1, of a tensor `[n, 3, height, width]`, or gray ones of `[n, 1, height, width]`.
   * Values beyond the range are clamped to it. In pictures halves round to even as in numpy, and NaN becomes 0.
   *
   * @throws {TypeError} if the tensor has another shape, holds int32, or was disposed; or for another `outputType`
   */
  async postprocess(tensor: Tensor, options: PostprocessOptions = {}): Promise<Picture[] | FloatArray | Tensor> {
    const { outputType = "pil", doDenormalize = this.#options.doNormalize ?? true } = options;
    checkName("outputType", ["pil", "np", "pt"], outputType);
    const [count, channels, height, width] = tensor.shape;
    if (tensor.shape.length !== 4 || (channels !== 1 && channels !== 3) || tensor.dtype === "int32") {
      throw new TypeError(
        `Cannot make pictures: expected a float tensor [n, 3 or 1, height, width], ` +
          `found ${tensor.dtype} [${tensor.shape}]`,
      );
    }
    if (outputType !== "pil") {
      const floats = await mapTensor(tensor, doDenormalize ? denormalize : (value) => value);
      return outputType === "pt" ? floats : await toArray(floats);
    }
    const pixels = await readPixels(tensor, rangeOf(doDenormalize));
    const bytes = 4 * height * width;
    return Array.from({ length: count }, (_, n) => {
      return new Picture(width, height, pixels.slice(n * bytes, (n + 1) * bytes));
    });
  }

  /** All pictures, of which no more are in memory at once, as files, than workers can be at. */
  async #prepare(sources: readonly PictureSource[], preparation: Preparation, signal?: AbortSignal) {
    const alone = sources.length === 1;
    const pictures: Promise<PreparedPicture>[] = [];
    for (const [i, source] of sources.entries()) {
      if (i >= 2 * WORKERS) await pictures[i - 2 * WORKERS];
      signal?.throwIfAborted();
      const picture = prepareSource(source, preparation, { alone, signal }).catch((error) => {
        throw withPlace(error, source, alone ? undefined : i);
      });
      picture.catch(() => {}); // whoever fails first is heard of below
      pictures.push(picture);
    }
    return await Promise.all(pictures);
  }

  /** What to make of every picture. */
  #preparation({ height, width, resizeMode = "default", crop, resample }: PreprocessOptions): Preparation {
    checkName("resample", RESAMPLES, resample);
    checkName("resizeMode", RESIZE_MODES, resizeMode);
    checkName("crop", CROPS, crop);
    if (height !== undefined) wholeNumber("height", height);
    if (width !== undefined) wholeNumber("width", width);
    if (crop && (height ?? width) === undefined) {
      throw new TypeError(`Cannot preprocess pictures: crop ${show(crop)} needs height or width, its side`);
    }
    if (crop && height !== undefined && width !== undefined && height !== width) {
      throw new RangeError(`Cannot preprocess pictures: crop makes squares, found height ${height} and width ${width}`);
    }
    const size: SizeRequest = {
      height,
      width,
      multiple: this.#multiple,
      resample: resample ?? this.#options.resample,
      resizeMode,
      crop,
    };
    return {
      maxPixels: this.#options.maxPixels,
      applyOrientation: this.#options.applyOrientation ?? true,
      size: this.#options.doResize ?? true ? size : undefined,
    };
  }

  /** A tensor over the bytes of pictures of one size. */
  #toTensor(rasters: readonly Raster[], isGray: boolean): Tensor {
    const { doNormalize = true, doBinarize = false, doConvertGrayscale = false } = this.#options;
    const [{ width, height }] = rasters;
    const range = rangeOf(doNormalize);
    const toned = rasters.map((raster) => {
      const gray = doConvertGrayscale ? toGray(raster) : raster;
      return doBinarize ? binarize(gray, range) : gray;
    });
    const shape = [rasters.length, doConvertGrayscale || isGray ? 1 : 3, height, width];
    return new Tensor(new Pixels(bytesOf(toned), shape, doBinarize ? "unit" : range), shape, "float32");
  }

  async #preprocessFloats(sources: readonly (Tensor | FloatPixels)[], { size }: Preparation): Promise<Tensor> {
    const { doNormalize = true, doBinarize = false } = this.#options;
    let tensor = await concatTensors(await Promise.all(sources.map(asBatch)));
    if (size) {
      const [, , rows, columns] = tensor.shape;
      const { height, width } = sidesOf({ height: rows, width: columns }, size, this.#maxPixels);
      tensor = await interpolate(tensor, height, width);
    }
    const isSigned = (await tensor.data()).some((value) => value < 0);
    if (doNormalize && !isSigned) tensor = await mapTensor(tensor, (value) => Math.fround(2 * value) - 1);
    if (doBinarize) tensor = await mapTensor(tensor, (value) => value < 0.5 ? 0 : 1);
    return tensor;
  }
}

function rangeOf(signed: boolean): PixelRange {
  return signed ? "signed" : "unit";
}

function isFloats(source: ProcessorInput): source is Tensor | FloatPixels {
  return source instanceof Tensor || isFloatPixels(source);
}

/** A tensor `[n, c, h, w]` of one that may be a single picture. */
async function asBatch(source: Tensor | FloatPixels): Promise<Tensor> {
  if (!(source instanceof Tensor)) return tensorOf(source);
  const { shape, dtype } = source;
  if (dtype === "int32" || shape.length < 3 || shape.length > 4) {
    throw new TypeError(
      `Cannot preprocess a tensor: expected floats [n, c, h, w] or [c, h, w], found ${dtype} [${shape}]`,
    );
  }
  return shape.length === 4 ? source : new Tensor(await source.data(), [1, ...shape]);
}

/** A picture of the size that was asked for, and whether its source was gray pixels. */
interface PreparedPicture {
  readonly raster: Raster;
  readonly gray: boolean;
}

async function prepareSource(
  source: PictureSource,
  preparation: Preparation,
  options: { alone: boolean; signal?: AbortSignal },
): Promise<PreparedPicture> {
  const found = await readSource(source, options.signal);
  if (found instanceof Uint8Array) return { raster: await prepareAway(found, preparation, options), gray: false };
  const pixels = wholeNumber("width", found.width) * wholeNumber("height", found.height);
  checkPixels(found.width, found.height, preparation.maxPixels ?? MAX_PIXELS);
  return { raster: fitRaster(toRaster(found), preparation), gray: found.data.length === pixels };
}

/** The same error, naming the picture that it is about. */
function withPlace(error: unknown, source: ProcessorInput, index?: number): unknown {
  const isOurs = error instanceof TypeError || error instanceof RangeError;
  const name = nameOf(source);
  if (!isOurs || (index === undefined && (name === undefined || error.message.includes(name)))) return error;
  const which = index === undefined ? name : `picture ${index}${name === undefined ? "" : `, ${name}`}`;
  const Same = error.constructor as ErrorConstructor;
  return new Same(`${error.message} (${which})`, { cause: error.cause ?? error });
}

/** The bytes of all pictures, one after the other; of one alone its own. */
function bytesOf(rasters: readonly Raster[]): Uint8ClampedArray<ArrayBuffer> {
  if (rasters.length === 1) return rasters[0].data;
  const bytes = new Uint8ClampedArray(rasters.length * rasters[0].data.length);
  rasters.forEach(({ data }, i) => bytes.set(data, i * data.length));
  return bytes;
}

function checkSameSize(rasters: readonly Raster[]): void {
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

function checkName(option: string, names: readonly string[], found: string | undefined): void {
  if (found === undefined || names.includes(found)) return;
  const expected = names.map((name) => JSON.stringify(name)).join(", ");
  throw new TypeError(`Cannot process pictures: expected ${option} ${expected}, found ${show(found)}`);
}
