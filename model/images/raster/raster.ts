/**
 * Pixels as codecs, resizing and the image processor exchange them.
 *
 * @module
 */

/** Opaque pixels of four bytes: red, green, blue and 255, row by row from the top left, as PIL stores RGB. */
export interface Raster {
  /** Width in pixels, at least 1. */
  readonly width: number;
  /** Height in pixels, at least 1. */
  readonly height: number;
  /** `4 × width × height` bytes. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}
