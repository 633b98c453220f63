/**
 * Pictures as the options want them.
 *
 * @module
 */

import { type Crop, ImageProcessor, type Resample, type Tensor, type VQConfig, type VQModel } from "../mod.ts";
import { type Options, UsageError } from "./arguments.ts";

/**
 * Checks, before a model is loaded, that pictures are there, and what is said of resizing them.
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

/** Whether it has a scheme; a letter alone is a drive of Windows. */
function isUrl(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(path);
}

/** What makes tensors for a model of pictures, and pictures of its tensors. */
export function processorFor({ config, downsamplingFactor }: VQModel, options: Options): ImageProcessor {
  return new ImageProcessor({
    vaeScaleFactor: downsamplingFactor,
    resample: options.resample as Resample | undefined,
    doNormalize: isSigned(config, options),
    doConvertGrayscale: config.in_channels === 1,
    applyOrientation: !options["no-orientation"],
    maxPixels: numberOf(options["max-pixels"]),
  });
}

/** Whether pixels run from -1 to 1. By default they do, but for models that look codes up, as aMUSEd's do. */
export function isSigned({ lookup_from_codebook }: VQConfig, { range }: Options): boolean {
  return range === undefined ? !lookup_from_codebook : range === "-1,1";
}

/** One batch of pictures, of the size that the options ask for. */
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
