/**
 * Brings files of a repository to this machine: into the cache, or into memory.
 *
 * @module
 */

import { constants, copyFile, type FileHandle, lstat, open, stat, unlink } from "node:fs/promises";
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
      if (!(error instanceof LockLostError)) throw error; // else whoever has the lock now is bringing the file
    }
  }
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

/**
 * Brings a file beside its place and then to it. Should we sleep and others take over, they work on files of their own,
 * and no longer is anything here ours.
 */
async function downloadToBlob(file: RemoteFile, blob: string, options: DownloadOptions, lost: AbortSignal) {
  const { repo, signal } = options.connection;
  const connection = { ...options.connection, signal: signal ? AbortSignal.any([signal, lost]) : lost };
  const partial = `${blob}.incomplete`;
  const handle = await openOwn(partial, file.size);
  try {
    await fill(sinkOf(handle, (await handle.stat()).size, partial), file, { ...options, connection });
    await handle.sync(); // or a crash may leave a file with the right name and empty pages
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

/**
 * Opens a new file under a name, with what a file of that name holds. That one stays as it is: who made it may be asleep,
 * and write on after waking up.
 */
async function openOwn(path: string, most: number): Promise<FileHandle> {
  const own = await temporaryBeside(path);
  const found = await stat(path).catch(() => undefined);
  const canContinue = found?.isFile() && found.size <= most;
  return await removeOnFailure(own, async () => {
    const handle = canContinue && await openCopy(path, own) || await open(own, "w+");
    await moveOver(own, path);
    return handle;
  });
}

/** A copy, which takes no time and space where the file system can share them; nothing where it cannot be made. */
async function openCopy(path: string, copy: string): Promise<FileHandle | undefined> {
  try {
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
    return await open(copy, "r+");
  } catch {
    await unlink(copy).catch(() => {});
    return undefined;
  }
}

/** Whether a file still has the name that it was opened under. */
async function isAt(path: string, handle: FileHandle): Promise<boolean> {
  const ours = await handle.stat();
  return await lstat(path).then(({ dev, ino }) => dev === ours.dev && ino === ours.ino, () => false);
}

/** Adds to a file. */
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
          `Cannot write ${path} beyond ${this.size} bytes: ${reasonOf(cause)}. What is there is kept, to be continued`,
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
