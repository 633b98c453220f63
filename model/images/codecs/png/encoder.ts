/**
 * Writes PNG files: eight-bit gray, RGB or RGBA.
 *
 * imagescript deflates and computes the checksums.
 *
 * @module
 */

import { crc32 } from "imagescript/png/src/crc.mjs";
import { compress } from "imagescript/png/src/zlib.mjs";
import type { Raster } from "../../raster/raster.ts";
import { concat } from "../bytes.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Colour types. */
const GRAY = 0, RGB = 2, RGB_ALPHA = 6;

/** A lossless PNG: gray if every pixel is, RGBA if any pixel is not opaque, RGB otherwise. */
export function encodePng(picture: Raster): Uint8Array<ArrayBuffer> {
  const channels = channelsNeeded(picture.data);
  return assemble(picture, channels, compress(filterRows(picture, channels), 6));
}

/** Like {@linkcode encodePng}, but in a third of the time: the platform deflates, asynchronously. */
export async function encodePngByPlatform(picture: Raster): Promise<Uint8Array<ArrayBuffer>> {
  const channels = channelsNeeded(picture.data);
  const rows = new Blob([filterRows(picture, channels)]).stream();
  const deflated = await new Response(rows.pipeThrough(new CompressionStream("deflate"))).arrayBuffer();
  return assemble(picture, channels, new Uint8Array(deflated));
}

/** The filtered samples, each row after its filter byte. */
function filterRows({ width, height, data }: Raster, channels: number): Uint8Array<ArrayBuffer> {
  const rowBytes = width * channels;
  const filtered = new Uint8Array(height * (1 + rowBytes));
  let above = new Uint8Array(channels + rowBytes); // rows begin with a pixel of zeros, the left neighbour of the first one
  let row = new Uint8Array(channels + rowBytes);
  for (let y = 0; y < height; y++) {
    for (let from = 4 * y * width, to = channels; to < row.length; from += 4, to += channels) {
      for (let c = 0; c < channels; c++) row[to + c] = data[from + c];
    }
    filterRow(row, above, channels, filtered.subarray(y * (1 + rowBytes)));
    [row, above] = [above, row];
  }
  return filtered;
}

function assemble({ width, height }: Raster, channels: number, deflated: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([8, channels === 1 ? GRAY : channels === 3 ? RGB : RGB_ALPHA], 8);
  return concat([
    Uint8Array.from(SIGNATURE),
    encodeChunk("IHDR", header),
    encodeChunk("IDAT", deflated),
    encodeChunk("IEND"),
  ]);
}

/** A filter's prediction of a byte from those to the left, above, and above to the left. */
function predict(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}

function channelsNeeded(data: Uint8ClampedArray): 1 | 3 | 4 {
  let gray = true;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] !== 255) return 4;
    gray &&= data[i] === data[i + 1] && data[i] === data[i + 2];
  }
  return gray ? 1 : 3;
}

/** Writes filter byte and row, with the filter that has the smallest sum of absolute differences. */
function filterRow(row: Uint8Array, above: Uint8Array, channels: number, out: Uint8Array): void {
  let none = 0, byLeft = 0, byUp = 0, byMean = 0, byNearest = 0;
  for (let i = channels; i < row.length; i++) {
    const value = row[i], left = row[i - channels], up = above[i], corner = above[i - channels];
    none += magnitude(value);
    byLeft += magnitude(value - left);
    byUp += magnitude(value - up);
    byMean += magnitude(value - ((left + up) >> 1));
    byNearest += magnitude(value - predict(4, left, up, corner));
  }
  const sums = [none, byLeft, byUp, byMean, byNearest];
  const filter = out[0] = sums.indexOf(Math.min(...sums));
  for (let i = channels; i < row.length; i++) {
    out[1 + i - channels] = row[i] - predict(filter, row[i - channels], above[i], above[i - channels]);
  }
}

/** The absolute value of a difference modulo 256. */
function magnitude(difference: number): number {
  return Math.abs(difference << 24 >> 24);
}

function encodeChunk(type: string, data: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(new TextEncoder().encode(type), 4);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}
