/**
 * Reading pictures as the options say.
 *
 * @module
 */

import { type Crop, ImageProcessor, type PixelRange, type Resample, type Tensor, type VQModel } from "../mod.ts";
import { UsageError } from "./arguments.ts";
import type { Options } from "./options.ts";

/**
 * Checks, before a model is loaded, that the pictures exist, and the options for resizing them.
 *
 * @throws {UsageError} if options exclude each other, or one is missing
 */
export async function checkPictures(paths: readonly string[], options: Options): Promise<void> {
  const { size, height, width, crop, resample } = options;
  const hasSide = (height ?? width) !== undefined;
  if (size !== undefined && hasSide) throw new UsageError("--size sets both sides: leave out --height and --width");
  if (crop !== undefined && hasSide) throw new UsageError("--crop makes squares: pass --size, not --height or --width");
  if (crop !== undefined && size === undefined) throw new UsageError("--crop needs --size, the side of the square");
  if (crop === "adm" && resample) throw new UsageError("--crop adm resizes in its own way: leave out --resample");
  for (const path of paths) if (!isUrl(path)) await Deno.stat(path);
}

/** Whether a path has a scheme; a single letter is a Windows drive. */
export function isUrl(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(path);
}

/** The image processor for a model. */
export function processorFor(model: VQModel, options: Options): ImageProcessor {
  return ImageProcessor.for(model, {
    resample: options.resample as Resample | undefined,
    doNormalize: pixelRangeOf(model, options) === "signed",
    applyOrientation: !options["no-orientation"],
    maxPixels: numberOf(options["max-pixels"]),
  });
}

/** The range of pixels: the model's, unless `--range` overrides it. */
export function pixelRangeOf({ pixelRange }: VQModel, { range }: Options): PixelRange {
  if (range === undefined) return pixelRange;
  return range === "-1,1" ? "signed" : "unit";
}

/** Reads pictures into one batch, of the size in the options. */
export function preprocess(processor: ImageProcessor, paths: readonly string[], options: Options): Promise<Tensor> {
  const { size, height = size, width = size, crop } = options;
  const isOneSided = (height === undefined) !== (width === undefined);
  return processor.preprocess(paths.length === 1 ? paths[0] : paths, {
    height: numberOf(height),
    width: numberOf(width),
    crop: crop as Crop | undefined,
    resizeMode: isOneSided ? "keep" : undefined,
  });
}

function numberOf(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
