/**
 * The files of a repository of the Hub, downloaded when they are opened.
 *
 * @module
 */

import type { ByteSource } from "../formats/byte_source.ts";
import { type DownloadOptions, downloadToMemory } from "../remote/download.ts";
import { HubError, WeightsError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import type { Amount, FileStore } from "../formats/file_store.ts";
import { hasFileSystem } from "../system/read_file.ts";
import { isRefusal, isSystemError } from "../system/system_errors.ts";
import { WholeFilesError } from "../remote/body.ts";
import { rangeSource } from "../remote/range_source.ts";
import type { RemoteFile } from "../remote/resolve.ts";
import { findFiles, requestFile } from "../remote/unlisted.ts";
import type { RepoCache } from "../cache/repo_cache.ts";

/** Files that are downloaded at the same time. */
const MAX_CONCURRENT_DOWNLOADS = 4;

/** Why a browser does not store files, if nothing else is known. */
const NO_CACHE = "this browser stores nothing for this page";

/** The repository, and its possible files. */
export interface HubStoreOptions extends DownloadOptions {
  /** Possible names of the model's files, for servers that do not list files. */
  readonly names: readonly string[];
}

/**
 * The files of a commit. Without a cache that can be written, they are kept in memory.
 *
 * @param fail called at once when a file cannot be downloaded, so that the other downloads can be aborted
 */
export function hubStore(
  options: HubStoreOptions,
  cache: RepoCache | undefined,
  fail: (error: unknown) => void,
): FileStore {
  const { connection, commit, names, onStep } = options;
  const { repo, signal } = connection;
  const listings = new Map<string, Promise<RemoteFile[]>>();
  const known = new Map<string, RemoteFile>();
  const limited = limitConcurrency(MAX_CONCURRENT_DOWNLOADS);

  /** Nothing if there is no cache that can be written, and only a part of the file is needed. */
  async function download(file: RemoteFile, amount: Amount): Promise<ByteSource | undefined> {
    signal?.throwIfAborted();
    const cached = await cache?.open(commit, file, signal);
    if (cached) return cached;
    let reason = NO_CACHE;
    try {
      if (cache) return await cache.download(file, options);
    } catch (cause) {
      signal?.throwIfAborted();
      if (!isRefusal(cause)) throw explained(cause, cache);
      reason = reasonOf(cause);
    }
    if (amount !== "all") return undefined;
    // Other programs know which directories they may write to.
    if (!hasFileSystem()) onStep({ status: "uncached", file: file.path, loaded: 0, total: file.size, reason });
    return await downloadToMemory(file, options);
  }

  async function find(path: string): Promise<RemoteFile> {
    const file = known.get(path) ?? await requestFile(connection, commit, path);
    if (!file) throw new WeightsError(`Cannot load ${repo}: it has no file ${path}`);
    return file;
  }

  return {
    nameOf: (path) => path === "" ? repo : `${repo}/${path}`,
    async list(folder) {
      const listing = listings.get(folder) ?? findFiles(connection, commit, folder, names);
      listings.set(folder, listing);
      return (await listing).map((file) => {
        known.set(file.path, file);
        return file.path.slice(file.path.lastIndexOf("/") + 1);
      });
    },
    async open(path, amount = "all") {
      const file = await find(path);
      const { size } = file;
      const cached = amount === "little" ? await cache?.open(commit, file, signal) : undefined;
      if (cached) return cached;
      onStep({ status: "initiate", file: path, loaded: 0, total: size });
      if (amount === "little") return rangeSource(file, options);
      const source = await limited(() => download(file, amount)).catch((error) => {
        fail(error);
        throw error;
      });
      if (!source) return orWhole(rangeSource(file, options), () => downloadToMemory(file, options));
      onStep({ status: "done", file: path, loaded: size, total: size });
      return source;
    },
  };
}

/** Reads parts of a file, or, if its server sends none, all of it. */
function orWhole(parts: ByteSource, download: () => Promise<ByteSource>): ByteSource {
  let whole: Promise<ByteSource> | undefined;
  return {
    name: parts.name,
    size: parts.size,
    async read(offset, length) {
      if (whole) return await (await whole).read(offset, length);
      return await parts.read(offset, length).catch(async (error) => {
        if (!(error instanceof WholeFilesError)) throw error;
        whole ??= download();
        return await (await whole).read(offset, length);
      });
    },
    expect: (spans) => parts.expect?.(spans),
    close: () => {
      whole = undefined;
      return parts.close();
    },
  };
}

/** Adds to an error of the file system, or of a browser's storage, that it is about the cache. */
function explained(cause: unknown, cache: RepoCache | undefined): unknown {
  if (!isSystemError(cause) && !(cause instanceof DOMException)) return cause;
  return new HubError(`Cannot write to ${cache?.folder}: ${reasonOf(cause)}`, { cause });
}

/** Runs at most `limit` calls at once; the others wait. */
function limitConcurrency(limit: number): <T>(call: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (call) => {
    if (running === limit) await new Promise<void>((go) => waiting.push(go));
    else running++;
    try {
      return await call();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
