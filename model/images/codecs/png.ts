/**
 * PNG: every colour type, bit depth and interlacing in; eight-bit gray, RGB or RGBA out.
 *
 * Inflating is the platform's (`DecompressionStream`), deflating and CRC imagescript's.
 *
 * @module
 */

import { crc32 } from "imagescript/png/src/crc.mjs";
import { compress } from "imagescript/png/src/zlib.mjs";
import type { Raster } from "../raster.ts";
import { cannotDecode } from "./errors.ts";

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlaced: boolean;
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4, RGB_ALPHA = 6;
const CHANNELS: Record<number, number> = { [GRAY]: 1, [RGB]: 3, [PALETTE]: 1, [GRAY_ALPHA]: 2, [RGB_ALPHA]: 4 };
const DEPTHS: Record<number, number[]> = {
  [GRAY]: [1, 2, 4, 8, 16],
  [RGB]: [8, 16],
  [PALETTE]: [1, 2, 4, 8],
  [GRAY_ALPHA]: [8, 16],
  [RGB_ALPHA]: [8, 16],
};

/** How many compressed bytes are inflated at a time. */
const SLICE = 16384;

/** First column and row, column and row step of each pass. */
const ONE_PASS = [[0, 0, 1, 1]];
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/** Whether the bytes begin as a PNG does. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** Width and height as the header of a PNG states them; nothing is inflated. */
export function pngSize(bytes: Uint8Array<ArrayBuffer>): { width: number; height: number } {
  return readHeader(chunks(bytes).next().value);
}

/** The pixels of a PNG. Alpha is dropped, 16-bit samples keep their high byte. Never inflates beyond the stated size. */
export async function decodePng(bytes: Uint8Array<ArrayBuffer>): Promise<Raster> {
  const [first, ...rest] = chunks(bytes);
  const header = readHeader(first);
  const palette = rest.find((chunk) => chunk.type === "PLTE")?.data;
  if (header.colour === PALETTE && !palette) throw cannotDecode("this PNG has palette colours but no palette");

  const passes = passesOf(header);
  const filtered = await inflate(
    rest.filter((chunk) => chunk.type === "IDAT").map((chunk) => chunk.data),
    passes.reduce((sum, pass) => sum + pass.rows * (1 + pass.rowBytes), 0),
  );

  const data = new Uint8ClampedArray(4 * header.width * header.height).fill(255);
  const pixelBytes = Math.max(1, CHANNELS[header.colour] * header.depth / 8);
  let offset = 0;
  for (const { x, y, dx, dy, columns, rows, rowBytes } of passes) {
    for (let row = 0; row < rows; row++) {
      unfilterRow(filtered, offset, rowBytes, pixelBytes, row === 0);
      const samples = unpack(filtered.subarray(offset + 1, offset + 1 + rowBytes), header.depth);
      placeRow(data, 4 * ((y + row * dy) * header.width + x), 4 * dx, samples, columns, header, palette);
      offset += 1 + rowBytes;
    }
  }
  return { width: header.width, height: header.height, data };
}

/** A lossless PNG: gray if every pixel is, RGBA if any pixel is not opaque, RGB otherwise. */
export function encodePng(picture: Raster): Uint8Array<ArrayBuffer> {
  const channels = channelsNeeded(picture.data);
  return assemble(picture, channels, compress(filterRows(picture, channels), 6));
}

/** The same picture as {@linkcode encodePng}'s, in a third of the time: deflated by the platform, which has to be waited for. */
export async function encodePngByPlatform(picture: Raster): Promise<Uint8Array<ArrayBuffer>> {
  const channels = channelsNeeded(picture.data);
  const rows = new Blob([filterRows(picture, channels)]).stream();
  const deflated = await new Response(rows.pipeThrough(new CompressionStream("deflate"))).arrayBuffer();
  return assemble(picture, channels, new Uint8Array(deflated));
}

/** The samples as they are deflated: each row behind its filter byte. */
function filterRows({ width, height, data }: Raster, channels: number): Uint8Array<ArrayBuffer> {
  const rowBytes = width * channels;
  const filtered = new Uint8Array(height * (1 + rowBytes));
  let above = new Uint8Array(channels + rowBytes); // rows begin with a pixel of zeros, which is what lies beyond the edge
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

/** The chunks in file order up to IEND, each within bounds and with a right checksum. */
function* chunks(bytes: Uint8Array<ArrayBuffer>): Generator<Chunk, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = SIGNATURE.length;
  while (offset + 12 <= bytes.length) {
    const end = offset + 12 + view.getUint32(offset);
    if (end > bytes.length) break;
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (crc32(bytes.subarray(offset + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw cannotDecode(`the checksum of the ${JSON.stringify(type)} chunk of this PNG is wrong, the file is damaged`);
    }
    if (type === "IEND") return;
    yield { type, data: bytes.subarray(offset + 8, end - 4) };
    offset = end;
  }
  throw cannotDecode(`this PNG is cut short after ${bytes.length} bytes`);
}

function readHeader(chunk: Chunk | undefined): Header {
  if (chunk?.type !== "IHDR" || chunk.data.length !== 13) {
    throw cannotDecode(`this PNG must begin with an IHDR chunk of 13 bytes, found ${JSON.stringify(chunk?.type)}`);
  }
  const view = new DataView(chunk.data.buffer, chunk.data.byteOffset);
  const [depth, colour, compression, filter, interlace] = chunk.data.subarray(8);
  if (!DEPTHS[colour]?.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    throw cannotDecode(
      `this PNG has depth ${depth}, colour type ${colour}, compression ${compression}, filter ${filter}, ` +
        `interlace ${interlace}, which the PNG standard does not allow`,
    );
  }
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  if (width === 0 || height === 0) throw cannotDecode(`this PNG states a size of ${width}×${height} pixels`);
  return { width, height, depth, colour, interlaced: interlace === 1 };
}

/** The reduced pictures that the file stores one after the other: seven if interlaced, else one. Empty ones are left out. */
function passesOf({ width, height, depth, colour, interlaced }: Header) {
  return (interlaced ? ADAM7 : ONE_PASS).map(([x, y, dx, dy]) => {
    const columns = Math.ceil((width - x) / dx);
    const rows = Math.ceil((height - y) / dy);
    return { x, y, dx, dy, columns, rows, rowBytes: Math.ceil(columns * CHANNELS[colour] * depth / 8) };
  }).filter(({ columns, rows }) => columns > 0 && rows > 0);
}

/** Inflates to exactly `size` bytes, and stops as soon as there are more so that a bomb costs no memory. */
async function inflate(parts: Uint8Array<ArrayBuffer>[], size: number): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(size);
  let filled = 0;
  try {
    for await (const part of streamOf(parts).pipeThrough(new DecompressionStream("deflate"))) {
      filled += part.length;
      if (filled > size) break;
      out.set(part, filled - part.length);
    }
  } catch (cause) {
    throw cannotDecode("the compressed pixels of this PNG are damaged", cause);
  }
  if (filled !== size) {
    throw cannotDecode(`this PNG holds ${filled > size ? "more" : "fewer"} pixels than its header states`);
  }
  return out;
}

/** The bytes in small slices, because a slice is inflated as a whole: to a thousand times its size at worst. */
function streamOf(parts: Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  const slices = parts.flatMap((part) => {
    return Array.from({ length: Math.ceil(part.length / SLICE) }, (_, i) => part.subarray(i * SLICE, (i + 1) * SLICE));
  });
  return new ReadableStream({
    pull(controller) {
      const slice = slices.shift();
      if (slice) controller.enqueue(slice);
      else controller.close();
    },
  });
}

/** Undoes the filter of the row at `offset` in place. The row above, already undone, lies right before it. */
function unfilterRow(bytes: Uint8Array, offset: number, rowBytes: number, pixelBytes: number, isFirst: boolean): void {
  const filter = bytes[offset];
  if (filter > 4) throw cannotDecode(`a row of this PNG has filter ${filter}, expected 0 to 4`);
  if (filter === 0) return;
  const start = offset + 1;
  const above = start - 1 - rowBytes;
  for (let i = 0; i < rowBytes; i++) {
    const left = i < pixelBytes ? 0 : bytes[start + i - pixelBytes];
    const up = isFirst ? 0 : bytes[above + i];
    const corner = isFirst || i < pixelBytes ? 0 : bytes[above + i - pixelBytes];
    bytes[start + i] += predict(filter, left, up, corner);
  }
}

/** What a filter expects a byte to be, from the pixels to the left, above, and above to the left. */
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

/** One sample per element: 16 bits lose their low byte, fewer than 8 are spread out as they are. */
function unpack(row: Uint8Array, depth: number): Uint8Array {
  if (depth === 8) return row;
  if (depth === 16) return row.filter((_, i) => i % 2 === 0);
  const perByte = 8 / depth;
  const mask = (1 << depth) - 1;
  return Uint8Array.from(
    { length: row.length * perByte },
    (_, i) => row[Math.floor(i / perByte)] >> (8 - depth - depth * (i % perByte)) & mask,
  );
}

/** Writes the samples of a row as RGB, every `step` bytes from `to` on. */
function placeRow(
  data: Uint8ClampedArray,
  to: number,
  step: number,
  samples: Uint8Array,
  columns: number,
  { colour, depth }: Header,
  palette: Uint8Array = new Uint8Array(),
): void {
  const channels = CHANNELS[colour];
  const grayScale = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
  for (let column = 0, from = 0; column < columns; column++, from += channels, to += step) {
    if (colour === PALETTE) {
      const entry = 3 * samples[from];
      if (entry + 3 > palette.length) {
        throw cannotDecode(`a pixel has colour ${samples[from]}, the palette has ${Math.floor(palette.length / 3)}`);
      }
      data[to] = palette[entry];
      data[to + 1] = palette[entry + 1];
      data[to + 2] = palette[entry + 2];
    } else if (channels < 3) {
      data[to] = data[to + 1] = data[to + 2] = samples[from] * grayScale;
    } else {
      data[to] = samples[from];
      data[to + 1] = samples[from + 1];
      data[to + 2] = samples[from + 2];
    }
  }
}

function channelsNeeded(data: Uint8ClampedArray): 1 | 3 | 4 {
  let gray = true;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] !== 255) return 4;
    gray &&= data[i] === data[i + 1] && data[i] === data[i + 2];
  }
  return gray ? 1 : 3;
}

/** Writes the row behind its filter byte, under the filter whose differences are smallest in sum. */
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

/** Of a difference modulo 256. */
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

function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
