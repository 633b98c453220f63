// deno-lint-ignore-file no-control-regex -- signatures of files have control characters
/**
 * Recognizes and decodes picture files, to exactly the pixels that PIL reads.
 *
 * A codec is loaded for the first file of its format.
 *
 * @module
 */

import { checkCost, type Cost } from "../codecs/cost.ts";
import { cannotDecode } from "../codecs/errors.ts";
import { exifOrientation, turn, xmpOrientation } from "../raster/orientation.ts";
import type { Raster } from "../raster/raster.ts";

/** Default limit of a picture's pixels: 64 megapixels, 8192 × 8192. */
export const MAX_PIXELS: number = 8192 * 8192;

/** Options of {@linkcode decodePicture}. */
export interface DecodePictureOptions {
  /**
   * The most pixels (width × height) that the header of a picture may state. Default: {@linkcode MAX_PIXELS}, and at
   * most 150 MB and 2 s for decoding, estimated from the header, or that much per MB of a file larger than 1 MB.
   */
  maxPixels?: number;
  /** Whether to turn the picture upright by its EXIF orientation, as PIL's `exif_transpose` does. Default true. */
  applyOrientation?: boolean;
  /** Aborts decoding. */
  signal?: AbortSignal;
}

/** A file whose header was read. */
export interface PictureFile {
  readonly width: number;
  readonly height: number;
  /** EXIF orientation. Other values than 2 to 8 leave the picture unchanged. */
  readonly orientation?: number;
  /** Cost of decoding, without applying the orientation. */
  readonly cost: Cost;
  decode(): Raster | Promise<Raster>;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Readers of the supported formats, by name; see {@linkcode formatOf}. */
const READERS: Record<string, (bytes: Bytes) => Promise<PictureFile>> = {
  async PNG(bytes) {
    const { decodePng, readPng } = await import("../codecs/png/decoder.ts");
    const file = readPng(bytes);
    const orientation = exifOrientation(file.exif) ?? xmpOrientation(file.xmp);
    return { ...file.header, orientation, cost: file.cost, decode: () => decodePng(file) };
  },
  async JPEG(bytes) {
    const { readJpegHeaders } = await import("../codecs/jpeg/headers.ts");
    const { decodeJpeg } = await import("../codecs/jpeg/decoder.ts");
    const headers = readJpegHeaders(bytes);
    return { ...headers, orientation: exifOrientation(headers.exif), decode: () => decodeJpeg(bytes, headers) };
  },
  async WebP(bytes) {
    const { readWebp } = await import("../codecs/webp/chunks.ts");
    const { decodeWebp } = await import("../codecs/webp/decoder.ts");
    const file = readWebp(bytes);
    return { ...file, orientation: exifOrientation(file.exif), decode: () => decodeWebp(file) };
  },
  async GIF(bytes) {
    const { decodeGif, gifSize } = await import("../codecs/gif.ts");
    return { ...gifSize(bytes), decode: () => decodeGif(bytes) };
  },
  async BMP(bytes) {
    const { bmpSize, decodeBmp } = await import("../codecs/bmp.ts");
    return { ...bmpSize(bytes), decode: () => decodeBmp(bytes) };
  },
  async TIFF(bytes) {
    const { readLayout } = await import("../codecs/tiff/directory.ts");
    const { decodeTiff } = await import("../codecs/tiff/decoder.ts");
    const layout = readLayout(bytes);
    return { ...layout, decode: () => decodeTiff(bytes, layout) };
  },
  async AVIF(bytes) {
    const { decodeAvif, readAvif } = await import("../codecs/avif/decoder.ts");
    const headers = readAvif(bytes);
    return { ...headers, decode: () => decodeAvif(bytes, headers) };
  },
};

/** Signatures at an offset. The first match decides. */
const SIGNATURES: readonly (readonly [format: string, offset: number, text: RegExp])[] = [
  ["PNG", 0, /^\x89PNG\r\n\x1a\n/],
  ["JPEG", 0, /^\xff\xd8\xff/],
  ["WebP", 0, /^RIFF[^]{4}WEBP/],
  ["GIF", 0, /^GIF8[79]a/],
  ["BMP", 0, /^BM/],
  ["TIFF", 0, /^(II[*+]\0|MM\0[*+])/],
  ["AVIF", 4, /^ftyp(avi[fs]|[^]{4,}avif)/],
  ["HEIC", 4, /^ftyp(hei|hev|mif1|msf1)/],
  ["JPEG XL", 0, /^(\xff\x0a|\0\0\0\x0cJXL )/],
  ["JPEG 2000", 0, /^(\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/],
  ["Photoshop", 0, /^8BPS/],
  ["PDF", 0, /^%PDF/],
  ["an icon", 0, /^\0\0[\x01\x02]\0/],
  ["SVG", 0, /^(\xef\xbb\xbf)?\s*(<\?xml[^]*|<!--[^]*|<!doctype svg[^]*)?<svg[\s>]/i],
  ["an HTML page", 0, /^(\xef\xbb\xbf)?\s*(<!--[^]*-->\s*)?<(!doctype html|html|head|body)/i],
  ["XML", 0, /^(\xef\xbb\xbf)?\s*<\?xml/],
  ["JSON", 0, /^\s*[{[]/],
  ["a Git LFS pointer", 0, /^version https:\/\/git-lfs/],
];

/** Bytes needed to recognize a format. */
const SIGNATURE_BYTES = 1024;

/** The options that determine the result. */
type DecodeOptions = Omit<DecodePictureOptions, "signal">;

/** Decodes a file and applies its orientation. Throws what `decodePicture` throws. */
export async function decodeRaster(file: Uint8Array, options: DecodeOptions = {}): Promise<Raster> {
  const { orientation, decode } = await openPicture(file, options);
  const raster = await decode();
  return options.applyOrientation === false ? raster : turn(raster, orientation);
}

/**
 * Recognizes a file and reads its header. Throws what `decodePicture` throws, except for errors found while decoding.
 */
export async function openPicture(file: Uint8Array, options: DecodeOptions = {}): Promise<PictureFile> {
  const bytes = file.buffer instanceof ArrayBuffer ? file as Bytes : new Uint8Array(file);
  const format = formatOf(bytes);
  if (format && format in READERS) {
    const picture = await READERS[format](bytes);
    checkLimits(file.length, picture, options);
    return picture;
  }
  throw cannotDecode(`expected a ${Object.keys(READERS).join(", ")} file, found ${describe(bytes, format)}`);
}

function checkLimits(bytes: number, picture: PictureFile, { maxPixels, applyOrientation = true }: DecodeOptions): void {
  const { width, height, orientation = 1, cost } = picture;
  const pixels = width * height;
  const limit = maxPixels ?? MAX_PIXELS;
  if (!(pixels <= limit)) {
    throw new RangeError(
      `Cannot decode picture: it states ${width}×${height} pixels, more than ${limit}; raise maxPixels if you trust it`,
    );
  }
  const toTurn = applyOrientation && orientation > 1 ? 4 * pixels : 0;
  if (maxPixels === undefined) checkCost(bytes, width, height, { ...cost, memory: cost.memory + toTurn });
}

function formatOf(bytes: Uint8Array): string | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, SIGNATURE_BYTES));
  return SIGNATURES.find(([, offset, pattern]) => pattern.test(text.slice(offset)))?.[0];
}

function describe(bytes: Uint8Array, format: string | undefined): string {
  if (bytes.length === 0) return "no bytes";
  if (format) return `${format}; convert it first`;
  const hex = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
  return `bytes that begin with ${hex.join(" ")}`;
}
