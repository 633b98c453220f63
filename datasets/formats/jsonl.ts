/**
 * Tokens as lines of JSON.
 *
 * @module
 */

import { openTokens } from "../../mod.ts";
import { parseJson, sourceOfBytes } from "../../hub/mod.ts";
import type { TokenRecord, TokenSetInfo } from "../types.ts";
import { concatBytes, unpackGzip } from "./byte_stream.ts";
import { collect } from "./collect.ts";
import { checkFields, definedOf, fieldsOf } from "./record_fields.ts";
import { numberKey, type RecordsContext, skipRecord, type StoredRecord } from "./stored_records.ts";

/** Longest line in bytes: about four million indices. */
const MAX_LINE_BYTES = 2 ** 24;
const LINE_FEED = 0x0a, CARRIAGE_RETURN = 0x0d, SPACE = 0x20;

/**
 * Writes records as lines of JSON: `key`, `shape`, `width`, `height`, `sha256`, `augment`, `model`, `codebook` and `codes`, as
 * far as they are known, and `indices`, row by row.
 */
export async function* encodeJsonlRecords(
  records: AsyncIterable<TokenRecord>,
  info: TokenSetInfo,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const record of records) {
    const line = JSON.stringify({ ...fieldsOf(record, info), indices: Array.from(record.indices) });
    yield new TextEncoder().encode(`${line}\n`);
  }
}

/**
 * Reads records from lines of JSON, also gzipped: objects with `indices`, flat or nested, and the fields of
 * {@linkcode encodeJsonlRecords}. A line may also hold the tokens of several pictures, as `encodeTokens` writes them.
 */
export async function* readJsonlRecords(
  chunks: AsyncIterable<Uint8Array>,
  context: RecordsContext,
): AsyncGenerator<StoredRecord> {
  let number = 0;
  let records = 0;
  for await (const line of linesOf(unpackGzip(chunks, context.task), context.task)) {
    number++;
    if (line.every((byte) => byte === SPACE || byte === CARRIAGE_RETURN)) continue;
    const [name, task] = [context.name, context.task].map((text) => `${text}, line ${number}`);
    const read = collect(readLine(line, records, { ...context, name, task }));
    const found = await read.catch((error) => skipRecord(context, `line ${number}`, error)) ?? [];
    yield* found;
    records += found.length;
  }
}

/** The pictures of a line. Those without keys are numbered from `first` on. */
async function* readLine(
  line: Uint8Array,
  first: number,
  { name, task, grid }: RecordsContext,
): AsyncGenerator<StoredRecord> {
  const json = parseJson(line, task, TypeError);
  const { key, shape, model, codebook, codes, ...fields } = checkFields(json, task);
  const isOne = key !== undefined;
  const tokens = await openTokens(sourceOfBytes(line, name), { format: "json", grid: shape ?? grid, isOne, name });
  const [n, h, w] = tokens.shape;
  const hasKey = n === 1 && key !== undefined;
  for (let i = 0; i < n; i++) {
    const indices = await tokens.read(i, i + 1);
    const record = { ...fields, key: hasKey ? key : numberKey(first + i), indices, shape: [h, w] as const };
    yield { record, hasKey, info: definedOf({ model, codebook, codes }) };
  }
}

/** The lines of a stream, without their ends. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>, task: string): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (let chunk of chunks) {
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED)) {
      yield concatBytes([...parts, chunk.subarray(0, end)]);
      [parts, length, chunk] = [[], 0, chunk.subarray(end + 1)];
    }
    parts.push(chunk);
    length += chunk.length;
    if (length > MAX_LINE_BYTES) {
      throw new RangeError(`${task}: expected lines of at most ${MAX_LINE_BYTES} bytes, found a longer one`);
    }
  }
  if (length > 0) yield concatBytes(parts);
}
