/**
 * Splits an image for the sums of a norm: into bands of rows, and those into strips of pixels that are summed
 * separately.
 *
 * @module
 */

/** A split of an image. */
export interface Strips {
  /** Pixels of a strip; the last of each band may have fewer. */
  readonly strip: number;
  /** Strips of an image. */
  readonly strips: number;
  /** Pixels of a band; the last may have fewer. */
  readonly bandArea: number;
  /** Strips of a band; the last may have fewer. */
  readonly bandStrips: number;
}

/** Splits an image of `height` × `width` pixels into bands of `bandHeight` rows and strips of `strip` pixels. */
export function splitImage(height: number, width: number, bandHeight: number, strip: number): Strips {
  const bandArea = bandHeight * width;
  const bandStrips = Math.ceil(bandArea / strip);
  const fullBands = Math.ceil(height / bandHeight) - 1;
  const strips = fullBands * bandStrips + Math.ceil((height * width - fullBands * bandArea) / strip);
  return { strip, strips, bandArea, bandStrips };
}
