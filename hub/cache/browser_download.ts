/**
 * Downloads files to the storage of a browser, in parts.
 *
 * @module
 */

import { findParts, PART_SIZE, type Parts, readParts, writePart } from "./file_parts.ts";
import type { BrowserFiles } from "./browser_files.ts";
import type { Hash } from "../system/hash.ts";
import { isRefusal } from "../system/system_errors.ts";
import { WrongBytesError } from "../remote/body.ts";
import { type DownloadOptions, fill, type Sink } from "../remote/download.ts";
import type { RemoteFile } from "../remote/resolve.ts";
import { checkHash, startFileHash } from "../remote/verify.ts";

/** A sink that writes parts. */
interface PartSink extends Sink {
  /** Writes what is left. */
  flush(): Promise<void>;
}

/**
 * Downloads the parts of a file that are not there yet. The last one is written when the hash of all of them is right, so
 * that a file which is as long as it should be was checked. The caller holds the lock of the folder.
 *
 * @throws {HubError} if the file cannot be downloaded; its parts are kept, unless they are wrong
 * @throws {DOMException} if the browser does not store that much, and nothing is kept
 */
export async function downloadParts(
  file: RemoteFile,
  files: BrowserFiles,
  folder: string,
  options: DownloadOptions,
): Promise<void> {
  const { repo, signal } = options.connection;
  let parts = await findParts(files, folder);
  let hash = parts.size < file.size ? await hashOf(parts, file, signal) : undefined;
  if (!hash) {
    await files.remove(folder);
    parts = { size: 0, list: [] };
    hash = await startFileHash(file.algorithm, file.size);
  }
  const sink = partSink(files, folder, parts.size, file.size, hash);
  try {
    checkSpace(file.size - parts.size, await files.freeBytes());
    await fill(sink, file, options);
    checkHash(hash.hex(), file, repo);
    await sink.flush();
  } catch (error) {
    if (error instanceof WrongBytesError || isRefusal(error)) await files.remove(folder).catch(() => {});
    else if (sink.size < file.size) await sink.flush().catch(() => {}); // for a later call
    throw error;
  }
}

/** The hash of the first parts of a file; `undefined` if one is damaged. */
async function hashOf(parts: Parts, file: RemoteFile, signal?: AbortSignal): Promise<Hash | undefined> {
  const hash = await startFileHash(file.algorithm, file.size);
  for await (const bytes of readParts(parts, signal)) {
    if (!bytes) return undefined;
    hash.update(bytes);
  }
  return hash;
}

function partSink(files: BrowserFiles, folder: string, begin: number, end: number, hash: Hash): PartSink {
  let chunks: Uint8Array<ArrayBuffer>[] = [];
  return {
    size: begin,
    async write(chunk) {
      hash.update(chunk);
      chunks.push(chunk);
      this.size += chunk.length;
      if (this.size - begin >= PART_SIZE && this.size < end) await this.flush();
    },
    async flush() {
      if (this.size === begin) return;
      await writePart(files, folder, begin, new Uint8Array(await new Blob(chunks).arrayBuffer()));
      begin = this.size;
      chunks = [];
    },
  };
}

function checkSpace(needed: number, free = Infinity): void {
  if (needed <= free) return;
  throw new DOMException(
    `the browser stores ${free} bytes more for this site, and ${needed} are needed`,
    "QuotaExceededError",
  );
}
