/**
 * How a camera was held: EXIF's orientation, and turning pictures by it as PIL's `ImageOps.exif_transpose` does.
 *
 * @module
 */

import type { Raster } from "./raster.ts";

const ORIENTATION = 0x0112;
const BYTE = 1, SHORT = 3, LONG = 4;

/** The orientation that an EXIF block states, 1 to 8; 1, upright, if it states none or is damaged. */
export function exifOrientation(exif: Uint8Array | undefined): number {
  if (!exif) return 1;
  const start = String.fromCharCode(...exif.subarray(0, 6)) === "Exif\0\0" ? 6 : 0;
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  if (view.byteLength < 10) return 1;
  const order = view.getUint16(0);
  const little = order === 0x4949;
  if ((!little && order !== 0x4d4d) || view.getUint16(2, little) !== 42) return 1;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return 1;
  for (
    let i = view.getUint16(directory, little), at = directory + 2;
    i > 0 && at + 12 <= view.byteLength;
    i--, at += 12
  ) {
    if (view.getUint16(at, little) === ORIENTATION) return upright(valueOf(view, at, little));
  }
  return 1;
}

function valueOf(view: DataView, at: number, little: boolean): number {
  const type = view.getUint16(at + 2, little);
  if (type === BYTE) return view.getUint8(at + 8);
  if (type === SHORT) return view.getUint16(at + 8, little);
  return type === LONG ? view.getUint32(at + 8, little) : 1;
}

/** The same, or 1 for what is no orientation. */
function upright(orientation: number): number {
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/** The picture as it was seen: turned and mirrored by an orientation of 1 to 8. */
export function turn(raster: Raster, orientation: number): Raster {
  if (orientation === 1) return raster;
  const { width, height } = raster;
  const source = new Uint32Array(raster.data.buffer, raster.data.byteOffset, width * height);
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
