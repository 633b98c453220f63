/**
 * Checks a data set's tokens against its manifest.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { checkOptions, type OptionNames } from "../../hub/mod.ts";
import { reasonOf, show } from "../../hub/show.ts";
import { openRecords } from "../formats/records.ts";
import type { ShardEntry } from "../output/manifest.ts";
import { hashOf } from "../output/publish.ts";
import { filesOf } from "./token_set.ts";

/** The result of {@linkcode verifyTokenSet}. */
export interface Verification {
  /** Number of files. */
  readonly files: number;
  /** Number of pictures in them, mirrored ones left out. */
  readonly pictures: number;
  /** Number of tokens in them. */
  readonly tokens: number;
  /** What is wrong. */
  readonly problems: readonly { readonly file: string; readonly problem: string }[];
}

/** Options of {@linkcode verifyTokenSet}. */
export interface VerifyOptions {
  /** Number of codes in the codebook; by default as the files say. */
  codes?: number;
  /** Aborts the call. */
  signal?: AbortSignal;
  /** Called with the number of files that are done, and their total. */
  onProgress?: (done: number, total: number) => void;
}

const OPTIONS: OptionNames<VerifyOptions> = { codes: true, signal: true, onProgress: true };

/**
 * Reads all tokens of a data set, and checks that every index is in the codebook; with a manifest also every size, hash and
 * number.
 *
 * @param path a folder of shards, its `manifest.json`, or a file
 * @throws {TypeError} if there are no tokens, or for an unknown option
 */
export async function verifyTokenSet(
  path: string,
  options: VerifyOptions = {},
): Promise<Verification> {
  checkOptions("verify tokens", options, OPTIONS);
  const { files, manifest } = await filesOf(path);
  const codes = options.codes ?? manifest?.model.codes;
  const entries = new Map(manifest?.shards.map((entry) => [entry.name, entry]));
  const problems: { file: string; problem: string }[] = [];
  const total = { pictures: 0, tokens: 0 };
  for (const [i, file] of files.entries()) {
    options.signal?.throwIfAborted();
    const entry = manifest && entries.get(basename(file));
    const found = await verifyFile(file, entry, codes, manifest?.preprocessing.augment === undefined ? 1 : 2);
    problems.push(...found.problems.map((problem) => ({ file, problem })));
    total.pictures += found.pictures;
    total.tokens += found.tokens;
    options.onProgress?.(i + 1, files.length);
  }
  return { files: files.length, ...total, problems };
}

async function verifyFile(
  path: string,
  entry: ShardEntry | undefined,
  knownCodes: number | undefined,
  variants: number,
) {
  const problems: string[] = [];
  const expect = (what: string, expected: unknown, found: unknown) => {
    if (expected !== found) problems.push(`expected ${what} ${show(expected)}, found ${show(found)}`);
  };
  const found = { pictures: 0, tokens: 0 };
  let mirrored = 0;
  try {
    if (entry) {
      expect("bytes", entry.bytes, (await stat(path)).size);
      expect("SHA-256", entry.sha256, await hashOf(path));
    }
    const { records, info, close } = await openRecords(path);
    const codes = knownCodes ?? info.codes ?? Infinity;
    try {
      for await (const { key, indices, augment } of records) {
        if (augment) mirrored++;
        else found.pictures++;
        found.tokens += indices.length;
        const wrong = indices.find((index) => index < 0 || index >= codes);
        if (wrong !== undefined) {
          problems.push(`expected indices of ${show(key)} from 0 to ${codes - 1}, found ${wrong}`);
        }
      }
    } finally {
      await close();
    }
    if (mirrored === 0) found.pictures /= variants; // arrays do not store which ones are mirrored
    if (entry) {
      expect("pictures", entry.pictures, found.pictures);
      expect("tokens", entry.tokens, found.tokens);
    }
  } catch (error) {
    problems.push(reasonOf(error));
  }
  return { ...found, problems };
}
