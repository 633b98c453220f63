/**
 * Resizes pictures bit for bit like PIL's `Image.resize` in mode RGB.
 *
 * @module
 */

import { crop } from "./crop.ts";
import { blank, pixelsOf, type Raster } from "../raster/raster.ts";
import { type Taps, tapsOf } from "./taps.ts";
import { kernelsWith } from "../wasm/module.ts";

/** A filter for resizing, by PIL's name. All except `"nearest"` use every pixel when they shrink (antialiasing). */
export type Resample = "lanczos" | "bicubic" | "bilinear" | "box" | "hamming" | "nearest";

/** Left, top, right and bottom edges in pixels, rounded to 32-bit floats. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** Most pixels of the intermediate picture, which is resized horizontally only: 256 MB. */
const MAX_INTERMEDIATE_PIXELS = 2 ** 26;

/** Size of the bands of rows that are copied into and out of the module, chosen to fit caches. */
const BAND_BYTES = 1 << 18;

/** The module reads and writes whole vectors, up to this many bytes past the pixels. */
const VECTOR_BYTES = 16;

/**
 * The part of a picture inside `box` (default: all of it), resized to `width` × `height` (whole numbers ≥ 1).
 * Returns the same raster if nothing changes.
 *
 * @throws {RangeError} if the box is not inside the picture, or resizing takes too much memory or time
 */
export function resize(
  source: Raster,
  width: number,
  height: number,
  resample: Resample,
  box: Box = [0, 0, source.width, source.height],
): Raster {
  const [left, top, right, bottom] = box.map(Math.fround);
  if (!isWithin(left, right, source.width) || !isWithin(top, bottom, source.height)) {
    throw new RangeError(
      `Cannot resize picture: box [${box}] is not inside its ${source.width}×${source.height} pixels`,
    );
  }
  const keepsWidth = keepsSide(left, right, source.width, width);
  const keepsHeight = keepsSide(top, bottom, source.height, height);
  if (keepsWidth && keepsHeight) return source;
  if (isRun(left, right, width) && isRun(top, bottom, height)) return crop(source, left, top, width, height);
  if (resample === "nearest") {
    const columns = nearest(source.width, left, right, width);
    return pick(source, width, height, columns, nearest(source.height, top, bottom, height));
  }
  const across = keepsWidth ? undefined : tapsOf(resample, source.width, left, right, width);
  const down = keepsHeight ? undefined : tapsOf(resample, source.height, top, bottom, height);
  return weigh(source, width, height, across, down);
}

function isWithin(start: number, stop: number, size: number): boolean {
  return 0 <= start && start <= stop && stop <= Math.fround(size);
}

function keepsSide(start: number, stop: number, sizeIn: number, sizeOut: number): boolean {
  return sizeIn === sizeOut && start === 0 && stop === Math.fround(sizeOut);
}

/** Whether each position is exactly a source position. */
function isRun(start: number, stop: number, size: number): boolean {
  return Number.isInteger(start) && Math.fround(stop - start) === Math.fround(size);
}

/** The source position of each target position, summed step by step like PIL; stops at the end of the source. */
function nearest(sizeIn: number, start: number, stop: number, sizeOut: number): Int32Array {
  const step = Math.fround(stop - start) / sizeOut;
  const positions = new Int32Array(sizeOut);
  let count = 0;
  for (let position = start + step * 0.5; count < sizeOut && position < sizeIn; position += step) {
    positions[count++] = position;
  }
  return positions.subarray(0, count);
}

/** Copies the given columns of the given rows. What is left of the picture is black. */
function pick(source: Raster, width: number, height: number, columns: Int32Array, rows: Int32Array): Raster {
  const out = blank(width, height);
  const isAligned = source.data.byteOffset % 4 === 0;
  const from = pixelsOf(isAligned ? source : { ...source, data: source.data.slice() }), to = pixelsOf(out);
  for (let y = 0; y < rows.length; y++) {
    const start = rows[y] * source.width;
    for (let x = 0; x < columns.length; x++) to[y * width + x] = from[start + columns[x]];
  }
  return out;
}

/** Resamples the needed rows horizontally, rounds to bytes, and then resamples vertically. */
function weigh(source: Raster, width: number, height: number, across?: Taps, down?: Taps): Raster {
  const [top, bottom] = down ? rangeOf(down, source.height) : [0, height];
  const rows = bottom - top;
  if (rows * width > MAX_INTERMEDIATE_PIXELS) {
    throw new RangeError(
      `Cannot resize picture: ${source.width}×${source.height} pixels become ${width}×${height} by way of ` +
        `${width}×${rows} pixels, more than ${MAX_INTERMEDIATE_PIXELS}; crop the picture to another aspect ratio first`,
    );
  }
  const [rowBytesIn, rowBytes] = [4 * source.width, 4 * width];
  const [bandIn, bandOut] = [rowsPerBand(rowBytesIn, rows), rowsPerBand(rowBytes, height)];
  const [acrossAt, downAt, inAt, outAt, intermediateAt, size] = layOut([
    tapBytes(across),
    tapBytes(down),
    across ? bandIn * rowBytesIn : 0,
    down ? bandOut * rowBytes : 0,
    (rows + 1) * rowBytes, // taps are pairs: an odd last row is paired with the next one
  ]);
  const kernels = kernelsWith(size);
  const { bytes } = kernels;

  const used = source.data.subarray(top * rowBytesIn, bottom * rowBytesIn);
  if (across) {
    const { bounds, pairs, stride } = writeTaps(bytes, acrossAt, across);
    for (let row = 0; row < rows; row += bandIn) {
      const band = used.subarray(row * rowBytesIn, (row + bandIn) * rowBytesIn);
      bytes.set(band, inAt);
      const count = band.length / rowBytesIn;
      kernels.resampleRows(inAt, intermediateAt + row * rowBytes, count, rowBytesIn, width, bounds, pairs, stride);
    }
  } else {
    bytes.set(used, intermediateAt);
  }
  if (!down) {
    return {
      width,
      height,
      data: new Uint8ClampedArray(bytes.slice(intermediateAt, intermediateAt + rows * rowBytes).buffer),
    };
  }

  const data = new Uint8ClampedArray(height * rowBytes);
  const { bounds, pairs, stride } = writeTaps(bytes, downAt, down);
  const rowZero = intermediateAt - top * rowBytes;
  for (let row = 0; row < height; row += bandOut) {
    const count = Math.min(bandOut, height - row);
    kernels.resampleColumns(rowZero, outAt, count, rowBytes, bounds + 8 * row, pairs + stride * row, stride);
    data.set(bytes.subarray(outAt, outAt + count * rowBytes), row * rowBytes);
  }
  return { width, height, data };
}

/** The source positions that taps use. */
function rangeOf({ bounds }: Taps, size: number): [start: number, stop: number] {
  const last = bounds.length - 2;
  return [bounds[0], Math.min(bounds[last] + 2 * bounds[last + 1], size)];
}

function rowsPerBand(rowBytes: number, rows: number): number {
  return Math.min(Math.max(Math.floor(BAND_BYTES / rowBytes), 1), rows);
}

/** Offsets of areas of these sizes, each followed by room for a vector, and the total size. */
function layOut(sizes: number[]): number[] {
  let end = 0;
  return [0, ...sizes.map((size) => end += VECTOR_BYTES * Math.ceil(size / VECTOR_BYTES + 1))];
}

function tapBytes(taps?: Taps): number {
  return taps ? taps.bounds.byteLength + taps.pairs.byteLength : 0;
}

/**
 * Writes taps to the module's memory; returns their offsets there, and the bytes between the pairs of two positions.
 */
function writeTaps(bytes: Uint8Array<ArrayBuffer>, at: number, taps: Taps) {
  const pairs = at + taps.bounds.byteLength;
  new Int32Array(bytes.buffer, at).set(taps.bounds);
  new Int32Array(bytes.buffer, pairs).set(taps.pairs);
  return { bounds: at, pairs, stride: taps.pairs.BYTES_PER_ELEMENT * taps.stride };
}
