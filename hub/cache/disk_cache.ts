/**
 * The files of a repository in the cache on the disk.
 *
 * @module
 */

import { readlink } from "../system/files.ts";
import { basename } from "../system/file_paths.ts";
import { type DiskRepo, openDiskRepo } from "./disk_repo.ts";
import { openFile } from "../formats/byte_source.ts";
import { WeightsError } from "../errors.ts";
import { downloadToCache } from "./disk_download.ts";
import { type Fingerprint, isIntact } from "../remote/verify.ts";
import { directoryStore, type FileStore } from "../formats/file_store.ts";
import type { RepoCache } from "./repo_cache.ts";

/** Opens the part of a cache that belongs to a repository; `undefined` if it may not be read. Makes no folders yet. */
export function openDiskCache(cacheDir: string, repo: string): RepoCache | undefined {
  const disk = openDiskRepo(cacheDir, repo);
  return disk && {
    folder: disk.folder,
    readRef: disk.readRef,
    writeRef: disk.writeRef,
    async open(commit, file, signal) {
      const pointer = disk.pointer(commit, file.path);
      return await isIntact(pointer, file, signal) ? await openFile(pointer) : undefined;
    },
    download: async (file, options) => await openFile(await downloadToCache(file, disk, options)),
    snapshot: (commit) => snapshotStore(disk, commit),
  };
}

/**
 * The files of a commit that the cache has, each checked against the hash that its link leads to. In a cache of copies
 * instead of links, hashes are unknown and nothing is checked.
 *
 * @throws {WeightsError} on opening a file that is damaged
 */
function snapshotStore(disk: DiskRepo, commit: string): FileStore {
  const { nameOf, list, open } = directoryStore(disk.snapshot(commit));
  return {
    nameOf,
    list,
    async open(path) {
      const pointer = disk.pointer(commit, path);
      const expected = await fingerprintOf(pointer);
      if (!expected || await isIntact(pointer, expected)) return await open(path);
      throw new WeightsError(
        `Cannot open ${pointer}: expected bytes with ${expected.algorithm} ${expected.etag}, found others, or none. ` +
          "Load the model once with network: damaged files are fetched again",
      );
    },
  };
}

/** The hash of a file in the cache, from the name of the blob that its link leads to. */
async function fingerprintOf(pointer: string): Promise<Fingerprint | undefined> {
  const etag = await readlink(pointer).then(basename, () => "");
  const algorithm = algorithmOf(etag);
  return algorithm && { etag, algorithm };
}

/** The kind of hash that a file of the cache is named after; `undefined` for unfinished ones. */
export function algorithmOf(etag: string): Fingerprint["algorithm"] | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return "sha256";
  return /^[0-9a-f]{40}$/.test(etag) ? "git-sha1" : undefined;
}
