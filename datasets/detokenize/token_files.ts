/**
 * The tokens of one or many files.
 *
 * @module
 */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Codebook } from "../../mod.ts";
import { splitName } from "../formats/names.ts";
import { openRecords } from "../formats/records.ts";
import type { TokensToDecode } from "./dataset.ts";

/** Options of {@linkcode readTokenFiles}. */
export interface TokenFilesOptions {
  /** Rows and columns of each picture's tokens, for files that do not say it. */
  grid?: readonly [h: number, w: number];
  /** Called when a file was read to its end, with the number of files and how many of them were read. */
  onFile?: (done: number, total: number) => void;
}

/** A stream of bytes with a name for messages, such as standard input. */
export interface NamedStream {
  /** The name in messages, and in front of keys. */
  readonly name: string;
  /** The bytes. */
  readonly stream: AsyncIterable<Uint8Array>;
}

/** Extensions of files of tokens. */
const EXTENSION = /\.(tar|tar\.gz|tgz|parquet|jsonl|npy|npz|safetensors|pt|pth)$/i;

/**
 * Reads the tokens of files, of every format of `openRecords`; and of folders, as `tokenizeDataset` writes them. Tokens without
 * a key of their own get the name of their file; if it holds several, with their number behind it.
 *
 * @param inputs paths of files and folders, and streams
 * @throws {TypeError} if there is no such file, or it is damaged
 * @throws {RangeError} if a grid is missing
 */
export async function* readTokenFiles(
  inputs: readonly (string | NamedStream)[],
  { grid, onFile }: TokenFilesOptions = {},
): AsyncGenerator<TokensToDecode> {
  const files = (await Promise.all(inputs.map(expand))).flat();
  for (const [i, file] of files.entries()) {
    const { name, source } = typeof file === "string"
      ? { name: file, source: file }
      : { name: file.name, source: file.stream };
    const { records, info, hasKeys, count, close } = await openRecords(source, { name, grid });
    const codebook: Codebook | undefined = info.codebook === undefined
      ? undefined
      : { hash: info.codebook, model: info.model };
    const { key: stem } = splitName(name.split(/[\\/]/).at(-1)!);
    try {
      for await (const { key, indices, shape } of records) {
        yield { key: hasKeys ? key : count === 1 ? stem : `${stem}-${key}`, indices, shape, codebook };
      }
    } finally {
      await close();
    }
    onFile?.(i + 1, files.length);
  }
}

/** The files of a folder, in the order of their names; a file or stream as it is. */
async function expand(input: string | NamedStream): Promise<(string | NamedStream)[]> {
  if (typeof input !== "string") return [input];
  const found = await stat(input).catch((cause) => {
    throw new TypeError(`Cannot read tokens from ${input}: ${cause.message}`, { cause });
  });
  if (!found.isDirectory()) return [input];
  const names = (await readdir(input)).filter((name) => EXTENSION.test(name) && !/(^|\.)failures\.jsonl$/.test(name));
  if (names.length > 0) return names.sort().map((name) => join(input, name));
  throw new TypeError(`Cannot read tokens from ${input}: expected files of tokens in it, found none`);
}
