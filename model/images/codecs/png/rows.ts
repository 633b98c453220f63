/**
 * Decodes the inflated rows of a PNG, from filtered bytes to opaque pixels.
 *
 * @module
 */

import type { Cost } from "../cost.ts";
import type { Raster } from "../../raster/raster.ts";
import { kernelsWith } from "../../wasm/module.ts";
import { cannotDecode } from "../errors.ts";
import { coloursOf } from "../palette.ts";

/** The layout of the rows, from the header. */
export interface PngLayout {
  readonly width: number;
  readonly height: number;
  /** Bits per sample: 1, 2, 4, 8 or 16, as the colour type allows. */
  readonly depth: number;
  /** Colour type: 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGB with alpha. */
  readonly colour: number;
  /** Whether the rows are interlaced by Adam7. */
  readonly interlaced: boolean;
}

/** One of the reduced pictures that a file stores one after the other: up to seven if interlaced, else one. */
interface Pass {
  /** Position of its first pixel in the picture. */
  readonly x: number;
  readonly y: number;
  /** Distances between its pixels in the picture. */
  readonly dx: number;
  readonly dy: number;
  readonly columns: number;
  readonly rows: number;
  /** Bytes per row, without the filter byte. */
  readonly rowBytes: number;
}

const GRAY = 0, PALETTE = 3, GRAY_ALPHA = 4;
const CHANNELS: Record<number, number> = { [GRAY]: 1, 2: 3, [PALETTE]: 1, [GRAY_ALPHA]: 2, 6: 4 };

/** First column and row, column and row step of each pass. */
const ONE_PASS = [[0, 0, 1, 1]];
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/** Size of the bands of rows that the module decodes at a time, chosen to fit caches. */
const BAND_BYTES = 1 << 18;

/** The module reads and writes whole vectors, up to this many bytes past the rows. */
const VECTOR_BYTES = 16;

/** Size of all rows in bytes, with their filter bytes. */
export function filteredBytes(layout: PngLayout): number {
  return passesOf(layout).reduce((sum, { rows, rowBytes }) => sum + rows * (1 + rowBytes), 0);
}

/** Cost of decoding: a band of rows, and all pixels. */
export function rowsCost(layout: PngLayout): Cost {
  const pixels = layout.width * layout.height;
  const rowBytes = Math.max(...passesOf(layout).map((pass) => pass.rowBytes));
  return { memory: 4 * pixels + 3 * rowBytes + 4 * layout.width, time: 6 * filteredBytes(layout) + 8 * pixels };
}

/** Fills `out` with the next filtered rows. */
export type ReadRows = (out: Uint8Array<ArrayBuffer>) => void;

/**
 * Decodes all rows, in bands, to the pixels that PIL's `convert("RGB")` returns: drops alpha, clips 16-bit gray at 255,
 * takes the high byte of other 16-bit samples, and makes palette indices beyond the palette's end grays.
 *
 * @throws {TypeError} if a row has a filter that PNG does not define
 */
export function decodeRows(read: ReadRows, layout: PngLayout, palette: Uint8Array = new Uint8Array()): Raster {
  const { width, height } = layout;
  const data = new Uint8ClampedArray(4 * width * height);
  const pixels = new Uint32Array(data.buffer);
  const colours = coloursOf(layout.colour === PALETTE ? palette : grays(layout.depth));
  for (const pass of passesOf(layout)) {
    decodePass(read, pass, layout, colours, (row, found) => {
      const { x, y, dx, dy, columns } = pass;
      if (dx * dy === 1) return pixels.set(found, row * width);
      for (let at = 0; at < found.length; row++) {
        let to = (y + row * dy) * width + x;
        for (const rowEnd = at + columns; at < rowEnd; to += dx) pixels[to] = found[at++];
      }
    });
  }
  return { width, height, data };
}

/** The passes that are not empty. */
function passesOf({ width, height, depth, colour, interlaced }: PngLayout): Pass[] {
  return (interlaced ? ADAM7 : ONE_PASS).map(([x, y, dx, dy]) => {
    const columns = Math.ceil((width - x) / dx);
    const rows = Math.ceil((height - y) / dy);
    return { x, y, dx, dy, columns, rows, rowBytes: Math.ceil(columns * CHANNELS[colour] * depth / 8) };
  }).filter(({ columns, rows }) => columns > 0 && rows > 0);
}

/** A palette of grays for samples of up to 8 bits. */
function grays(depth: number): Uint8Array {
  const white = (1 << depth) - 1;
  return Uint8Array.from({ length: 3 * Math.min(1 << depth, 256) }, (_, i) => Math.floor(i / 3) * 255 / white);
}

/** Decodes a pass in bands; calls `place` with the first row and the pixels of each band. */
function decodePass(
  read: ReadRows,
  { columns, rows, rowBytes }: Pass,
  { colour, depth }: PngLayout,
  colours: Uint32Array<ArrayBuffer>,
  place: (row: number, pixels: Uint32Array) => void,
): void {
  const filteredRow = 1 + rowBytes, pixelRow = 4 * columns;
  const pixelBytes = Math.max(1, CHANNELS[colour] * depth / 8);
  const band = Math.min(Math.max(Math.floor(BAND_BYTES / Math.max(filteredRow, pixelRow)), 1), rows);
  const aboveAt = colours.byteLength, rowsAt = aboveAt + rowBytes;
  const filteredAt = rowsAt + band * rowBytes + VECTOR_BYTES;
  const pixelsAt = 4 * Math.ceil((filteredAt + band * filteredRow + VECTOR_BYTES) / 4);
  const kernels = kernelsWith(pixelsAt + band * pixelRow + VECTOR_BYTES);
  const { bytes } = kernels;
  new Uint32Array(bytes.buffer).set(colours);
  bytes.fill(0, aboveAt, rowsAt); // PNG defines the row above the first one as zeros

  for (let row = 0; row < rows; row += band) {
    const count = Math.min(band, rows - row);
    const filtered = bytes.subarray(filteredAt, filteredAt + count * filteredRow);
    read(filtered);
    const good = kernels.unfilterRows(filteredAt, rowsAt, count, rowBytes, pixelBytes);
    if (good < count) {
      throw cannotDecode(`a row of this PNG has filter ${filtered[good * filteredRow]}, expected 0 to 4`);
    }
    if (colour === PALETTE || depth < 8) {
      kernels.lookUpPixels(rowsAt, pixelsAt, count, rowBytes, columns, depth, 0);
    } else if (colour === GRAY && depth === 16) {
      kernels.clipGrayPixels(rowsAt, pixelsAt, count * columns);
    } else {
      const sampleBytes = colour === GRAY || colour === GRAY_ALPHA ? 0 : depth / 8; // gray: one byte for all
      kernels.copyPixels(rowsAt, pixelsAt, count * columns, pixelBytes, sampleBytes, 2 * sampleBytes);
    }
    place(row, new Uint32Array(bytes.buffer, pixelsAt, count * columns));
    bytes.copyWithin(aboveAt, rowsAt + (count - 1) * rowBytes, rowsAt + count * rowBytes);
  }
}
