/**
 * Fits pictures to a size without distortion, like Diffusers' `VaeImageProcessor` and training scripts.
 *
 * @module
 */

import { crop, paste } from "./crop.ts";
import { blank, type Raster } from "../raster/raster.ts";
import { type Resample, resize } from "./resample.ts";

/**
 * Upstream's `resize_mode="fill"`: resizes the picture to fit inside `width` × `height`, centered, and extends its
 * border pixels over the rest.
 *
 * @throws {RangeError} if the picture is so narrow that a side becomes 0
 */
export function resizeAndFill(source: Raster, width: number, height: number): Raster {
  const ratio = width / height, ratioIn = source.width / source.height;
  const inner = resizeWithin(
    source,
    ratio < ratioIn ? width : Math.floor(source.width * height / source.height),
    ratio < ratioIn ? Math.floor(source.height * width / source.width) : height,
    "lanczos",
    width * height,
  );
  const out = blank(width, height);
  const left = half(width) - half(inner.width), top = half(height) - half(inner.height);
  paste(out, inner, left, top);
  if (ratio < ratioIn && top > 0) {
    paste(out, resize(inner, width, top, "bicubic", [0, 0, width, 0]), 0, 0);
    paste(out, resize(inner, width, top, "bicubic", [0, inner.height, width, inner.height]), 0, top + inner.height);
  }
  if (ratio > ratioIn && left > 0) {
    paste(out, resize(inner, left, height, "bicubic", [0, 0, 0, height]), 0, 0);
    paste(out, resize(inner, left, height, "bicubic", [inner.width, 0, inner.width, height]), left + inner.width, 0);
  }
  return out;
}

/**
 * Upstream's `resize_mode="crop"`: resizes the picture to cover `width` × `height`, and crops the rest.
 *
 * @throws {RangeError} if the picture becomes larger than `maxPixels` before it is cut
 */
export function resizeAndCrop(source: Raster, width: number, height: number, maxPixels: number): Raster {
  const ratio = width / height, ratioIn = source.width / source.height;
  const outer = resizeWithin(
    source,
    ratio > ratioIn ? width : Math.floor(source.width * height / source.height),
    ratio > ratioIn ? Math.floor(source.height * width / source.width) : height,
    "lanczos",
    maxPixels,
  );
  return crop(outer, half(outer.width) - half(width), half(outer.height) - half(height), width, height);
}

/**
 * torchvision's `Resize(size)` and `CenterCrop(size)`: the shorter side becomes `size`, and the center is cropped.
 *
 * @throws {RangeError} if the picture becomes larger than `maxPixels` before it is cut
 */
export function resizeAndCenter(source: Raster, size: number, resample: Resample, maxPixels: number): Raster {
  const longer = Math.trunc(size * Math.max(source.width, source.height) / Math.min(source.width, source.height));
  const isTall = source.width <= source.height;
  const [width, height] = isTall ? [size, longer] : [longer, size];
  return cropCenter(resizeWithin(source, width, height, resample, maxPixels), size, size);
}

/**
 * torchvision's `CenterCrop((height, width))`: the center of a picture, padded with black if the picture is too small.
 */
export function cropCenter(source: Raster, width: number, height: number): Raster {
  return crop(source, centerStart(source.width, width), centerStart(source.height, height), width, height);
}

/**
 * `center_crop_arr` of ADM, guided-diffusion and DiT: halves the picture while its shorter side is at least twice
 * `size`, resizes that to `size`, and crops the center.
 *
 * @throws {RangeError} if the picture becomes larger than `maxPixels` before it is cut
 */
export function resizeAndCropAdm(source: Raster, size: number, maxPixels: number): Raster {
  let halved = source;
  while (Math.min(halved.width, halved.height) >= 2 * size) {
    halved = resize(halved, half(halved.width), half(halved.height), "box");
  }
  const scale = size / Math.min(halved.width, halved.height);
  const [width, height] = [roundToEven(halved.width * scale), roundToEven(halved.height * scale)];
  const resized = resizeWithin(halved, width, height, "bicubic", maxPixels);
  return crop(resized, half(width - size), half(height - size), size, size);
}

function resizeWithin(source: Raster, width: number, height: number, resample: Resample, maxPixels: number): Raster {
  if (width >= 1 && height >= 1 && width * height <= maxPixels) return resize(source, width, height, resample);
  throw new RangeError(
    `Cannot fit picture: ${source.width}×${source.height} pixels become ${width}×${height} at the size asked for, ` +
      `expected sides of at least 1 and at most ${maxPixels} pixels; crop it to another aspect ratio first`,
  );
}

function half(side: number): number {
  return Math.floor(side / 2);
}

/** Start of the center of a side; negative if `size` is longer than the side. */
function centerStart(side: number, size: number): number {
  return side < size ? -half(size - side) : roundToEven((side - size) / 2);
}

/** Python's `round`, which rounds halves to even. */
function roundToEven(value: number): number {
  const isHalf = Math.abs(value % 1) === 0.5;
  return isHalf ? 2 * Math.round(value / 2) : Math.round(value);
}
