/**
 * What caches of models have in common, on a disk and in a browser.
 *
 * @module
 */

import type { ByteSource } from "../formats/byte_source.ts";
import type { DownloadOptions } from "../remote/download.ts";
import type { RemoteFile } from "../remote/resolve.ts";
import type { FileStore } from "../formats/file_store.ts";

/** The part of a cache that belongs to one repository. */
export interface RepoCache {
  /** Where it is, for messages. */
  readonly folder: string;
  /** The commit of a revision when it was last resolved. */
  readRef(revision: string): Promise<string | undefined>;
  /** Stores the commit of a revision. */
  writeRef(revision: string, commit: string): Promise<void>;
  /** Opens a file of a commit if the cache has it, and its hash is right. */
  open(commit: string, file: RemoteFile, signal?: AbortSignal): Promise<ByteSource | undefined>;
  /**
   * Downloads a file of a commit, unless the cache has its content from another commit. Of several programs or pages that
   * need the file, one downloads it and the others wait. An incomplete download is resumed.
   *
   * @throws {HubError} if the file cannot be downloaded; an incomplete download is kept, unless it is wrong
   */
  download(file: RemoteFile, options: DownloadOptions): Promise<ByteSource>;
  /** The files of a commit that the cache has. Opening one checks its hash, if it is known. */
  snapshot(commit: string): FileStore;
}

/** A repository of the Hub in the cache. Upstream: `CachedRepoInfo`. */
export interface CachedModel {
  /** `OWNER/NAME`. */
  readonly repo: string;
  /** Its folder in the cache. */
  readonly folder: string;
  /** Bytes that are stored, incomplete downloads included. */
  readonly bytes: number;
  /** When one of its files was last read, as far as the file system records that. */
  readonly lastUsed?: Date;
  /** Its commits in the cache. */
  readonly revisions: readonly CachedRevision[];
}

/** A commit of a repository in the cache. Upstream: `CachedRevisionInfo`. */
export interface CachedRevision {
  /** Its full hash. */
  readonly commit: string;
  /** The branches and tags that led to it when they were last asked for. */
  readonly refs: readonly string[];
  /** Paths in the repository. */
  readonly files: readonly string[];
}

/** A file that is not as the Hub has it. */
export interface DamagedFile {
  /** Its path in the cache. */
  readonly path: string;
  /** What was expected and found. */
  readonly reason: string;
}

/** The models in a cache: see `cached_models.ts`. */
export interface ModelCache {
  /** Where it is, for messages. */
  readonly folder: string;
  /** All of them. */
  list(signal?: AbortSignal): Promise<CachedModel[]>;
  /** One of them, if it is there. */
  find(repo: string): Promise<CachedModel | undefined>;
  /** The files of a model that are missing, or have other bytes. */
  verify(model: CachedModel, signal?: AbortSignal): Promise<DamagedFile[]>;
  /**
   * Removes a model.
   *
   * @throws {HubError} if it is being downloaded, or cannot be removed
   */
  remove(model: CachedModel): Promise<void>;
}
