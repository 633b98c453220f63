/**
 * Saves files for users, with errors that name the content.
 *
 * @module
 */

import { reasonOf } from "../show.ts";
import { writeAtomically } from "./atomic_write.ts";

/**
 * Writes a file atomically: under a temporary name in the same folder, which becomes the file's name when all is on the
 * disk. Symbolic links stay links, and existing files keep their permissions.
 *
 * @param what the content, for the message: `Cannot save picture as …`
 * @throws {TypeError} if the file cannot be written
 */
export async function saveFile(path: string | URL, bytes: Uint8Array, what: string): Promise<void> {
  try {
    await writeAtomically(path, bytes);
  } catch (cause) {
    if (cause instanceof Error && cause.name === "NotCapable") throw cause; // says which permission to give
    throw new TypeError(`Cannot save ${what} as ${path}: ${reasonOf(cause)}`, { cause });
  }
}
