/**
 * The files of a data set's tokens.
 *
 * @module
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { showText } from "../../hub/show.ts";
import { type DecodeRecordsOptions, openRecords } from "../formats/records.ts";
import { isTokensName } from "../formats/names.ts";
import { type Manifest, parseManifest } from "../output/manifest.ts";
import type { TokenRecord, TokenSetInfo } from "../types.ts";

/** The tokens of a data set. */
export interface TokenSet {
  /** Its files, in order. */
  readonly files: readonly string[];
  /** Its manifest, if it has one. */
  readonly manifest?: Manifest;
  /** What its first file says of all. */
  readonly info: Partial<TokenSetInfo>;
  /** Its records, file after file. */
  records(): AsyncGenerator<TokenRecord>;
}

const MANIFEST = /(^|\.)manifest\.json$/;

/**
 * Opens what {@linkcode tokenizeDataset} wrote, or other files of tokens.
 *
 * @param path a folder of shards, its `manifest.json`, or a file
 * @throws {TypeError} if there are no tokens; and as {@linkcode openRecords} does
 */
export async function openTokenSet(path: string, options: DecodeRecordsOptions = {}): Promise<TokenSet> {
  const { files, manifest } = await filesOf(path);
  const { info, close } = await openRecords(files[0], options);
  await close();
  return {
    ...{ files, manifest, info: { codes: manifest?.model.codes, ...info } },
    async *records() {
      for (const file of files) {
        const { records, close } = await openRecords(file, options);
        try {
          yield* records;
        } finally {
          await close();
        }
      }
    },
  };
}

/** The files of a data set's tokens. */
export interface TokenFiles {
  readonly files: readonly string[];
  readonly manifest?: Manifest;
  /** The folder of the shards, if they are in one with a manifest. */
  readonly folder?: string;
}

/**
 * The files of a data set's tokens, which are not opened.
 *
 * @throws {TypeError} if there are none, or their manifest is damaged
 */
export async function filesOf(path: string): Promise<TokenFiles> {
  const found = await listFiles(path);
  if (found.files.length > 0) return found;
  const { folder } = found;
  const isUnfinished = folder !== undefined && await isThere(join(folder, ".unfinished"));
  throw new TypeError(
    `Cannot find tokens in ${showText(path)}: ` +
      (isUnfinished ? "they are not finished. Run the command that makes them again" : "expected shards, found none"),
  );
}

async function listFiles(path: string): Promise<TokenFiles> {
  const there = await stat(path).catch(() => undefined);
  if (!there) {
    const isUnfinished = await isThere(`${path}.parts`);
    const problem = isUnfinished
      ? "it is not finished. Run the command that makes it again"
      : "there is no such file or folder";
    throw new TypeError(`Cannot find tokens in ${showText(path)}: ${problem}`);
  }
  if (there.isDirectory()) {
    const names = (await readdir(path)).sort();
    if (names.includes("manifest.json")) return await listFiles(join(path, "manifest.json"));
    return { files: names.filter(isTokensName).map((name) => join(path, name)) };
  }
  const beside = MANIFEST.test(basename(path)) ? path : `${path}.manifest.json`;
  const bytes = await readFile(beside).catch(() => undefined);
  if (!bytes) return { files: [path] };
  const manifest = parseManifest(bytes, beside);
  const files = manifest.shards.map(({ name }) => join(dirname(beside), name));
  return { files, manifest, folder: basename(beside) === "manifest.json" ? dirname(beside) : undefined };
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}
