/**
 * Shards of tokens on the disk, with what is recorded of them.
 *
 * A shard is finished once it is recorded: first in a small file of its own, so that any number of processes may write to one
 * place, and the cost of a shard does not depend on how many there are; at the end, in the manifest.
 *
 * @module
 */

import { mkdir, readdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseJson } from "../../hub/mod.ts";
import { decodeRecords, encodeRecords } from "../formats/records.ts";
import type { DatasetFormat, DatasetShard, TokenRecord, TokenSetInfo } from "../types.ts";
import {
  checkSameSettings,
  encodeManifest,
  type Manifest,
  PACKAGE,
  parseManifest,
  type PictureFailure,
  type ShardEntry,
  type TokenFailure,
  type TokenSettings,
} from "./manifest.ts";
import { hashOf, publish } from "./publish.ts";
import { withUniqueKeys } from "../formats/unique_keys.ts";

/** Where a store keeps its files. */
export interface StorePlace {
  /** The folder or file, for messages. */
  readonly name: string;
  /** The format of its shards. */
  readonly format: DatasetFormat;
  /** The file of a shard. */
  pathOf(shard: DatasetShard): string;
  readonly manifest: string;
  readonly failures: string;
  /** A folder for what is not finished, in the same file system. It is removed in the end. */
  readonly work: string;
}

/** What is recorded of a shard. */
export interface ShardRecord {
  /** Its file. */
  readonly entry: ShardEntry;
  /** Its pictures that failed. */
  readonly failures: readonly TokenFailure[];
}

/** The shards of one place. */
export interface TokenStore {
  /**
   * The record of a shard that is finished and there.
   *
   * @throws {RangeError} if it was made of other pictures, unless it is incomplete
   */
  find(shard: DatasetShard, options: { verify: boolean }): Promise<ShardRecord | undefined>;
  /** The tokens of a finished shard. */
  read(shard: DatasetShard): AsyncIterable<TokenRecord>;
  /** Writes a shard. `failures` is read when all records were. */
  write(
    shard: DatasetShard,
    records: AsyncIterable<TokenRecord>,
    failures: readonly PictureFailure[],
  ): Promise<ShardEntry>;
  /**
   * Records all finished shards in the manifest, and those that could not be read; and removes the folder for what was not
   * finished.
   */
  finish(unread: readonly UnreadShard[]): Promise<Manifest>;
  /** Removes the manifest and the folder for what is not finished, if no shard is finished. */
  discardIfEmpty(): Promise<void>;
}

/** A shard whose archive could not be read. */
export interface UnreadShard {
  /** The shard. */
  readonly shard: DatasetShard;
  /** Why it could not be read. */
  readonly reason: string;
}

/** Whether a shard's archive may have been cut short. */
export function isIncomplete(shard: DatasetShard, { failures }: ShardRecord): boolean {
  return shard.address !== undefined && failures.some(({ name }) => name === shard.address);
}

/**
 * Opens a store.
 *
 * @throws {RangeError} if there are tokens that were made with other settings
 */
export async function openStore(place: StorePlace, settings: TokenSettings, info: TokenSetInfo): Promise<TokenStore> {
  await mkdir(place.work, { recursive: true });
  const known = await readManifest(place.manifest);
  if (known) checkSameSettings(known, settings, place.name);
  else await publish(place.manifest, encodeManifest({ package: PACKAGE, ...settings, shards: [] }), place.work);
  const merged = new Map<string, ShardRecord>();
  const failures = new Map(known?.shards.map(({ name }) => [name, [] as TokenFailure[]]));
  for (const failure of await readFailures(place.failures)) failures.get(failure.shard)?.push(failure);
  for (const entry of known?.shards ?? []) merged.set(entry.name, { entry, failures: failures.get(entry.name)! });

  let isFinished = known !== undefined && known.shards.length + (known.unread?.length ?? 0) > 0;
  const recordOf = (file: string) => join(place.work, `${file}.json`);

  return {
    async find(shard, { verify }) {
      const path = place.pathOf(shard);
      const name = basename(path);
      const record = await readRecord(recordOf(name)) ?? merged.get(name);
      if (!record) return undefined;
      const { sha256, fingerprint } = record.entry;
      if (!await isThere(path, record.entry) || verify && await hashOf(path) !== sha256) return undefined;
      if (fingerprint === shard.fingerprint) return record;
      if (isIncomplete(shard, record)) return undefined;
      throw new RangeError(
        `Cannot write tokens to ${path}: it holds those of other pictures, as when inputs or the size of shards change. ` +
          "Choose another place, or remove this file",
      );
    },

    read: (shard) => decodeRecords(place.pathOf(shard), { format: place.format }),

    async write(shard, records, failures) {
      const path = place.pathOf(shard);
      const name = basename(path);
      const counts = { pictures: 0, tokens: 0 };
      const shapes = new Map<string, TokenRecord["shape"]>();
      async function* counted(): AsyncGenerator<TokenRecord> {
        for await (const record of withUniqueKeys(records)) {
          if (!record.augment) counts.pictures++;
          counts.tokens += record.indices.length;
          if (shapes.size < 2) shapes.set(`${record.shape}`, record.shape);
          yield record;
        }
      }
      const digest = await publish(path, encodeRecords(counted(), place.format, info), place.work);
      const [shape] = shapes.size === 1 ? shapes.values() : [];
      const entry = { name, ...digest, ...counts, failures: failures.length, shape, fingerprint: shard.fingerprint };
      const record: ShardRecord = { entry, failures: failures.map((failure) => ({ shard: name, ...failure })) };
      await publish(recordOf(name), JSON.stringify(record), place.work);
      return entry;
    },

    async finish(unread) {
      for (const file of await readdir(place.work)) {
        const record = file.endsWith(".json") ? await readRecord(join(place.work, file)) : undefined;
        if (record) merged.set(record.entry.name, record);
      }
      for (const path of unread.map(({ shard }) => place.pathOf(shard))) {
        if (!await isThere(path, merged.get(basename(path))?.entry)) merged.delete(basename(path));
      }
      const records = [...merged.values()].sort((a, b) => a.entry.name < b.entry.name ? -1 : 1);
      const manifest: Manifest = {
        package: PACKAGE,
        ...settings,
        shards: records.map(({ entry }) => entry),
        unread: unread.length > 0 ? unread.map(({ shard }) => shard.name) : undefined,
      };
      const lines = [
        ...records.flatMap(({ failures }) => failures),
        ...unread.map(({ shard, reason }): TokenFailure => {
          const { name, address = name } = shard;
          return { shard: basename(place.pathOf(shard)), key: address, name: address, reason };
        }),
      ].map((failure) => `${JSON.stringify(failure)}\n`);
      if (lines.length > 0) await publish(place.failures, lines.join(""), place.work);
      else await rm(place.failures, { force: true });
      await publish(place.manifest, encodeManifest(manifest), place.work);
      await rm(place.work, { recursive: true });
      isFinished = true;
      return manifest;
    },

    async discardIfEmpty() {
      const isEmpty = !isFinished &&
        (await readdir(place.work).catch(() => [])).every((name) => !name.endsWith(".json"));
      if (!isEmpty) return;
      await rm(place.manifest, { force: true });
      await rm(place.work, { recursive: true, force: true });
      await rmdir(dirname(place.work)).catch(() => {}); // unless it holds something
    },
  };
}

/** The shards that are not finished, as far as names and sizes of files tell. */
export async function unfinishedShards(place: StorePlace, shards: readonly DatasetShard[]): Promise<DatasetShard[]> {
  const merged = new Map((await readManifest(place.manifest))?.shards.map((entry) => [entry.name, entry]));
  const unfinished: DatasetShard[] = [];
  for (const shard of shards) {
    const path = place.pathOf(shard);
    const name = basename(path);
    const entry = (await readRecord(join(place.work, `${name}.json`)))?.entry ?? merged.get(name);
    if (!await isThere(path, entry)) unfinished.push(shard);
  }
  return unfinished;
}

/** Whether the file of a shard is there, as far as its size tells. */
async function isThere(path: string, entry: ShardEntry | undefined): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  return entry !== undefined && there?.size === entry.bytes;
}

async function readManifest(path: string): Promise<Manifest | undefined> {
  const bytes = await readIfThere(path);
  return bytes && parseManifest(bytes, path);
}

async function readFailures(path: string): Promise<TokenFailure[]> {
  const lines = new TextDecoder().decode(await readIfThere(path)).split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    return parseJson(new TextEncoder().encode(line), `Cannot read ${path}`, TypeError) as TokenFailure;
  });
}

async function readRecord(path: string): Promise<ShardRecord | undefined> {
  const bytes = await readIfThere(path);
  return bytes && parseJson(bytes, `Cannot read ${path}`, TypeError) as ShardRecord;
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return await readFile(path).catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
