/**
 * Converts pictures to the tensors that a VQ model takes, and back.
 *
 * @module
 */

import { show } from "../../hub/show.ts";
import { type PixelRange, Pixels, readPixels, Tensor } from "../../kernels/mod.ts";
import {
  asBatch,
  concatTensors,
  denormalize,
  type FloatArray,
  type FloatPixels,
  interpolate,
  isFloatPixels,
  mapTensor,
  toArray,
} from "./floats.ts";
import { Picture } from "./picture.ts";
import { MAX_PIXELS } from "./preparation/decode.ts";
import { type Preparation, sidesOf } from "./preparation/prepare.ts";
import { prepareSources } from "./prepare_sources.ts";
import {
  checkPostprocessOptions,
  checkProcessorOptions,
  type ImageProcessorOptions,
  type PostprocessOptions,
  preparationOf,
  type PreprocessOptions,
} from "./processor_options.ts";
import type { Raster } from "./raster/raster.ts";
import { binarize, toGray } from "./raster/tones.ts";
import type { PictureSource } from "./sources.ts";

/** A picture, or floats from 0 to 1: a {@linkcode FloatPixels}, or a tensor `[n, c, h, w]` or `[c, h, w]`. */
export type ProcessorInput = PictureSource | FloatPixels | Tensor;

/** What {@linkcode ImageProcessor.for} asks of a model; a {@linkcode VQModel} has it. */
export interface PictureModel {
  /** Its configuration. */
  readonly config: {
    /** Channels of the pictures that it takes. */
    readonly in_channels: number;
  };
  /** The range of pixels: -1 to 1, or 0 to 1. */
  readonly pixelRange: PixelRange;
  /** What sides of pictures should be a multiple of. */
  readonly downsamplingFactor: number;
}

/**
 * Converts pictures to tensors and tensors to pictures, byte for byte like Diffusers' `VaeImageProcessor` with pictures
 * of its `load_image`: every picture is RGB and upright. Values outside of the range are always clamped.
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

  /**
   * A processor with these options; all have a default.
   *
   * @throws {TypeError} for an unknown option or `resample`, or if both `doConvertRgb` and `doConvertGrayscale` are
   * true
   * @throws {RangeError} if `vaeScaleFactor` is not a whole number ≥ 1, or `maxPixels` less than 1
   */
  constructor(options: ImageProcessorOptions = {}) {
    checkProcessorOptions(options);
    this.#options = { ...options };
  }

  /**
   * The processor for a model's pictures: `doNormalize` by its range of pixels, `vaeScaleFactor` by its downsamplings, and
   * `doConvertGrayscale` if it takes one channel. Options that are given override these.
   *
   * @throws {TypeError} if there is no model, or as the constructor does
   * @throws {RangeError} as the constructor does
   *
   * @example
   * ```ts
   * import { ImageProcessor, VQModel } from "@codebook/vqmodel";
   * import { assertEquals } from "@std/assert";
   *
   * using model = await VQModel.fromPretrained("examples/models/leaves-f4");
   * const processor = ImageProcessor.for(model, { resample: "bicubic" });
   * using sample = await processor.preprocess("examples/images/still-life.png", { height: 50, width: 50 });
   * assertEquals(sample.shape, [1, 3, 48, 48]);
   * ```
   */
  static for(model: PictureModel, options: ImageProcessorOptions = {}): ImageProcessor {
    checkProcessorOptions(options);
    const { config, pixelRange, downsamplingFactor } = checkPictureModel(model);
    return new ImageProcessor({
      ...options,
      doNormalize: options.doNormalize ?? pixelRange === "signed",
      vaeScaleFactor: options.vaeScaleFactor ?? downsamplingFactor,
      doConvertGrayscale: options.doConvertGrayscale ?? config.in_channels === 1,
    });
  }

  /**
   * Converts a picture, or an array of pictures as a batch, to a host tensor of float32: `[n, 3, height, width]`, or
   * `[n, 1, height, width]` with `doConvertGrayscale`. A path or URL needs permission to read it; nothing else needs
   * any.
   *
   * Like upstream, resizes floats by nearest neighbour, and does not normalize them if any is below 0.
   *
   * @throws {TypeError} if the source is of another type, cannot be read, or is not a picture that can be decoded; for
   * an unknown option, or options that exclude or need each other
   * @throws {RangeError} if a side is not a whole number ≥ 1, is rounded down to zero, or the picture exceeds
   * `maxPixels`; or if the pictures of an array differ in size after resizing
   */
  async preprocess(
    source: ProcessorInput | readonly ProcessorInput[],
    options: PreprocessOptions = {},
  ): Promise<Tensor> {
    const preparation = preparationOf(options, this.#options);
    const sources = (Array.isArray(source) ? source : [source]) as readonly ProcessorInput[];
    if (sources.length === 0) throw new RangeError("Cannot preprocess pictures: the array is empty");
    if (sources.every(isFloats)) return await this.#preprocessFloats(sources, preparation);

    const pictures = await prepareSources(sources as readonly PictureSource[], preparation, options.signal);
    const rasters = pictures.map(({ raster }) => raster);
    checkSameSize(rasters);
    return this.#toTensor(rasters, this.#options.doConvertRgb === false && pictures.every(({ gray }) => gray));
  }

  /** Converts a tensor to pictures. See {@linkcode PostprocessOptions.outputType}. */
  async postprocess(tensor: Tensor, options?: PostprocessOptions & { outputType?: "pil" }): Promise<Picture[]>;
  /** Converts a tensor to floats in `[n, height, width, channels]` order. */
  async postprocess(tensor: Tensor, options: PostprocessOptions & { outputType: "np" }): Promise<FloatArray>;
  /** Converts a tensor to a tensor of floats from 0 to 1. */
  async postprocess(tensor: Tensor, options: PostprocessOptions & { outputType: "pt" }): Promise<Tensor>;
  /**
   * Converts a tensor `[n, 3, height, width]`, or a gray one `[n, 1, height, width]`, to pictures, or to floats from 0
   * to 1. Clamps values outside of the range. In pictures, halves round to even as in numpy, and NaN becomes 0.
   *
   * @throws {TypeError} if the tensor has another shape, holds int32, or was disposed; or for an unknown option or
   * `outputType`
   */
  async postprocess(tensor: Tensor, options: PostprocessOptions = {}): Promise<Picture[] | FloatArray | Tensor> {
    checkPostprocessOptions(options);
    const { outputType = "pil", doDenormalize = this.#options.doNormalize ?? true } = options;
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

  /** Wraps the bytes of pictures of one size in a tensor. */
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

  async #preprocessFloats(
    sources: readonly (Tensor | FloatPixels)[],
    { size, maxPixels = MAX_PIXELS }: Preparation,
  ): Promise<Tensor> {
    const { doNormalize = true, doBinarize = false } = this.#options;
    let tensor = await concatTensors(await Promise.all(sources.map(asBatch)));
    if (size) {
      const [, , rows, columns] = tensor.shape;
      const { height, width } = sidesOf({ height: rows, width: columns }, size, maxPixels);
      tensor = await interpolate(tensor, height, width);
    }
    const isSigned = (await tensor.data()).some((value) => value < 0);
    if (doNormalize && !isSigned) tensor = await mapTensor(tensor, (value) => Math.fround(2 * value) - 1);
    if (doBinarize) tensor = await mapTensor(tensor, (value) => value < 0.5 ? 0 : 1);
    return tensor;
  }
}

/** Refuses anything but a model, such as a promise of one. */
function checkPictureModel(model: PictureModel): PictureModel {
  if (typeof model?.pixelRange === "string") return model;
  throw new TypeError(`Cannot create image processor: expected a loaded model, found ${show(model)}`);
}

function rangeOf(signed: boolean): PixelRange {
  return signed ? "signed" : "unit";
}

function isFloats(source: ProcessorInput): source is Tensor | FloatPixels {
  return source instanceof Tensor || isFloatPixels(source);
}

/** Concatenates the bytes of pictures; does not copy those of a single one. */
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
