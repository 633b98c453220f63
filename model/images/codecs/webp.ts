/**
 * Reads WebP files, lossy and lossless, and of animations the first frame, as PIL does.
 *
 * The decoder is @jsquash/webp's, libwebp in WebAssembly. It reads single pictures: of an animation the first frame is handed
 * to it as one.
 *
 * @module
 */

import createDecoder from "@jsquash/webp/codec/dec/webp_dec.js";
import type { Raster } from "../raster.ts";
import { decodeWith, opaque } from "./emscripten.ts";
import { cannotDecode } from "./errors.ts";
import { WEBP_WASM } from "./webp_wasm.gen.ts";

interface Chunk {
  readonly type: string;
  /** The whole chunk, with type and length, padded. */
  readonly whole: Uint8Array;
  readonly data: Uint8Array;
}

/** Bytes that the decoder may take: so many, and so many a pixel. */
const BASE_MEMORY = 2 ** 26;
const MEMORY_PER_PIXEL = 24;

const ALPHA_FLAG = 0x10;

/** Width and height of the picture, of an animation those of its canvas. */
export function webpSize(bytes: Uint8Array): { width: number; height: number } {
  return sizeOf([...chunksOf(bytes, 12)]);
}

/** The EXIF block, if there is one. */
export function webpExif(bytes: Uint8Array): Uint8Array | undefined {
  return [...chunksOf(bytes, 12)].find(({ type }) => type === "EXIF")?.data;
}

/** The pixels of a WebP, not turned by its EXIF orientation. Alpha is dropped; around a smaller first frame is black. */
export async function decodeWebp(bytes: Uint8Array): Promise<Raster> {
  const chunks = [...chunksOf(bytes, 12)];
  const { width, height } = sizeOf(chunks);
  const frame = chunks.find(({ type }) => type === "ANMF")?.data;
  if (!frame) return await decodeFile(bytes, width, height);
  const [x, y] = [2 * uint24(frame, 0), 2 * uint24(frame, 3)];
  const [columns, rows] = [1 + uint24(frame, 6), 1 + uint24(frame, 9)];
  if (x + columns > width || y + rows > height) throw cannotDecode("the first frame of this WebP exceeds its canvas");
  const { data } = await decodeFile(asFile(frame), columns, rows);
  const canvas = new Uint8ClampedArray(4 * width * height);
  for (let alpha = 3; alpha < canvas.length; alpha += 4) canvas[alpha] = 255;
  for (let row = 0; row < rows; row++) {
    canvas.set(data.subarray(4 * row * columns, 4 * (row + 1) * columns), 4 * ((y + row) * width + x));
  }
  return { width, height, data: canvas };
}

async function decodeFile(bytes: Uint8Array, width: number, height: number): Promise<Raster> {
  let picture: ImageData | null;
  try {
    const maxMemory = BASE_MEMORY + 2 * bytes.length + MEMORY_PER_PIXEL * width * height;
    picture = await decodeWith({ create: createDecoder, wasm: WEBP_WASM, maxMemory }, bytes);
  } catch (cause) {
    throw cannotDecode("the data of this WebP is damaged", cause);
  }
  if (picture?.width !== width || picture.height !== height) {
    throw cannotDecode("the data of this WebP is damaged or cut short");
  }
  return { width, height, data: opaque(picture) };
}

/** A file of the picture that an animation's frame holds. */
function asFile(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts = [...chunksOf(frame, 16)].filter(({ type }) => ["ALPH", "VP8 ", "VP8L"].includes(type));
  const extended = new Uint8Array(18);
  extended.set(new TextEncoder().encode("VP8X"));
  extended[4] = 10;
  extended[8] = ALPHA_FLAG;
  extended.set(frame.subarray(6, 12), 12);
  const length = parts.reduce((sum, { whole }) => sum + whole.length, 4 + extended.length);
  const file = new Uint8Array(8 + length);
  file.set(new TextEncoder().encode("RIFF\0\0\0\0WEBP"));
  new DataView(file.buffer).setUint32(4, length, true);
  file.set(extended, 12);
  let offset = 30;
  for (const { whole } of parts) {
    file.set(whole, offset);
    offset += whole.length;
  }
  return file;
}

function sizeOf(chunks: readonly Chunk[]): { width: number; height: number } {
  const [first] = chunks;
  const data = first?.data ?? new Uint8Array();
  if (first?.type === "VP8X" && data.length >= 10) {
    return { width: 1 + uint24(data, 4), height: 1 + uint24(data, 7) };
  }
  if (first?.type === "VP8L" && data[0] === 0x2f && data.length >= 5) {
    const bits = new DataView(data.buffer, data.byteOffset).getUint32(1, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + (bits >>> 14 & 0x3fff) };
  }
  if (first?.type === "VP8 " && data.length >= 10) {
    const [width, height] = [data[6] | (data[7] & 0x3f) << 8, data[8] | (data[9] & 0x3f) << 8];
    if (width > 0 && height > 0) return { width, height };
  }
  throw cannotDecode("the header of this WebP is damaged or cut short");
}

function* chunksOf(bytes: Uint8Array, offset: number): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  while (offset + 8 <= bytes.length) {
    const type = String.fromCharCode(...bytes.subarray(offset, offset + 4));
    const length = view.getUint32(offset + 4, true);
    const end = offset + 8 + length + length % 2;
    yield { type, whole: bytes.subarray(offset, end), data: bytes.subarray(offset + 8, offset + 8 + length) };
    offset = end;
  }
}

function uint24(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | bytes[offset + 1] << 8 | bytes[offset + 2] << 16;
}
