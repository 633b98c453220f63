/**
 * Models in repositories of the Hub.
 *
 * @module
 */

import { pathToFileURL, resolve } from "../system/file_paths.ts";
import { connectTo, HUB_ACCESS, type HubAccess } from "../remote/access.ts";
import { defaultCacheDir, isOfflineMode } from "../system/environment.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { expandUser } from "../system/expand.ts";
import { checkOnly } from "./halves.ts";
import type { FileStore } from "../formats/file_store.ts";
import { MODEL_CHOICE, type ModelChoice, type ModelFiles, openModelIn } from "./open_model.ts";
import { hubStore } from "./hub_store.ts";
import { openLocalModel } from "./local.ts";
import { configNames } from "./checkpoint_files.ts";
import { possibleNames } from "./model_files.ts";
import { checkOptions, type OptionNames, pickOptions } from "../check_options.ts";
import { stepReporter } from "../remote/progress.ts";
import { checkRepoId, checkRevision, isCommitHash, isLocalPath } from "../repo_id.ts";
import { resolveRevision } from "../remote/resolve.ts";
import { UnreachableError } from "../remote/retry.ts";
import { openDiskCache } from "../cache/disk_cache.ts";
import type { RepoCache } from "../cache/repo_cache.ts";
import { hasFileSystem } from "../system/read_file.ts";

/** Options of {@linkcode openHubModel} and {@linkcode openModel}. */
export interface HubModelOptions extends ModelChoice, HubAccess {
  /** A branch, tag or commit, or `refs/pr/NUMBER`. By default `"main"`. */
  revision?: string;
  /**
   * The directory for downloaded files; in a browser, the name of a folder in the site's storage, by default `"vqmodel"`. By
   * default the cache of Python's `huggingface_hub`: `HF_HUB_CACHE`,
   * `HUGGINGFACE_HUB_CACHE`, `$HF_HOME/hub`, `$XDG_CACHE_HOME/huggingface/hub`, or `~/.cache/huggingface/hub`. In these
   * variables, `~` and `$NAME` are expanded.
   */
  cacheDir?: string;
  /** Whether to use files of the cache only, and no network. By default `HF_HUB_OFFLINE`, or else `TRANSFORMERS_OFFLINE`. */
  localFilesOnly?: boolean;
}

/** The names of {@linkcode HubModelOptions}. */
export const HUB_MODEL_OPTIONS: OptionNames<HubModelOptions> = {
  ...MODEL_CHOICE,
  ...HUB_ACCESS,
  revision: true,
  cacheDir: true,
  localFilesOnly: true,
};

/**
 * Opens a model in a local directory ({@linkcode openLocalModel}) or on the Hub ({@linkcode openHubModel}).
 *
 * @param model `"owner/name"`, the path of a directory, or a `file:` URL; see {@linkcode isLocalPath}
 * @throws {TypeError} if an option is unknown, or `only` names no half
 * @throws {HubError} if there is no such directory or repository, or it contains no model
 * @throws {WeightsError} if the weights are missing or damaged
 */
export async function openModel(model: string | URL, options: HubModelOptions = {}): Promise<ModelFiles> {
  checkOptions("open model", options, HUB_MODEL_OPTIONS);
  if (await isLocalPath(model)) return await openLocalModel(model, pickOptions<ModelChoice>(options, MODEL_CHOICE));
  return await openHubModel(model as string, options);
}

/**
 * Makes the location of a model independent of the working directory: the absolute `file:` URL of a directory, or the
 * unchanged name of a repository. {@linkcode openModel} accepts the result.
 *
 * @param model `"owner/name"`, the path of a directory, or a `file:` URL
 * @throws {HubError} if it is neither
 */
export async function locateModel(model: string | URL): Promise<string | URL> {
  if (typeof model !== "string" || model.startsWith("file:") || !await isLocalPath(model)) return model;
  try {
    return pathToFileURL(resolve(expandUser(model)));
  } catch {
    return model; // without permission to read it, the working directory is unknown
  }
}

/**
 * Opens a model of the Hub: resolves the revision to a commit, downloads the model's files that are not in the cache yet,
 * and checks their hashes. The cache is that of Python's `huggingface_hub`.
 *
 * Interrupted downloads are resumed, by this call or the next one. Files in the cache are checked as well, once per process,
 * and downloaded again if they are damaged. Without a network, the revision is opened from the cache, and `onProgress` is
 * called with status `"offline"`. If no cache can be written, files are kept in memory.
 *
 * In a browser, the cache is the site's origin private file system. What it does not store, for lack of space or in a private
 * window, is kept in memory, and `onProgress` is called with status `"uncached"`. The Hub must let pages of other sites read
 * its files (CORS), as the public one does.
 *
 * Upstream: `huggingface_hub.snapshot_download`, `diffusers.ModelMixin.from_pretrained`.
 *
 * @example
 * ```ts ignore
 * import { openHubModel } from "@codebook/vqmodel/hub";
 *
 * const { config, weights } = await openHubModel("amused/amused-256", { subfolder: "vqvae" });
 * await weights.close();
 * ```
 *
 * @param repo `"owner/name"`
 * @throws {TypeError} if an option is unknown, or `only` names no half
 * @throws {HubError} if there is no such repository, revision or model, access is denied, the Hub cannot be reached, or
 * sends wrong bytes; `status` is the HTTP status, if there is one
 * @throws {WeightsError} if the weights are missing or damaged
 */
export async function openHubModel(repo: string, options: HubModelOptions = {}): Promise<ModelFiles> {
  checkOptions("open model", options, HUB_MODEL_OPTIONS);
  checkOnly(options.only);
  return await withRepository(repo, options, (store) => openModelIn(store, options));
}

/** What was read of a repository, and the commit that it is from. */
type FromCommit<T> = T & { readonly name: string; readonly commit: string };

/**
 * Reads files of a repository as {@linkcode openHubModel} does: those of the cache, where that is right.
 *
 * @throws {HubError} if there is no such repository or revision, access is denied, or the Hub cannot be reached
 */
export async function withRepository<T>(
  repo: string,
  options: HubModelOptions,
  use: (store: FileStore) => Promise<T>,
): Promise<FromCommit<T>> {
  options.signal?.throwIfAborted();
  checkRepoId(repo);
  checkRevision(options.revision ?? "main");
  return await openFromAnywhere(repo, await openCache(repo, options), options, use);
}

/** Opens the part of the cache that belongs to a repository, if there is a cache. */
async function openCache(repo: string, { cacheDir }: HubModelOptions): Promise<RepoCache | undefined> {
  if (!hasFileSystem()) return await (await import("../cache/browser_cache.ts")).openBrowserCache(repo, cacheDir);
  const directory = cacheDir === undefined ? defaultCacheDir() : expandUser(cacheDir);
  return directory === undefined ? undefined : openDiskCache(directory, repo);
}

async function openFromAnywhere<T>(
  repo: string,
  cache: RepoCache | undefined,
  options: HubModelOptions,
  use: (store: FileStore) => Promise<T>,
): Promise<FromCommit<T>> {
  const { revision = "main", localFilesOnly = isOfflineMode() } = options;
  if (localFilesOnly) {
    const reason = new HubError(`Cannot load ${repo} from the Hub: only local files may be used`);
    return await openFromCache(repo, cache, options, use, reason);
  }
  // A commit never changes: if the cache has it, no request is needed.
  if (isCommitHash(revision) && cache) {
    const files = await use(cache.snapshot(revision)).catch(() => undefined);
    if (files) return { ...files, name: repo, commit: revision };
  }
  try {
    return await openFromHub(repo, cache, options, use);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return await openFromCache(repo, cache, options, use, error);
  }
}

async function openFromHub<T>(
  repo: string,
  cache: RepoCache | undefined,
  { revision = "main", onProgress, ...options }: HubModelOptions,
  use: (store: FileStore) => Promise<T>,
): Promise<FromCommit<T>> {
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const connection = await connectTo(repo, "load", revision, { ...options, signal });
  // Retry less if the cache can be used instead.
  const retries = await cache?.readRef(revision) ? 1 : undefined;
  const commit = isCommitHash(revision) ? revision : await resolveRevision(connection, retries);
  const { file, variant } = options;
  const names = file === undefined ? possibleNames(variant) : [file, ...configNames(file)];
  const onStep = stepReporter(repo, onProgress);
  const store = hubStore({ connection, commit, names, onStep }, cache, (error) => failed.abort(error));
  const files = await use(store);
  await cache?.writeRef(revision, commit).catch(() => {}); // only needed to load without network later
  return { ...files, name: repo, commit };
}

/** Opens a revision from the cache; `reason` says why the Hub is not used. */
async function openFromCache<T>(
  repo: string,
  cache: RepoCache | undefined,
  { revision = "main", onProgress }: HubModelOptions,
  use: (store: FileStore) => Promise<T>,
  reason: HubError,
): Promise<FromCommit<T>> {
  const { status, url } = reason;
  const fail = (problem: string, cause: unknown) =>
    new HubError(`${reason.message}; and ${problem}`, { status, url, cause });

  if (!cache) throw fail("there is no cache that can be read", reason);
  const commit = isCommitHash(revision) ? revision : await cache.readRef(revision);
  if (!commit) throw fail(`${cache.folder} holds nothing of revision "${revision}". Load it once with network`, reason);
  try {
    const files = await use(cache.snapshot(commit));
    stepReporter(repo, onProgress)({ status: "offline", file: repo, loaded: 0, total: 0, reason: reason.message });
    return { ...files, name: repo, commit };
  } catch (cause) {
    throw fail(`the cache does not hold all of it: ${reasonOf(cause)}`, cause);
  }
}
