/**
 * The cache of Python's `huggingface_hub`, which is shared with it:
 *
 * ```text
 * CACHE/models--OWNER--NAME/blobs/ETAG                     the bytes of a file, of any revision
 *                           refs/REVISION                  the commit that a branch or tag was at
 *                           snapshots/COMMIT/FOLDER/FILE → ../../../blobs/ETAG
 * CACHE/.locks/models--OWNER--NAME/…                       who downloads what
 * CACHE/.vqmodel/NAME.json                                 texts of our own: see `text_store.ts`
 * ```
 *
 * @module
 */

import { copyFile, link, lstat, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HubError } from "../errors.ts";
import { isGranted } from "../system/permissions.ts";
import { replace } from "../system/atomic_write.ts";
import { isCommitHash } from "../repo_id.ts";

/** The part of the cache that is a repository's. */
export interface RepoCache {
  /** Its folder, for messages. */
  readonly folder: string;
  /** The commit that a revision was at when it was last asked for. */
  readRef(revision: string): Promise<string | undefined>;
  /** Remembers that commit. */
  writeRef(revision: string, commit: string): Promise<void>;
  /** The folder with the files of a commit. */
  snapshot(commit: string): string;
  /** The path of a file of a commit. It need not be there. */
  pointer(commit: string, path: string): string;
  /** Makes the folders for bytes, and says where they go and which lock guards them. */
  prepareBlob(etag: string): Promise<{ blob: string; lock: string }>;
  /** Makes a file of a commit out of bytes that are in the cache. */
  point(commit: string, path: string, etag: string): Promise<void>;
}

/** The part of a cache that is a repository's, or nothing where the cache must not be read. Nothing is made yet. */
export function openCache(cacheDir: string, repo: string): RepoCache | undefined {
  if (!isGranted({ name: "read", path: cacheDir })) return undefined;
  const name = ["models", ...repo.split("/")].join("--");
  const folder = join(cacheDir, name);
  const refPath = (revision: string) => join(folder, "refs", ...revision.split("/"));
  const snapshot = (commit: string) => join(folder, "snapshots", commit);
  const pointer = (commit: string, path: string) => join(snapshot(commit), ...path.split("/"));

  async function readRef(revision: string): Promise<string | undefined> {
    const commit = await readFile(refPath(revision), "utf-8").then((text) => text.trim(), () => undefined);
    return commit && isCommitHash(commit) ? commit : undefined;
  }

  return {
    folder,
    readRef,
    async writeRef(revision, commit) {
      if (revision === commit || await readRef(revision) === commit) return;
      const path = refPath(revision);
      await makeRealFolders(folder, ["refs", ...revision.split("/").slice(0, -1)]);
      await replace(path, (temporary) => writeFile(temporary, commit));
    },
    snapshot,
    pointer,
    async prepareBlob(etag) {
      const locks = join(cacheDir, ".locks", name);
      await makeFolder(locks);
      await makeRealFolders(folder, ["blobs"]);
      // Not Python's `ETAG.lock`, which stays there when nobody holds it.
      return { blob: join(folder, "blobs", etag), lock: join(locks, `${etag}.vqmodel.lock`) };
    },
    async point(commit, path, etag) {
      const folders = path.split("/").slice(0, -1);
      await makeRealFolders(folder, ["snapshots", commit, ...folders]);
      const blob = join(folder, "blobs", etag);
      const relative = ["..", "..", ...folders.map(() => ".."), "blobs", etag].join("/");
      await replace(pointer(commit, path), (temporary) => linkTo(blob, relative, temporary));
    },
  };
}

/** A link is best; where links cannot be made, a second name for the same bytes; where nothing else can, a copy. */
async function linkTo(blob: string, relative: string, path: string): Promise<void> {
  // Deno wants unlimited access for a symbolic link, since it may lead anywhere, and would ask for it.
  const mayLink = isGranted({ name: "read" }) && isGranted({ name: "write" });
  if (mayLink && await succeeds(symlink(relative, path))) return;
  if (await succeeds(link(blob, path))) return;
  await copyFile(blob, path);
}

async function succeeds(step: Promise<void>): Promise<boolean> {
  return await step.then(() => true, () => false);
}

/** Makes folders in one another, and refuses those that lead elsewhere. The outermost one may: its owner says where. */
async function makeRealFolders(base: string, folders: string[]): Promise<void> {
  let path = base;
  await makeFolder(base);
  for (const folder of folders) {
    path = join(path, folder);
    await makeFolder(path);
    if (!(await lstat(path)).isDirectory()) {
      throw new HubError(`Cannot use the cache: expected a folder at ${path}, found a link that may lead out of it`);
    }
  }
}

/** Makes a folder, unless it may not be made. */
export async function makeFolder(path: string): Promise<void> {
  if (!isGranted({ name: "write", path })) {
    throw Object.assign(new Error(`no write access to ${path}`), { code: "EACCES" });
  }
  await mkdir(path, { recursive: true });
}
