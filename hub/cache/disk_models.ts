/**
 * The models in the cache on the disk.
 *
 * @module
 */

import { lstat, readdir, readFile, rm, stat } from "../system/files.ts";
import { join } from "../system/file_paths.ts";
import { folderNameOf, repoOfFolder } from "./folder_names.ts";
import { LOCK_SILENCE } from "./lock.ts";
import { HubError } from "../errors.ts";
import { isIntact } from "../remote/verify.ts";
import { isCommitHash } from "../repo_id.ts";
import { reasonOf, showText } from "../show.ts";
import { renameSynced } from "../system/atomic_write.ts";
import { isSystemError } from "../system/system_errors.ts";
import { algorithmOf } from "./disk_cache.ts";
import type { CachedModel, CachedRevision, DamagedFile, ModelCache } from "./repo_cache.ts";

/** The models in a cache directory. */
export function diskModels(cacheDir: string): ModelCache {
  return {
    folder: cacheDir,
    list: (signal) => list(cacheDir, signal),
    find: (repo) => find(repo, cacheDir),
    verify,
    remove: (model) => remove(model, cacheDir),
  };
}

async function list(cacheDir: string, signal?: AbortSignal): Promise<CachedModel[]> {
  const models: CachedModel[] = [];
  for (const name of (await namesIn(cacheDir)).sort()) {
    signal?.throwIfAborted();
    const repo = repoOfFolder(name);
    const model = repo === undefined ? undefined : await find(repo, cacheDir);
    if (model) models.push(model);
  }
  return models;
}

async function find(repo: string, cacheDir: string): Promise<CachedModel | undefined> {
  const folder = join(cacheDir, folderNameOf(repo));
  return await isModelFolder(folder) ? await describe(repo, folder) : undefined;
}

async function verify({ folder, revisions }: CachedModel, signal?: AbortSignal): Promise<DamagedFile[]> {
  const damaged: DamagedFile[] = [];
  for (const etag of await namesIn(join(folder, "blobs"))) {
    const algorithm = algorithmOf(etag);
    const path = join(folder, "blobs", etag);
    if (!algorithm) continue;
    if (!await isFile(path)) damaged.push({ path, reason: "expected a file, found something else" });
    else if (!await isIntact(path, { etag, algorithm }, signal)) {
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

async function remove({ repo, folder }: CachedModel, cacheDir: string): Promise<void> {
  const locks = join(".locks", folderNameOf(repo));
  await checkNotDownloading(join(cacheDir, locks), repo);
  try {
    await renameSynced(folder, join(cacheDir, `.${crypto.randomUUID()}.removed`));
    // Also what an earlier process was removing when it ended.
    const removed = (await namesIn(cacheDir)).filter((name) => /^\.[0-9a-f-]{36}\.removed$/.test(name));
    for (const name of [...removed, locks]) await removeFolder(join(cacheDir, name));
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    throw new HubError(
      codeOf(cause) === "ENOENT"
        ? `Cannot find ${repo} in the cache: another process has just removed it`
        : `Cannot remove ${folder}: ${reasonOf(cause)}`,
      { cause },
    );
  }
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

async function checkNotDownloading(locks: string, repo: string): Promise<void> {
  for (const name of (await namesIn(locks)).filter((name) => name.endsWith(".vqmodel.lock"))) {
    const touched = await lstat(join(locks, name)).then(({ mtimeMs }) => mtimeMs, () => 0);
    if (Date.now() - touched > LOCK_SILENCE) continue; // its process is dead
    throw new HubError(`Cannot remove ${repo} from the cache: it is being downloaded; try again when that is done`);
  }
}
