/**
 * The rows of a PNG, once inflated: from filtered bytes to opaque pixels.
 *
 * @module
 */

import type { Cost } from "../cost.ts";
import type { Raster } from "../../raster/raster.ts";
import { kernelsWith } from "../../wasm/module.ts";
import { cannotDecode } from "../errors.ts";
import { coloursOf } from "../palette.ts";

/** What the header of a PNG says of its rows. */
export interface PngLayout {
  readonly width: number;
  readonly height: number;
  /** Bits a sample: 1, 2, 4, 8 or 16, as the colour type allows. */
  readonly depth: number;
  /** Colour type: 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGB with alpha. */
  readonly colour: number;
  /** Whether by Adam7. */
  readonly interlaced: boolean;
}

/** One of the reduced pictures that a file stores one after the other: seven if interlaced, else one. */
interface Pass {
  /** Where its first pixel goes. */
  readonly x: number;
  readonly y: number;
  /** How far apart its pixels are. */
  readonly dx: number;
  readonly dy: number;
  readonly columns: number;
  readonly rows: number;
  /** Bytes of a row, without the filter's. */
  readonly rowBytes: number;
}

const GRAY = 0, PALETTE = 3, GRAY_ALPHA = 4;
const CHANNELS: Record<number, number> = { [GRAY]: 1, 2: 3, [PALETTE]: 1, [GRAY_ALPHA]: 2, 6: 4 };

/** First column and row, column and row step of each pass. */
const ONE_PASS = [[0, 0, 1, 1]];
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/** Rows go through the module in bands of about this many bytes, which caches hold. */
const BAND_BYTES = 1 << 18;

/** Vectors are read and written whole, up to this many bytes beyond the rows. */
const VECTOR_BYTES = 16;

/** How many bytes the rows of a PNG have, with their filters. */
export function filteredBytes(layout: PngLayout): number {
  return passesOf(layout).reduce((sum, { rows, rowBytes }) => sum + rows * (1 + rowBytes), 0);
}

/** What it costs to decode rows: a band of them, and all pixels. */
export function rowsCost(layout: PngLayout): Cost {
  const pixels = layout.width * layout.height;
  const rowBytes = Math.max(...passesOf(layout).map((pass) => pass.rowBytes));
  return { memory: 4 * pixels + 3 * rowBytes + 4 * layout.width, time: 6 * filteredBytes(layout) + 8 * pixels };
}

/** Writes the bytes of the rows that come next, with their filters. */
export type ReadRows = (out: Uint8Array<ArrayBuffer>) => void;

/**
 * The pixels of {@linkcode filteredBytes} of bytes, read a band of rows at a time, as PIL's `convert("RGB")` gives them: without
 * alpha; gray of 16 bits clipped to 255, other samples of 16 bits by their high byte. Indices that the palette leaves out are
 * grays.
 *
 * @throws {TypeError} if a row has a filter that PNG does not know
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

/** The passes that have pixels. */
function passesOf({ width, height, depth, colour, interlaced }: PngLayout): Pass[] {
  return (interlaced ? ADAM7 : ONE_PASS).map(([x, y, dx, dy]) => {
    const columns = Math.ceil((width - x) / dx);
    const rows = Math.ceil((height - y) / dy);
    return { x, y, dx, dy, columns, rows, rowBytes: Math.ceil(columns * CHANNELS[colour] * depth / 8) };
  }).filter(({ columns, rows }) => columns > 0 && rows > 0);
}

/** The palette that gray samples of up to 8 bits are indices of. */
function grays(depth: number): Uint8Array {
  const white = (1 << depth) - 1;
  return Uint8Array.from({ length: 3 * Math.min(1 << depth, 256) }, (_, i) => Math.floor(i / 3) * 255 / white);
}

/** Decodes a pass in bands of rows, and gives `place` the first row and the pixels of each. */
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
  bytes.fill(0, aboveAt, rowsAt); // what the first row's filter takes to be above it

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
      const sampleBytes = colour === GRAY || colour === GRAY_ALPHA ? 0 : depth / 8; // gray is its own green and blue
      kernels.copyPixels(rowsAt, pixelsAt, count * columns, pixelBytes, sampleBytes, 2 * sampleBytes);
    }
    place(row, new Uint32Array(bytes.buffer, pixelsAt, count * columns));
    bytes.copyWithin(aboveAt, rowsAt + (count - 1) * rowBytes, rowsAt + count * rowBytes);
  }
}
