/**
 * Tokens in WebDataset's tar archives: `KEY.npy` and `KEY.json` for each picture.
 *
 * @module
 */

import { openTokens, type TokenFormat } from "../../mod.ts";
import { encodeNpyHeader, integersToBytes, numpyType, parseJson, sourceOfBytes } from "../../hub/mod.ts";
import { show, showText } from "../../hub/show.ts";
import type { TokenRecord, TokenSetInfo } from "../types.ts";
import { concatBytes } from "./byte_stream.ts";
import { splitName } from "./names.ts";
import { checkFields, definedOf, fieldsOf } from "./record_fields.ts";
import { type RecordsContext, skipRecord, type StoredRecord } from "./stored_records.ts";
import { encodeTar, readTar, type TarFile } from "./tar.ts";
import { uniqueTexts } from "./unique_keys.ts";

/** Formats of tokens by extension, except JSON, which may be only about tokens. */
const TOKEN_FORMATS: ReadonlyMap<string, TokenFormat> = new Map([
  ["npy", "npy"],
  ["npz", "npz"],
  ["safetensors", "safetensors"],
  ["pt", "pt"],
  ["pth", "pt"],
]);

/**
 * Writes records as WebDataset's tar archive: `KEY.npy` with an array `[h, w]`, and `KEY.json` with `key`, `shape`, `width`,
 * `height`, `sha256`, `augment`, `model`, `codebook` and `codes`, as far as they are known. WebDataset's keys have no dots in
 * their last part, so `_` stands there for `.`, and for what would lead out of a folder, such as `..`. Of names that are then
 * the same, the later ones end in `-2`, `-3`, ….
 */
export function encodeTarRecords(
  records: AsyncIterable<TokenRecord>,
  info: TokenSetInfo,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  return encodeTar(filesOf(records, info));
}

async function* filesOf(records: AsyncIterable<TokenRecord>, info: TokenSetInfo): AsyncGenerator<TarFile> {
  const unique = uniqueTexts();
  for await (const record of records) {
    const { indices, shape } = record;
    const key = unique(sampleKey(record.key));
    const header = encodeNpyHeader({ descr: numpyType(info.dtype), shape });
    yield { name: `${key}.npy`, bytes: concatBytes([header, integersToBytes(indices, info.dtype)]) };
    yield { name: `${key}.json`, bytes: new TextEncoder().encode(JSON.stringify(fieldsOf(record, info))) };
  }
}

/** A key that WebDataset reads as it is, and that leads out of no folder where the archive is unpacked. */
function sampleKey(key: string): string {
  const folders = key.replaceAll("\\", "_").split("/");
  const name = folders.pop()!.replaceAll(".", "_") || "_";
  return [...folders.map((part) => /^\.{0,2}$/.test(part) ? "_".repeat(part.length || 1) : part), name].join("/");
}

/** The files of one sample that are read: its tokens, and what is known of its picture. */
interface Sample {
  readonly key: string;
  tokens?: { readonly bytes: Uint8Array; readonly format: TokenFormat };
  fields?: Uint8Array;
}

/**
 * Reads records from a tar archive, also a gzipped one: files that follow each other and differ in their extension
 * are one sample. Its tokens are in `.npy`, `.npz`, `.safetensors` or `.pt`, or in `.json` with `indices`; other files are
 * skipped.
 */
export async function* readTarRecords(
  chunks: AsyncIterable<Uint8Array>,
  context: RecordsContext,
): AsyncGenerator<StoredRecord> {
  let [samples, records] = [0, 0];
  for await (const sample of samplesOf(chunks, context)) {
    let isRecord = true;
    try {
      const record = await readSample(sample, context);
      if (record) yield record;
      else isRecord = false;
    } catch (error) {
      skipRecord(context, sample.key, error);
    }
    samples++;
    records += Number(isRecord);
  }
  if (records === 0 && samples > 0) {
    throw new TypeError(
      `${context.task}: expected files KEY.npy, .npz, .safetensors, .pt or .json with tokens, found none`,
    );
  }
}

async function* samplesOf(
  chunks: AsyncIterable<Uint8Array>,
  { name, task }: RecordsContext,
): AsyncGenerator<Sample> {
  let sample: Sample | undefined;
  for await (const entry of readTar(chunks, name)) {
    const { key, extension } = splitName(entry.name);
    if (sample?.key !== key) {
      if (sample) yield sample;
      sample = { key };
    }
    const format = TOKEN_FORMATS.get(extension);
    if (!format && extension !== "json") continue;
    if (format ? sample.tokens : sample.fields) {
      throw new TypeError(`${task}: expected the tokens of ${show(key)} once, found them again in ${show(entry.name)}`);
    }
    if (format) sample.tokens = { bytes: await entry.bytes(), format };
    else sample.fields = await entry.bytes();
  }
  if (sample) yield sample;
}

async function readSample(sample: Sample, { name, task, grid }: RecordsContext): Promise<StoredRecord | undefined> {
  const place = `${name}/${sample.key}`;
  const jsonTask = `${task}/${showText(sample.key)}.json`;
  const json = sample.fields && parseJson(sample.fields, jsonTask, TypeError);
  const { bytes, format } = sample.tokens ??
    (isTokens(json) ? { bytes: sample.fields!, format: "json" as const } : { bytes: undefined, format: undefined });
  if (!bytes) return undefined;
  const { key = sample.key, shape, model, codebook, codes, ...fields } = checkFields(json, jsonTask);
  const stored = await openTokens(sourceOfBytes(bytes, place), {
    format,
    grid: shape ?? grid,
    isOne: true,
    name: place,
  });
  const [n, h, w] = stored.shape;
  if (n !== 1) {
    throw new RangeError(`${task}: expected the tokens of one picture in ${show(sample.key)}, found those of ${n}`);
  }
  const record = { ...fields, key, indices: await stored.read(0, 1), shape: [h, w] as const };
  const own = stored.codebook;
  const info = { dtype: stored.dtype, model: model ?? own?.model, codebook: codebook ?? own?.hash, codes };
  return { record, hasKey: true, info: definedOf(info) };
}

/** Whether JSON holds tokens, not only what is known of them. */
function isTokens(json: unknown): boolean {
  return Array.isArray(json) || typeof json === "object" && json !== null && "indices" in json;
}
