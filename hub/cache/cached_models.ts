/**
 * The models in the cache: what is there, whether it is intact, and removing it.
 *
 * @module
 */

import { checkOptions, type OptionNames } from "../check_options.ts";
import { HubError } from "../errors.ts";
import { checkRepoId } from "../repo_id.ts";
import { defaultCacheDir } from "../system/environment.ts";
import { expandUser } from "../system/expand.ts";
import { hasFileSystem } from "../system/read_file.ts";
import { diskModels } from "./disk_models.ts";
import { folderNameOf } from "./folder_names.ts";
import type { CachedModel, DamagedFile, ModelCache } from "./repo_cache.ts";

/** Which cache. */
export interface CacheOptions {
  /** The cache directory; by default that of {@linkcode HubModelOptions.cacheDir}. */
  cacheDir?: string;
  /** Aborts the call. */
  signal?: AbortSignal;
}

const CACHE_OPTIONS: OptionNames<CacheOptions> = { cacheDir: true, signal: true };

/**
 * Lists the models in the cache; data sets and spaces are left out. On a disk, the cache is shared with Python's
 * `huggingface_hub`; in a browser, with all pages of the site.
 *
 * Upstream: `scan_cache_dir`.
 *
 * @returns models by name; none if there is no cache
 * @throws {HubError} if the cache directory is unknown, or cannot be read
 * @throws {TypeError} for an unknown option
 */
export async function listCachedModels(options: CacheOptions = {}): Promise<CachedModel[]> {
  checkOptions("list cache", options, CACHE_OPTIONS);
  return await (await cacheOf(options)).list(options.signal);
}

/**
 * Checks every file of a model in the cache against the hash that is its name; in a browser, each part of it against the hash
 * that it had when it was stored.
 *
 * Upstream: `hf cache verify`.
 *
 * @returns the files that are missing or have other bytes
 * @throws {HubError} if the model is not in the cache
 * @throws {TypeError} for an unknown option
 */
export async function verifyCachedModel(repo: string, options: CacheOptions = {}): Promise<DamagedFile[]> {
  checkOptions("verify cache", options, CACHE_OPTIONS);
  const cache = await cacheOf(options);
  return await cache.verify(await find(repo, cache, options), options.signal);
}

/**
 * Removes a model from the cache, with all of its commits. On a disk, whenever the process ends, the model is there as a
 * whole or not at all.
 *
 * Upstream: `delete_revisions` of all revisions.
 *
 * @returns bytes that were stored before
 * @throws {HubError} if the model is not in the cache, is being downloaded, or cannot be removed
 * @throws {TypeError} for an unknown option
 */
export async function removeCachedModel(repo: string, options: CacheOptions = {}): Promise<number> {
  checkOptions("remove from cache", options, CACHE_OPTIONS);
  const cache = await cacheOf(options);
  const model = await find(repo, cache, options);
  await cache.remove(model);
  return model.bytes;
}

async function cacheOf({ cacheDir }: CacheOptions): Promise<ModelCache> {
  if (!hasFileSystem()) return await (await import("./browser_cache.ts")).browserModels(cacheDir);
  const found = cacheDir === undefined ? defaultCacheDir() : expandUser(cacheDir);
  if (found !== undefined) return diskModels(found);
  throw new HubError("Cannot find the cache: no home directory is known; set HF_HOME, or pass cacheDir");
}

async function find(repo: string, cache: ModelCache, { signal }: CacheOptions): Promise<CachedModel> {
  checkRepoId(repo);
  const found = await cache.find(repo);
  if (found) return found;
  const known = (await cache.list(signal)).slice(0, 10).map(({ repo }) => repo).join(", ") || "no model";
  throw new HubError(
    `Cannot find ${repo} in the cache: expected a folder ${cache.folder}/${folderNameOf(repo)}; the cache has ${known}`,
  );
}
