/**
 * Pictures of a data set as a model takes them.
 *
 * @module
 */

import { sha256Of } from "../../hub/mod.ts";
import {
  ImageProcessor,
  type ImageProcessorOptions,
  Picture,
  type PreprocessOptions,
  type Tensor,
  type VQModel,
} from "../../mod.ts";

/** How pictures are prepared: as by `ImageProcessor.for(model, …).preprocess`. */
export interface PrepareOptions
  extends
    Omit<PreprocessOptions, "signal">,
    Pick<ImageProcessorOptions, "doNormalize" | "applyOrientation" | "maxPixels"> {
  /** `"hflip"` also tokenizes each picture mirrored, under its key with `_hflip` behind it. Default: none. */
  augment?: "hflip";
}

/** A picture ready for the model. */
export interface PreparedPicture {
  readonly picture: Picture;
  /** SHA-256 of its file, in hexadecimal. */
  readonly sha256: string;
}

/** Prepares pictures. */
export interface Preparer {
  /**
   * Decodes and resizes a picture.
   *
   * @throws {Error} if it cannot be read
   */
  prepare(file: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<PreparedPicture>;
  /** The tensor of pictures of one size. */
  stack(pictures: readonly Picture[]): Promise<Tensor>;
}

/** Prepares pictures for a model. */
export function preparerFor(model: VQModel, options: PrepareOptions): Preparer {
  const { doNormalize, applyOrientation, maxPixels, augment: _augment, ...size } = options;
  const resizing = ImageProcessor.for(model, { doNormalize, applyOrientation, maxPixels });
  const stacking = ImageProcessor.for(model, { doNormalize, doResize: false });
  return {
    async prepare(file, signal) {
      const sha256 = await sha256Of(file);
      const sample = await resizing.preprocess(file, { ...size, signal });
      const [picture] = await resizing.postprocess(sample).finally(() => sample.dispose());
      return { picture, sha256 };
    },
    stack: (pictures) => stacking.preprocess(pictures),
  };
}

/** The picture mirrored left to right. */
export function mirrored({ width, height, data }: Picture): Picture {
  const pixels = new Uint32Array(data.slice().buffer);
  for (let row = 0; row < height; row++) pixels.subarray(row * width, (row + 1) * width).reverse();
  return new Picture(width, height, new Uint8ClampedArray(pixels.buffer));
}

/** What is recorded of how pictures are prepared; defaults that depend on other options are filled in. */
export function describePreparation(
  model: VQModel,
  options: PrepareOptions,
): Record<string, string | number | boolean> {
  const { doNormalize = model.pixelRange === "signed", applyOrientation = true, ...rest } = options;
  const { resizeMode = "default", crop } = rest;
  const usual = crop === "center" ? "bicubic" : crop === "adm" ? "adm" : "lanczos";
  const { resample = usual } = rest;
  const settings = { ...rest, resizeMode, resample, applyOrientation, range: doNormalize ? "-1,1" : "0,1" };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
