/**
 * The error of picture codecs.
 *
 * @module
 */

/** The `TypeError` for bytes that are not a picture, or a damaged or unsupported one. */
export function cannotDecode(reason: string, cause?: unknown): TypeError {
  return new TypeError(`Cannot decode picture: ${reason}`, { cause });
}
