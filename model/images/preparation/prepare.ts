/**
 * From a picture file to pixels of the size that a model takes.
 *
 * The request is plain data, so that it can be sent to a worker.
 *
 * @module
 */

import { decodeRaster, MAX_PIXELS } from "./decode.ts";
import { resizeAndCenter, resizeAndCrop, resizeAndCropAdm, resizeAndFill } from "../resizing/fit.ts";
import type { Raster } from "../raster/raster.ts";
import { type Resample, resize } from "../resizing/resample.ts";

/** How a picture of another aspect ratio is fitted to a size: upstream's `resize_mode`, and `"keep"`. */
export type ResizeMode = "default" | "fill" | "crop" | "keep";

/** How a square is cropped from a picture, as in training scripts. */
export type Crop = "center" | "adm";

/** How to prepare a picture. */
export interface Preparation {
  /** As in `decodePicture`; also limits the size after resizing, by default to `MAX_PIXELS`. */
  readonly maxPixels?: number;
  readonly applyOrientation: boolean;
  /** The size to make; without it, the picture keeps its own. */
  readonly size?: SizeRequest;
}

/** The requested size, and how to fit the picture to it. */
export interface SizeRequest {
  readonly height?: number;
  readonly width?: number;
  /** Sides are rounded down to a multiple of this. */
  readonly multiple: number;
  readonly resample?: Resample;
  readonly resizeMode: ResizeMode;
  readonly crop?: Crop;
}

/** Decodes a picture file, applies its orientation, and fits it to the requested size. */
export async function preparePicture(file: Uint8Array, preparation: Preparation): Promise<Raster> {
  return fitRaster(await decodeRaster(file, preparation), preparation);
}

/**
 * Fits a picture to the requested size.
 *
 * @throws {RangeError} if a side is rounded down to zero, or there are more pixels than `maxPixels`
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
 * Width and height of a picture after fitting. For a square, and with `"keep"`, one requested side determines the
 * other.
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

/** A side rounded down to a multiple. */
function roundDown(name: "height" | "width", side: number, multiple: number): number {
  const rounded = side - side % multiple;
  if (rounded > 0) return rounded;
  throw new RangeError(
    `Cannot preprocess picture: ${name} ${side} rounds down to 0, it must be at least vaeScaleFactor, ${multiple}`,
  );
}

/** Checks that a picture is not too large. */
export function checkPixels(width: number, height: number, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  throw new RangeError(`Cannot preprocess picture: ${width}×${height} pixels are more than maxPixels, ${maxPixels}`);
}
