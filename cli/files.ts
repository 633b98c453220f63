/**
 * Files that are written whole or not at all.
 *
 * @module
 */

/** Writes a file beside its final name first and then renames it: what was there stays until all of it is written. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = besideIt(path);
  try {
    await Deno.writeTextFile(unfinished, text);
    await Deno.rename(unfinished, path);
  } catch (error) {
    await Deno.remove(unfinished).catch(() => {}); // what went wrong first is what matters
    throw error;
  }
}

/** Checks that such a file can be written. One that is there stays as it is; one that is not, is not there afterwards. */
export async function checkWritable(path: string): Promise<void> {
  try {
    await touch(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    (await Deno.open(path, { write: true })).close();
    await touch(besideIt(path));
  }
}

/** Makes a file that is not there, and removes it. */
async function touch(path: string): Promise<void> {
  (await Deno.open(path, { write: true, createNew: true })).close();
  await Deno.remove(path);
}

function besideIt(path: string): string {
  return `${path}.${crypto.randomUUID()}.part`;
}
