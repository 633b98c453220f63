/**
 * From a picture's file to pixels of the size that a model takes.
 *
 * What is asked for is plain data, so that a worker can be told the same.
 *
 * @module
 */

import { decodeRaster, MAX_PIXELS } from "./decode.ts";
import { resizeAndCenter, resizeAndCrop, resizeAndCropAdm, resizeAndFill } from "../resizing/fit.ts";
import type { Raster } from "../raster/raster.ts";
import { type Resample, resize } from "../resizing/resample.ts";

/** How a picture is made a given size where its shape is another; but for `"keep"`, upstream's `resize_mode`. */
export type ResizeMode = "default" | "fill" | "crop" | "keep";

/** How training scripts cut a square out of a picture. */
export type Crop = "center" | "adm";

/** What to make of a picture. */
export interface Preparation {
  /** As in `decodePicture`; what a picture is made may not have more than `MAX_PIXELS` either where this is absent. */
  readonly maxPixels?: number;
  readonly applyOrientation: boolean;
  /** How to resize; absent, the picture keeps its size. */
  readonly size?: SizeRequest;
}

/** The size that is asked for, and how to come to it. */
export interface SizeRequest {
  readonly height?: number;
  readonly width?: number;
  /** What sides are rounded down to a multiple of. */
  readonly multiple: number;
  readonly resample?: Resample;
  readonly resizeMode: ResizeMode;
  readonly crop?: Crop;
}

/** Reads a picture's file, turns it upright, and makes it the size that is asked for. */
export async function preparePicture(file: Uint8Array, preparation: Preparation): Promise<Raster> {
  return fitRaster(await decodeRaster(file, preparation), preparation);
}

/**
 * Makes a picture the size that is asked for.
 *
 * @throws {RangeError} if a side is rounded down to zero, or there are more than `maxPixels`
 */
export function fitRaster(raster: Raster, { size, maxPixels = MAX_PIXELS }: Preparation): Raster {
  if (!size) return raster;
  const { resample, resizeMode, crop } = size;
  const { width, height } = sidesOf(raster, size, maxPixels);
  if (crop === "adm") return resizeAndCropAdm(raster, width, maxPixels);
  if (crop === "center") return resizeAndCenter(raster, width, resample ?? "bicubic", maxPixels);
  if (resizeMode === "fill") return resizeAndFill(raster, width, height);
  if (resizeMode === "crop") return resizeAndCrop(raster, width, height, maxPixels);
  return resize(raster, width, height, resample ?? "lanczos");
}

/** Width and height in pixels. */
interface Sides {
  readonly width: number;
  readonly height: number;
}

/**
 * The sides that a picture is to have, as the model takes them. A square is cut, or a shape kept, by one side alone.
 *
 * @throws {RangeError} as {@linkcode fitRaster} does
 */
export function sidesOf(picture: Sides, size: SizeRequest, maxPixels: number): Sides {
  const { multiple, crop, resizeMode } = size;
  const shape = crop ? { width: 1, height: 1 } : resizeMode === "keep" ? picture : undefined;
  const wide = size.height && shape && Math.floor(size.height * shape.width / shape.height);
  const high = size.width && shape && Math.floor(size.width * shape.height / shape.width);
  const height = roundDown("height", size.height ?? high ?? picture.height, multiple);
  const width = roundDown("width", size.width ?? wide ?? picture.width, multiple);
  checkPixels(width, height, maxPixels);
  return { width, height };
}

/** A side as the model takes it. */
function roundDown(name: "height" | "width", side: number, multiple: number): number {
  const rounded = side - side % multiple;
  if (rounded > 0) return rounded;
  throw new RangeError(
    `Cannot preprocess picture: ${name} ${side} rounds down to 0, it must be at least vaeScaleFactor, ${multiple}`,
  );
}

/** Refuses pictures that are too large. */
export function checkPixels(width: number, height: number, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  throw new RangeError(`Cannot preprocess picture: ${width}×${height} pixels are more than maxPixels, ${maxPixels}`);
}
