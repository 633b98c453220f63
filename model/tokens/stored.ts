/**
 * What the formats of token files share.
 *
 * @module
 */

import type { ByteSource, IntegerDType } from "../../hub/mod.ts";
import { showText } from "../../hub/show.ts";
import { type Codebook, isHash } from "./codebook.ts";

/** The content of a token file, whose indices are read when they are needed. */
export interface StoredTokens {
  /** The shape of the stored array. */
  readonly shape: readonly number[];
  /** The type of its elements; absent in JSON. */
  readonly dtype?: IntegerDType;
  /** The codebook that the file names. */
  readonly codebook?: Codebook;
  /** What the file has as names of the pictures. Not checked. */
  readonly keys?: unknown;
  /** Reads the indices from `begin` up to `end`, row-major. */
  read(begin: number, end: number): Promise<Int32Array<ArrayBuffer>>;
}

/** A token file, and the beginning of messages about it. */
export interface TokenFile {
  readonly source: ByteSource;
  /** `Cannot read tokens from NAME`. */
  readonly task: string;
}

/** Indices that are in memory. */
export function storedInMemory(indices: Int32Array<ArrayBuffer>): StoredTokens["read"] {
  return (begin, end) => Promise.resolve(indices.slice(begin, end));
}

/** The codebook from a file's fields, unless their values show that they mean something else. */
export function codebookOf(hash: unknown, model: unknown): Codebook | undefined {
  return isHash(hash) ? { hash, ...(typeof model === "string" && { model }) } : undefined;
}

const TOKEN_NAMES = ["indices", "tokens", "arr_0"];
/** Names of entries that identify the codebook and the pictures. */
const OTHER_NAMES: readonly string[] = ["model", "codebook", "keys"];

/**
 * Chooses the array with the tokens: `indices`, `tokens` or `arr_0`, else the only one.
 *
 * @throws {TypeError} if there are none or several others
 */
export function chooseArray(names: readonly string[], task: string): string {
  const others = names.filter((name) => !OTHER_NAMES.includes(name));
  const chosen = TOKEN_NAMES.find((name) => names.includes(name)) ?? (others.length === 1 ? others[0] : undefined);
  if (chosen !== undefined) return chosen;
  const found = others.slice(0, 20).map((name) => showText(name, 100)).join(", ") || "none";
  throw new TypeError(`${task}: expected one array, or one called ${TOKEN_NAMES.join(" or ")}; found ${found}`);
}

/** Options for archives: uncompressed like those of numpy and torch, with a fixed time for reproducible bytes. */
export const STORED = { level: 0, mtime: new Date(1980, 0, 1) } as const;

/** Limit of an unpacked array: this many bytes, or this multiple of the archive's size if that is more. */
const MAX_ARRAY_BYTES = 2 ** 23;
const MAX_COMPRESSION_RATIO = 16;

/**
 * Checks the size of an array before it is unpacked.
 *
 * @throws {RangeError} if the array is far larger than its archive
 */
export function checkUnpacked(name: string, bytes: number, { archive, task }: { archive: number; task: string }): void {
  const limit = Math.max(MAX_ARRAY_BYTES, MAX_COMPRESSION_RATIO * archive);
  if (bytes > limit) {
    throw new RangeError(`${task}: ${showText(name)} unpacks to ${bytes} bytes, expected at most ${limit}`);
  }
}
