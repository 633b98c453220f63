/**
 * Pictures of RGBA bytes, with reading and writing of files.
 *
 * @module
 */

import { checkOptions, type OptionNames, saveFile } from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import { encodeJpeg } from "./codecs/jpeg/encoder.ts";
import { encodePng, encodePngByPlatform } from "./codecs/png/encoder.ts";
import type { DecodePictureOptions } from "./preparation/decode.ts";
import { offloadPreparation } from "./workers/offload.ts";

/** The file formats that {@linkcode Picture.encode} writes. */
export type PictureFormat = "png" | "jpeg";

/** Options of {@linkcode Picture.encode} and {@linkcode Picture.save}. */
export interface EncodeOptions {
  /** Quality of a JPEG, a whole number from 1 to 100 on libjpeg's scale. PNG is lossless and ignores it. Default 90. */
  quality?: number;
}

const ENCODE_OPTIONS: OptionNames<EncodeOptions> = { quality: true };
const DECODE_OPTIONS: OptionNames<DecodePictureOptions> = { maxPixels: true, applyOrientation: true, signal: true };

/**
 * A picture of RGBA bytes, shaped like the web's `ImageData`.
 *
 * @example
 * ```ts
 * import { Picture } from "@codebook/vqmodel";
 * import { assertEquals } from "@std/assert";
 *
 * const red = new Picture(2, 1, Uint8ClampedArray.of(255, 0, 0, 255, 255, 0, 0, 255));
 * assertEquals(red.encode("png").subarray(1, 4), new TextEncoder().encode("PNG"));
 * ```
 */
export class Picture {
  /** Width in pixels, at least 1. */
  readonly width: number;
  /** Height in pixels, at least 1. */
  readonly height: number;
  /** Four bytes per pixel: red, green, blue, alpha (255 is opaque), row by row from the top left. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;

  /**
   * A picture over the given bytes, without copying them.
   *
   * @throws {TypeError} if `data` is not a `Uint8ClampedArray`
   * @throws {RangeError} if a side is not a whole number ≥ 1, or `data` does not have 4 × width × height bytes
   */
  constructor(width: number, height: number, data: Uint8ClampedArray<ArrayBuffer>) {
    if (!(data instanceof Uint8ClampedArray)) {
      throw new TypeError("Cannot create picture: data must be a Uint8ClampedArray");
    }
    if (!isSide(width) || !isSide(height)) {
      throw new RangeError(`Cannot create picture: sides must be whole numbers ≥ 1, found ${width}×${height}`);
    }
    if (data.length !== 4 * width * height) {
      throw new RangeError(
        `Cannot create picture: ${width}×${height} pixels need ${
          4 * width * height
        } bytes of RGBA, found ${data.length}`,
      );
    }
    this.width = width;
    this.height = height;
    this.data = data;
  }

  /**
   * Encodes the picture as the bytes of a PNG or JPEG file. A PNG is RGBA if any pixel is not opaque, else gray if
   * every pixel is gray, else RGB. A JPEG always has colour and no alpha.
   *
   * @throws {TypeError} if the format is neither `"png"` nor `"jpeg"`, or for an unknown option
   * @throws {RangeError} if the quality is not a whole number from 1 to 100, or a side is too long for JPEG
   */
  encode(format: PictureFormat, options: EncodeOptions = {}): Uint8Array<ArrayBuffer> {
    checkOptions("encode picture", options, ENCODE_OPTIONS);
    if (format === "png") return encodePng(this);
    if (format !== "jpeg") {
      throw new TypeError(`Cannot encode picture: expected format "png" or "jpeg", found ${show(format)}`);
    }
    const { quality = 90 } = options;
    if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
      throw new RangeError(`Cannot encode picture: quality must be a whole number from 1 to 100, found ${quality}`);
    }
    return encodeJpeg(this, quality);
  }

  /**
   * Writes the picture to a file; the extension (`.png`, `.jpg`, `.jpeg`) determines the format.
   * Writes to a temporary file in the same folder and renames it, so that the file is never incomplete.
   * Needs permission to read and write in that folder.
   *
   * @throws {TypeError} for another extension or an unknown option, or if the file cannot be written
   * @throws {RangeError} as {@linkcode Picture.encode} does
   */
  async save(path: string | URL, options: EncodeOptions = {}): Promise<void> {
    checkOptions("save picture", options, ENCODE_OPTIONS);
    const format = pictureFormatOf(path);
    const bytes = format === "png" ? await encodePngByPlatform(this) : this.encode(format, options);
    await saveFile(path, bytes, "picture");
  }
}

/**
 * Decodes a picture file to exactly the pixels of `ImageOps.exif_transpose(Image.open(file)).convert("RGB")` in PIL,
 * which is what Diffusers' `load_image` does. The first bytes determine the format: PNG, JPEG, WebP, GIF (first frame),
 * BMP, TIFF or AVIF. Alpha is dropped; gray, palettes and CMYK become RGB. Large pictures are decoded in a worker,
 * where workers can be started.
 *
 * @throws {TypeError} if the bytes are none of these, or damaged, cut short or of an unsupported kind; or for an
 * unknown option
 * @throws {RangeError} if the header states more than `maxPixels` pixels or, without that option, needs more memory or
 * time than a file of that size is allowed; nothing is decoded then
 */
export async function decodePicture(file: Uint8Array, options: DecodePictureOptions = {}): Promise<Picture> {
  checkOptions("decode picture", options, DECODE_OPTIONS);
  const { maxPixels, applyOrientation = true, signal } = options;
  const { width, height, data } = await offloadPreparation(file, { maxPixels, applyOrientation }, {
    alone: true,
    signal,
  });
  return new Picture(width, height, data);
}

function isSide(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/**
 * The picture format for a file name, by its extension: `.png`, `.jpg` or `.jpeg`.
 *
 * @throws {TypeError} for another extension
 */
export function pictureFormatOf(path: string | URL): PictureFormat {
  const name = path instanceof URL ? path.pathname : path;
  const extension = /\.[^./\\]*$/.exec(name)?.[0].toLowerCase();
  if (extension === ".png") return "png";
  if (extension === ".jpg" || extension === ".jpeg") return "jpeg";
  throw new TypeError(
    `Cannot save picture: expected a name ending in .png, .jpg or .jpeg, found ${show(name)}`,
  );
}
