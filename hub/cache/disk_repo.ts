/**
 * The cache on the disk, shared with Python's `huggingface_hub`:
 *
 * ```text
 * CACHE/models--OWNER--NAME/blobs/ETAG                     content of a file, of any revision
 *                           refs/REVISION                  commit of a branch or tag
 *                           snapshots/COMMIT/FOLDER/FILE → ../../../blobs/ETAG
 * CACHE/.locks/models--OWNER--NAME/…                       locks of downloads
 * CACHE/.vqmodel/NAME.json                                 this library's own data: see `text_store.ts`
 * ```
 *
 * @module
 */

import { copyFile, link, lstat, mkdir, readFile, symlink } from "../system/files.ts";
import { join } from "../system/file_paths.ts";
import { HubError } from "../errors.ts";
import { folderNameOf } from "./folder_names.ts";
import { isGranted } from "../system/permissions.ts";
import { replace, writeSynced } from "../system/atomic_write.ts";
import { isCommitHash } from "../repo_id.ts";

/** The part of the cache that belongs to one repository. */
export interface DiskRepo {
  /** Its folder, for messages. */
  readonly folder: string;
  /** The commit of a revision when it was last resolved. */
  readRef(revision: string): Promise<string | undefined>;
  /** Stores the commit of a revision. */
  writeRef(revision: string, commit: string): Promise<void>;
  /** The folder with the files of a commit. */
  snapshot(commit: string): string;
  /** The path of a file of a commit, whether it exists or not. */
  pointer(commit: string, path: string): string;
  /** Makes the folders for a file's content, and returns the path for it and of the lock that guards it. */
  prepareBlob(etag: string): Promise<{ blob: string; lock: string }>;
  /** Links a file of a commit to content in the cache. */
  point(commit: string, path: string, etag: string): Promise<void>;
}

/** Opens the part of a cache that belongs to a repository; `undefined` if it may not be read. Makes no folders yet. */
export function openDiskRepo(cacheDir: string, repo: string): DiskRepo | undefined {
  if (!isGranted({ name: "read", path: cacheDir })) return undefined;
  const name = folderNameOf(repo);
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
      await replace(path, (temporary) => writeSynced(temporary, commit));
    },
    snapshot,
    pointer,
    async prepareBlob(etag) {
      const locks = join(cacheDir, ".locks", name);
      await makeFolder(locks);
      await makeRealFolders(folder, ["blobs"]);
      // Python's `ETAG.lock` cannot be used: it also exists while it is not held.
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

/** Makes a symbolic link, or else a hard link, or else a copy. */
async function linkTo(blob: string, relative: string, path: string): Promise<void> {
  // Deno requires access to all files for symbolic links, and would prompt for it.
  const mayLink = isGranted({ name: "read" }) && isGranted({ name: "write" });
  if (mayLink && await succeeds(symlink(relative, path))) return;
  if (await succeeds(link(blob, path))) return;
  await copyFile(blob, path);
}

async function succeeds(step: Promise<void>): Promise<boolean> {
  return await step.then(() => true, () => false);
}

/** Makes nested folders and refuses symbolic links among them. Only `base`, which the user chose, may be one. */
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

/** Makes a folder. Without permission to, it fails instead of prompting. */
export async function makeFolder(path: string): Promise<void> {
  if (!isGranted({ name: "write", path })) {
    throw Object.assign(new Error(`no write access to ${path}`), { code: "EACCES" });
  }
  await mkdir(path, { recursive: true });
}
