/**
 * What the picture codecs share.
 *
 * @module
 */

/** RGBA bytes, row by row, with their size. */
export interface Rgba {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Four bytes a pixel. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** The `TypeError` for bytes that are no picture, or a damaged or unsupported one. */
export function cannotDecode(reason: string, cause?: unknown): TypeError {
  return new TypeError(`Cannot decode picture: ${reason}`, { cause });
}
