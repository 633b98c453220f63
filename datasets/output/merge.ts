/**
 * Several files of tokens into one.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { INTEGER_TYPES, smallestUnsignedType } from "../../hub/mod.ts";
import { show, showText } from "../../hub/show.ts";
import { type DecodeRecordsOptions, encodeRecords, openRecords } from "../formats/records.ts";
import { numberKey } from "../formats/stored_records.ts";
import { uniqueTexts } from "../formats/unique_keys.ts";
import type { DatasetFormat, TokenRecord, TokenSetInfo } from "../types.ts";
import type { Manifest } from "./manifest.ts";
import { manifestsBeside } from "./manifests_beside.ts";
import { type FileDigest, publish } from "./publish.ts";

/** A file to merge. */
export type MergeSource = string | URL | Uint8Array | Blob;

/** Options of {@linkcode mergeRecords} and {@linkcode mergeTokens}. */
export interface MergeOptions extends Pick<DecodeRecordsOptions, "grid"> {
  /** Called for a record that is left out, since another one has its key and its tokens. */
  onDuplicate?: (key: string) => void;
  /** Called for a record that gets another key, since another one has its key and other tokens. */
  onRenamed?: (key: string, renamed: string) => void;
}

/**
 * Writes the tokens of several files to one, as a stream. The file is there when all of it is on the disk.
 *
 * @param files paths, in their order
 * @throws {TypeError} if a file cannot be read or written
 * @throws {RangeError} as {@linkcode mergeRecords} does
 */
export async function mergeTokens(
  files: readonly string[],
  output: string,
  { format, ...options }: MergeOptions & { format: DatasetFormat },
): Promise<FileDigest> {
  return await publish(output, mergeRecords(files, format, options), dirname(output));
}

/**
 * Merges files into one of the given format, as a stream. Each is opened twice: first to read what it, or the manifest beside
 * it, says about all its tokens. Numbers are stored in the largest of the files' types. Records of files without keys are
 * numbered consecutively. Of records with the same key and the same tokens, the first is kept; with other tokens, a later one
 * gets `-2`, `-3`, … behind its key.
 *
 * @throws {RangeError} if the files belong to different models; and as {@linkcode encodeRecords} does
 * @throws {TypeError} if there are no files; and as {@linkcode openRecords} does
 */
export async function* mergeRecords(
  files: readonly MergeSource[],
  format: DatasetFormat,
  { grid, onDuplicate, onRenamed }: MergeOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield* encodeRecords(all(), format, await sharedInfo(files, { grid }));

  async function* all(): AsyncGenerator<TokenRecord> {
    const unique = uniqueTexts();
    const known = new Set<string>();
    let number = 0;
    for (const file of files) {
      const { hasKeys, records, close } = await openRecords(file, { grid });
      try {
        for await (const record of records) {
          const key = hasKeys ? record.key : numberKey(number++);
          const hash = hashOf(key, record);
          if (known.has(hash)) {
            onDuplicate?.(key);
            continue;
          }
          known.add(hash);
          const own = unique(key);
          if (own !== key) onRenamed?.(key, own);
          yield { ...record, key: own };
        }
      } finally {
        await close();
      }
    }
  }
}

/** A hash of a key and a record's tokens, a byte a character. */
function hashOf(key: string, { indices, shape, augment }: TokenRecord): string {
  const bytes = new Uint8Array(indices.buffer, indices.byteOffset, indices.byteLength);
  return createHash("sha256").update(JSON.stringify([key, shape, augment])).update(bytes).digest("binary");
}

/** What is known of a file's model and of all its tokens. */
type FileInfo = Partial<TokenSetInfo> & { readonly configuration?: string };

/** What differs between models, and how it is called. */
const IDENTITY = { codebook: "codebook", codes: "number of codes", configuration: "configuration" } as const;

/** What files say about all their tokens, which must belong to one model. */
async function sharedInfo(
  files: readonly MergeSource[],
  options: Pick<DecodeRecordsOptions, "grid">,
): Promise<TokenSetInfo> {
  let shared: FileInfo | undefined;
  const recordedOf = manifestsBeside();
  for (const file of files) {
    const { info, close } = await openRecords(file, options);
    await close();
    const path = pathOf(file);
    const { model } = (path === undefined ? undefined : await recordedOf(path))?.manifest ?? {};
    const own = { ...modelInfo(model), ...info };
    if (shared) checkSameModel(shared, nameOf(files[0]), own, nameOf(file));
    shared = { ...own, ...shared, dtype: larger(shared?.dtype, own.dtype) };
  }
  if (!shared) throw new TypeError("Cannot merge tokens: expected at least one file, found none");
  const { dtype, model, codebook, codes } = shared;
  const smallest = codes === undefined ? undefined : smallestUnsignedType(codes);
  return { dtype: larger(dtype, smallest) ?? "int32", model, codebook, codes };
}

function checkSameModel(first: FileInfo, firstName: string, own: FileInfo, name: string): void {
  for (const [field, text] of Object.entries(IDENTITY) as [keyof typeof IDENTITY, string][]) {
    const [expected, found] = [first[field], own[field]];
    // A file of one of our formats says its codebook, but not all say the rest.
    if (expected === found || field !== "codebook" && (expected === undefined || found === undefined)) continue;
    const shown = [expected, found].map((value) => value === undefined ? "an unknown one" : show(value));
    throw new RangeError(
      `Cannot merge tokens of different models: the ${text} of ${firstName} is ${shown[0]}, that of ${name} is ${
        shown[1]
      }`,
    );
  }
}

/** What a manifest says of the model. */
function modelInfo(model: Manifest["model"] | undefined): FileInfo {
  if (!model) return {};
  const { name, codebook, codes, configuration } = model;
  return { model: name, codebook, codes, configuration };
}

function pathOf(file: MergeSource): string | undefined {
  if (typeof file !== "string" && !(file instanceof URL)) return undefined;
  return `${file}`.startsWith("file:") ? fileURLToPath(file) : `${file}`;
}

function nameOf(file: MergeSource): string {
  const { name } = file as { name?: unknown };
  if (typeof file === "string" || file instanceof URL) return showText(`${file}`);
  return typeof name === "string" ? showText(name) : "another file";
}

type DType = TokenSetInfo["dtype"] | undefined;

function larger(a: DType, b: DType): DType {
  if (!a || !b) return a ?? b;
  return INTEGER_TYPES[b].bytes > INTEGER_TYPES[a].bytes ? b : a;
}
