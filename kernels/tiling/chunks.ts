/**
 * Splits an image for the sums of a norm: into bands of rows, and those into chunks of pixels that are summed separately.
 *
 * @module
 */

/** A split of an image. */
export interface Chunks {
  /** Pixels of a chunk; the last of each band may have fewer. */
  readonly chunkPixels: number;
  /** Chunks of an image. */
  readonly chunks: number;
  /** Pixels of a band; the last may have fewer. */
  readonly bandPixels: number;
  /** Chunks of a band; the last may have fewer. */
  readonly bandChunks: number;
}

/** Splits an image of `height` × `width` pixels into bands of `bandHeight` rows and chunks of `chunkPixels` pixels. */
export function splitImage(height: number, width: number, bandHeight: number, chunkPixels: number): Chunks {
  const bandPixels = bandHeight * width;
  const bandChunks = Math.ceil(bandPixels / chunkPixels);
  const fullBands = Math.ceil(height / bandHeight) - 1;
  const chunks = fullBands * bandChunks + Math.ceil((height * width - fullBands * bandPixels) / chunkPixels);
  return { chunkPixels, chunks, bandPixels, bandChunks };
}
