/**
 * Small JSON texts that are kept in the cache between processes.
 *
 * @module
 */

import { readFile, stat } from "../system/files.ts";
import { join } from "../system/file_paths.ts";
import { makeFolder } from "./disk_repo.ts";
import { defaultCacheDir } from "../system/environment.ts";
import { expandUser } from "../system/expand.ts";
import { isGranted } from "../system/permissions.ts";
import { replace, writeSynced } from "../system/atomic_write.ts";

/** Bytes; usual texts have some kilobytes. */
const MAX_TEXT_SIZE = 10_000_000;

/** JSON texts by name. */
export interface TextStore {
  /** The text with a name; `undefined` if there is none, or it may not be read. */
  read(name: string): Promise<string | undefined>;
  /** Writes a text under a name, atomically. */
  write(name: string, text: string): Promise<void>;
}

/**
 * The texts in a cache directory; `undefined` if no directory is passed and the default one is unknown.
 *
 * @param cacheDir by default that of {@linkcode HubModelOptions.cacheDir}
 */
export function openTextStore(cacheDir: string | undefined = defaultCacheDir()): TextStore | undefined {
  if (cacheDir === undefined) return undefined;
  const folder = join(expandUser(cacheDir), ".vqmodel");
  const pathOf = (name: string) => join(folder, `${name}.json`);
  return {
    async read(name) {
      const path = pathOf(name);
      if (!isGranted({ name: "read", path })) return undefined;
      const bytes = await stat(path).then(({ size }) => size, () => Infinity);
      return bytes <= MAX_TEXT_SIZE ? await readFile(path, "utf-8").catch(() => undefined) : undefined;
    },
    async write(name, text) {
      await makeFolder(folder);
      await replace(pathOf(name), (temporary) => writeSynced(temporary, text));
    },
  };
}
