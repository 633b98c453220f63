/**
 * Whether bytes are those that were asked for.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { WrongBytesError } from "./body.ts";
import type { ByteSource } from "./byte_source.ts";
import type { RemoteFile } from "./resolve.ts";

const PIECE = 4 * 2 ** 20;

/**
 * Checks all bytes of a source, in pieces.
 *
 * @throws {WrongBytesError} if they are not the file's
 */
export async function verify(source: ByteSource, file: RemoteFile, repo: string, signal?: AbortSignal): Promise<void> {
  const hash = file.algorithm === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${source.size}\0`); // as git names a file's content
  for (let at = 0; at < source.size; at += PIECE) {
    signal?.throwIfAborted();
    hash.update(await source.read(at, Math.min(PIECE, source.size - at)));
  }
  const found = hash.digest("hex");
  if (found !== file.etag) {
    throw new WrongBytesError(
      `Cannot use ${file.path} of ${repo}: expected ${file.algorithm} ${file.etag}, found ${found}. It was damaged on ` +
        "the way, and nothing of it is kept: try again",
    );
  }
}
