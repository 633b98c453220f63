/**
 * The models in the cache: what is there, whether it is intact, and removing it.
 *
 * @module
 */

import { lstat, readdir, readFile, rm, stat } from "../system/files.ts";
import { join } from "../system/file_paths.ts";
import { checkOptions, type OptionNames } from "../check_options.ts";
import { LOCK_SILENCE } from "../cache/lock.ts";
import { HubError } from "../errors.ts";
import { isIntact } from "../remote/verify.ts";
import { checkRepoId, isCommitHash } from "../repo_id.ts";
import { reasonOf, showText } from "../show.ts";
import { defaultCacheDir } from "../system/environment.ts";
import { expandUser } from "../system/expand.ts";
import { renameSynced } from "../system/atomic_write.ts";
import { isSystemError } from "../system/system_errors.ts";

/** Which cache. */
export interface CacheOptions {
  /** The cache directory; by default that of {@linkcode HubModelOptions.cacheDir}. */
  cacheDir?: string;
  /** Aborts the call. */
  signal?: AbortSignal;
}

const CACHE_OPTIONS: OptionNames<CacheOptions> = { cacheDir: true, signal: true };

/** A repository of the Hub in the cache. Upstream: `CachedRepoInfo`. */
export interface CachedModel {
  /** `OWNER/NAME`. */
  readonly repo: string;
  /** Its folder in the cache. */
  readonly folder: string;
  /** Bytes on the disk, incomplete downloads included. */
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

/**
 * Lists the models in the cache, which is shared with Python's `huggingface_hub`; data sets and spaces are left out.
 *
 * Upstream: `scan_cache_dir`.
 *
 * @returns models by name; none if there is no cache
 * @throws {HubError} if the cache directory is unknown, or cannot be read
 * @throws {TypeError} for an unknown option
 */
export async function listCachedModels(options: CacheOptions = {}): Promise<CachedModel[]> {
  checkOptions("list cache", options, CACHE_OPTIONS);
  const cacheDir = cacheDirOf(options);
  const models: CachedModel[] = [];
  for (const name of (await namesIn(cacheDir)).sort()) {
    options.signal?.throwIfAborted();
    const folder = join(cacheDir, name);
    const repo = repoOf(name);
    if (repo !== undefined && await isModelFolder(folder)) models.push(await describe(repo, folder));
  }
  return models;
}

/**
 * Checks every file of a model in the cache against the hash that is its name.
 *
 * Upstream: `hf cache verify`.
 *
 * @returns the files that are missing or have other bytes
 * @throws {HubError} if the model is not in the cache
 * @throws {TypeError} for an unknown option
 */
export async function verifyCachedModel(repo: string, options: CacheOptions = {}): Promise<DamagedFile[]> {
  checkOptions("verify cache", options, CACHE_OPTIONS);
  const { folder, revisions } = await find(repo, options);
  const damaged: DamagedFile[] = [];
  for (const etag of await namesIn(join(folder, "blobs"))) {
    const algorithm = algorithmOf(etag);
    const path = join(folder, "blobs", etag);
    if (!algorithm) continue;
    if (!await isFile(path)) damaged.push({ path, reason: "expected a file, found something else" });
    else if (!await isIntact(path, { etag, algorithm }, options.signal)) {
      damaged.push({ path, reason: `expected bytes whose ${algorithm} is its name, found others` });
    }
  }
  for (const { commit, files } of revisions) {
    for (const file of files) {
      const path = join(folder, "snapshots", commit, file);
      const isThere = await stat(path).then((found) => found.isFile(), () => false);
      if (!isThere) damaged.push({ path, reason: "expected a file, found a link to one that is missing" });
    }
  }
  return damaged;
}

/**
 * Removes a model from the cache, with all of its commits. Whenever the process ends, the model is there as a whole or not at all.
 *
 * Upstream: `delete_revisions` of all revisions.
 *
 * @returns bytes on the disk before
 * @throws {HubError} if the model is not in the cache, is being downloaded, or cannot be removed
 * @throws {TypeError} for an unknown option
 */
export async function removeCachedModel(repo: string, options: CacheOptions = {}): Promise<number> {
  checkOptions("remove from cache", options, CACHE_OPTIONS);
  const { folder, bytes } = await find(repo, options);
  const cacheDir = cacheDirOf(options);
  await checkNotDownloading(join(cacheDir, ".locks", nameOf(repo)), repo);
  try {
    await renameSynced(folder, join(cacheDir, `.${crypto.randomUUID()}.removed`));
    // Also what an earlier process was removing when it ended.
    const removed = (await namesIn(cacheDir)).filter((name) => /^\.[0-9a-f-]{36}\.removed$/.test(name));
    for (const name of [...removed, join(".locks", nameOf(repo))]) await removeFolder(join(cacheDir, name));
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    throw new HubError(
      codeOf(cause) === "ENOENT"
        ? `Cannot find ${repo} in the cache: another process has just removed it`
        : `Cannot remove ${folder}: ${reasonOf(cause)}`,
      { cause },
    );
  }
  return bytes;
}

/** Tries to remove a folder that another process removes at the same time, or writes to. */
const MAX_TRIES = 20;

async function removeFolder(path: string): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await rm(path, { recursive: true, force: true });
    } catch (error) {
      if (tries === MAX_TRIES || !/^(ENOENT|ENOTEMPTY)$/.test(`${codeOf(error)}`)) throw error;
    }
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

function cacheDirOf({ cacheDir }: CacheOptions): string {
  const found = cacheDir === undefined ? defaultCacheDir() : expandUser(cacheDir);
  if (found !== undefined) return found;
  throw new HubError("Cannot find the cache: no home directory is known; set HF_HOME, or pass cacheDir");
}

async function find(repo: string, options: CacheOptions): Promise<CachedModel> {
  checkRepoId(repo);
  const folder = join(cacheDirOf(options), nameOf(repo));
  if (await isModelFolder(folder)) return await describe(repo, folder);
  const known = (await listCachedModels(options)).slice(0, 10).map(({ repo }) => repo).join(", ") || "no model";
  throw new HubError(`Cannot find ${repo} in the cache: expected a folder ${folder}; the cache has ${known}`);
}

/** `models--OWNER--NAME`. */
function nameOf(repo: string): string {
  return ["models", ...repo.split("/")].join("--");
}

/** The repository that a folder of the cache belongs to; `undefined` if it is not one of a model. */
function repoOf(name: string): string | undefined {
  const [kind, ...parts] = name.split("--");
  const repo = parts.join("/");
  if (kind !== "models" || parts.length === 0) return undefined;
  try {
    checkRepoId(repo);
    return repo;
  } catch {
    return undefined;
  }
}

/** Whether a folder is one that the cache made for a model, and no link that leads elsewhere. */
async function isModelFolder(folder: string): Promise<boolean> {
  const isFolder = await lstat(folder).then((found) => found.isDirectory(), () => false);
  return isFolder && (await namesIn(folder)).some((name) => name === "blobs" || name === "snapshots");
}

async function describe(repo: string, folder: string): Promise<CachedModel> {
  const refs = await refsIn(join(folder, "refs"));
  const revisions: CachedRevision[] = [];
  for (const commit of (await namesIn(join(folder, "snapshots"))).filter(isCommitHash).sort()) {
    const files = (await filesIn(join(folder, "snapshots", commit))).sort();
    revisions.push({ commit, refs: refs.filter((ref) => ref.commit === commit).map(({ ref }) => ref), files });
  }
  let bytes = 0, lastRead = 0;
  for (const { size, atimeMs } of await contentsOf(folder)) {
    bytes += size;
    lastRead = Math.max(lastRead, atimeMs);
  }
  return { repo, folder, bytes, ...(lastRead > 0 && { lastUsed: new Date(lastRead) }), revisions };
}

/** What takes space: regular files, each counted once if it has several names. */
async function contentsOf(folder: string): Promise<{ size: number; atimeMs: number }[]> {
  const found = new Map<string, { size: number; atimeMs: number }>();
  for (const path of [...await pathsIn(folder, "blobs"), ...await pathsIn(folder, "snapshots")]) {
    const there = await lstat(path).catch(() => undefined); // it may just have been renamed
    if (there?.isFile()) found.set(`${there.dev} ${there.ino}`, there);
  }
  return [...found.values()];
}

async function pathsIn(folder: string, part: string): Promise<string[]> {
  return (await filesIn(join(folder, part))).map((file) => join(folder, part, file));
}

/** Branches and tags. What else is there, or cannot be read, is left out. */
async function refsIn(folder: string): Promise<{ ref: string; commit: string }[]> {
  const refs: { ref: string; commit: string }[] = [];
  for (const ref of await filesIn(folder)) {
    const path = join(folder, ref);
    if (!await isFile(path)) continue; // a pipe would wait for its writer
    refs.push({ ref, commit: (await readFile(path, "utf-8").catch(() => "")).trim() });
  }
  return refs;
}

/** Whether a path is a regular file, and no link. */
async function isFile(path: string): Promise<boolean> {
  return await lstat(path).then((found) => found.isFile(), () => false);
}

/** The files and links below a folder, as paths with `/`. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const nested = entries.map(async (entry) => {
    if (!entry.isDirectory()) return [entry.name];
    return (await filesIn(join(folder, entry.name))).map((file) => `${entry.name}/${file}`);
  });
  return (await Promise.all(nested)).flat();
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((cause) => {
    if (cause.code === "ENOENT") return [];
    throw new HubError(`Cannot read the cache at ${showText(folder)}: ${reasonOf(cause)}`, { cause });
  });
}

/** The kind of hash that a file of the cache is named after; `undefined` for unfinished ones. */
function algorithmOf(etag: string): "sha256" | "git-sha1" | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return "sha256";
  return /^[0-9a-f]{40}$/.test(etag) ? "git-sha1" : undefined;
}

async function checkNotDownloading(locks: string, repo: string): Promise<void> {
  for (const name of (await namesIn(locks)).filter((name) => name.endsWith(".vqmodel.lock"))) {
    const touched = await lstat(join(locks, name)).then(({ mtimeMs }) => mtimeMs, () => 0);
    if (Date.now() - touched > LOCK_SILENCE) continue; // its process is dead
    throw new HubError(`Cannot remove ${repo} from the cache: it is being downloaded; try again when that is done`);
  }
}
