/**
 * Files that are written whole or not at all.
 *
 * @module
 */

/**
 * Writes a file beside its final name first and then renames it, so that it is never half there. Links stay links, files
 * keep their permissions, and what is no file, such as a pipe, is written to as it is.
 *
 * @param what the content, for the message: `Cannot save picture as …`
 * @throws {TypeError} if the file cannot be written
 */
export async function writeWhole(path: string | URL, bytes: Uint8Array, what: string): Promise<void> {
  const { readlink, realpath, rename, rm, stat, writeFile } = await import("node:fs/promises");
  const { dirname, join, resolve } = await import("node:path");
  const { fileURLToPath } = await import("node:url");
  const target = path instanceof URL || path.startsWith("file:") ? fileURLToPath(path) : path;
  // Links stay links, even one that leads to nothing yet.
  const link = await readlink(target).catch(() => undefined);
  const place = await realpath(target).catch(() => link === undefined ? target : resolve(dirname(target), link));
  const there = await stat(place).catch(() => undefined);
  const isFile = there?.isFile() ?? true;
  const unfinished = isFile ? join(dirname(place), `.${crypto.randomUUID()}.part`) : place; // pipes cannot be renamed
  try {
    await writeFile(unfinished, bytes, { mode: there?.mode });
    if (isFile) await rename(unfinished, place);
  } catch (error) {
    if (isFile) await rm(unfinished, { force: true }).catch(() => {}); // what went wrong first is what matters
    if (error instanceof Error && error.name === "NotCapable") throw error; // says which permission to give
    const reason = error instanceof Error ? error.message : String(error);
    throw new TypeError(`Cannot save ${what} as ${target}: ${reason}`, { cause: error });
  }
}
