/**
 * JPEG: eight-bit baseline and progressive pictures, gray, colour or CMYK, in; baseline colour out.
 *
 * The codec is imagescript's, a WebAssembly module without imports.
 *
 * @module
 */

import type { Raster } from "../raster.ts";
import { cannotDecode } from "./errors.ts";
import { JPEG_WASM } from "./imagescript_jpeg_wasm.ts";

/** What the module exports. Pointers are byte offsets into `memory`. */
interface Codec {
  readonly memory: WebAssembly.Memory;
  /** Allocates bytes. */
  walloc(size: number): number;
  /** Length of the last result. */
  wlen(): number;
  /** A decoded picture, or 0 if it cannot be decoded. */
  decode(bytes: number, length: number, width: number, height: number): number;
  decode_buffer(picture: number): number;
  decode_width(picture: number): number;
  decode_height(picture: number): number;
  /** The file made of RGBA bytes. */
  encode(rgba: number, width: number, height: number, quality: number): number;
}

/** The largest side a JPEG can state. */
const MAX_SIDE = 65535;

/** Whether the bytes begin as a JPEG does. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Width and height as the frame header of a JPEG states them; no pixel is decoded. */
export function jpegSize(bytes: Uint8Array): { width: number; height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 2;
  while (offset + 9 < bytes.length) {
    const marker = view.getUint16(offset);
    if (marker < 0xff01) throw cannotDecode(`byte ${offset} of this JPEG is no marker, the file is damaged`);
    if (isFrame(marker)) {
      if (marker > 0xffc2 || bytes[offset + 4] !== 8) {
        throw cannotDecode(
          "this JPEG is lossless, arithmetic coded or has more than 8 bits, save it as an ordinary one",
        );
      }
      const [height, width] = [view.getUint16(offset + 5), view.getUint16(offset + 7)];
      if (width === 0 || height === 0) throw cannotDecode(`this JPEG states a size of ${width}×${height} pixels`);
      return { width, height };
    }
    offset += marker === 0xffff ? 1 : 2 + view.getUint16(offset + 2);
  }
  throw cannotDecode(`this JPEG is cut short after ${bytes.length} bytes`);
}

/** The pixels of a JPEG, as RGB. CMYK becomes RGB as in PIL; an EXIF orientation is not applied, as in PIL. */
export function decodeJpeg(bytes: Uint8Array): Raster {
  const { width, height } = jpegSize(bytes);
  const codec = startCodec();
  let picture = 0;
  try {
    picture = codec.decode(place(codec, bytes), bytes.length, 0, 0);
  } catch (cause) {
    throw cannotDecode("the data of this JPEG is damaged", cause);
  }
  if (picture === 0) throw cannotDecode("the data of this JPEG is damaged or cut short");
  if (codec.decode_width(picture) !== width || codec.decode_height(picture) !== height) {
    throw cannotDecode(`this JPEG states more than one size, the first is ${width}×${height}`);
  }
  const samples = new Uint8Array(codec.memory.buffer, codec.decode_buffer(picture), codec.wlen());
  return { width, height, data: toRgba(samples, samples.length / (width * height)) };
}

/** A JPEG without chroma subsampling. Alpha is dropped. `quality` is libjpeg's, 1 to 100. */
export function encodeJpeg({ width, height, data }: Raster, quality: number): Uint8Array<ArrayBuffer> {
  if (width > MAX_SIDE || height > MAX_SIDE) {
    throw new RangeError(
      `Cannot encode picture: ${width}×${height} is too large for JPEG, a side has at most ${MAX_SIDE}`,
    );
  }
  const codec = startCodec();
  const file = codec.encode(place(codec, data), width, height, quality);
  return new Uint8Array(codec.memory.buffer, file, codec.wlen()).slice();
}

/** Whether a marker begins a frame: SOF0 to SOF15 without DHT, JPG and DAC, which share their range. */
function isFrame(marker: number): boolean {
  return marker >= 0xffc0 && marker <= 0xffcf && marker !== 0xffc4 && marker !== 0xffc8 && marker !== 0xffcc;
}

let compiled: WebAssembly.Module | undefined;

/** A fresh instance for each picture: its memory goes when it goes, and a damaged file that traps harms nothing else. */
function startCodec(): Codec {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(JPEG_WASM), (char) => char.charCodeAt(0)));
  return new WebAssembly.Instance(compiled).exports as unknown as Codec;
}

function place(codec: Codec, bytes: Uint8Array | Uint8ClampedArray): number {
  const pointer = codec.walloc(bytes.length);
  new Uint8Array(codec.memory.buffer, pointer, bytes.length).set(bytes);
  return pointer;
}

/** From gray, RGB or CMYK samples. */
function toRgba(samples: Uint8Array, channels: number): Uint8ClampedArray<ArrayBuffer> {
  const data = new Uint8ClampedArray(4 * samples.length / channels).fill(255);
  for (let from = 0, to = 0; to < data.length; from += channels, to += 4) {
    const light = channels === 4 ? (255 - samples[from + 3]) / 255 : 1;
    for (let c = 0; c < 3; c++) {
      const sample = samples[channels === 1 ? from : from + c];
      data[to + c] = channels === 4 ? (255 - sample) * light : sample;
    }
  }
  return data;
}
