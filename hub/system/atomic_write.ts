/**
 * Atomic replacement of files: a new file gets its name when it is complete.
 *
 * @module
 */

import type { FileHandle } from "node:fs/promises";
import { lstat, open, readdir, readlink, realpath, rename, rm, stat, unlink } from "./files.ts";
import { basename, dirname, fileURLToPath, join, resolve } from "./file_paths.ts";
import { isGranted } from "./permissions.ts";

/** The content of a file: text, bytes, or bytes in chunks. */
export type FileContent = string | Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Writes a file under a temporary name in the same folder, waits until it is on the disk, and renames it. Whenever the
 * process ends, there is the old file or all of the new one, and at most `.UUID.incomplete` beside it. Symbolic links stay
 * links and existing files keep their permissions. What is not a regular file, such as a pipe, is written to directly.
 *
 * @param path a path or a `file:` URL
 */
export async function writeAtomically(path: string | URL, content: FileContent): Promise<void> {
  const isUrl = path instanceof URL || path.startsWith("file:");
  const target = await followLinks(isUrl ? fileURLToPath(path) : path);
  const there = await stat(target).catch(() => undefined);
  if (there && !there.isFile()) return await fill(await open(target, "w"), content, { sync: false });
  const temporary = join(dirname(target), `.${crypto.randomUUID()}.incomplete`); // not longer for a long name
  await removeOnFailure(temporary, async () => {
    await writeSynced(temporary, content, there?.mode);
    await renameSynced(temporary, target);
  });
}

/**
 * Replaces an entry of the cache with the file or the link that `make` makes under a temporary name, removing what earlier
 * processes left there. If several processes replace the same entry at once, some may fail, and leave nothing.
 */
export async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = await temporaryBeside(path);
  await removeOnFailure(temporary, async () => {
    await make(temporary);
    await moveOver(temporary, path);
  });
}

/** Makes a temporary name beside a file, `NAME.UUID.incomplete`, and removes the files that earlier processes left so. */
export async function temporaryBeside(path: string): Promise<string> {
  const [folder, start] = [dirname(path), `${basename(path)}.`];
  for (const name of await readdir(folder).catch(() => [])) {
    const isLeftover = name.startsWith(start) && /^[0-9a-f-]{36}\.incomplete$/.test(name.slice(start.length));
    if (isLeftover) await rm(join(folder, name), { force: true });
  }
  return `${path}.${crypto.randomUUID()}.incomplete`;
}

/** Renames a file. What has the new name already is removed, even if it is a folder. */
export async function moveOver(from: string, to: string): Promise<void> {
  if (await lstat(to).then((there) => there.isDirectory(), () => false)) await rm(to, { recursive: true });
  await renameSynced(from, to);
}

/** Renames a file, and waits until the new name is on the disk. */
export async function renameSynced(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/**
 * Waits until the names in a folder are on the disk: without that, a file may have its old name after a power cut. Does nothing
 * where a folder cannot be opened, as on Windows or without permission to read it.
 */
export async function syncFolder(path: string): Promise<void> {
  if (!isGranted({ name: "read", path })) return;
  const folder = await open(path, "r").catch(() => undefined);
  if (!folder) return;
  try {
    await folder.sync().catch(() => {}); // not every file system can
  } finally {
    await folder.close();
  }
}

/** Runs `use`, and removes a temporary file if it fails. */
export async function removeOnFailure<T>(temporary: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    await unlink(temporary).catch(() => {}); // the first error is the one that matters
    throw error;
  }
}

/** Writes a new file and waits until it is on the disk, so that a later rename holds after a crash. */
export async function writeSynced(path: string, content: FileContent, mode?: number): Promise<void> {
  await fill(await open(path, "wx", mode), content, { sync: true });
}

/** Writes to an open file and closes it. */
async function fill(file: FileHandle, content: FileContent, { sync }: { sync: boolean }): Promise<void> {
  const chunks = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    if (sync) await file.sync();
  } finally {
    await file.close();
  }
}

/** The path that symbolic links lead to. Of a path where there is nothing, only the last link is followed. */
async function followLinks(path: string): Promise<string> {
  const link = await readlink(path).catch(() => undefined);
  return await realpath(path).catch(() => link === undefined ? path : resolve(dirname(path), link));
}
