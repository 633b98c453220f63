/**
 * Reads and writes files of tokens of many pictures, in all formats.
 *
 * @module
 */

import type { TokenFormat } from "../../mod.ts";
import { checkOptions, type OptionNames, WeightsError } from "../../hub/mod.ts";
import { reasonOf, show, showText } from "../../hub/show.ts";
import type { DatasetFormat, TokenRecord, TokenSetInfo } from "../types.ts";
import { openArrayRecords } from "./arrays_reader.ts";
import { encodeArrayRecords } from "./arrays_writer.ts";
import { encodeJsonlRecords, readJsonlRecords } from "./jsonl.ts";
import { splitName } from "./names.ts";
import { openParquetRecords } from "./parquet/records_reader.ts";
import { encodeParquetRecords } from "./parquet/records_writer.ts";
import { nameOf, openRecordFile, type RecordFile, type RecordSource } from "./record_source.ts";
import { isGrid } from "./record_fields.ts";
import {
  openStream,
  type RecordFailure,
  type RecordsContext,
  skipRecord,
  type StoredRecords,
} from "./stored_records.ts";
import { encodeTarRecords, readTarRecords } from "./tar_records.ts";

/** The formats that records are read from: those of data sets, and files of torch and JSON. */
export type RecordFormat = DatasetFormat | TokenFormat;

/** Options of {@linkcode decodeRecords} and {@linkcode openRecords}. */
export interface DecodeRecordsOptions {
  /** The format. Default: by the extension, else by the bytes. */
  format?: RecordFormat;
  /** Rows and columns of each picture's tokens, for files that do not say it: arrays `[n, h * w]`, or lists. */
  grid?: readonly [h: number, w: number];
  /** The name of the file in messages. Default: its path. */
  name?: string;
  /**
   * Called for a record of a `.tar`, `.parquet` or `.jsonl` that cannot be read, and is skipped. Without it, and if the rest of
   * the file cannot be read either, the error ends the reading.
   */
  onFailure?: (failure: RecordFailure) => void;
}

const DECODE_OPTIONS: OptionNames<DecodeRecordsOptions> = { format: true, grid: true, name: true, onFailure: true };

type Encode = (records: AsyncIterable<TokenRecord>, info: TokenSetInfo) => AsyncGenerator<Uint8Array<ArrayBuffer>>;

const ENCODERS: Readonly<Record<DatasetFormat, Encode>> = {
  tar: encodeTarRecords,
  parquet: encodeParquetRecords,
  jsonl: encodeJsonlRecords,
  npy: (records, info) => encodeArrayRecords(records, "npy", info),
  npz: (records, info) => encodeArrayRecords(records, "npz", info),
  safetensors: (records, info) => encodeArrayRecords(records, "safetensors", info),
};

/** Formats by extension. */
const EXTENSIONS: Readonly<Record<string, RecordFormat>> = {
  ...{ tar: "tar", tgz: "tar", parquet: "parquet", jsonl: "jsonl", ndjson: "jsonl" },
  ...{ npy: "npy", npz: "npz", safetensors: "safetensors", pt: "pt", pth: "pt", json: "json" },
};

const TAR_MAGIC_OFFSET = 257;

/**
 * Writes records as the bytes of one file. The same records give the same bytes. See {@linkcode encodeTarRecords},
 * {@linkcode encodeParquetRecords}, {@linkcode encodeJsonlRecords} and {@linkcode encodeArrayRecords}.
 *
 * @throws {TypeError} for an unknown format
 * @throws {RangeError} if the type of the numbers cannot hold an index, or an array format gets records of different shapes
 *
 * @example
 * ```ts
 * import { decodeRecords, encodeRecords } from "@codebook/vqmodel/datasets";
 * import { assertEquals } from "@std/assert";
 *
 * const record = { key: "leaves/0001", indices: Int32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] } as const;
 * const file = encodeRecords(ReadableStream.from([record]), "parquet", { dtype: "uint16" });
 *
 * for await (const { key, shape, indices } of decodeRecords(file)) {
 *   assertEquals([key, shape, indices], [record.key, [2, 3], record.indices]);
 * }
 * ```
 */
export async function* encodeRecords(
  records: AsyncIterable<TokenRecord>,
  format: DatasetFormat,
  info: TokenSetInfo,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (!Object.hasOwn(ENCODERS, format)) {
    throw new TypeError(
      `Cannot write tokens: expected format ${Object.keys(ENCODERS).join(", ")}, found ${show(format)}`,
    );
  }
  yield* ENCODERS[format](records, info);
}

/**
 * Opens a file of tokens, written by {@linkcode encodeRecords} or by Python: WebDataset's `.tar`, also gzipped, with `KEY.npy`,
 * `.npz`, `.safetensors`, `.pt` or `.json`; `.parquet` with a column of lists of integers; `.jsonl`; arrays of integers in
 * `.npy`, `.npz`, `.safetensors`, `.pt` and `.json`. Integers have 8 to 64 bits. Records are
 * read on demand, in bounded memory; only `.npz`, `.pt` and `.json` are read as a whole, and, from a stream, `.npy`,
 * `.safetensors` and `.parquet` too.
 *
 * @throws {TypeError} if the file is damaged or its format unknown, also while records are read; or for an unknown option
 * @throws {RangeError} if a number does not fit 32 bits, a grid is missing or does not fit, or something is too large
 */
export async function openRecords(source: RecordSource, options: DecodeRecordsOptions = {}): Promise<StoredRecords> {
  checkOptions("read tokens", options, DECODE_OPTIONS);
  const { format, grid, name = nameOf(source) ?? "the file", onFailure } = options;
  const task = `Cannot read tokens from ${showText(`${name}`)}`;
  if (grid !== undefined && !isGrid(grid)) {
    throw new RangeError(`${task}: grid must be [h, w], whole numbers ≥ 1, found ${show(grid)}`);
  }
  const formats = new Set(Object.values(EXTENSIONS));
  if (format !== undefined && !formats.has(format)) {
    throw new TypeError(`${task}: expected format ${[...formats].join(", ")}, found ${show(format)}`);
  }
  try {
    const file = await openRecordFile(source, name);
    try {
      const context = { name, task, grid, onFailure };
      const stored = await openFormat(file, format ?? formatOf(name, file.start), context);
      return { ...stored, records: checked(stored.records, context) };
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    throw explain(error, task);
  }
}

/**
 * Reads the records of a file; see {@linkcode openRecords}.
 *
 * @throws {TypeError} as `openRecords` does
 * @throws {RangeError} as `openRecords` does
 */
export async function* decodeRecords(
  source: RecordSource,
  options: DecodeRecordsOptions = {},
): AsyncGenerator<TokenRecord> {
  const { records, close } = await openRecords(source, options);
  try {
    yield* records;
  } finally {
    await close();
  }
}

async function openFormat(
  file: RecordFile,
  format: RecordFormat | undefined,
  context: RecordsContext,
): Promise<StoredRecords> {
  const { close } = file;
  switch (format) {
    case "tar":
      return { ...await openStream(readTarRecords(file.chunks(), context), context), close };
    case "jsonl":
      return { ...await openStream(readJsonlRecords(file.chunks(), context), context), close };
    case "parquet":
      return { ...await openParquetRecords(await file.source(), context), close };
    default:
      return { ...await openArrayRecords(await file.source(), format, context), close };
  }
}

/** The format of a file by its extension or its first bytes; `undefined` if it may be one of arrays. */
function formatOf(name: string, start: Uint8Array): RecordFormat | undefined {
  const { extension } = splitName(name.replaceAll("\\", "/").replace(/\.gz$/i, ""));
  if (Object.hasOwn(EXTENSIONS, extension)) return EXTENSIONS[extension];
  const text = String.fromCharCode(...start);
  if (text.startsWith("ustar", TAR_MAGIC_OFFSET) || text.startsWith("\x1f\x8b")) return "tar";
  if (text.startsWith("PAR1")) return "parquet";
  return /^\s*\{\s*"/.test(text) ? "jsonl" : undefined;
}

/** Checks that each key is there once. */
async function* checked(
  records: AsyncIterable<TokenRecord>,
  context: RecordsContext,
): AsyncGenerator<TokenRecord> {
  const { task } = context;
  const keys = new Set<string>();
  try {
    for await (const record of records) {
      const { key } = record;
      if (keys.has(key)) {
        skipRecord(context, key, new TypeError(`${task}: expected each key once, found ${show(key)} again`));
        continue;
      }
      keys.add(key);
      yield record;
    }
  } catch (error) {
    throw explain(error, task);
  }
}

/** Files that cannot be read are errors of the argument, not of a model's weights. */
function explain(error: unknown, task: string): unknown {
  return error instanceof WeightsError ? new TypeError(`${task}: ${reasonOf(error)}`, { cause: error }) : error;
}
