/**
 * Models in repositories of the Hub.
 *
 * @module
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { connectTo, type HubAccess } from "../remote/access.ts";
import { openCache, type RepoCache } from "../cache/cache.ts";
import { defaultCacheDir, isOfflineMode } from "../system/environment.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";
import { expandUser } from "../system/expand.ts";
import { type ModelChoice, type ModelFiles, openModelIn } from "./file_store.ts";
import { hubStore } from "./hub_store.ts";
import { openLocalModel } from "./local.ts";
import { possibleNames } from "./model_files.ts";
import { tellSteps } from "../remote/progress.ts";
import { checkRepoId, checkRevision, isCommitHash, isLocalPath } from "../repo_id.ts";
import { resolveRevision } from "../remote/resolve.ts";
import { UnreachableError } from "../remote/retry.ts";
import { snapshotStore } from "./snapshot_store.ts";

/** Which model of a repository to open, and how. */
export interface HubModelOptions extends ModelChoice, HubAccess {
  /** A branch, a tag, a commit, or `refs/pr/NUMBER`. By default `"main"`. */
  revision?: string;
  /**
   * Where downloaded files are kept, and found the next time. By default where Python's `huggingface_hub` keeps them:
   * `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `$HF_HOME/hub`, `$XDG_CACHE_HOME/huggingface/hub`, or
   * `~/.cache/huggingface/hub`. In the variables, `~` and `$NAME` are expanded.
   */
  cacheDir?: string;
  /** Does without the network. By default what `HF_HUB_OFFLINE`, or else `TRANSFORMERS_OFFLINE`, says. */
  localFilesOnly?: boolean;
}

/**
 * Opens a model, wherever it is: see {@linkcode isLocalPath}, {@linkcode openLocalModel} and {@linkcode openHubModel}.
 *
 * @param model `"owner/name"`, the path of a directory, or a `file:` URL
 * @throws {HubError} if there is no such thing, or it holds no model
 * @throws {WeightsError} if the weights are missing or damaged
 */
export async function openModel(model: string | URL, options: HubModelOptions = {}): Promise<ModelFiles> {
  if (await isLocalPath(model)) return await openLocalModel(model, options);
  return await openHubModel(model as string, options);
}

/**
 * Says once and for all where a model is: the `file:` URL of a directory, which holds wherever the process goes, or a
 * repository's name. What it returns, {@linkcode openModel} takes.
 *
 * @param model `"owner/name"`, the path of a directory, or a `file:` URL
 * @throws {HubError} if it can be neither
 */
export async function locateModel(model: string | URL): Promise<string | URL> {
  if (typeof model !== "string" || model.startsWith("file:") || !await isLocalPath(model)) return model;
  try {
    return pathToFileURL(resolve(expandUser(model)));
  } catch {
    return model; // the working directory is not to be known
  }
}

/**
 * Opens a model of the Hub: asks which commit the revision is at, brings the files of the model that are not in the cache
 * yet, and checks their hashes. The cache is that of Python's `huggingface_hub`.
 *
 * A broken download is continued, by this call or the next one. What is in the cache already is checked as well, once in
 * a process, and fetched again where it is damaged. Without the network, what the cache holds of the revision
 * is opened, and `onProgress` is told so. Where no cache can be written, the files are kept in memory.
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
 * @throws {HubError} if there is no such repository, revision or model, it may not be read, cannot be reached, or sends
 * wrong bytes; its `status` tells which
 * @throws {WeightsError} if the weights are missing or damaged
 */
export async function openHubModel(repo: string, options: HubModelOptions = {}): Promise<ModelFiles> {
  options.signal?.throwIfAborted();
  checkRepoId(repo);
  checkRevision(options.revision ?? "main");
  const cacheDir = options.cacheDir === undefined ? defaultCacheDir() : expandUser(options.cacheDir);
  const cache = cacheDir === undefined ? undefined : openCache(cacheDir, repo);
  return await openFromAnywhere(repo, cache, options);
}

async function openFromAnywhere(
  repo: string,
  cache: RepoCache | undefined,
  options: HubModelOptions,
): Promise<ModelFiles> {
  const { revision = "main", localFilesOnly = isOfflineMode() } = options;
  if (localFilesOnly) {
    const reason = new HubError(`Cannot load ${repo} from the Hub: only files of this machine may be used`);
    return await openFromCache(repo, cache, options, reason);
  }
  // What cannot change need not be asked for.
  if (isCommitHash(revision) && cache) {
    const files = await openModelIn(snapshotStore(cache, revision), options).catch(() => undefined);
    if (files) return { ...files, name: repo, commit: revision };
  }
  try {
    return await openFromHub(repo, cache, options);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return await openFromCache(repo, cache, options, error);
  }
}

async function openFromHub(
  repo: string,
  cache: RepoCache | undefined,
  { revision = "main", onProgress, ...options }: HubModelOptions,
): Promise<ModelFiles> {
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const connection = await connectTo(repo, "load", revision, { ...options, signal });
  // With something to fall back on, nobody waits long.
  const retries = await cache?.readRef(revision) ? 1 : undefined;
  const commit = isCommitHash(revision) ? revision : await resolveRevision(connection, retries);
  const names = possibleNames(options.variant);
  const onStep = tellSteps(repo, onProgress);
  const store = hubStore({ connection, commit, names, onStep }, cache, (error) => failed.abort(error));
  const files = await openModelIn(store, options);
  await cache?.writeRef(revision, commit).catch(() => {}); // the model is here all the same
  return { ...files, name: repo, commit };
}

/** Opens what the cache holds of a revision; `reason` says why the Hub is not asked. */
async function openFromCache(
  repo: string,
  cache: RepoCache | undefined,
  { revision = "main", onProgress, ...choice }: HubModelOptions,
  reason: HubError,
): Promise<ModelFiles> {
  const { status, url } = reason;
  const fail = (problem: string, cause: unknown) =>
    new HubError(`${reason.message}; and ${problem}`, { status, url, cause });

  if (!cache) throw fail("there is no cache that can be read", reason);
  const commit = isCommitHash(revision) ? revision : await cache.readRef(revision);
  if (!commit) throw fail(`${cache.folder} holds nothing of revision "${revision}". Load it once with network`, reason);
  try {
    const files = await openModelIn(snapshotStore(cache, commit), choice);
    tellSteps(repo, onProgress)({ status: "offline", file: repo, loaded: 0, total: 0, reason: reason.message });
    return { ...files, name: repo, commit };
  } catch (cause) {
    throw fail(`the cache does not hold all of it: ${reasonOf(cause)}`, cause);
  }
}
