/**
 * Keys and extensions of files in data sets.
 *
 * @module
 */

/** Extensions of the picture files that {@linkcode ImageProcessor} reads. */
const PICTURE_EXTENSIONS = ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"];

/** Names of files of tokens. */
const TOKENS = /\.(tar|tar\.gz|tgz|parquet|jsonl|npy|npz|safetensors|pt|pth)$/i;

/** Names of lists of what failed. */
const FAILURES = /(^|\.)failures\.jsonl$/;

/** Most bytes of a picture's file, as of those that {@linkcode ImageProcessor} fetches. */
const MAX_PICTURE_BYTES = 2 ** 28;

/**
 * Checks the size of a picture's file before it is in memory.
 *
 * @throws {RangeError} if it is too large
 */
export function checkPictureSize(bytes: number): void {
  if (bytes <= MAX_PICTURE_BYTES) return;
  throw new RangeError(`Cannot read picture: expected at most ${MAX_PICTURE_BYTES} bytes, found ${bytes}`);
}

/** A path, divided where its extension begins. */
export interface KeyAndExtension {
  /** The path without the extension and without `./` in front; may be empty. */
  readonly key: string;
  /** The rest, in lower case, without the dot; empty if there is none. */
  readonly extension: string;
}

/** Divides the path of a file at the last dot of its name: `a.b/photo.left.jpg` has the key `a.b/photo.left`. */
export function splitName(path: string): KeyAndExtension {
  const [, key, extension] = /^(?:\.\/)*(.*?)(?:\.([^./]*))?$/s.exec(path)!;
  return { key, extension: (extension ?? "").toLowerCase() };
}

/** Divides the path of a file as WebDataset does, at the first dot of its name: `a.b/photo.left.jpg` has the key `a.b/photo`. */
export function splitSampleName(path: string): KeyAndExtension {
  const [, key, extension] = /^(?:\.\/)*((?:.*\/)?[^./]*)(?:\.([^/]*))?$/s.exec(path)!;
  return { key, extension: (extension ?? "").toLowerCase() };
}

/** Whether a path is that of a picture file. Hidden files, such as those that macOS adds to archives, are none. */
export function isPictureName(path: string): boolean {
  const { key, extension } = splitName(path);
  return PICTURE_EXTENSIONS.includes(extension) && !/^(\.|$)/.test(key.split("/").at(-1)!);
}

/** Whether a path is that of a file of tokens among others: JSON is not, which may be anything. */
export function isTokensName(path: string): boolean {
  return TOKENS.test(path) && !FAILURES.test(path);
}
