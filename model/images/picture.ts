/**
 * Pictures: RGBA bytes that come from and go to PNG and JPEG files.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "../../hub/mod.ts";
import { show } from "../../hub/show.ts";
import { saveFile } from "../save_file.ts";
import { encodeJpeg } from "./codecs/jpeg/encoder.ts";
import { encodePng, encodePngByPlatform } from "./codecs/png/encoder.ts";
import type { DecodePictureOptions } from "./preparation/decode.ts";
import { prepareAway } from "./workers/prepare_away.ts";

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
  /** Four bytes a pixel: red, green, blue, alpha (255 is opaque), row by row from the top left. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;

  /**
   * A picture over the given bytes, which are kept, not copied.
   *
   * @throws {TypeError} if `data` is not a `Uint8ClampedArray`
   * @throws {RangeError} if a side is not a whole number ≥ 1, or `data` has not 4 × width × height bytes
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
   * The bytes of a PNG or JPEG file.
   * A PNG is gray if every pixel is, RGBA if some pixel is not opaque, else RGB. A JPEG is always colour, without alpha.
   *
   * @throws {TypeError} if the format is neither `"png"` nor `"jpeg"`
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
   * Writes the picture to a file; the extension (`.png`, `.jpg`, `.jpeg`) decides the format.
   * Written beside its final name first and then renamed, so that the file is never half there.
   * Needs permission to read and write in that folder.
   *
   * @throws {TypeError} if the extension is none of these, or the file cannot be written
   */
  async save(path: string | URL, options: EncodeOptions = {}): Promise<void> {
    checkOptions("save picture", options, ENCODE_OPTIONS);
    const format = pictureFormatOf(path);
    const bytes = format === "png" ? await encodePngByPlatform(this) : this.encode(format, options);
    await saveFile(path, bytes, "picture");
  }
}

/**
 * Decodes a picture file, told apart by its first bytes, to exactly the pixels of
 * `ImageOps.exif_transpose(Image.open(file)).convert("RGB")` in PIL, which is what Diffusers' `load_image` does: PNG, JPEG, WebP,
 * GIF (first frame), BMP, TIFF and AVIF. Alpha is dropped, gray, palettes and CMYK become RGB. What takes long is done in a worker
 * where there are any.
 *
 * @throws {TypeError} if the bytes are none of these, or damaged, cut short or of an unsupported kind
 * @throws {RangeError} if the header states more than `maxPixels` pixels, or without that option asks for much more memory or
 * time than a file of so few bytes may take; nothing is decoded then
 */
export async function decodePicture(file: Uint8Array, options: DecodePictureOptions = {}): Promise<Picture> {
  checkOptions("decode picture", options, DECODE_OPTIONS);
  const { maxPixels, applyOrientation = true, signal } = options;
  const { width, height, data } = await prepareAway(file, { maxPixels, applyOrientation }, { alone: true, signal });
  return new Picture(width, height, data);
}

function isSide(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/**
 * The format that a file's name asks for: by its extension, `.png`, `.jpg` or `.jpeg`.
 *
 * @throws {TypeError} if it is none of these
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
