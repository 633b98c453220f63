/**
 * Options of the image processor, and their checks.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import type { Crop, Preparation, ResizeMode } from "./preparation/prepare.ts";
import type { Resample } from "./resizing/resample.ts";

/** Options of {@linkcode ImageProcessor}. Names and defaults are those of Diffusers' `VaeImageProcessor`. */
export interface ImageProcessorOptions {
  /** Whether to resize, and round sizes down to a multiple of `vaeScaleFactor`. Default true. */
  doResize?: boolean;
  /** What sides are rounded down to a multiple of: 2 to the power of the model's downsamplings. Default 8. */
  vaeScaleFactor?: number;
  /** How to resize: PIL's filter of that name. Default `"lanczos"`; with `crop: "center"`, `"bicubic"`. */
  resample?: Resample;
  /** Whether tensors run from -1 to 1 (Kandinsky, LDM, VQ-Diffusion) or from 0 to 1 (aMUSEd). Default true: -1 to 1. */
  doNormalize?: boolean;
  /** Whether values that stand for less than 0.5 become 0, and all others 1. Default false. */
  doBinarize?: boolean;
  /**
   * Whether gray pixels in memory become three channels, as files always do (upstream's `load_image`). Default true.
   */
  doConvertRgb?: boolean;
  /** Whether to make one gray channel instead of three. Default false. */
  doConvertGrayscale?: boolean;
  /** Whether to turn pictures upright by their EXIF orientation, as upstream's `load_image` does. Default true. */
  applyOrientation?: boolean;
  /**
   * The most pixels that a picture may have, before and after resizing. Default: {@linkcode MAX_PIXELS}, 64 megapixels,
   * with the further limits of {@linkcode decodePicture} for files.
   */
  maxPixels?: number;
}

/** Options of {@linkcode ImageProcessor.preprocess}. */
export interface PreprocessOptions {
  /** Height in pixels, rounded down to a multiple of `vaeScaleFactor`. Default: the picture's own. */
  height?: number;
  /** Width in pixels, rounded down to a multiple of `vaeScaleFactor`. Default: the picture's own. */
  width?: number;
  /** How to resize, instead of the processor's `resample`. Not with `crop: "adm"`, which resizes in its own way. */
  resample?: Resample;
  /**
   * How to fit a picture of another aspect ratio; upstream's `resize_mode`: `"default"` distorts it, `"fill"` fits it
   * inside the size and extends its border pixels, `"crop"` covers the size and cuts off the rest. The last two always
   * resize by Lanczos. `"keep"`, which upstream does not have, takes either `height` or `width` and computes the other
   * from the aspect ratio.
   */
  resizeMode?: ResizeMode;
  /**
   * Cuts a square of `height` (or `width`) pixels out of the picture, as training scripts do: `"center"` like
   * torchvision's `Resize` and `CenterCrop`, `"adm"` like `center_crop_arr` of ADM, guided-diffusion and DiT. Not with
   * `resizeMode`.
   */
  crop?: Crop;
  /** Aborts between two pictures, and while one is read. */
  signal?: AbortSignal;
}

/** Options of {@linkcode ImageProcessor.postprocess}. */
export interface PostprocessOptions {
  /** Whether the tensor runs from -1 to 1. Default: the processor's `doNormalize`. */
  doDenormalize?: boolean;
  /**
   * What to return, by upstream's names: `"pil"` for pictures, `"np"` for floats `[n, height, width, channels]`, `"pt"`
   * for a tensor of floats `[n, channels, height, width]`. Default `"pil"`. Floats run from 0 to 1.
   */
  outputType?: "pil" | "np" | "pt";
}

const PROCESSOR_OPTIONS: OptionNames<ImageProcessorOptions> = {
  doResize: true,
  vaeScaleFactor: true,
  resample: true,
  doNormalize: true,
  doBinarize: true,
  doConvertRgb: true,
  doConvertGrayscale: true,
  applyOrientation: true,
  maxPixels: true,
};
const PREPROCESS_OPTIONS: OptionNames<PreprocessOptions> = {
  height: true,
  width: true,
  resample: true,
  resizeMode: true,
  crop: true,
  signal: true,
};
const POSTPROCESS_OPTIONS: OptionNames<PostprocessOptions> = { doDenormalize: true, outputType: true };

const RESAMPLES = ["lanczos", "bicubic", "bilinear", "box", "hamming", "nearest"];
const RESIZE_MODES = ["default", "fill", "crop", "keep"];
const CROPS = ["center", "adm"];
const OUTPUT_TYPES = ["pil", "np", "pt"];

/** Checks the options of a processor, see {@linkcode ImageProcessor} for what it throws. */
export function checkProcessorOptions(options: ImageProcessorOptions): void {
  checkOptions("create image processor", options, PROCESSOR_OPTIONS);
  const { resample, vaeScaleFactor, doConvertRgb, doConvertGrayscale, maxPixels } = options;
  checkName("resample", RESAMPLES, resample);
  if (vaeScaleFactor !== undefined) checkWholeNumber("vaeScaleFactor", vaeScaleFactor);
  if (doConvertRgb && doConvertGrayscale) {
    throw new TypeError("Cannot create image processor: doConvertRgb and doConvertGrayscale cannot both be true");
  }
  if (maxPixels !== undefined && !(maxPixels >= 1)) {
    throw new RangeError(`Cannot create image processor: maxPixels must be a number ≥ 1, found ${maxPixels}`);
  }
}

/** Checks the options of `postprocess`. */
export function checkPostprocessOptions(options: PostprocessOptions): void {
  checkOptions("postprocess tensor", options, POSTPROCESS_OPTIONS);
  checkName("outputType", OUTPUT_TYPES, options.outputType);
}

/**
 * What `preprocess` does to each picture.
 *
 * @throws {TypeError} for an unknown option or name, and for options that exclude or need each other
 * @throws {RangeError} if a side is not a whole number ≥ 1, or a square is to have two different sides
 */
export function preparationOf(options: PreprocessOptions, processor: ImageProcessorOptions): Preparation {
  checkPreprocessOptions(options);
  const { height, width, resizeMode = "default", crop, resample = processor.resample } = options;
  const size = { height, width, multiple: processor.vaeScaleFactor ?? 8, resample, resizeMode, crop };
  return {
    maxPixels: processor.maxPixels,
    applyOrientation: processor.applyOrientation ?? true,
    size: processor.doResize ?? true ? size : undefined,
  };
}

function checkPreprocessOptions(options: PreprocessOptions): void {
  checkOptions("preprocess pictures", options, PREPROCESS_OPTIONS);
  const { height, width, resample, resizeMode, crop } = options;
  checkName("resample", RESAMPLES, resample);
  checkName("resizeMode", RESIZE_MODES, resizeMode);
  checkName("crop", CROPS, crop);
  if (height !== undefined) checkWholeNumber("height", height);
  if (width !== undefined) checkWholeNumber("width", width);
  if (crop !== undefined) checkCrop(crop, options);
  if (resizeMode === "keep" && (height === undefined) === (width === undefined)) {
    const found = height === undefined ? "neither" : "both";
    throw new TypeError(
      `Cannot preprocess pictures: resizeMode "keep" needs either height or width, found ${found}; the other side follows`,
    );
  }
}

/** A square has one side, and its own way of resizing. */
function checkCrop(crop: Crop, { height, width, resample, resizeMode }: PreprocessOptions): void {
  if ((height ?? width) === undefined) {
    throw new TypeError(`Cannot preprocess pictures: crop ${show(crop)} needs height or width, the side of the square`);
  }
  if (height !== undefined && width !== undefined && height !== width) {
    throw new RangeError(`Cannot preprocess pictures: crop makes squares, found height ${height} and width ${width}`);
  }
  if (resizeMode !== undefined && resizeMode !== "default") {
    throw new TypeError(`Cannot preprocess pictures: crop ${show(crop)} excludes resizeMode ${show(resizeMode)}`);
  }
  if (crop === "adm" && resample !== undefined) {
    throw new TypeError('Cannot preprocess pictures: crop "adm" resizes in its own way; leave out resample');
  }
}

/** Checks that a value is a whole number ≥ 1. */
export function checkWholeNumber(name: string, value: number): void {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot process pictures: ${name} must be a number, found ${typeof value}`);
  }
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new RangeError(`Cannot process pictures: ${name} must be a whole number ≥ 1, found ${value}`);
}

function checkName(option: string, names: readonly string[], found: string | undefined): void {
  if (found === undefined || names.includes(found)) return;
  const expected = names.map((name) => JSON.stringify(name)).join(", ");
  throw new TypeError(`Cannot process pictures: expected ${option} ${expected}, found ${show(found)}`);
}
