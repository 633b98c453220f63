/**
 * The pictures of a data set, from what a caller names.
 *
 * @module
 */

import type { HubAccess } from "../../hub/mod.ts";
import type { DatasetSource } from "../types.ts";
import { archiveName, archiveShard, isArchive } from "./archives.ts";
import type { InputFile } from "./input_file.ts";
import { expandInputs } from "./inputs.ts";
import { shardsOfFiles } from "./loose_files.ts";
import { fileIdentity, makeUnique } from "./unique_names.ts";

/** Options of {@linkcode openSource}. */
export interface SourceOptions extends Pick<HubAccess, "token" | "hubUrl" | "fetch" | "signal" | "timeout"> {
  /** Number of pictures per shard of loose files. Default 1000. */
  shardSize?: number;
}

/**
 * Finds the pictures of a data set. Nothing of them is read yet but the number of rows of Parquet files on a disk.
 *
 * Each archive is a shard of the same name without extension; of archives of one name in different folders, with the folders
 * in front. Other files become shards `000000`, `000001`, … of `shardSize` pictures, in their order; beside archives,
 * `pictures-000000`.
 *
 * @param inputs any number of
 * - picture files, and folders of them, of any depth
 * - WebDataset's archives: `.tar`, also `.tar.gz`
 * - Parquet files of Hugging Face data sets, with a column `image: {bytes, path}`
 * - globs of these, with `**` for any depth and `{000..099}` for numbers
 * - `@list.txt`, which names an input on each line; lines that begin with `#` are comments
 * - URLs: `https:`, or `hf://datasets/OWNER/NAME/PATH`, also with `{000..099}`
 * @throws {TypeError} if none of the files is there, or no picture in a folder
 */
export async function openSource(inputs: readonly string[], options: SourceOptions = {}): Promise<DatasetSource> {
  const { shardSize = 1000, ...access } = options;
  if (!Number.isSafeInteger(shardSize) || shardSize < 1) {
    throw new RangeError(`Cannot divide pictures into shards: expected shardSize ≥ 1, found ${shardSize}`);
  }
  const files = await expandInputs(inputs);
  const archives = files.filter(({ address }) => isArchive(address));
  const loose = files.filter(({ address }) => !isArchive(address));
  const names = namesOf(archives);
  const shards = shardsOfFiles(loose, { size: shardSize, prefix: archives.length > 0 ? "pictures-" : "", access });
  for (const [i, archive] of archives.entries()) shards.push(await archiveShard(archive, names[i], access));
  return { shards };
}

/** Names of files that stand beside the shards. */
const RESERVED = ["manifest", "failures"];

/** The names of archives' shards, which all differ. */
function namesOf(archives: readonly InputFile[]): string[] {
  const names = archives.map(archiveName);
  const counts = new Map<string, number>();
  for (const identity of names.map(fileIdentity)) counts.set(identity, (counts.get(identity) ?? 0) + 1);
  const distinct = names.map((name, i) => {
    if (counts.get(fileIdentity(name)) === 1) return name;
    const folders = archives[i].address.split(/[\\/]/).slice(0, -1).filter((part) => /[^.]/.test(part));
    return [...folders.slice(-1), name].join("_");
  });
  return makeUnique([...RESERVED, ...distinct], fileIdentity).slice(RESERVED.length);
}
