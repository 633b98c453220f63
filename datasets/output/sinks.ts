/**
 * Where the tokens of a data set go: a folder of shards, or one file.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { isArrayFormat, shapeCheck } from "../formats/arrays_writer.ts";
import type {
  DatasetFormat,
  DatasetPicture,
  DatasetShard,
  DatasetSource,
  TokenRecord,
  TokenSetInfo,
} from "../types.ts";
import { type HeldLock, takeLock } from "./lock.ts";
import type { Manifest, TokenSettings } from "./manifest.ts";
import { makeFolder } from "./publish.ts";
import {
  isIncomplete,
  openStore,
  type ShardRecord,
  type StorePlace,
  type TokenStore,
  unfinishedShards,
  type UnreadShard,
} from "./token_store.ts";

/** Where the tokens of a data set go. Made by {@linkcode folderSink} or {@linkcode fileSink}. */
export interface TokenSink {
  /** The folder or file. */
  readonly path: string;
  /** The format of its files. */
  readonly format: DatasetFormat;
  /** The folder for what is not finished. It is removed in the end. */
  readonly work: string;
  /** Opens it for the tokens of a source. Used by `tokenizeDataset` and `tokenizeShard`. */
  open(source: DatasetSource, settings: TokenSettings, info: TokenSetInfo, access: SinkAccess): Promise<OpenSink>;
  /** The shards of a source that are not finished there, as far as names and sizes of files tell. */
  unfinished(source: DatasetSource): Promise<DatasetShard[]>;
}

/** How a sink is opened. */
export interface SinkAccess {
  /** Whether other processes write to it at the same time, each another shard; else they are refused. */
  readonly shared?: boolean;
}

/** A sink that is being written. */
export interface OpenSink {
  /** The shards to write. */
  readonly shards: readonly DatasetShard[];
  /** The files of tokens. */
  readonly store: TokenStore;
  /** Completes the sink when all shards are there, but for those that could not be read. */
  finish(unread: readonly UnreadShard[]): Promise<Manifest>;
  /** Lets other runs write there. If nothing was finished there, nothing stays behind. */
  close(): Promise<void>;
}

/** The name of the folder for what is not finished. */
const WORK = ".unfinished";

/**
 * A folder of shards, `NAME.tar` for the shard `NAME`; with `manifest.json`, and `failures.jsonl` if pictures failed.
 *
 * @param path created if it does not exist
 */
export function folderSink(path: string, { format = "tar" }: { format?: DatasetFormat } = {}): TokenSink {
  return {
    path,
    format,
    work: placeInFolder(path, format).work,
    async open(source, settings, info, access) {
      const place = placeInFolder(path, format);
      await checkOwn(path, format);
      const lock = await lockIn(place.work, path, access);
      return await openLocked(lock, place.work, async () => {
        const store = await openStore(place, settings, info);
        const close = () => closing(lock, () => store.discardIfEmpty());
        return { shards: source.shards, store, finish: (unread) => store.finish(unread), close };
      });
    },
    unfinished: ({ shards }) => unfinishedShards(placeInFolder(path, format), shards),
  };
}

/**
 * One file with the tokens of all shards; with `FILE.manifest.json`, and `FILE.failures.jsonl` if pictures failed. Until all
 * shards are there, they are kept in the folder `FILE.parts`; those that could be read are in the file even if others are missing.
 */
export function fileSink(path: string, { format }: { format: DatasetFormat }): TokenSink {
  return {
    path,
    format,
    work: placeInFolder(partsOf(path), "jsonl").work,
    async open(source, settings, info, access) {
      const { folder, parts, place, whole } = placesOfFile(path, format, source);
      await checkNoArchive(place);
      const lock = await lockIn(parts.work, path, access);
      return await openLocked(lock, parts.work, async () => {
        const hasParts = await isThere(parts.manifest);
        const store = await openStore(place, settings, info);
        const removeParts = async () => {
          await rm(parts.manifest, { force: true }); // first, so that what stays after a crash counts as none
          await rm(folder, { recursive: true });
        };
        if (!hasParts && await store.find(whole, { verify: false })) {
          const finish = async (unread: readonly UnreadShard[]) => {
            const manifest = await store.finish(unread);
            await removeParts();
            return manifest;
          };
          return { shards: [whole], store, finish, close: () => closing(lock, async () => {}) };
        }
        const partStore = await openStore(parts, settings, info);
        const check = isArrayFormat(format) ? shapeCheck(format) : () => {};
        let isRefused = false;
        const checked = (records: AsyncIterable<TokenRecord>) => checkedBy(check, records, () => isRefused = true);
        return {
          shards: source.shards,
          store: {
            ...partStore,
            write: (shard, records, failures) => partStore.write(shard, checked(records), failures),
          },
          async finish(unread) {
            const readable = source.shards.filter((shard) => !unread.some((other) => other.shard === shard));
            const found = await findAll(readable, partStore);
            const failures = found.flatMap(({ failures }) => failures).map(({ key, name, reason }) => ({
              key,
              name,
              reason,
            }));
            await store.write(whole, checked(recordsOf(readable, partStore)), failures);
            const manifest = await store.finish(unread);
            const isWhole = unread.length === 0 && !readable.some((shard, i) => isIncomplete(shard, found[i]));
            if (isWhole) await removeParts();
            return manifest;
          },
          close: () =>
            closing(lock, async () => {
              if (isRefused) await removeParts();
              else await partStore.discardIfEmpty();
              if (!await isThere(folder)) await store.discardIfEmpty();
            }),
        };
      });
    },
    async unfinished(source) {
      const { parts, place, whole } = placesOfFile(path, format, source);
      const isFinished = !await isThere(parts.manifest) && (await unfinishedShards(place, [whole])).length === 0;
      return isFinished ? [] : await unfinishedShards(parts, source.shards);
    },
  };
}

/** The folder of a file's parts. */
function partsOf(path: string): string {
  return `${path}.parts`;
}

/** Where a file's tokens are, as parts and as a whole. */
function placesOfFile(path: string, format: DatasetFormat, source: DatasetSource) {
  const folder = partsOf(path);
  const place: StorePlace = {
    name: path,
    format,
    pathOf: () => path,
    manifest: `${path}.manifest.json`,
    failures: `${path}.failures.jsonl`,
    work: join(folder, WORK, "whole"),
  };
  const whole = joinShards(basename(path, extname(path)), source.shards);
  return { folder, parts: placeInFolder(folder, "jsonl"), place, whole };
}

function placeInFolder(folder: string, format: DatasetFormat): StorePlace {
  return {
    name: folder,
    format,
    pathOf: ({ name }) => join(folder, `${name}.${format}`),
    manifest: join(folder, "manifest.json"),
    failures: join(folder, "failures.jsonl"),
    work: join(folder, WORK),
  };
}

/**
 * Checks that a folder holds no files that would be taken for shards, such as the archives that are to be read.
 *
 * @throws {RangeError} if it does
 */
async function checkOwn(folder: string, format: DatasetFormat): Promise<void> {
  const names: string[] = await readdir(folder).catch(() => []);
  const foreign = names.includes("manifest.json") ? undefined : names.find((name) => name.endsWith(`.${format}`));
  if (foreign === undefined) return;
  throw new RangeError(
    `Cannot write tokens to ${folder}: it holds ${foreign} and no manifest.json that says what it is. Choose another folder`,
  );
}

/**
 * Checks that a file to write is no archive of unknown origin, such as one that is to be read.
 *
 * @throws {RangeError} if it is
 */
async function checkNoArchive({ name, format, manifest }: StorePlace): Promise<void> {
  if (format !== "tar" && format !== "parquet" || !await isThere(name) || await isThere(manifest)) return;
  throw new RangeError(
    `Cannot write tokens to ${name}: it is there, and no ${
      basename(manifest)
    } that says what it is. Choose another name`,
  );
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}

/** Locks a place, and removes what a run left that was killed. */
async function lockIn(work: string, name: string, { shared }: SinkAccess): Promise<HeldLock | undefined> {
  await makeFolder(work, `Cannot write tokens to ${name}`);
  if (shared) return undefined;
  const lock = await takeLock(join(work, "lock"), `Cannot write tokens to ${name}`);
  for (const file of await readdir(work, { recursive: true })) {
    if (file.endsWith(".incomplete")) await rm(join(work, file), { force: true });
  }
  return lock;
}

/** Opens a sink that is locked. If that fails, the place is left as it was. */
async function openLocked<T>(lock: HeldLock | undefined, work: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (lock) await rm(join(work, "lock"), { force: true });
    for (const folder of [join(work, "whole"), work, dirname(work)]) await rmdir(folder).catch(() => {}); // unless it holds something
    lock?.release();
    throw error;
  }
}

/** Tidies up and releases a lock; without one, other processes may need what is there. */
async function closing(lock: HeldLock | undefined, tidy: () => Promise<void>): Promise<void> {
  if (!lock) return;
  try {
    await tidy();
  } finally {
    lock.release();
  }
}

/** All pictures as one shard. */
function joinShards(name: string, shards: readonly DatasetShard[]): DatasetShard {
  const hash = createHash("sha256");
  for (const { name, fingerprint } of shards) hash.update(JSON.stringify([name, fingerprint]));
  return {
    name,
    fingerprint: hash.digest("hex"),
    async *open(signal): AsyncGenerator<DatasetPicture> {
      for (const shard of shards) yield* shard.open(signal);
    },
  };
}

/** Refuses records that the whole file cannot hold, before all others are computed. */
async function* checkedBy(
  check: (record: TokenRecord) => void,
  records: AsyncIterable<TokenRecord>,
  refused: () => void,
): AsyncGenerator<TokenRecord> {
  for await (const record of records) {
    try {
      check(record);
    } catch (error) {
      refused();
      throw error;
    }
    yield record;
  }
}

/** What is recorded of shards that are finished. */
async function findAll(shards: readonly DatasetShard[], store: TokenStore): Promise<ShardRecord[]> {
  const records: ShardRecord[] = [];
  for (const shard of shards) {
    const found = await store.find(shard, { verify: false });
    if (!found) throw new TypeError(`Cannot merge ${shard.name}: it is not there any more. Run the same command again`);
    records.push(found);
  }
  return records;
}

/** The records of all shards. */
async function* recordsOf(shards: readonly DatasetShard[], store: TokenStore): AsyncGenerator<TokenRecord> {
  for (const shard of shards) yield* store.read(shard);
}
