/**
 * What the token file formats have in common.
 *
 * @module
 */

import { showText } from "../../hub/show.ts";
import { type Codebook, isHash } from "./codebook.ts";

/** Indices as a file holds them. */
export interface StoredTokens {
  /** Row-major. */
  readonly indices: Int32Array<ArrayBuffer>;
  /** The sides of the array that they are in. */
  readonly shape: readonly number[];
  /** What the file says of its codebook. */
  readonly codebook?: Codebook;
}

/** A token file's bytes, and how messages about it begin. */
export interface TokenFile {
  readonly bytes: Uint8Array;
  /** `Cannot read tokens from NAME`. */
  readonly task: string;
}

/** What a file says of its codebook, if anything: other programs may call other things so. */
export function codebookOf(hash: unknown, model: unknown): Codebook | undefined {
  return isHash(hash) ? { hash, ...(typeof model === "string" && { model }) } : undefined;
}

const TOKEN_NAMES = ["indices", "tokens", "arr_0"];
/** Beside the tokens, these say what they are of. */
const CODEBOOK_NAMES: readonly string[] = ["model", "codebook"];

/**
 * Which of a file's arrays the tokens are: the one called so, or the only one.
 *
 * @throws {TypeError} if there is no telling
 */
export function chooseArray(names: readonly string[], task: string): string {
  const others = names.filter((name) => !CODEBOOK_NAMES.includes(name));
  const chosen = TOKEN_NAMES.find((name) => names.includes(name)) ?? (others.length === 1 ? others[0] : undefined);
  if (chosen !== undefined) return chosen;
  const found = others.slice(0, 20).map((name) => showText(name, 100)).join(", ") || "none";
  throw new TypeError(`${task}: expected one array, or one called ${TOKEN_NAMES.join(" or ")}; found ${found}`);
}

/** How archives are written: nothing is packed, as numpy and torch do, and the same tokens make the same bytes. */
export const STORED = { level: 0, mtime: new Date(1980, 0, 1) } as const;

/** What any archive may unpack to; more than that only by less than the factor, which tokens do not reach. */
const LARGEST_ARRAY = 2 ** 23;
const LARGEST_FACTOR = 16;

/**
 * Checks that an array in an archive may be unpacked.
 *
 * @throws {RangeError} if that would take far more memory than the archive has bytes
 */
export function checkUnpacked(name: string, bytes: number, { archive, task }: { archive: number; task: string }): void {
  const most = Math.max(LARGEST_ARRAY, LARGEST_FACTOR * archive);
  if (bytes > most) {
    throw new RangeError(`${task}: ${showText(name)} unpacks to ${bytes} bytes, expected at most ${most}`);
  }
}
