/**
 * Reads the chunks of a WebP: size, EXIF block, and first frame. As strict as libwebp's demuxer, which PIL uses.
 *
 * @module
 */

import type { Cost } from "../cost.ts";
import { cannotDecode } from "../errors.ts";

interface Chunk {
  readonly type: string;
  /** The whole chunk, with type, length and padding. */
  readonly whole: Uint8Array;
  readonly data: Uint8Array;
}

/** A still picture, or a frame of an animation. */
export interface WebpFrame {
  readonly width: number;
  readonly height: number;
  /** Position on the canvas. */
  readonly x: number;
  readonly y: number;
  /** The alpha chunk, if there is one, and the chunk of colours. */
  readonly chunks: readonly Uint8Array[];
}

/** The relevant content of a file. */
export interface WebpFile {
  /** Size of the canvas. */
  readonly width: number;
  readonly height: number;
  readonly frame: WebpFrame;
  readonly cost: Cost;
  readonly exif?: Uint8Array;
}

const ANIMATION = 0x02, EXIF = 0x08, KNOWN_FLAGS = 0x3e;
const FRAME_HEADER_BYTES = 16;

/**
 * Reads the single chunk of a simple file, or all chunks of an extended one. PIL refuses files with any damaged chunk,
 * also after the first frame.
 */
export function readWebp(bytes: Uint8Array): WebpFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length < 12 ? Infinity : 8 + view.getUint32(4, true);
  if (end > bytes.length) throw cannotDecode(`this WebP is cut short after ${bytes.length} bytes`);
  const chunks = chunksOf(bytes.subarray(12, end));
  const first = chunks.next().value;
  if (first?.type === "VP8X") return readExtended(first.data, [...chunks]);
  const frame = frameOf(first ? [first] : []);
  return { ...frame, frame, cost: costOf(frame, frame) };
}

function readExtended(header: Uint8Array, chunks: readonly Chunk[]): WebpFile {
  const flags = header[0];
  if (header.length !== 10 || flags & ~KNOWN_FLAGS || chunks.some(({ type }) => type === "VP8X")) throw damaged();
  const [width, height] = [1 + uint24(header, 4), 1 + uint24(header, 7)];
  const frames = flags & ANIMATION ? readAnimation(chunks) : [frameOf(chunks.filter(isImage))];
  const isWithin = (frame: WebpFrame) => frame.x + frame.width <= width && frame.y + frame.height <= height;
  const fills = (frame: WebpFrame) => frame.width === width && frame.height === height;
  if (frames.length === 0 || !frames.every(flags & ANIMATION ? isWithin : fills)) throw damaged();
  const exif = flags & EXIF ? chunks.find(({ type }) => type === "EXIF")?.data : undefined;
  return { width, height, frame: frames[0], cost: costOf({ width, height }, frames[0]), exif };
}

/**
 * Cost of decoding a frame and placing it on a larger canvas. The time of entropy decoding is proportional to the
 * bytes.
 */
function costOf(canvas: { width: number; height: number }, frame: WebpFrame): Cost {
  const pixels = frame.width * frame.height, around = canvas.width * canvas.height - pixels;
  const bytes = frame.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return {
    memory: 13 * pixels + (around > 0 ? 4 * (around + pixels) : 0),
    time: 100 * pixels + 10 * around + 500 * bytes,
  };
}

function readAnimation(chunks: readonly Chunk[]): WebpFrame[] {
  const [start, firstFrame] = ["ANIM", "ANMF"].map((type) => chunks.findIndex((chunk) => chunk.type === type));
  const startsWell = start >= 0 && start < firstFrame && chunks[start].data.length >= 6;
  if (!startsWell || chunks.some(isImage)) throw damaged();
  return chunks.filter(({ type }) => type === "ANMF").map(({ data }) => {
    const [x, y] = [2 * uint24(data, 0), 2 * uint24(data, 3)];
    return { ...frameOf([...chunksOf(data.subarray(FRAME_HEADER_BYTES))].filter(isImage)), x, y };
  });
}

/** The frame of an optional alpha chunk and a chunk of colours, which determines the size. */
function frameOf(chunks: readonly Chunk[]): WebpFrame {
  const isComplete = /^((ALPH)?VP8 |VP8L)$/.test(chunks.map(({ type }) => type).join(""));
  if (!isComplete) throw damaged();
  return { ...sizeOf(chunks[chunks.length - 1]), x: 0, y: 0, chunks: chunks.map(({ whole }) => whole) };
}

function isImage({ type }: Chunk): boolean {
  return type === "ALPH" || type === "VP8 " || type === "VP8L";
}

function sizeOf({ type, data }: Chunk): { width: number; height: number } {
  if (type === "VP8L" && data.length >= 5 && data[0] === 0x2f && data[4] >> 5 === 0) {
    const bits = new DataView(data.buffer, data.byteOffset).getUint32(1, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + (bits >>> 14 & 0x3fff) };
  }
  if (type === "VP8 " && data.length >= 10) {
    const [width, height] = [data[6] | (data[7] & 0x3f) << 8, data[8] | (data[9] & 0x3f) << 8];
    if (width > 0 && height > 0) return { width, height };
  }
  throw damaged();
}

/** The chunks in `bytes`, in order. */
function* chunksOf(bytes: Uint8Array): Generator<Chunk, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset < bytes.length;) {
    const length = offset + 8 <= bytes.length ? view.getUint32(offset + 4, true) : Infinity;
    const end = offset + 8 + length + length % 2;
    if (!(end <= bytes.length)) throw damaged();
    const type = String.fromCharCode(...bytes.subarray(offset, offset + 4));
    yield { type, whole: bytes.subarray(offset, end), data: bytes.subarray(offset + 8, offset + 8 + length) };
    offset = end;
  }
}

function uint24(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | bytes[offset + 1] << 8 | bytes[offset + 2] << 16;
}

function damaged(): TypeError {
  return cannotDecode("the chunks of this WebP are damaged or cut short");
}
