/**
 * Pictures on their way into the memory and out of it: there, the threads turn bytes to floats and back.
 *
 * @module
 */

import type { PixelRange, Pixels } from "../pixels.ts";
import type { Shape } from "../tensor.ts";
import type { Job } from "./job.ts";
import { pixelsOf } from "./layout.ts";
import type { Runtime } from "./runtime.ts";
import { Kind } from "./shared.ts";

/** Copies pixels to the end of the place of a tensor `[n, 3 or 1, h, w]`; the job that is returned unpacks them. */
export function uploadPixels({ bytes, range }: Pixels, address: number, shape: Shape, { memory }: Runtime): Job {
  const end = address + 16 * pixelsOf(shape);
  memory.pixels(end - bytes.length, bytes.length).set(bytes);
  return job(Kind.UnpackPixels, end - bytes.length, address, shape, range, 1);
}

/** The pixels of a tensor `[n, 3 or 1, h, w]`. */
export async function downloadPixels(
  address: number,
  shape: Shape,
  range: PixelRange,
  runtime: Runtime,
): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const { memory, team } = runtime;
  const length = 4 * pixelsOf(shape);
  const bytes = memory.allocate(length);
  try {
    await runtime.runJobs([job(Kind.PackPixels, bytes, address, shape, range, team.threads)]);
    return new Uint8ClampedArray(memory.pixels(bytes, length));
  } finally {
    memory.free(bytes);
  }
}

function job(kind: Kind, bytes: number, floats: number, shape: Shape, range: PixelRange, blocks: number): Job {
  const fields = [bytes, floats, pixelsOf(shape), Number(shape[1] === 1), Number(range === "signed"), blocks];
  return { kind, blocks, fields };
}
