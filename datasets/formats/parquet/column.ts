/**
 * Reads columns of Parquet files, page by page.
 *
 * @module
 */

import type { ByteSource } from "../../../hub/mod.ts";
import { show } from "../../../hub/show.ts";
import { type Unpack, unpackerOf } from "./compression.ts";
import {
  type Cursor,
  decodeDeltaLengths,
  decodeDeltas,
  decodePlainBytes,
  decodePlainIntegers,
  decodeRuns,
  take,
  takeUint32,
} from "./encodings.ts";
import type { ColumnChunk, ParquetColumn } from "./footer.ts";
import { count, type Fail, readThrift, struct, type ThriftStruct } from "./thrift.ts";

/** Values of a column. */
export interface Page {
  /** For each value, missing ones included, how deep it is defined; absent if none can be missing. */
  readonly definitions?: Uint8Array;
  /** For each value, missing ones included, which list it continues, 0 if none; absent if there are no lists. */
  readonly repetitions?: Uint8Array;
  /** Number of values, missing ones included. */
  readonly count: number;
  /** The values that are there: integers, or bytes. */
  readonly values: Int32Array | readonly Uint8Array[];
}

const ENCODINGS = [
  ...["PLAIN", "GROUP_VAR_INT", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED"],
  ...["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "BYTE_STREAM_SPLIT"],
];
const DATA_PAGE = 0, DICTIONARY_PAGE = 2, DATA_PAGE_V2 = 3;
/** Limit of all unpacked pages of a column of a row group: 64 MiB, or this multiple of its size if that is more. */
const MAX_UNPACKED_BYTES = 2 ** 26;
const MAX_COMPRESSION_RATIO = 16;

/** Reads the pages of a column of a row group. Its bytes are read at once, and unpacked as pages are asked for. */
export async function* readPages(source: ByteSource, chunk: ColumnChunk, fail: Fail): AsyncGenerator<Page> {
  const failColumn: Fail = (problem) => fail(`column ${show(chunk.column.path)}: ${problem}`);
  const unpack = unpackerOf(chunk.codec, failColumn);
  const bytes = await source.read(chunk.start, chunk.size);
  let unpackedBytes = 0;
  let left = chunk.values;
  let dictionary: Page["values"] | undefined;
  for (let at = 0; left > 0;) {
    const { struct: header, end } = readThrift(bytes, at, failColumn);
    const [unpackedSize, packedSize] = [count(header, 2), count(header, 3)];
    const limit = Math.max(MAX_UNPACKED_BYTES, MAX_COMPRESSION_RATIO * chunk.size) - unpackedBytes;
    if (unpackedSize === undefined || packedSize === undefined || unpackedSize > limit) {
      throw failColumn(`expected a page of at most ${limit} bytes, found ${unpackedSize ?? "no size"}`);
    }
    unpackedBytes += unpackedSize;
    const body: Cursor = { bytes, at: end, fail: failColumn };
    const packed: PackedPage = { header, bytes: take(body, packedSize), size: unpackedSize, unpack, fail: failColumn };
    at = body.at;
    const type = header.get(1);
    if (type === DICTIONARY_PAGE) {
      dictionary = readDictionary(packed, chunk);
    } else if (type === DATA_PAGE || type === DATA_PAGE_V2) {
      const page = readDataPage(packed, chunk.column, { left, dictionary, isV2: type === DATA_PAGE_V2 });
      left -= page.count;
      yield page;
    }
  }
}

/** A page as it is stored. */
interface PackedPage {
  readonly header: ThriftStruct;
  readonly bytes: Uint8Array;
  /** Size of the unpacked page in bytes. */
  readonly size: number;
  readonly unpack: Unpack;
  readonly fail: Fail;
}

function readDictionary({ header, bytes, size, unpack, fail }: PackedPage, { column, values }: ColumnChunk) {
  const length = count(struct(header, 7), 1) ?? 0;
  if (length > values) throw fail(`expected a dictionary of at most ${values} values, found ${length}`);
  return decodeValues({ bytes: unpack(bytes, size), at: 0, fail }, { encoding: "PLAIN", length, column });
}

function readDataPage(
  page: PackedPage,
  column: ParquetColumn,
  { left, dictionary, isV2 }: { left: number; dictionary: Page["values"] | undefined; isV2: boolean },
): Page {
  const { header, fail } = page;
  const description = struct(header, isV2 ? 8 : 5);
  const length = count(description, 1);
  if (length === undefined || length > left) {
    throw fail(`expected a page of at most ${left} values, found ${length ?? "no number"}`);
  }
  const { repetitions, definitions, body } = isV2 ? splitV2(page, column, length) : splitV1(page, column, length);
  const present = definitions
    ? definitions.reduce((sum, level) => sum + Number(level === column.maxDefinition), 0)
    : length;
  const encoding = ENCODINGS[count(description, isV2 ? 4 : 2) ?? -1] ?? "unknown";
  const values = decodeValues(body, { encoding, length: present, column, dictionary });
  return { repetitions, definitions, count: length, values };
}

/** A page of the first version: everything is packed, and the levels are preceded by their length. */
function splitV1({ bytes, size, unpack, fail }: PackedPage, column: ParquetColumn, length: number) {
  const body: Cursor = { bytes: unpack(bytes, size), at: 0, fail };
  const levels = (max: number) =>
    max === 0 ? undefined : decodeLevels({ bytes: take(body, takeUint32(body)), at: 0, fail }, max, length);
  const repetitions = levels(column.maxRepetition);
  return { repetitions, definitions: levels(column.maxDefinition), body };
}

/** A page of the second version: the levels are before the packed values. */
function splitV2({ header, bytes, size, unpack, fail }: PackedPage, column: ParquetColumn, length: number) {
  const stored: Cursor = { bytes, at: 0, fail };
  const description = struct(header, 8);
  const [definitionBytes, repetitionBytes] = [count(description, 5) ?? 0, count(description, 6) ?? 0];
  const levels = (max: number, bytes: number) => {
    const cursor = { bytes: take(stored, bytes), at: 0, fail };
    return max === 0 ? undefined : decodeLevels(cursor, max, length);
  };
  const repetitions = levels(column.maxRepetition, repetitionBytes);
  const definitions = levels(column.maxDefinition, definitionBytes);
  const rest = take(stored, bytes.length - stored.at);
  const restSize = size - (bytes.length - rest.length);
  if (restSize < 0) throw fail(`expected a page of at least ${bytes.length - rest.length} bytes, found ${size}`);
  const isPacked = description?.get(7) !== false;
  const body: Cursor = { bytes: isPacked ? unpack(rest, restSize) : rest, at: 0, fail };
  return { repetitions, definitions, body };
}

function decodeLevels(cursor: Cursor, max: number, length: number): Uint8Array {
  const levels = decodeRuns(cursor, 32 - Math.clz32(max), new Uint8Array(length));
  const wrong = levels.find((level) => level > max);
  if (wrong !== undefined) throw cursor.fail(`expected levels up to ${max}, found ${wrong}`);
  return levels;
}

function decodeValues(
  cursor: Cursor,
  { encoding, length, column, dictionary }: {
    encoding: string;
    length: number;
    column: ParquetColumn;
    dictionary?: Page["values"];
  },
): Page["values"] {
  const { type } = column;
  const narrow = (value: bigint) => narrowTo32(value, cursor.fail);
  if (encoding === "RLE_DICTIONARY" || encoding === "PLAIN_DICTIONARY") {
    if (!dictionary) throw cursor.fail("expected a dictionary before the page that refers to it, found none");
    return lookUp(cursor, dictionary, length);
  }
  switch (`${type} ${encoding}`) {
    case "BYTE_ARRAY PLAIN":
      return decodePlainBytes(cursor, length);
    case "BYTE_ARRAY DELTA_LENGTH_BYTE_ARRAY":
      return decodeDeltaLengths(cursor, length);
    case "INT32 PLAIN":
      return decodePlainIntegers(cursor, length, { bytes: 4, narrow });
    case "INT64 PLAIN":
      return decodePlainIntegers(cursor, length, { bytes: 8, narrow });
    case "INT32 DELTA_BINARY_PACKED":
      return decodeDeltas(cursor, length, (value) => Number(BigInt.asIntN(32, value))); // wraps by definition
    case "INT64 DELTA_BINARY_PACKED":
      return decodeDeltas(cursor, length, narrow);
  }
  throw cursor.fail(`expected values in the encoding PLAIN, or in a dictionary, found ${type} in ${encoding}`);
}

function narrowTo32(value: bigint, fail: Fail): number {
  if (BigInt.asIntN(32, value) !== value) throw new RangeError(fail(`integer ${value} is beyond 32 bits`).message);
  return Number(value);
}

function lookUp(cursor: Cursor, dictionary: Page["values"], length: number): Page["values"] {
  if (length === 0) return dictionary.slice(0, 0);
  const indices = decodeRuns(cursor, take(cursor, 1)[0], new Int32Array(length));
  const wrong = indices.find((index) => index >>> 0 >= dictionary.length);
  if (wrong !== undefined) {
    throw cursor.fail(`expected an entry of ${dictionary.length} in the dictionary, found ${wrong}`);
  }
  return dictionary instanceof Int32Array
    ? indices.map((index) => dictionary[index])
    : Array.from(indices, (index) => dictionary[index]);
}
