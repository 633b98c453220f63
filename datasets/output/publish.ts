/**
 * Writing of files that are whole or not there.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { link, mkdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { renameSynced, syncFolder, writeSynced } from "../../hub/mod.ts";
import { reasonOf } from "../../hub/show.ts";
import { concatBytes } from "../formats/byte_stream.ts";

/** Size and SHA-256 of a file. */
export interface FileDigest {
  /** Its size. */
  readonly bytes: number;
  /** Its SHA-256, in hexadecimal. */
  readonly sha256: string;
}

/** Bytes to write at a time. */
const WRITE_BYTES = 2 ** 18;

type Content = string | AsyncIterable<Uint8Array>;

/**
 * Writes a file under a temporary name, waits until it is on the disk, and gives it its name. A file of that name is
 * replaced, unless it has the same content.
 *
 * @param workFolder for the temporary file, in the same file system
 * @throws {TypeError} if it cannot be written, as when the disk is full; errors of the content are thrown as they are
 */
export async function publish(path: string, content: Content, workFolder: string): Promise<FileDigest> {
  const temporary = join(workFolder, `${crypto.randomUUID()}.incomplete`);
  const chunks = digesting(content);
  try {
    await writeSynced(temporary, gathered(chunks));
    await moveUnlessSame(temporary, path, chunks.digest());
    return chunks.digest();
  } catch (cause) {
    if (cause === chunks.error || (cause as Error)?.name === "NotCapable") throw cause;
    throw new TypeError(
      `Cannot write ${path}: ${reasonOf(cause)}. Make room if the disk is full, and run the same command again`,
      { cause },
    );
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Makes a folder and those above it, as far as they are not there.
 *
 * @param task what it is for, as the beginning of the message
 * @throws {TypeError} if it cannot be made
 */
export async function makeFolder(path: string, task: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause) => {
    if (cause.name === "NotCapable") throw cause; // says which permission to give
    throw new TypeError(`${task}: ${reasonOf(cause)}`, { cause });
  });
}

/** Gives a file its name, by one operation that fails if there is a file of that name. */
async function moveUnlessSame(temporary: string, path: string, digest: FileDigest): Promise<void> {
  const linked = await link(temporary, path).then(() => true, () => false); // not every file system has links
  if (linked) await syncFolder(dirname(path));
  else if (!await isSame(path, digest)) await renameSynced(temporary, path);
}

async function isSame(path: string, { bytes, sha256 }: FileDigest): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  return there?.size === bytes && await hashOf(path) === sha256;
}

/** The SHA-256 of a file, in hexadecimal. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex");
}

/** Passes chunks on, and knows their digest at the end, or the error that ended them. */
function digesting(content: Content): AsyncIterable<Uint8Array> & { error?: unknown; digest(): FileDigest } {
  const hash = createHash("sha256");
  let bytes = 0;
  let sha256: string | undefined;
  return {
    error: undefined,
    digest: () => ({ bytes, sha256: sha256 ??= hash.digest("hex") }),
    async *[Symbol.asyncIterator]() {
      try {
        for await (const chunk of typeof content === "string" ? [new TextEncoder().encode(content)] : content) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
      } catch (error) {
        this.error = error;
        throw error;
      }
    },
  };
}

/** Joins small chunks: each write waits for a turn of the event loop, which an engine in the same thread rarely grants. */
async function* gathered(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes < WRITE_BYTES) continue;
    yield concatBytes(parts);
    [parts, bytes] = [[], 0];
  }
  if (bytes > 0) yield concatBytes(parts);
}
