/**
 * The files of a commit in the cache.
 *
 * @module
 */

import { readlink } from "../system/files.ts";
import { basename } from "../system/file_paths.ts";
import type { RepoCache } from "../cache/cache.ts";
import { WeightsError } from "../errors.ts";
import type { FileStore } from "./file_store.ts";
import { directoryStore } from "./local.ts";
import { type Fingerprint, isIntact } from "../remote/verify.ts";

/**
 * The files of a commit that the cache has, each checked against the hash that its link leads to. In a cache of copies
 * instead of links, hashes are unknown and nothing is checked.
 *
 * @throws {WeightsError} on opening a file that is damaged
 */
export function snapshotStore(cache: RepoCache, commit: string): FileStore {
  const { nameOf, list, open } = directoryStore(cache.snapshot(commit));
  return {
    nameOf,
    list,
    async open(path) {
      const pointer = cache.pointer(commit, path);
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
  if (/^[0-9a-f]{64}$/.test(etag)) return { etag, algorithm: "sha256" };
  if (/^[0-9a-f]{40}$/.test(etag)) return { etag, algorithm: "git-sha1" };
}
