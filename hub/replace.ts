/**
 * Files that are written whole or not at all.
 *
 * @module
 */

import { rename, unlink } from "node:fs/promises";

/** Makes a file under another name first, so that nobody ever sees half of it. */
export async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.incomplete`;
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {}); // what went wrong first is what matters
    throw error;
  }
}
