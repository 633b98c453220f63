/**
 * Brings files of a repository to this machine: into the cache, or into memory.
 *
 * @module
 */

import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { bytesFrom, WrongBytesError } from "./body.ts";
import { type ByteSource, openFile, sourceOfBytes } from "./byte_source.ts";
import { hasFile, type RepoCache } from "./cache.ts";
import type { Connection } from "./connection.ts";
import { HubError, reasonOf } from "./errors.ts";
import { withLock } from "./lock.ts";
import type { Step } from "./progress.ts";
import type { RemoteFile } from "./resolve.ts";
import { UnreachableError, withRetries } from "./retry.ts";
import { verify } from "./verify.ts";

/** Where to get files from, and whom to tell. */
export interface DownloadOptions {
  readonly connection: Connection;
  readonly commit: string;
  readonly onStep: (step: Step) => void;
}

/** Where bytes go, in order. */
interface Sink {
  /** How many there are. */
  size: number;
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void> | void;
}

/**
 * Makes sure that the cache holds a file, and says where. Whoever else wants it waits for us or we for them; what an
 * earlier download left is continued.
 *
 * @throws {HubError} if the file cannot be had; what came of it is kept, unless it is wrong
 */
export async function downloadToCache(file: RemoteFile, cache: RepoCache, options: DownloadOptions): Promise<string> {
  const { connection: { repo, signal }, commit } = options;
  const { blob, lock } = await cache.prepareBlob(file.etag);
  await withLock(lock, async () => {
    if (!await hasFile(blob, file.size)) {
      const partial = `${blob}.incomplete`;
      try {
        await downloadToFile(file, partial, options);
        await verifyFile(partial, file, repo, signal);
        await rename(partial, blob);
      } catch (error) {
        const isWorthless = error instanceof WrongBytesError || await hasFile(partial, 0);
        if (isWorthless) await unlink(partial).catch(() => {});
        // Unless someone who thought us dead was first.
        if (!await hasFile(blob, file.size)) throw error;
      }
    }
    await cache.point(commit, file.path, file.etag);
  }, signal);
  return cache.pointer(commit, file.path);
}

/**
 * The bytes of a file, in memory.
 *
 * @throws {HubError} if the file cannot be had
 */
export async function downloadToMemory(file: RemoteFile, options: DownloadOptions): Promise<ByteSource> {
  const { repo, signal } = options.connection;
  const bytes = allocate(file, repo);
  await fill(
    {
      size: 0,
      write(chunk) {
        bytes.set(chunk, this.size);
        this.size += chunk.length;
      },
    },
    file,
    options,
  );
  const source = sourceOfBytes(bytes, `${repo}/${file.path}`);
  await verify(source, file, repo, signal);
  return source;
}

async function downloadToFile(file: RemoteFile, path: string, options: DownloadOptions): Promise<void> {
  const handle = await openForMore(path);
  try {
    let { size } = await handle.stat();
    if (size > file.size) {
      await handle.truncate(size = 0);
    }
    await fill(
      {
        size,
        async write(chunk) {
          await writeAt(handle, chunk, this.size, path);
          this.size += chunk.length;
        },
      },
      file,
      options,
    );
    await handle.sync(); // or a crash may leave a file with the right name and empty pages
  } finally {
    await handle.close();
  }
}

/** Gets what a sink lacks, however often the connection breaks. */
async function fill(sink: Sink, file: RemoteFile, { connection, commit, onStep }: DownloadOptions): Promise<void> {
  const { repo, signal } = connection;
  const report = (status: "download" | "progress") =>
    onStep({ status, file: file.path, loaded: sink.size, total: file.size });

  report("download");
  await withRetries(async (progressed) => {
    if (sink.size === file.size) return;
    for await (const chunk of bytesFrom(file, sink.size, connection, commit)) {
      if (sink.size + chunk.length > file.size) {
        throw new WrongBytesError(
          `Cannot load ${file.path} of ${repo}: expected ${file.size} bytes, the server has more`,
        );
      }
      await sink.write(chunk);
      progressed();
      report("progress");
    }
    if (sink.size < file.size) {
      throw new UnreachableError(
        `Cannot load ${file.path} of ${repo}: the connection ended after ${sink.size} of ${file.size} bytes`,
      );
    }
  }, { signal });
}

async function verifyFile(path: string, file: RemoteFile, repo: string, signal?: AbortSignal): Promise<void> {
  const source = await openFile(path);
  try {
    await verify(source, file, repo, signal);
  } finally {
    await source.close();
  }
}

/** Opens a file for writing anywhere in it, and makes it where there is none. */
async function openForMore(path: string): Promise<FileHandle> {
  return await open(path, "r+").catch((error) => {
    if (error.code === "ENOENT") return open(path, "wx");
    throw error;
  });
}

/**
 * Writes at a place, not at the end: should a lock have been taken for that of a dead process, both write the same bytes
 * to the same places.
 */
async function writeAt(handle: FileHandle, chunk: Uint8Array, position: number, path: string): Promise<void> {
  try {
    for (let done = 0; done < chunk.length;) {
      done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
    }
  } catch (cause) {
    throw new HubError(
      `Cannot write ${path} beyond ${position} bytes: ${reasonOf(cause)}. What is there is kept, to be continued`,
      { cause },
    );
  }
}

function allocate({ path, size }: RemoteFile, repo: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new HubError(
      `Cannot load ${path} of ${repo}: there is no cache to write to, and not enough memory for its ${size} bytes. ` +
        "Allow writing to the cache, or pass cacheDir",
      { cause },
    );
  }
}
