/**
 * Downloads files of a repository to the cache on the disk.
 *
 * @module
 */

import type { FileHandle } from "node:fs/promises";
import { copyFile, lstat, open, stat, unlink } from "../system/files.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { moveOver, removeOnFailure, temporaryBeside } from "../system/atomic_write.ts";
import { WrongBytesError } from "../remote/body.ts";
import { type DownloadOptions, fill, type Sink } from "../remote/download.ts";
import type { RemoteFile } from "../remote/resolve.ts";
import { isIntact, verifyFile } from "../remote/verify.ts";
import type { DiskRepo } from "./disk_repo.ts";
import { LockLostError, withLock } from "./lock.ts";

/** Node's flag to share the blocks of a file if the file system can. */
const COPYFILE_FICLONE = 2;

/**
 * Downloads a file to the cache, unless it is there, and returns its path. Of several processes that need the file, one
 * downloads it and the others wait. An incomplete download is resumed.
 *
 * @throws {HubError} if the file cannot be downloaded; an incomplete download is kept, unless it is wrong
 */
export async function downloadToCache(file: RemoteFile, cache: DiskRepo, options: DownloadOptions): Promise<string> {
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
