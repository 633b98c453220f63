/**
 * Reads JPEG files bit for bit like libjpeg-turbo, and so like PIL.
 *
 * The decoder is @jsquash/jpeg's, mozjpeg in WebAssembly. Incomplete progressive files go to libjpeg-turbo itself,
 * because the two smooth blocks differently. CMYK and smooth upsampling of rows (4:4:0), which neither does, are added
 * here.
 *
 * @module
 */

import createDecoder from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import type { Raster } from "../../raster/raster.ts";
import { concat } from "../bytes.ts";
import { bytesOf, type DecodedPicture, type DecodeRequest, decodeWith } from "../emscripten.ts";
import { cannotDecode } from "../errors.ts";
import { APP1, type Component, hasHalfRows, type JpegHeaders, largestFactors, needsPlanes } from "./headers.ts";
import { fileOf, sizeOf } from "./planes.ts";
import { JPEG_WASM } from "./wasm.gen.ts";

/** Limit of the decoder's memory, in bytes; progressive files keep all coefficients. */
const BASE_MEMORY = 2 ** 26;
const MEMORY_PER_PIXEL = 24;

/** The expected size, and whether the file is complete. */
type Expected = Pick<JpegHeaders, "width" | "height" | "complete">;

/** Coefficients of YCbCr to RGB, times 65536. */
const [RED, GREEN_BLUE, GREEN_RED, BLUE] = [1.402, 0.34414, 0.71414, 1.772].map((factor) => Math.round(factor * 65536));

/** Samples of one component, one per pixel. */
type Plane = Uint8Array<ArrayBuffer>;

/** The pixels of a JPEG, before its EXIF orientation is applied. CMYK becomes RGB as in PIL. */
export async function decodeJpeg(bytes: Uint8Array, headers: JpegHeaders): Promise<Raster> {
  if (!needsPlanes(headers.components)) return await decodeFile(withoutExif(bytes, headers), headers);
  return toRgb(await decodePlanes(bytes, headers), headers);
}

/** The file without EXIF and XMP segments: the decoder takes quadratic time for many of them. */
function withoutExif(bytes: Uint8Array, { segments }: JpegHeaders): Uint8Array {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { marker, start, end } of segments) {
    if (marker !== APP1) continue;
    parts.push(bytes.subarray(from, start));
    from = end;
  }
  return from === 0 ? bytes : concat([...parts, bytes.subarray(from)]);
}

/** Decodes a file that the decoder can read as a whole. */
async function decodeFile(bytes: Uint8Array, { width, height, complete }: Expected): Promise<Raster> {
  const decoder = complete ? { create: createDecoder, wasm: JPEG_WASM } : await loadTurbo();
  let picture: DecodedPicture | null;
  try {
    const maxMemory = BASE_MEMORY + 2 * bytes.length + MEMORY_PER_PIXEL * width * height;
    picture = await decodeWith({ ...decoder, maxMemory, options: [false] }, bytes);
  } catch (cause) {
    throw cannotDecode("the data of this JPEG is damaged", cause);
  }
  if (!picture) throw cannotDecode("the data of this JPEG is damaged");
  if (picture.width !== width || picture.height !== height) {
    throw cannotDecode(`this JPEG states more than one size, the first is ${width}×${height}`);
  }
  return { width, height, data: bytesOf(picture) };
}

async function loadTurbo(): Promise<Pick<DecodeRequest, "create" | "wasm">> {
  const { createTurboDecoder } = await import("./turbo.ts");
  const { JPEG_TURBO_WASM } = await import("./turbo_wasm.gen.ts");
  return { create: createTurboDecoder, wasm: JPEG_TURBO_WASM };
}

/** All planes, at the size of the picture. */
async function decodePlanes(bytes: Uint8Array, headers: JpegHeaders): Promise<Plane[]> {
  const { components } = headers;
  const planes: Plane[] = [];
  for (const spared of components.length === 4 ? twoToSpare(components) : [undefined]) {
    const kept = components.filter((component) => component !== spared);
    const { data } = await decodeFile(fileOf(bytes, headers, kept), headers);
    kept.forEach((component, channel) => planes[components.indexOf(component)] = planeOf(data, channel));
  }
  for (const [i, component] of components.entries()) {
    if (!hasHalfRows(component, components)) continue;
    const { data } = await decodeFile(fileOf(bytes, headers, [component]), {
      ...sizeOf(component, headers),
      complete: headers.complete,
    });
    planes[i] = smoothRows(planeOf(data, 0), headers);
  }
  return planes;
}

/** Two components that can each be left out without changing the largest sampling factors. */
function twoToSpare(components: readonly Component[]): Component[] {
  const { h, v } = largestFactors(components);
  const spare = components.filter((component) => {
    const others = largestFactors(components.filter((other) => other !== component));
    return others.h === h && others.v === v;
  });
  return spare.slice(0, 2);
}

/** Whether the first three components are YCbCr, decided like libjpeg. */
function isLumaAndChroma({ components, jfif, adobe }: JpegHeaders): boolean {
  if (components.length === 4) return adobe !== undefined && adobe !== 0;
  if (jfif) return true;
  if (adobe !== undefined) return adobe !== 0;
  return String.fromCharCode(...components.map(({ id }) => id)) !== "RGB";
}

function planeOf(data: Uint8ClampedArray, channel: number): Plane {
  const plane = new Uint8Array(data.length / 4);
  for (let i = 0, from = channel; i < plane.length; i++, from += 4) plane[i] = data[from];
  return plane;
}

/** Doubles the rows like libjpeg-turbo: three quarters of the row and a quarter of its nearest neighbour. */
function smoothRows(source: Plane, { width, height }: JpegHeaders): Plane {
  const plane = new Uint8Array(width * height);
  const last = source.length / width - 1;
  for (let y = 0; y < height; y++) {
    const row = y >> 1;
    const other = Math.min(last, Math.max(0, row + (y % 2 === 0 ? -1 : 1)));
    for (let x = 0; x < width; x++) {
      plane[y * width + x] = (3 * source[row * width + x] + source[other * width + x] + 1 + y % 2) >> 2;
    }
  }
  return plane;
}

/** Converts planes to pixels: YCbCr in libjpeg's fixed point, and four planes like PIL's CMYK. */
function toRgb([first, second, third, fourth]: readonly Plane[], headers: JpegHeaders): Raster {
  const { width, height } = headers;
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  const isLuma = isLumaAndChroma(headers);
  for (let i = 0, to = 0; to < data.length; i++, to += 4) {
    const [y, cb, cr] = [first[i], second[i] - 128, third[i] - 128];
    data[to] = isLuma ? y + (RED * cr + 32768 >> 16) : first[i];
    data[to + 1] = isLuma ? y + (-GREEN_BLUE * cb - GREEN_RED * cr + 32768 >> 16) : second[i];
    data[to + 2] = isLuma ? y + (BLUE * cb + 32768 >> 16) : third[i];
    if (!fourth) continue;
    // Adobe programs write inverted CMYK. libjpeg inverts only the three planes that it converts, PIL all four.
    const light = fourth[i];
    for (let c = to; c < to + 3; c++) data[c] = light - multiply(isLuma ? data[c] : 255 - data[c], light);
  }
  return { width, height, data };
}

/** The product of two fractions of 255, rounded like PIL. */
function multiply(a: number, b: number): number {
  const product = a * b + 128;
  return (product >> 8) + product >> 8;
}
