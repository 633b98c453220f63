/**
 * Several files of tokens into one.
 *
 * @module
 */

import { dirname } from "node:path";
import { mergeRecords } from "../formats/records.ts";
import type { DatasetFormat } from "../types.ts";
import { type FileDigest, publish } from "./publish.ts";

/**
 * Writes the tokens of several files to one, as a stream. The file is there when all of it is on the disk.
 *
 * @param files paths, in their order
 * @throws {TypeError} if a file cannot be read or written
 * @throws {RangeError} as {@linkcode mergeRecords} does
 */
export async function mergeTokens(
  files: readonly string[],
  output: string,
  options: { format: DatasetFormat; grid?: readonly [h: number, w: number] },
): Promise<FileDigest> {
  const { format, grid } = options;
  return await publish(output, mergeRecords(files, format, { grid }), dirname(output));
}
