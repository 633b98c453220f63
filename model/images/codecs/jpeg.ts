/**
 * Reads JPEG files bit for bit as libjpeg-turbo does, and so as PIL does.
 *
 * The decoder is @jsquash/jpeg's, mozjpeg in WebAssembly. What it lacks is done here on the planes that it gives: CMYK, and
 * smooth upsampling of rows (4:4:0).
 *
 * @module
 */

import createDecoder from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import type { Raster } from "../raster.ts";
import { bytesOf, decodeWith } from "./emscripten.ts";
import { cannotDecode } from "./errors.ts";
import type { Component, JpegHeaders } from "./jpeg_headers.ts";
import { fileOf, largestFactors, sizeOf } from "./jpeg_planes.ts";
import { JPEG_WASM } from "./jpeg_wasm.gen.ts";

/** Bytes that the decoder may take: so many, and so many a pixel, for progressive files keep all coefficients. */
const BASE_MEMORY = 2 ** 26;
const MEMORY_PER_PIXEL = 24;

/** Samples of one component, one a pixel. */
type Plane = Uint8Array<ArrayBuffer>;

/** The pixels of a JPEG, not turned by its EXIF orientation. CMYK becomes RGB as in PIL. */
export async function decodeJpeg(bytes: Uint8Array, headers: JpegHeaders): Promise<Raster> {
  const { components } = headers;
  if (components.length < 4 && !components.some((one) => hasHalfRows(one, components))) {
    return await decodeFile(bytes, headers);
  }
  const [first, second, third, fourth] = await decodePlanes(bytes, headers);
  if (isLumaAndChroma(headers)) convertToRgb(first, second, third);
  if (!fourth) return interleave([first, second, third], headers, (ink) => ink);
  // Of four planes libjpeg inverts the three it has converted, PIL all four: as Adobe's programs write them.
  const inverted = isLumaAndChroma(headers);
  return interleave([first, second, third], headers, (ink, at) => {
    const light = fourth[at];
    return light - multiply(inverted ? ink : 255 - ink, light);
  });
}

/** What the decoder makes of a file. */
async function decodeFile(
  bytes: Uint8Array,
  { width, height }: { width: number; height: number },
): Promise<Raster> {
  let picture: ImageData | null;
  try {
    const maxMemory = BASE_MEMORY + 2 * bytes.length + MEMORY_PER_PIXEL * width * height;
    picture = await decodeWith({ create: createDecoder, wasm: JPEG_WASM, maxMemory, options: [false] }, bytes);
  } catch (cause) {
    throw cannotDecode("the data of this JPEG is damaged", cause);
  }
  if (!picture) throw cannotDecode("the data of this JPEG is damaged");
  if (picture.width !== width || picture.height !== height) {
    throw cannotDecode(`this JPEG states more than one size, the first is ${width}×${height}`);
  }
  return { width, height, data: bytesOf(picture) };
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
    const { data } = await decodeFile(fileOf(bytes, headers, [component]), sizeOf(component, headers));
    planes[i] = smoothRows(planeOf(data, 0), headers);
  }
  return planes;
}

/** Two components without which the largest sampling factors stay what they are. */
function twoToSpare(components: readonly Component[]): Component[] {
  const { h, v } = largestFactors(components);
  const spare = components.filter((component) => {
    const others = largestFactors(components.filter((other) => other !== component));
    return others.h === h && others.v === v;
  });
  return spare.slice(0, 2);
}

/** Whether a component has all columns and every other row, for which the decoder rounds unlike libjpeg-turbo. */
function hasHalfRows({ h, v }: Component, components: readonly Component[]): boolean {
  const largest = largestFactors(components);
  return h === largest.h && 2 * v === largest.v;
}

/** Whether the first three components are luma and chroma, decided as in libjpeg. */
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

/** Twice as many rows, as libjpeg-turbo makes them: three quarters of one and a quarter of the nearest other. */
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

/** Luma and chroma to red, green and blue in place, in libjpeg's fixed point. */
function convertToRgb(luma: Plane, blueness: Plane, redness: Plane): void {
  const fixed = (value: number) => Math.round(value * 65536);
  const clamped = new Uint8ClampedArray(3);
  for (let i = 0; i < luma.length; i++) {
    const [y, cb, cr] = [luma[i], blueness[i] - 128, redness[i] - 128];
    clamped[0] = y + (fixed(1.402) * cr + 32768 >> 16);
    clamped[1] = y + (-fixed(0.34414) * cb - fixed(0.71414) * cr + 32768 >> 16);
    clamped[2] = y + (fixed(1.772) * cb + 32768 >> 16);
    [luma[i], blueness[i], redness[i]] = clamped;
  }
}

/** A product of fractions of 255, rounded as PIL rounds it. */
function multiply(a: number, b: number): number {
  const product = a * b + 128;
  return (product >> 8) + product >> 8;
}

function interleave(
  planes: readonly Plane[],
  { width, height }: JpegHeaders,
  convert: (sample: number, at: number) => number,
): Raster {
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = convert(planes[c][i], i);
  }
  return { width, height, data };
}
