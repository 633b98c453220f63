/**
 * How many records files of tokens hold, as far as it is known without reading all of them.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { openRecords } from "../formats/records.ts";
import { manifestsBeside } from "../output/manifests_beside.ts";
import type { NamedStream, TokenFilesOptions } from "./token_files.ts";

/** Formats whose files must be read to their ends to count records. */
const UNCOUNTED = /\.(tar|tar\.gz|tgz|jsonl|ndjson)$/i;

/** The number of records in files, of which headers and manifests tell; `undefined` if one is not known. */
export async function countRecords(
  files: readonly (string | NamedStream)[],
  { grid }: Pick<TokenFilesOptions, "grid">,
): Promise<number | undefined> {
  const recordedOf = manifestsBeside();
  let total = 0;
  for (const file of files) {
    const count = typeof file === "string" ? await countOf(file) : undefined;
    if (count === undefined) return undefined;
    total += count;
  }
  return total;

  async function countOf(path: string): Promise<number | undefined> {
    const recorded = await recordedOf(path);
    if (recorded && recorded.entry.bytes === (await stat(path)).size) {
      const { entry: { pictures }, manifest: { preprocessing } } = recorded;
      return preprocessing.augment === undefined ? pictures : 2 * pictures;
    }
    if (UNCOUNTED.test(path)) return undefined;
    const opened = await openRecords(path, { grid }).catch(() => undefined); // reported when it is read
    await opened?.close();
    return opened?.count ?? (opened ? undefined : 1); // one that cannot be read counts as one failure
  }
}
