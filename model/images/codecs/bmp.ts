/**
 * Reads BMP files of 1 to 32 bits per pixel, plain or run-length coded, as PIL does.
 *
 * Own code, because of the 18 files in the tests bmp-js reads only 8 like PIL and fast-bmp only 2: they lack depths and
 * unusual palettes.
 *
 * @module
 */

import type { Cost } from "./cost.ts";
import { blank, pixelsOf, type Raster } from "../raster/raster.ts";
import { cannotDecode } from "./errors.ts";
import { type Colours, coloursOf } from "./palette.ts";

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  /** Bits per pixel. */
  readonly bits: number;
  readonly compression: number;
  /** Number of palette entries, offset of the palette, and bytes per entry, if there is a palette. */
  readonly colours: number;
  readonly paletteOffset: number;
  readonly colourBytes: number;
  /**
   * Bit masks of red, green, blue and alpha in hexadecimal, separated by commas; empty if the depth determines them.
   */
  readonly masks: string;
  /** Offset of the pixels. */
  readonly offset: number;
}

/**
 * Offset of the header, which begins with its own size. Before it are `BM`, the file's size and the offset of the
 * pixels.
 */
const START = 14;
const CORE_HEADER_BYTES = 12;
const HEADER_BYTES = [CORE_HEADER_BYTES, 40, 52, 56, 64, 108, 124];
const RAW = 0, RLE8 = 1, RLE4 = 2, BIT_FIELDS = 3;

/** Byte offsets of red, green and blue in a pixel, by depth and masks. */
const BYTE_ORDERS: Record<string, readonly [number, number, number]> = {
  "24": [2, 1, 0],
  "24:ff0000,ff00,ff": [2, 1, 0],
  "32": [2, 1, 0],
  "32:0,0,0,0": [2, 1, 0],
  "32:ff0000,ff00,ff,0": [2, 1, 0],
  "32:ff0000,ff00,ff,ff000000": [2, 1, 0],
  "32:ff000000,ff0000,ff00,0": [3, 2, 1],
  "32:ff000000,ff0000,ff00,ff": [3, 2, 1],
  "32:ff,ff00,ff0000,ff000000": [0, 1, 2],
  "32:ff000000,ff00,ff,0": [3, 1, 0],
  "32:ff000000,ff00,ff,ff0000": [3, 1, 0],
};

/** Bits of green in a pixel of 16 bits, by depth and masks. Red and blue have five. */
const FIVE_BITS: Record<string, number> = { "16": 5, "16:7c00,3e0,1f": 5, "16:f800,7e0,1f": 6 };

/** Size, and cost of decoding. */
export function bmpSize(bytes: Uint8Array): { width: number; height: number; cost: Cost } {
  const { width, height } = readHeader(bytes);
  const pixels = width * height;
  return { width, height, cost: { memory: 5 * pixels, time: 30 * pixels } };
}

/** The pixels of a BMP. Drops alpha. */
export function decodeBmp(bytes: Uint8Array): Raster {
  const header = readHeader(bytes);
  if (header.bits <= 8) return decodeIndexed(bytes, header);
  const { bits, masks, compression } = header;
  if (compression !== RAW && compression !== BIT_FIELDS) {
    throw cannotDecode(`this BMP has ${bits} bits a pixel and compression ${compression}, which exclude each other`);
  }
  const layout = masks ? `${bits}:${masks}` : `${bits}`;
  const greenBits = FIVE_BITS[layout];
  const order = BYTE_ORDERS[layout];
  if (!greenBits && !order) throw cannotDecode(`this BMP has ${bits} bits a pixel and the channel masks ${masks}`);

  const rows = readRows(bytes, header, bits);
  const picture = blank(header.width, header.height, 0xffffffff);
  const { data } = picture;
  for (let y = 0; y < header.height; y++) {
    const row = rows(y);
    for (let x = 0, to = 4 * y * header.width, from = 0; x < header.width; x++, to += 4, from += bits / 8) {
      if (order) {
        data[to] = row[from + order[0]];
        data[to + 1] = row[from + order[1]];
        data[to + 2] = row[from + order[2]];
      } else {
        const pixel = row[from] | row[from + 1] << 8;
        data[to] = widen(pixel >> (5 + greenBits), 5);
        data[to + 1] = widen(pixel >> 5, greenBits);
        data[to + 2] = widen(pixel, 5);
      }
    }
  }
  return picture;
}

/** Scales the lowest bits of a pixel to a byte, rounding down like PIL. */
function widen(pixel: number, bits: number): number {
  const largest = (1 << bits) - 1;
  return Math.floor((pixel & largest) * 255 / largest);
}

function decodeIndexed(bytes: Uint8Array, header: Header): Raster {
  const { width, height, compression } = header;
  const { colours, bits } = readPalette(bytes, header);
  const isRunLength = compression === RLE8 || compression === RLE4;
  if (!isRunLength && compression !== RAW) throw cannotDecode(`this BMP has a palette and compression ${compression}`);
  if (isRunLength && bits === 1) throw cannotDecode("this BMP has run-length coded pixels of one bit");

  const rows = isRunLength ? expandRuns(bytes, header) : readRows(bytes, header, bits);
  const sampleBits = isRunLength ? 8 : bits;
  const picture = blank(width, height, 0);
  const pixels = pixelsOf(picture);
  const mask = (1 << sampleBits) - 1;
  for (let y = 0; y < height; y++) {
    const row = rows(y);
    for (let x = 0, to = y * width, at = 0; x < width; x++, at += sampleBits) {
      pixels[to + x] = colours[row[at >> 3] >> (8 - sampleBits - (at & 7)) & mask];
    }
  }
  return picture;
}

function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < START + CORE_HEADER_BYTES) throw cutShort(bytes);
  if (bytes[0] !== 0x42 || bytes[1] !== 0x4d) throw cannotDecode("a BMP must begin with BM");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint32(START, true);
  if (!HEADER_BYTES.includes(headerBytes)) {
    throw cannotDecode(`this BMP has a header of ${headerBytes} bytes, expected one of ${HEADER_BYTES.join(", ")}`);
  }
  const end = START + headerBytes;
  if (bytes.length < end) throw cutShort(bytes);
  const isCore = headerBytes === CORE_HEADER_BYTES;
  const short = (at: number) => view.getUint16(START + at, true);
  const long = (at: number) => view.getUint32(START + at, true);

  const topDown = !isCore && bytes[START + 11] === 0xff;
  const width = isCore ? short(4) : long(4);
  const height = isCore ? short(6) : topDown ? 2 ** 32 - long(8) : long(8);
  if (width === 0 || height === 0) throw cannotDecode(`this BMP states a size of ${width}×${height} pixels`);
  const bits = isCore ? short(10) : short(14);
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw cannotDecode(`this BMP has ${bits} bits a pixel`);
  const compression = isCore ? RAW : long(16);
  if (compression > BIT_FIELDS) throw cannotDecode(`this BMP has compression ${compression}, expected 0 to 3`);

  const colours = !isCore && long(32) || 2 ** bits;
  const maskBytes = compression === BIT_FIELDS && headerBytes === 40 ? 12 : 0; // larger headers contain the masks
  const paletteOffset = end + maskBytes;
  if (bytes.length < paletteOffset) throw cutShort(bytes);
  const colourBytes = isCore ? 3 : 4;
  const paletteEnd = Math.min(bytes.length, paletteOffset + (bits <= 8 ? colours * colourBytes : 0));
  const stated = view.getUint32(10, true);
  return {
    width,
    height,
    topDown,
    bits,
    compression,
    colours,
    paletteOffset,
    colourBytes,
    masks: compression === BIT_FIELDS ? readMasks(view, headerBytes, bits) : "",
    offset: stated === end && bits <= 8 ? end + 4 * colours : stated || paletteEnd,
  };
}

function readMasks(view: DataView, headerBytes: number, bits: number): string {
  const masks = [40, 44, 48].map((at) => view.getUint32(START + at, true));
  if (bits === 32) masks.push(headerBytes >= 56 ? view.getUint32(START + 52, true) : 0);
  return masks.map((mask) => mask.toString(16)).join(",");
}

/**
 * The palette, and the bits per index. PIL ignores a palette whose entries are the grays of their indices, or black and
 * white, and reads indices of 8 bits or 1 bit.
 */
function readPalette(bytes: Uint8Array, header: Header): { colours: Colours; bits: number } {
  const { colours: count, paletteOffset, colourBytes, bits } = header;
  if (count > 65536) throw cannotDecode(`this BMP states ${count} colours, expected up to 256`);
  const palette = bytes.subarray(paletteOffset, paletteOffset + count * colourBytes);
  const grays = count === 2 ? [0, 255] : Array.from({ length: count }, (_, i) => i & 255);
  const isGray = grays.every((gray, i) => [0, 1, 2].every((channel) => palette[i * colourBytes + channel] === gray));
  if (isGray) {
    return {
      colours: coloursOf(Uint8Array.from(grays.slice(0, 256).flatMap((gray) => [gray, gray, gray]))),
      bits: count === 2 ? 1 : 8,
    };
  }
  if (palette.length >= 257 * colourBytes) throw cannotDecode(`this BMP has ${count} colours, expected up to 256`);
  return { colours: coloursOf(palette, colourBytes, 2, 0), bits };
}

/** The bytes of a row, counted from the top. Rows are padded to four bytes, except perhaps the last. */
function readRows(bytes: Uint8Array, header: Header, bits: number): (y: number) => Uint8Array {
  const { width, height, topDown, offset } = header;
  const stride = 4 * Math.ceil(width * header.bits / 32);
  const rowBytes = Math.ceil(width * bits / 8);
  if (rowBytes > stride) {
    throw cannotDecode(`the palette of this BMP has indices of ${bits} bits, its pixels have fewer`);
  }
  if (offset + (height - 1) * stride + rowBytes > bytes.length) throw cutShort(bytes);
  return (y) => bytes.subarray(offset + (topDown ? y : height - 1 - y) * stride);
}

/** Expands runs to rows of indices. */
function expandRuns(
  bytes: Uint8Array,
  { width, height, topDown, compression, offset }: Header,
): (y: number) => Uint8Array {
  const isRle4 = compression === RLE4;
  const indices = new Uint8Array(width * height);
  let column = 0;
  for (let filled = 0, at = offset; filled < indices.length;) {
    if (at + 2 > bytes.length) throw cutShort(bytes);
    const count = bytes[at], value = bytes[at + 1];
    at += 2;
    if (count > 0) { // a run, which ends with the row
      const run = Math.max(0, Math.min(count, width - column));
      for (let i = 0; i < run; i++) indices[filled++] = isRle4 ? nibble(value, i) : value;
      column += run;
    } else if (value === 0) { // end of the row
      filled = Math.ceil(filled / width) * width;
      column = 0;
    } else if (value === 1) {
      throw cannotDecode("the data of this BMP end before its last pixel");
    } else if (value === 2) { // a move right and down; PIL skips two bytes and reads it from the next two
      if (at + 4 > bytes.length) throw cutShort(bytes);
      filled += bytes[at + 2] + bytes[at + 3] * width;
      column = filled % width;
      at += 4;
    } else { // literal pixels, padded to two bytes of the file
      const stored = isRle4 ? value >> 1 : value; // PIL drops the last pixel of an odd number
      if (at + stored > bytes.length) throw cutShort(bytes);
      const pixels = isRle4 ? 2 * stored : stored;
      for (let i = 0; i < pixels; i++) indices[filled++] = isRle4 ? nibble(bytes[at + (i >> 1)], i) : bytes[at + i];
      column += value;
      at += stored;
      at += at & 1;
    }
  }
  return (y) => indices.subarray((topDown ? y : height - 1 - y) * width);
}

function nibble(value: number, i: number): number {
  return i % 2 === 0 ? value >> 4 : value & 15;
}

function cutShort(bytes: Uint8Array): TypeError {
  return cannotDecode(`this BMP is cut short after ${bytes.length} bytes`);
}
