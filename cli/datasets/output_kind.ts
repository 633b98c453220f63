/**
 * What `tokenize` writes: a folder of shards, one file of many pictures, or one file of a few.
 *
 * @module
 */

import { stat } from "node:fs/promises";
import type { DatasetFormat } from "../../datasets/mod.ts";
import type { TokenFormat } from "../../mod.ts";
import { UsageError } from "../arguments.ts";
import type { Options } from "../options.ts";

/** What to write. */
export type OutputKind =
  | { readonly kind: "tokens"; readonly format: TokenFormat }
  | { readonly kind: "file" | "folder"; readonly format: DatasetFormat };

/** Formats of whole data sets, by extension. */
export const DATASET_FORMATS: readonly string[] = ["tar", "parquet", "jsonl", "npy", "npz", "safetensors"];

/** Formats that hold a few pictures of one size. */
const TOKEN_FORMATS: readonly string[] = ["json", "npy", "npz", "safetensors", "pt"];

/**
 * Decides what to write, by the extension of `-o` and `--format`.
 *
 * @param isOne whether there is one picture
 * @throws {UsageError} if the extension is that of another format
 * @throws {TypeError} if there is neither a known extension nor `--format`
 */
export async function outputKindOf(output: string, { format }: Options, isOne: boolean): Promise<OutputKind> {
  if (output === "-") {
    if (format !== undefined && format !== "json") {
      throw new UsageError(`-o - writes JSON: leave out --format ${format}`);
    }
    return { kind: "tokens", format: "json" };
  }
  const extension = /[^/\\]\.([^./\\]+)$/.exec(output)?.[1].toLowerCase();
  const isFolder = extension === undefined || /[/\\]$/.test(output) ||
    await stat(output).then((found) => found.isDirectory(), () => false);
  if (isFolder) {
    if (format === "json" || format === "pt") {
      throw new UsageError(`--format ${format} is for one file: name one with -o`);
    }
    return { kind: "folder", format: (format ?? "tar") as DatasetFormat };
  }
  const meant = extension === "pth" ? "pt" : extension;
  const isKnown = DATASET_FORMATS.includes(meant) || TOKEN_FORMATS.includes(meant);
  if (format !== undefined && isKnown && meant !== format) {
    throw new UsageError(
      `-o ${output} means the format ${meant}: leave out --format ${format}, or change the extension`,
    );
  }
  const chosen = format ?? (isKnown ? meant : undefined);
  if (chosen === undefined) {
    const known = [...new Set([...DATASET_FORMATS, ...TOKEN_FORMATS])].map((name) => `.${name}`).join(", ");
    throw new UsageError(`-o takes a folder, or a file ending in ${known}, found "${output}"; or pass --format`);
  }
  const isTokens = TOKEN_FORMATS.includes(chosen) && (isOne && isKnown || !DATASET_FORMATS.includes(chosen));
  return isTokens
    ? { kind: "tokens", format: chosen as TokenFormat }
    : { kind: "file", format: chosen as DatasetFormat };
}
