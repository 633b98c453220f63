/**
 * Downloads files of a repository to the cache or into memory.
 *
 * @module
 */

import type { FileHandle } from "node:fs/promises";
import { copyFile, lstat, open, stat, unlink } from "../system/files.ts";
import { bytesFrom, WrongBytesError } from "./body.ts";
import { type ByteSource, sourceOfBytes } from "../formats/byte_source.ts";
import type { RepoCache } from "../cache/cache.ts";
import type { Connection } from "./connection.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { LockLostError, withLock } from "../cache/lock.ts";
import type { Step } from "./progress.ts";
import { moveOver, removeOnFailure, temporaryBeside } from "../system/atomic_write.ts";
import type { RemoteFile } from "./resolve.ts";
import { UnreachableError, withRetries } from "./retry.ts";
import { isIntact, verify, verifyFile } from "./verify.ts";

/** Node's flag to share the blocks of a file if the file system can. */
const COPYFILE_FICLONE = 2;

/** The source of files, and a callback for progress. */
export interface DownloadOptions {
  readonly connection: Connection;
  readonly commit: string;
  readonly onStep: (step: Step) => void;
}

/** A destination of bytes, in order. */
interface Sink {
  /** Number of bytes so far. */
  size: number;
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void> | void;
}

/**
 * Downloads a file to the cache, unless it is there, and returns its path. Of several processes that need the file, one
 * downloads it and the others wait. An incomplete download is resumed.
 *
 * @throws {HubError} if the file cannot be downloaded; an incomplete download is kept, unless it is wrong
 */
export async function downloadToCache(file: RemoteFile, cache: RepoCache, options: DownloadOptions): Promise<string> {
  const { connection: { signal }, commit } = options;
  const { blob, lock } = await cache.prepareBlob(file.etag);
  for (;;) {
    try {
      await withLock(lock, async (lost) => {
        if (!await isIntact(blob, file, signal)) await downloadToBlob(file, blob, options, lost);
        await cache.point(commit, file.path, file.etag);
      }, signal);
      return cache.pointer(commit, file.path);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof LockLostError)) throw error; // else the new holder of the lock downloads the file
    }
  }
}

/**
 * Downloads a file into memory.
 *
 * @throws {HubError} if the file cannot be downloaded
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

/**
 * Downloads a file under a temporary name, and then renames it. If this process is suspended and another one takes over,
 * that one works on a copy, and this one must not touch files of that name any more.
 */
async function downloadToBlob(file: RemoteFile, blob: string, options: DownloadOptions, lost: AbortSignal) {
  const { repo, signal } = options.connection;
  const connection = { ...options.connection, signal: signal ? AbortSignal.any([signal, lost]) : lost };
  const partial = `${blob}.incomplete`;
  const handle = await openOwn(partial, file.size);
  try {
    await fill(sinkOf(handle, (await handle.stat()).size, partial), file, { ...options, connection });
    await handle.sync(); // otherwise, a crash may leave a file with its final name but without content
    await verifyFile(partial, file, repo, connection.signal);
    if (!await isAt(partial, handle)) throw new Error(`${partial} is another's now`);
    await moveOver(partial, blob);
  } catch (error) {
    const isWorthless = error instanceof WrongBytesError || (await handle.stat()).size === 0;
    if (isWorthless && await isAt(partial, handle)) await unlink(partial).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
}

/** Downloads the rest of a file into a sink, with retries when the connection breaks. */
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

/**
 * Opens a new file at a path, with the content of an existing file there. That one is not reused: its process may be
 * suspended, and write more later.
 */
async function openOwn(path: string, maxSize: number): Promise<FileHandle> {
  const own = await temporaryBeside(path);
  const found = await stat(path).catch(() => undefined);
  const canContinue = found?.isFile() && found.size <= maxSize;
  return await removeOnFailure(own, async () => {
    const handle = canContinue && await openCopy(path, own) || await open(own, "w+");
    await moveOver(own, path);
    return handle;
  });
}

/** Opens a copy of a file, which takes no space if the file system can share blocks; `undefined` if it cannot be made. */
async function openCopy(path: string, copy: string): Promise<FileHandle | undefined> {
  try {
    await copyFile(path, copy, COPYFILE_FICLONE);
    return await open(copy, "r+");
  } catch {
    await unlink(copy).catch(() => {});
    return undefined;
  }
}

/** Whether an open file still is the one at its path. */
async function isAt(path: string, handle: FileHandle): Promise<boolean> {
  const ours = await handle.stat();
  return await lstat(path).then(({ dev, ino }) => dev === ours.dev && ino === ours.ino, () => false);
}

/** A sink that appends to a file. */
function sinkOf(handle: FileHandle, size: number, path: string): Sink {
  return {
    size,
    async write(chunk) {
      try {
        for (let done = 0; done < chunk.length;) {
          const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, this.size);
          done += bytesWritten;
          this.size += bytesWritten;
        }
      } catch (cause) {
        throw new HubError(
          `Cannot write ${path} beyond ${this.size} bytes: ${
            reasonOf(cause)
          }. The part so far is kept for a later call`,
          { cause },
        );
      }
    },
  };
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
