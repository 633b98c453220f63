/**
 * Reading pictures as the options say.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import {
  ImageProcessor,
  type ImageProcessorOptions,
  type PixelRange,
  type PreprocessOptions,
  type Resample,
  type Tensor,
  type VQModel,
} from "../mod.ts";
import { UsageError } from "./arguments.ts";
import type { Options } from "./options.ts";

/**
 * Checks, before a model is loaded, that the pictures exist, and the options for resizing them.
 *
 * @throws {UsageError} if options exclude each other, or one is missing
 */
export async function checkPictures(paths: readonly string[], options: Options): Promise<void> {
  checkSizes(options);
  for (const path of paths) if (!isUrl(path)) await stat(path);
}

/**
 * Checks the options for resizing pictures.
 *
 * @throws {UsageError} if they exclude each other, or one is missing
 */
export function checkSizes({ size, height, width, crop, resample }: Options): void {
  const hasSide = (height ?? width) !== undefined;
  if (size !== undefined && hasSide) throw new UsageError("--size sets both sides: leave out --height and --width");
  if (crop === undefined || crop === "none") return;
  if (hasSide) throw new UsageError("--crop makes squares: pass --size, not --height or --width");
  if (size === undefined) throw new UsageError("--crop needs --size, the side of the square");
  if (crop !== "center" && resample) {
    throw new UsageError(`--crop ${crop} resizes in its own way: leave out --resample`);
  }
}

/** Whether a path has a scheme; a single letter is a Windows drive. */
export function isUrl(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(path);
}

/** The image processor for a model. */
export function processorFor(model: VQModel, options: Options): ImageProcessor {
  return ImageProcessor.for(model, processorOptionsOf(model, options));
}

/** The options of the image processor. */
export function processorOptionsOf(
  model: VQModel,
  options: Options,
): Pick<ImageProcessorOptions, "resample" | "doNormalize" | "applyOrientation" | "maxPixels"> {
  return {
    resample: options.resample as Resample | undefined,
    doNormalize: pixelRangeOf(model, options) === "signed",
    applyOrientation: !options["no-orientation"],
    maxPixels: numberOf(options["max-pixels"]),
  };
}

/** The range of pixels: the model's, unless `--range` overrides it. */
export function pixelRangeOf({ pixelRange }: VQModel, { range }: Options): PixelRange {
  if (range === undefined) return pixelRange;
  return range === "-1,1" ? "signed" : "unit";
}

/** Reads pictures into one batch, of the size in the options. */
export function preprocess(processor: ImageProcessor, paths: readonly string[], options: Options): Promise<Tensor> {
  return processor.preprocess(paths.length === 1 ? paths[0] : paths, sizeOf(options));
}

/** The size of pictures, and how they are fitted to it. */
export function sizeOf(
  { size, height = size, width = size, crop }: Options,
): Pick<PreprocessOptions, "height" | "width" | "crop" | "resizeMode"> {
  const isOneSided = (height === undefined) !== (width === undefined);
  return {
    height: numberOf(height),
    width: numberOf(width),
    crop: crop === "center" || crop === "adm" ? crop : undefined,
    resizeMode: isOneSided ? "keep" : crop === "fill" ? "fill" : undefined,
  };
}

function numberOf(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
