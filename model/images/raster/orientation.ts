/**
 * Reads EXIF orientations, and applies them like PIL's `ImageOps.exif_transpose`.
 *
 * @module
 */

import { pixelsOf, type Raster } from "./raster.ts";

const ORIENTATION = 0x0112;

/** The headers that PIL accepts, big and little endian: 42 in either byte order, and 43 in big endian. */
const BIG = ["MM\0*", "MM*\0", "MM\0+"], LITTLE = ["II*\0", "II\0*"];

type Read = (view: DataView, at: number, little: boolean) => number;

/** Size and reader of each type of value. PIL does not treat text and unsigned bytes as numbers. */
const TYPES: Record<number, { bytes: number; read?: Read }> = {
  1: { bytes: 1 },
  2: { bytes: 1 },
  3: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  4: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  5: { bytes: 8, read: (view, at, little) => view.getUint32(at, little) / view.getUint32(at + 4, little) },
  6: { bytes: 1, read: (view, at) => view.getInt8(at) },
  7: { bytes: 1 },
  8: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  9: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  10: { bytes: 8, read: (view, at, little) => view.getInt32(at, little) / view.getInt32(at + 4, little) },
  11: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  12: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
  13: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  16: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
};

/**
 * The orientation in an EXIF block: any number, NaN for a value that is not a number, `undefined` if there is none.
 * As in PIL, the last of several counts, and a value beyond the end of the block hides all entries after it.
 */
export function exifOrientation(exif: Uint8Array = new Uint8Array()): number | undefined {
  const start = textAt(exif, 0, 6) === "Exif\0\0" ? 6 : 0;
  const header = textAt(exif, start, 4);
  const little = LITTLE.includes(header);
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  if (!little && !BIG.includes(header) || view.byteLength < 8) return undefined;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return undefined;
  let orientation: number | undefined;
  for (
    let i = view.getUint16(directory, little), at = directory + 2;
    i > 0 && at + 12 <= view.byteLength;
    i--, at += 12
  ) {
    const type = TYPES[view.getUint16(at + 2, little)];
    if (!type) continue;
    const size = type.bytes * view.getUint32(at + 4, little);
    const from = size > 4 ? view.getUint32(at + 8, little) : at + 8;
    if (from + size > view.byteLength) break;
    if (size > 0 && view.getUint16(at, little) === ORIENTATION) orientation = type.read?.(view, from, little) ?? NaN;
  }
  return orientation;
}

/** The orientation in an XMP packet, if there is one. */
export function xmpOrientation(xmp = ""): number | undefined {
  const found = /tiff:Orientation(?:="|>)([0-9])/.exec(xmp);
  return found ? Number(found[1]) : undefined;
}

function textAt(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

/** Turns and mirrors a picture by an orientation of 2 to 8. Other values leave it unchanged. */
export function turn(raster: Raster, orientation = 1): Raster {
  if (![2, 3, 4, 5, 6, 7, 8].includes(orientation)) return raster;
  const { width, height } = raster;
  const source = pixelsOf(raster);
  const swaps = orientation > 4;
  const [columns, rows] = swaps ? [height, width] : [width, height];
  const fromRight = [2, 3, 7, 8].includes(orientation), fromBottom = [3, 4, 6, 7].includes(orientation);
  const start = (fromRight ? width - 1 : 0) + (fromBottom ? (height - 1) * width : 0);
  const across = fromRight ? -1 : 1, down = fromBottom ? -width : width;
  const [stepX, stepY] = swaps ? [down, across] : [across, down];
  const turned = new Uint32Array(width * height);
  for (let y = 0, to = 0; y < rows; y++) {
    for (let x = 0, from = start + y * stepY; x < columns; x++, from += stepX) turned[to++] = source[from];
  }
  return { width: columns, height: rows, data: new Uint8ClampedArray(turned.buffer) };
}
