/**
 * Picture files as the model takes them.
 *
 * @module
 */

import { decodePicture, type ImageProcessor, type Tensor } from "../../../mod.ts";

/** Width and height in pixels. */
interface Sides {
  readonly width: number;
  readonly height: number;
}

/** How to open a picture. */
export interface OpenOptions {
  /** The most pixels of its longer side. */
  readonly side: number;
  readonly processor: ImageProcessor;
  /** What its sides will be a multiple of. */
  readonly factor: number;
  readonly signal?: AbortSignal;
}

/** Pixels above which a file is decoded twice in a worker, since resizing its pixels here would block the page. */
const LARGE_PIXELS = 4e6;

/** Decodes a picture file and resizes it, with the same bytes as Python. */
export async function openPicture(file: Blob, { side, processor, factor, signal }: OpenOptions): Promise<Tensor> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const picture = await decodePicture(bytes, { signal });
  // Given a file, the library resizes large pictures in a worker; given pixels, it resizes them here.
  const source = picture.width * picture.height > LARGE_PIXELS ? bytes : picture;
  return await processor.preprocess(source, { ...sidesWithin(picture, side, factor), signal });
}

/** Sides in proportion to a picture's, in multiples of a factor, and none larger than a limit; not enlarged. */
export function sidesWithin({ width, height }: Sides, limit: number, factor: number): Sides {
  const scale = Math.min(1, limit / Math.max(width, height));
  const round = (length: number) => Math.max(1, Math.round(length * scale / factor)) * factor;
  return { width: round(width), height: round(height) };
}
