/**
 * PNG: every colour type, bit depth and interlacing in; eight-bit gray, RGB or RGBA out.
 *
 * Inflating is pako's, which stops where the pixels end and refuses what zlib refuses; deflating and CRC are imagescript's.
 *
 * @module
 */

import { crc32 } from "imagescript/png/src/crc.mjs";
import { compress } from "imagescript/png/src/zlib.mjs";
import { exifOrientation } from "../orientation.ts";
import { Z_BUF_ERROR, Z_SYNC_FLUSH, zlibInflate, zlibInflateInit, ZStream } from "pako";
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
  /** Whether all of it is there. */
  readonly complete: boolean;
}

const CRITICAL = ["IHDR", "PLTE", "IDAT"];
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

/** First column and row, column and row step of each pass. */
const ONE_PASS = [[0, 0, 1, 1]];
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/** Width and height as the header of a PNG states them; nothing is inflated. */
export function pngSize(bytes: Uint8Array<ArrayBuffer>): { width: number; height: number } {
  return readParts(bytes).header;
}

/** How the picture is to be turned, 1 to 8: by its `eXIf` chunk. */
export function pngOrientation(bytes: Uint8Array<ArrayBuffer>): number {
  return exifOrientation(readParts(bytes).exif);
}

/** The pixels of a PNG. Alpha is dropped, 16-bit samples keep their high byte. Never inflates beyond the stated size. */
export function decodePng(bytes: Uint8Array<ArrayBuffer>): Raster {
  const { header, palette, pixels } = readParts(bytes);
  const passes = passesOf(header);
  const filtered = inflate(concat(pixels), passes.reduce((sum, pass) => sum + pass.rows * (1 + pass.rowBytes), 0));

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

/** What a file holds of the chunks that matter here. */
interface Parts {
  header: Header;
  /** Always 256 colours: what a palette does not name is gray, as in PIL. */
  palette: Uint8Array;
  /** The compressed pixels. */
  pixels: Uint8Array[];
  exif?: Uint8Array;
}

/**
 * Reads as leniently as PIL: text may come first, ancillary chunks may have a wrong checksum, and once pixels have begun,
 * whatever follows them may be damaged or missing.
 */
function readParts(bytes: Uint8Array<ArrayBuffer>): Parts {
  let header: Header | undefined;
  const palette = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  const pixels: Uint8Array[] = [];
  let exif: Uint8Array | undefined;
  let last = "";
  for (const { type, data, complete } of chunks(bytes)) {
    const isPixels = type === "IDAT";
    if (pixels.length > 0 && (type === "IEND" || !complete && !isPixels)) break;
    if (!complete && !isPixels) throw cannotDecode(`this PNG is cut short after ${bytes.length} bytes`);
    if (isPixels && !header) break;
    if (type === "IHDR") header = readHeader(data);
    else if (type === "PLTE" && data.length >= 3) {
      palette.set(data.subarray(0, Math.min(768, 3 * Math.floor(data.length / 3))));
    } else if (type === "eXIf") exif ??= data;
    else if (isPixels && (pixels.length === 0 || last === "IDAT")) pixels.push(data);
    last = type;
  }
  if (!header) throw cannotDecode("this PNG has no IHDR chunk before its pixels");
  if (pixels.length === 0) throw cannotDecode(`this PNG has no pixels, it is cut short after ${bytes.length} bytes`);
  return { header, palette, pixels, exif };
}

/** The chunks in file order. Of the last one only a part may be there. Checksums of critical ones are right. */
function* chunks(bytes: Uint8Array<ArrayBuffer>): Generator<Chunk, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = SIGNATURE.length;
  let seenPixels = false;
  while (offset + 8 <= bytes.length) {
    const end = offset + 12 + view.getUint32(offset);
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) {
      if (seenPixels) return;
      throw cannotDecode("a chunk of this PNG has no name, the file is damaged");
    }
    seenPixels ||= type === "IDAT";
    const complete = end <= bytes.length;
    const isChecked = CRITICAL.includes(type) && complete;
    if (isChecked && crc32(bytes.subarray(offset + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw cannotDecode(`the checksum of the ${JSON.stringify(type)} chunk of this PNG is wrong, the file is damaged`);
    }
    yield { type, data: bytes.subarray(offset + 8, end - 4), complete };
    offset = end;
  }
}

function readHeader(data: Uint8Array): Header {
  if (data.length < 13) throw cannotDecode(`this PNG has an IHDR chunk of ${data.length} bytes, expected 13`);
  const view = new DataView(data.buffer, data.byteOffset);
  const [depth, colour, compression, filter, interlace] = data.subarray(8);
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

/** Inflates `size` bytes. What follows them does not count, unless the stream ends there and its checksum is wrong. */
function inflate(deflated: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(size);
  const stream = new ZStream();
  zlibInflateInit(stream);
  stream.input = deflated;
  stream.avail_in = deflated.length;
  stream.output = out;
  stream.avail_out = size;
  const status = zlibInflate(stream, Z_SYNC_FLUSH);
  if (status < 0 && status !== Z_BUF_ERROR) throw cannotDecode("the compressed pixels of this PNG are damaged");
  if (stream.next_out < size) throw cannotDecode("this PNG holds fewer pixels than its header states, it is cut short");
  return out;
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
  palette: Uint8Array,
): void {
  const channels = CHANNELS[colour];
  const grayScale = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
  for (let column = 0, from = 0; column < columns; column++, from += channels, to += step) {
    if (colour === PALETTE) {
      const entry = 3 * samples[from];
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
