/**
 * The manifests beside files of tokens.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Manifest, parseManifest, type ShardEntry } from "./manifest.ts";

/** What a manifest says of a file. */
export interface Recorded {
  readonly manifest: Manifest;
  readonly entry: ShardEntry;
}

/** Makes a function that finds what the manifest says that `tokenizeDataset` wrote beside a file. Each is read once. */
export function manifestsBeside(): (path: string) => Promise<Recorded | undefined> {
  const known = new Map<string, Promise<ReadonlyMap<string, Recorded>>>();
  return async (path) => {
    for (const place of [`${path}.manifest.json`, join(dirname(path), "manifest.json")]) {
      const recorded = known.get(place) ?? readRecorded(place);
      known.set(place, recorded);
      const found = (await recorded).get(basename(path));
      if (found) return found;
    }
  };
}

/** What a manifest says of each file, by name; nothing if it is none. */
async function readRecorded(place: string): Promise<ReadonlyMap<string, Recorded>> {
  const manifest = await readFile(place).then((bytes) => parseManifest(bytes, place)).catch(() => undefined);
  return new Map(manifest?.shards.map((entry) => [entry.name, { manifest, entry }]));
}
