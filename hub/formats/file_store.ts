/**
 * Files in folders: of a directory, a repository or a list.
 *
 * @module
 */

import { readdir, stat } from "../system/files.ts";
import { join } from "../system/file_paths.ts";
import { type ByteSource, openFile } from "./byte_source.ts";
import { HubError } from "../errors.ts";
import { reasonOf } from "../show.ts";

/**
 * How much of a file will be read. Over a network, `"all"` is downloaded. So is `"half"` if there is a cache, since the rest
 * may be needed later; without one, and of `"little"`, only what is read is requested.
 */
export type Amount = "all" | "half" | "little";

/** Files in folders. Paths have `/` between folders; that of the root is `""`. */
export interface FileStore {
  /** The name of a path in messages. */
  nameOf(path: string): string;
  /**
   * The names of the entries of a folder.
   *
   * @throws {HubError} if there is no such folder
   */
  list(folder: string): Promise<readonly string[]>;
  /** Opens a file for reading; by default all of it. */
  open(path: string, amount?: Amount): Promise<ByteSource>;
  /** A text that changes when a file is replaced. Absent if files never are. */
  version?(path: string): Promise<string>;
}

/** The files of a directory. */
export function directoryStore(root: string): FileStore {
  const nameOf = (path: string) => path === "" ? root : join(root, ...path.split("/"));
  return {
    nameOf,
    async list(folder) {
      const path = nameOf(folder);
      return await readdir(path).catch((cause) => {
        throw new HubError(`Cannot load ${path}: expected a directory that can be read; ${reasonOf(cause)}`, { cause });
      });
    },
    open: (path) => openFile(nameOf(path)),
    async version(path) {
      return await stat(nameOf(path)).then(({ ino, mtimeMs }) => `${ino} ${mtimeMs}`, reasonOf);
    },
  };
}
