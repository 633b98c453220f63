/**
 * Transfer of pictures between the host and the memory.
 *
 * @module
 */

import type { PixelRange, Shape } from "../../tensor/storage.ts";
import type { Pixels } from "../../tensor/pixels.ts";
import { pixelsOf } from "../memory/layout.ts";
import type { Memory } from "../memory/memory.ts";
import type { Kernels } from "../threads/module.ts";
import { AREA, HOST } from "../abi.ts";

/** Writes the values of pixels to a tensor `[n, 3 or 1, h, w]` at `address`. */
export function storePixels({ bytes, range }: Pixels, address: number, shape: Shape, memory: Memory, kernels: Kernels) {
  const count = pixelsOf(shape);
  const end = address + 16 * count - bytes.length;
  memory.pixels(end, bytes.length).set(bytes);
  kernels.unpackPixels(end, address, count, shape[1] === 1, range === "signed");
}

/** Number of pixels that fill the host's memory. */
const PIECE = AREA / 4;

/** The pixels of a tensor `[n, 3 or 1, h, w]`. Converted piece by piece, because the memory may be full. */
export function restorePixels(
  address: number,
  shape: Shape,
  range: PixelRange,
  memory: Memory,
  kernels: Kernels,
): Uint8ClampedArray<ArrayBuffer> {
  const count = pixelsOf(shape);
  const bytes = new Uint8ClampedArray(4 * count);
  for (let pixel = 0; pixel < count; pixel += PIECE) {
    const part = Math.min(PIECE, count - pixel);
    kernels.packPixels(HOST, address + 16 * pixel, part, shape[1] === 1, range === "signed");
    bytes.set(memory.pixels(HOST, 4 * part), 4 * pixel);
  }
  return bytes;
}
