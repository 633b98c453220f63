/**
 * Reads lossy and lossless WebP files, and the first frame of animations, as PIL does.
 *
 * The decoder is @jsquash/webp's, libwebp in WebAssembly. It reads still pictures only, so the first frame is passed to
 * it as a file of its own.
 *
 * @module
 */

import createDecoder from "@jsquash/webp/codec/dec/webp_dec.js";
import { blank, pixelsOf, type Raster } from "../../raster/raster.ts";
import { concat } from "../bytes.ts";
import { type DecodedPicture, decodeWith, opaque } from "../emscripten.ts";
import { cannotDecode } from "../errors.ts";
import type { WebpFile, WebpFrame } from "./chunks.ts";
import { WEBP_WASM } from "./wasm.gen.ts";

/** Limit of the decoder's memory, in bytes. */
const BASE_MEMORY = 2 ** 26;
const MEMORY_PER_PIXEL = 24;

const ALPHA_FLAG = 0x10;

/** The pixels of a WebP, before its EXIF orientation is applied. Drops alpha; around a smaller first frame is black. */
export async function decodeWebp({ width, height, frame }: WebpFile): Promise<Raster> {
  const picture = await decodeFrame(frame);
  if (frame.width === width && frame.height === height) return picture;
  const canvas = blank(width, height);
  const [from, to] = [pixelsOf(picture), pixelsOf(canvas)];
  for (let row = 0; row < frame.height; row++) {
    const pixels = from.subarray(row * frame.width, (row + 1) * frame.width);
    to.set(pixels, (frame.y + row) * width + frame.x);
  }
  return canvas;
}

async function decodeFrame(frame: WebpFrame): Promise<Raster> {
  const { width, height } = frame;
  const file = fileOf(frame);
  let picture: DecodedPicture | null;
  try {
    const maxMemory = BASE_MEMORY + 2 * file.length + MEMORY_PER_PIXEL * width * height;
    picture = await decodeWith({ create: createDecoder, wasm: WEBP_WASM, maxMemory }, file);
  } catch (cause) {
    throw cannotDecode("the data of this WebP is damaged", cause);
  }
  if (picture?.width !== width || picture.height !== height) {
    throw cannotDecode("the data of this WebP is damaged or cut short");
  }
  return { width, height, data: opaque(picture) };
}

/** A file with a single frame. */
function fileOf({ width, height, chunks }: WebpFrame): Uint8Array<ArrayBuffer> {
  const extended = new Uint8Array(18);
  extended.set(new TextEncoder().encode("VP8X"));
  const view = new DataView(extended.buffer);
  view.setUint32(4, 10, true);
  view.setUint32(8, ALPHA_FLAG, true);
  view.setUint16(12, width - 1, true);
  view.setUint16(15, height - 1, true);
  const file = concat([new TextEncoder().encode("RIFF\0\0\0\0WEBP"), extended, ...chunks]);
  new DataView(file.buffer).setUint32(4, file.length - 8, true);
  return file;
}
