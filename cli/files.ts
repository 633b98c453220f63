/**
 * Checks of output files, made before anything is computed.
 *
 * @module
 */

import { open, readlink, realpath, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/**
 * Checks that a file can be written. Leaves an existing file unchanged, and no new one.
 *
 * @throws {TypeError} if it cannot
 */
export async function checkWritable(path: string): Promise<void> {
  try {
    await tryToWrite(path);
  } catch (cause) {
    if ((cause as Error)?.name === "NotCapable") throw cause; // says which permission to give
    throw new TypeError(`Cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

async function tryToWrite(path: string): Promise<void> {
  const place = await followed(path);
  const there = await stat(place).catch(ifMissing);
  if (there && !there.isFile() && !there.isDirectory()) return; // opening a pipe would use it up
  if (there) await (await open(place, "r+")).close();
  await touch(besideIt(place)); // not the place itself, where another command may write at the same time
}

/** Nothing, for a file that is not there. Other errors, such as that a name is too long, stay errors. */
function ifMissing(error: { code?: string }): undefined {
  if (error.code !== "ENOENT") throw error;
}

/** Checks that a path is a directory, or that there is nothing yet. */
export async function checkDirectory(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there && !there.isDirectory()) throw new TypeError(`Cannot write to ${path}: expected a directory, found a file`);
}

/** Creates a new file and removes it. */
async function touch(path: string): Promise<void> {
  await (await open(path, "wx")).close();
  await rm(path);
}

/** The path that symbolic links lead to. Of a path where there is nothing, only the last link is followed. */
async function followed(path: string): Promise<string> {
  const link = await readlink(path).catch(() => undefined);
  return await realpath(path).catch(() => link === undefined ? path : resolve(dirname(path), link));
}

/** A temporary name in the same folder, not longer for a long name. */
function besideIt(path: string): string {
  return join(dirname(path), `.${crypto.randomUUID()}.incomplete`);
}
