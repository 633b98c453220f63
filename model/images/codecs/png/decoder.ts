/**
 * Reads PNG files of every colour type, bit depth and interlacing.
 *
 * imagescript computes the checksums.
 *
 * @module
 */

import { crc32 } from "imagescript/png/src/crc.mjs";
import { show } from "../../../../hub/show.ts";
import type { Cost } from "../cost.ts";
import type { Raster } from "../../raster/raster.ts";
import { cannotDecode } from "../errors.ts";
import { Inflater } from "../inflate.ts";
import { decodeRows, type PngLayout, rowsCost } from "./rows.ts";
import { EXIF_KEYWORD, exifOfText, readTexts, type TextChunk, XMP_KEYWORD } from "./text.ts";

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array<ArrayBuffer>;
  /** Whether the file has all of its data. */
  readonly complete: boolean;
}

const TEXT_TYPES = ["tEXt", "zTXt", "iTXt"];
const LATIN1 = new TextDecoder("latin1");
const CRITICAL = ["IHDR", "PLTE", "IDAT"];
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Colour types, and the bits per sample that each allows. */
const GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4, RGB_ALPHA = 6;
const DEPTHS: Record<number, number[]> = {
  [GRAY]: [1, 2, 4, 8, 16],
  [RGB]: [8, 16],
  [PALETTE]: [1, 2, 4, 8],
  [GRAY_ALPHA]: [8, 16],
  [RGB_ALPHA]: [8, 16],
};

/** The relevant content of a file. */
export interface PngFile {
  readonly header: PngLayout;
  readonly cost: Cost;
  readonly palette: Uint8Array;
  /** The compressed pixels. */
  readonly pixels: readonly Uint8Array<ArrayBuffer>[];
  /** The EXIF block and the XMP packet, if there are any. */
  readonly exif?: Uint8Array;
  readonly xmp?: string;
}

/** The pixels of a PNG, as PIL's `convert("RGB")` returns them. Inflates no more than the header states. */
export function decodePng({ header, palette, pixels }: PngFile): Raster {
  const inflater = new Inflater(pixels);
  return decodeRows(
    (band) => {
      if (fill(inflater, band) < band.length) {
        throw cannotDecode("this PNG holds fewer pixels than its header states, it is cut short");
      }
    },
    header,
    palette,
  );
}

function fill(inflater: Inflater, band: Uint8Array<ArrayBuffer>): number {
  try {
    return inflater.fill(band);
  } catch (cause) {
    throw cannotDecode("the compressed pixels of this PNG are damaged", cause);
  }
}

/**
 * Reads the chunks as leniently as PIL: text may come first, ancillary chunks may have a wrong checksum, and chunks
 * after the pixels may be missing.
 */
export function readPng(bytes: Uint8Array<ArrayBuffer>): PngFile {
  let header: PngLayout | undefined;
  let palette: Uint8Array = new Uint8Array();
  const pixels: Uint8Array<ArrayBuffer>[] = [];
  let exif: Uint8Array | undefined, exifAfterPixels: Uint8Array | undefined;
  const textChunks: TextChunk[] = [];
  let last = "";
  for (const { type, data, complete } of chunks(bytes)) {
    const isPixels = type === "IDAT";
    if (type === "IEND" || isPixels && !header) break;
    if (!complete && !isPixels) throw cannotDecode(`this PNG is cut short after ${bytes.length} bytes`);
    if (type === "IHDR") header = readHeader(data);
    else if (type === "PLTE" && header && pixels.length === 0) palette = data;
    else if (type === "eXIf" && pixels.length === 0) exif = data;
    else if (type === "eXIf") exifAfterPixels = data;
    else if (TEXT_TYPES.includes(type)) textChunks.push({ type, data });
    else if (isPixels && (pixels.length === 0 || last === "IDAT")) pixels.push(data);
    last = type;
  }
  if (!header) throw cannotDecode("this PNG has no IHDR chunk before its pixels");
  if (pixels.length === 0) throw cannotDecode(`this PNG has no pixels, it is cut short after ${bytes.length} bytes`);
  const texts = readTexts(textChunks);
  if (header.colour === PALETTE && palette.length >= 3 * 257) {
    throw cannotDecode(`the palette of this PNG has ${palette.length} bytes, expected at most 768`);
  }
  exif ??= exifAfterPixels ?? exifOfText(texts[EXIF_KEYWORD]);
  return { header, cost: rowsCost(header), palette, pixels, exif, xmp: texts[XMP_KEYWORD] };
}

/** The chunks in file order. The last one may be incomplete. Checks the checksums of critical chunks. */
function* chunks(bytes: Uint8Array<ArrayBuffer>): Generator<Chunk, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = SIGNATURE.length;
  let seenPixels = false;
  while (offset + 8 <= bytes.length) {
    const end = offset + 12 + view.getUint32(offset);
    const type = LATIN1.decode(bytes.subarray(offset + 4, offset + 8));
    if (!/^\w{4}$/.test(type)) {
      if (seenPixels) return;
      throw cannotDecode("a chunk of this PNG has no name, the file is damaged");
    }
    seenPixels ||= type === "IDAT";
    const isChecked = CRITICAL.includes(type) && end <= bytes.length;
    if (isChecked && crc32(bytes.subarray(offset + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw cannotDecode(`the checksum of the ${show(type)} chunk of this PNG is wrong, the file is damaged`);
    }
    yield { type, data: bytes.subarray(offset + 8, end - 4), complete: end - 4 <= bytes.length };
    offset = end;
  }
}

function readHeader(data: Uint8Array): PngLayout {
  if (data.length < 13) throw cannotDecode(`this PNG has an IHDR chunk of ${data.length} bytes, expected 13`);
  const view = new DataView(data.buffer, data.byteOffset);
  const [depth, colour, , filter, interlace] = data.subarray(8); // PIL ignores the compression method
  if (!DEPTHS[colour]?.includes(depth) || filter !== 0) {
    throw cannotDecode(
      `this PNG has depth ${depth}, colour type ${colour}, filter ${filter}, which the PNG standard does not allow`,
    );
  }
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  if (width === 0 || height === 0) throw cannotDecode(`this PNG states a size of ${width}×${height} pixels`);
  return { width, height, depth, colour, interlaced: interlace > 0 };
}
