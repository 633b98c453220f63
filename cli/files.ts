/**
 * Files that are written whole or not at all.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";

/**
 * Writes a file under another name first and then renames it: what was there stays until all of it is written. Links stay
 * links, and files keep their permissions. What is no file, such as a pipe or `/dev/null`, is written to as it is.
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const place = await followed(path);
  const there = await Deno.stat(place).catch(() => undefined);
  if (there && !there.isFile) return await Deno.writeFile(place, bytes);
  const unfinished = besideIt(place);
  try {
    await Deno.writeFile(unfinished, bytes, { mode: there?.mode ?? undefined });
    await Deno.rename(unfinished, place);
  } catch (error) {
    await Deno.remove(unfinished).catch(() => {}); // what went wrong first is what matters
    throw error;
  }
}

/** Checks that such a file can be written. One that is there stays as it is; one that is not, is not there afterwards. */
export async function checkWritable(path: string): Promise<void> {
  const place = await followed(path);
  const there = await Deno.stat(place).catch(() => undefined);
  if (there && !there.isFile && !there.isDirectory) return; // to open a pipe would use it up
  if (there) (await Deno.open(place, { write: true })).close();
  await touch(there ? besideIt(place) : place);
}

/** Makes a file that is not there, and removes it. */
async function touch(path: string): Promise<void> {
  (await Deno.open(path, { write: true, createNew: true })).close();
  await Deno.remove(path);
}

/** Where links lead, the last one even if nothing is there. */
async function followed(path: string): Promise<string> {
  const link = await Deno.readLink(path).catch(() => undefined);
  return await Deno.realPath(path).catch(() => link === undefined ? path : resolve(dirname(path), link));
}

/** A name in the same folder, not longer for a long one. */
function besideIt(path: string): string {
  return join(dirname(path), `.${crypto.randomUUID()}.part`);
}
