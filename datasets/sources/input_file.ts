/**
 * A file among the inputs of a data set.
 *
 * @module
 */

/** A file of pictures: one picture, or an archive. */
export interface InputFile {
  /** Its path or URL. */
  readonly address: string;
  /** Its path below the folder or the glob that was named, with `/` between folders; else the name alone. */
  readonly name: string;
  /** The folder that was named. */
  readonly folder?: string;
  /** Bytes, if known. */
  readonly size?: number;
  /** Whether it was named, and is not there. */
  readonly isMissing?: boolean;
}

/** Whether an input is a URL; a single letter is a Windows drive. */
export function isUrl(input: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(input);
}
