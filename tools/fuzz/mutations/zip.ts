/**
 * Damages entries of zip archives, and corrects sizes and checksums.
 *
 * @module
 */

import { type Unzipped, unzipSync, zipSync } from "fflate";
import type { Random } from "../random.ts";
import { type Bytes, type Mutate, mutateBytes } from "./bytes.ts";
import { mutateList } from "./lists.ts";
import { mutateNpy } from "./npy.ts";
import { mutatePickle } from "./pickle.ts";
import { mutateText } from "./text.ts";

const MOST_ENTRIES = 1000;
const MOST_BYTES = 2_000_000;
/** Time of all entries, so that the same damage results in the same bytes. */
const EARLIEST = new Date(1980, 0, 1);

type Entry = [name: string, data: Bytes];

/** Moves, drops, repeats or changes an entry: its name, its content by its kind, or whether it is deflated. */
export const mutateZip: Mutate = (bytes, random) => {
  let files: Unzipped;
  let [entries, size] = [0, 0];
  try {
    files = unzipSync(bytes, {
      filter({ originalSize }) {
        if (++entries > MOST_ENTRIES || (size += originalSize) > MOST_BYTES) throw new Error("its numbers are damaged");
        return true;
      },
    });
  } catch {
    return mutateBytes(bytes, random); // damaged by an earlier change
  }
  const changed = mutateEntries(Object.entries(files) as Entry[], random);
  const level = random.chance(0.8) ? 0 : 1;
  return zipSync(Object.fromEntries(changed), { level, mtime: EARLIEST }) as Bytes;
};

/** Most entries of a checkpoint hold numbers; those that describe them are changed as often. */
function mutateEntries(entries: readonly Entry[], random: Random): Entry[] {
  const change = (entry: Entry) => mutateEntry(entry, random);
  const at = entries.findIndex(([name]) => mutationOf(name) !== mutateBytes);
  if (at >= 0 && random.chance(0.6)) return entries.with(at, change(entries[at]));
  return mutateList(entries, random, change);
}

function mutateEntry([name, data]: Entry, random: Random): Entry {
  if (random.chance(0.1)) return [mutateText(name, random).slice(0, 1000), data];
  return [name, mutationOf(name)(data, random)];
}

function mutationOf(name: string): Mutate {
  if (name.endsWith(".npy")) return mutateNpy;
  return name.endsWith(".pkl") ? mutatePickle : mutateBytes;
}
