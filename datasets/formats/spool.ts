/**
 * Buffers bytes in memory, or, if they are many, in a temporary file.
 *
 * @module
 */

import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Bytes that are buffered in memory before they are written to a file. */
const MAX_MEMORY_BYTES = 2 ** 26;
/** Bytes per read of the file. */
const CHUNK_BYTES = 2 ** 20;

/** Buffered bytes, which can be read once. */
export interface Spool {
  /** Their number. */
  readonly size: number;
  /** Adds bytes. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Reads all bytes. */
  read(): AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** Removes the file, if there is one. */
  close(): Promise<void>;
}

/** Creates an empty spool. Beyond 64 MiB it needs permission to write to the system's folder for temporary files. */
export function openSpool(): Spool {
  let parts: Uint8Array<ArrayBuffer>[] = [];
  let inMemory = 0;
  let written = 0;
  let file: { readonly handle: FileHandle; readonly folder: string } | undefined;

  async function flush(): Promise<void> {
    file ??= await makeFile();
    for (const part of parts) written += (await file.handle.write(part, 0, part.length, written)).bytesWritten;
    [parts, inMemory] = [[], 0];
  }

  return {
    get size() {
      return written + inMemory;
    },
    async write(bytes) {
      parts.push(bytes);
      inMemory += bytes.length;
      if (inMemory >= MAX_MEMORY_BYTES) await flush();
    },
    async *read() {
      for (let at = 0; at < written;) {
        const bytes = new Uint8Array(Math.min(CHUNK_BYTES, written - at));
        const { bytesRead } = await file!.handle.read(bytes, 0, bytes.length, at);
        if (bytesRead === 0) throw new RangeError("Cannot write tokens: the temporary file became shorter");
        at += bytesRead;
        yield bytes.subarray(0, bytesRead);
      }
      yield* parts;
    },
    async close() {
      if (!file) return;
      await file.handle.close();
      await rm(file.folder, { recursive: true, force: true });
    },
  };
}

async function makeFile() {
  const folder = await mkdtemp(join(tmpdir(), "vqmodel-"));
  return { folder, handle: await open(join(folder, "tokens"), "w+") };
}
