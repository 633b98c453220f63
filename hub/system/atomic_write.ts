/**
 * Files that are written whole or not at all.
 *
 * @module
 */

import { lstat, open, readdir, rename, rm, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Makes a file under another name first, so that nobody ever sees half of it. */
export async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = await temporaryBeside(path);
  try {
    await make(temporary);
    await moveOver(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {}); // what went wrong first is what matters
    throw error;
  }
}

/**
 * A new name beside a file. What processes that died left under such names is removed. Of several who replace one file at
 * the same moment, some may fail: what they made is removed as well.
 */
export async function temporaryBeside(path: string): Promise<string> {
  const [folder, start] = [dirname(path), `${basename(path)}.`];
  for (const name of await readdir(folder).catch(() => [])) {
    const isLeftover = name.startsWith(start) && /^[0-9a-f-]{36}\.incomplete$/.test(name.slice(start.length));
    if (isLeftover) await rm(join(folder, name), { force: true });
  }
  return `${path}.${crypto.randomUUID()}.incomplete`;
}

/** Gives a file the name of another one, or of a folder, which is removed: it ought not to be there. */
export async function moveOver(from: string, to: string): Promise<void> {
  if (await lstat(to).then((there) => there.isDirectory(), () => false)) await rm(to, { recursive: true });
  await rename(from, to);
}

/** Writes a file, and waits until it is on the disk: names given later then hold after a crash, too. */
export async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
