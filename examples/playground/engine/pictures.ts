/**
 * Picture files as the model takes them.
 *
 * @module
 */

import { decodePicture, type ImageProcessor, type Tensor } from "../../../mod.ts";

/** How to open a picture. */
export interface OpenOptions {
  /** The most pixels of its longer side. */
  readonly side: number;
  readonly processor: ImageProcessor;
  /** What its sides will be a multiple of. */
  readonly factor: number;
  readonly signal?: AbortSignal;
}

/** Decodes a picture file and resizes it, with the same bytes as Python. */
export async function openPicture(file: Blob, { side, processor, factor, signal }: OpenOptions): Promise<Tensor> {
  const picture = await decodePicture(new Uint8Array(await file.arrayBuffer()), { signal });
  return await processor.preprocess(picture, { ...sidesWithin(picture, side, factor), signal });
}

/** Sides in proportion to a picture's, in multiples of a factor, and none larger than a limit; not enlarged. */
export function sidesWithin(
  { width, height }: { width: number; height: number },
  limit: number,
  factor: number,
): { width: number; height: number } {
  const scale = Math.min(1, limit / Math.max(width, height));
  const round = (length: number) => Math.max(1, Math.round(length * scale / factor)) * factor;
  return { width: round(width), height: round(height) };
}
