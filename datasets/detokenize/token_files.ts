/**
 * The tokens of one or many files.
 *
 * @module
 */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf, showMessage } from "../../hub/show.ts";
import type { Codebook } from "../../mod.ts";
import { isTokensName, splitName } from "../formats/names.ts";
import { openRecords } from "../formats/records.ts";
import type { RecordFailure } from "../formats/stored_records.ts";
import type { TokensToDecode } from "./dataset.ts";

/** A record of a file that cannot be read; or the file, or the rest of it, whose name is the key then. */
export interface TokenFileFailure extends RecordFailure {
  /** The name of the file. */
  readonly file: string;
}

/** Tokens of a picture, and the file that they are from. */
export interface TokensOfFile extends TokensToDecode {
  /** The name of the file. */
  readonly file: string;
}

/** Options of {@linkcode readTokenFiles}. */
export interface TokenFilesOptions {
  /** Rows and columns of each picture's tokens, for files that do not say it. */
  grid?: readonly [h: number, w: number];
  /** Called when a file was read to its end, with the number of files and how many of them were read. */
  onFile?: (done: number, total: number) => void;
  /** Called for records and files that cannot be read, and are skipped. Without it, the first error ends the reading. */
  onFailure?: (failure: TokenFileFailure) => void;
}

/** A stream of bytes with a name for messages, such as standard input. */
export interface NamedStream {
  /** The name in messages, and in front of keys. */
  readonly name: string;
  /** The bytes. */
  readonly stream: AsyncIterable<Uint8Array>;
}

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
  { grid, onFile, onFailure }: TokenFilesOptions = {},
): AsyncGenerator<TokensOfFile> {
  const files = await listTokenFiles(inputs);
  for (const [i, file] of files.entries()) {
    const name = typeof file === "string" ? file : file.name;
    try {
      yield* readTokenFile(file, name, { grid, onFailure });
    } catch (error) {
      if (!onFailure || (error as Error)?.name === "NotCapable") throw error;
      onFailure({ file: name, key: name, reason: showMessage(reasonOf(error)) });
    }
    onFile?.(i + 1, files.length);
  }
}

async function* readTokenFile(
  file: string | NamedStream,
  name: string,
  { grid, onFailure }: TokenFilesOptions,
): AsyncGenerator<TokensOfFile> {
  const { records, info, hasKeys, count, close } = await openRecords(typeof file === "string" ? file : file.stream, {
    name,
    grid,
    onFailure: onFailure && ((failure) => onFailure({ file: name, ...failure })),
  });
  const codebook: Codebook | undefined = info.codebook === undefined
    ? undefined
    : { hash: info.codebook, model: info.model };
  const { key: stem } = splitName(name.split(/[\\/]/).at(-1)!);
  try {
    for await (const { key, indices, shape } of records) {
      yield { key: hasKeys ? key : count === 1 ? stem : `${stem}-${key}`, indices, shape, codebook, file: name };
    }
  } finally {
    await close();
  }
}

/**
 * The files of folders, in the order of their names; files and streams as they are.
 *
 * @throws {TypeError} if there is no such file or folder, or a folder holds no tokens
 */
export async function listTokenFiles(inputs: readonly (string | NamedStream)[]): Promise<(string | NamedStream)[]> {
  return (await Promise.all(inputs.map(expand))).flat();
}

async function expand(input: string | NamedStream): Promise<(string | NamedStream)[]> {
  if (typeof input !== "string") return [input];
  const found = await stat(input).catch((cause) => {
    throw new TypeError(`Cannot read tokens from ${input}: ${cause.message}`, { cause });
  });
  if (!found.isDirectory()) return [input];
  const names = (await readdir(input)).filter(isTokensName);
  if (names.length > 0) return names.sort().map((name) => join(input, name));
  throw new TypeError(`Cannot read tokens from ${input}: expected files of tokens in it, found none`);
}
