/**
 * Checks a data set's tokens against its manifest.
 *
 * @module
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { checkOptions, type OptionNames } from "../../hub/mod.ts";
import { reasonOf, show } from "../../hub/show.ts";
import { openRecords } from "../formats/records.ts";
import type { RecordFailure } from "../formats/stored_records.ts";
import type { Manifest, ShardEntry } from "../output/manifest.ts";
import { hashOf } from "../output/publish.ts";
import { filesOf, type TokenFiles } from "./token_set.ts";

/** The result of {@linkcode verifyTokenSet}. */
export interface Verification {
  /** Number of files. */
  readonly files: number;
  /** Number of pictures in them, mirrored ones left out. */
  readonly pictures: number;
  /** Number of tokens in them. */
  readonly tokens: number;
  /** Number of codes that the indices were checked against; absent if it is not known. */
  readonly codes?: number;
  /** What is wrong. */
  readonly problems: readonly { readonly file: string; readonly problem: string }[];
}

/** Options of {@linkcode verifyTokenSet}. */
export interface VerifyOptions {
  /** Number of codes in the codebook; by default as the files say. */
  codes?: number;
  /** Rows and columns of each picture's tokens, for files that do not say it. */
  grid?: readonly [h: number, w: number];
  /** Aborts the call. */
  signal?: AbortSignal;
  /** Called with the number of files that are done, and their total. */
  onProgress?: (done: number, total: number) => void;
}

/** Most problems of a file that are listed. */
const MAX_PROBLEMS = 100;
const FAILURES = "failures.jsonl";

const OPTIONS: OptionNames<VerifyOptions> = { codes: true, grid: true, signal: true, onProgress: true };

/**
 * Reads all tokens of a data set, and checks that every index is in the codebook, if their number is known; with a manifest also
 * every size, hash and number, the codebook that files name, and that there are no other files.
 *
 * @param path a folder of shards, its `manifest.json`, or a file
 * @throws {TypeError} if there are no tokens, or for an unknown option
 */
export async function verifyTokenSet(
  path: string,
  options: VerifyOptions = {},
): Promise<Verification> {
  checkOptions("verify tokens", options, OPTIONS);
  const { grid, signal, onProgress } = options;
  const set = await filesOf(path);
  const { files, manifest } = set;
  const entries = new Map(manifest?.shards.map((entry) => [entry.name, entry]));
  const problems: Problem[] = [];
  const total = { pictures: 0, tokens: 0 };
  let codes = options.codes ?? manifest?.model.codes;
  for (const [i, file] of files.entries()) {
    signal?.throwIfAborted();
    const found = await verifyFile(file, { entry: entries.get(basename(file)), manifest, codes, grid });
    problems.push(...found.problems.map((problem) => ({ file, problem })));
    total.pictures += found.pictures;
    total.tokens += found.tokens;
    codes ??= found.codes;
    onProgress?.(i + 1, files.length);
  }
  problems.push(...await problemsBeside(set));
  return { files: files.length, ...total, ...(codes !== undefined && { codes }), problems };
}

/** Something that is wrong with a file. */
type Problem = Verification["problems"][number];

/** What is known of a file before it is read. */
interface Expected extends Pick<VerifyOptions, "codes" | "grid"> {
  readonly entry?: ShardEntry;
  readonly manifest?: Manifest;
}

async function verifyFile(path: string, { entry, manifest, codes: known, grid }: Expected) {
  const problems: string[] = [];
  let others = 0;
  const report = (problem: string) => problems.length < MAX_PROBLEMS ? problems.push(problem) : others++;
  const expect = (what: string, expected: unknown, found: unknown) => {
    if (expected !== found) report(`expected ${what} ${show(expected)}, found ${show(found)}`);
  };
  const found = { pictures: 0, tokens: 0 };
  let [mirrored, codes] = [0, known];
  try {
    if (entry) {
      expect("bytes", entry.bytes, (await stat(path)).size);
      expect("SHA-256", entry.sha256, await hashOf(path));
    }
    const onFailure = ({ key, reason }: RecordFailure) => report(`${key}: ${reason}`);
    const { records, info, close } = await openRecords(path, { grid, onFailure });
    codes ??= info.codes;
    try {
      if (manifest && info.codebook !== undefined) expect("codebook", manifest.model.codebook, info.codebook);
      for await (const { key, indices, shape, augment } of records) {
        if (augment) mirrored++;
        else found.pictures++;
        found.tokens += indices.length;
        if (entry?.shape) expect(`grid of ${key}`, `${entry.shape}`, `${shape}`);
        const wrong = indices.find((index) => index < 0 || index >= (codes ?? Infinity));
        if (wrong !== undefined) {
          const range = codes === undefined ? "from 0 on" : `from 0 to ${codes - 1}`;
          report(`expected indices of ${show(key)} ${range}, found ${wrong}`);
        }
      }
    } finally {
      await close();
    }
    const variants = manifest?.preprocessing.augment === undefined ? 1 : 2;
    if (mirrored === 0) found.pictures /= variants; // arrays do not store which ones are mirrored
    if (entry) {
      expect("pictures", entry.pictures, found.pictures);
      expect("tokens", entry.tokens, found.tokens);
    }
  } catch (error) {
    report(reasonOf(error));
  }
  if (others > 0) problems.push(`and ${others} more`);
  return { ...found, codes, problems };
}

/** What is wrong with the files beside the shards: others that look like shards, and the list of failures. */
async function problemsBeside({ files, manifest, folder }: TokenFiles): Promise<Problem[]> {
  if (!manifest || folder === undefined) return [];
  const listed = new Set(files.map((file) => basename(file)));
  const names = await readdir(folder);
  const foreign = names.filter((name) =>
    name.endsWith(`.${manifest.format}`) && name !== FAILURES && !listed.has(name)
  );
  const problems = foreign.sort().map((name) => ({ file: join(folder, name), problem: "it is not in the manifest" }));
  const file = join(folder, FAILURES);
  const text = names.includes(FAILURES) ? await readFile(file, "utf-8") : "";
  const found = text.split("\n").filter((line) => line !== "").length;
  const expected = manifest.shards.reduce((sum, { failures }) => sum + failures, manifest.unread?.length ?? 0);
  if (found !== expected) problems.push({ file, problem: `expected ${expected} failures, found ${found}` });
  return problems;
}
