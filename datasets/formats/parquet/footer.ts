/**
 * Reads the footer of Parquet files: their columns, and where those of each row group are.
 *
 * @module
 */

import type { ByteSource } from "../../../hub/mod.ts";
import { show } from "../../../hub/show.ts";
import { count, type Fail, readThrift, struct, structs, text, texts, type ThriftStruct } from "./thrift.ts";

/** A column of values: a leaf of the schema. */
export interface ParquetColumn {
  /** The names on the way to it, such as `image.bytes`. */
  readonly path: string;
  /** How its values are stored; `undefined` for types that no picture or token has. */
  readonly type: "INT32" | "INT64" | "BYTE_ARRAY" | undefined;
  /** Whether its bytes are text. */
  readonly isText: boolean;
  /** Whether its integers have no sign. */
  readonly isUnsigned: boolean;
  /** Number of optional or repeated names on the way to it: the definition level of a value that is there. */
  readonly maxDefinition: number;
  /** Number of repeated names on the way to it: 0 if each row has one value, 1 for lists. */
  readonly maxRepetition: number;
}

/** A column of one row group. */
export interface ColumnChunk {
  /** The column. */
  readonly column: ParquetColumn;
  /** The number of its compression codec. */
  readonly codec: number;
  /** Number of values, those that are missing included. */
  readonly values: number;
  /** Offset of its bytes in the file. */
  readonly start: number;
  /** Their number. */
  readonly size: number;
}

/** Some rows of a file. */
export interface RowGroup {
  /** Number of rows. */
  readonly rows: number;
  /** Its columns by path. */
  readonly chunks: ReadonlyMap<string, ColumnChunk>;
}

/** What the footer of a file says. */
export interface ParquetFooter {
  /** The columns by path. */
  readonly columns: ReadonlyMap<string, ParquetColumn>;
  /** The rows in their order. */
  readonly groups: readonly RowGroup[];
  /** Number of all rows. */
  readonly rows: number;
  /** Texts that the writer added. */
  readonly metadata: ReadonlyMap<string, string>;
}

const MAGIC = "PAR1";
/** Length and magic at the end of a file. */
const TAIL = 8;
const MAX_FOOTER_BYTES = 64 * 2 ** 20;
/** Most names on the way to a column, and most columns with the groups they are in. */
const MAX_DEPTH = 16;
const MAX_SCHEMA = 10_000;
/** Largest column of a row group, in bytes. It is read as a whole. */
const MAX_CHUNK_BYTES = 2 ** 31 - 1;
/** Most values of a column of a row group: 32 million, but no more than 16 a byte where that is over four million. */
const MAX_VALUES = 2 ** 25;
const MANY_VALUES = 2 ** 22;
const MAX_VALUES_PER_BYTE = 16;

const TYPES = [undefined, "INT32", "INT64", undefined, undefined, undefined, "BYTE_ARRAY"] as const;
const REPEATED = 2;
const OPTIONAL = 1;
/** Converted types of texts and of unsigned integers. */
const TEXT_TYPES: readonly unknown[] = [0, 4, 19]; // UTF8, ENUM, JSON
const UNSIGNED_TYPES: readonly unknown[] = [11, 12, 13, 14];

/** Reads and checks the footer. */
export async function readFooter(source: ByteSource, fail: Fail): Promise<ParquetFooter> {
  const tail = await source.read(Math.max(0, source.size - TAIL), Math.min(TAIL, source.size));
  const magic = String.fromCharCode(...tail.subarray(4));
  if (magic !== MAGIC) throw fail(`expected a Parquet file, which ends with ${MAGIC}, found ${show(magic)}`);
  const size = new DataView(tail.buffer).getUint32(0, true);
  const limit = Math.min(MAX_FOOTER_BYTES, source.size - TAIL);
  if (size > limit) throw fail(`expected a footer of at most ${limit} bytes, found one of ${size}`);
  const bytes = await source.read(source.size - TAIL - size, size);

  const footer = readThrift(bytes, 0, fail).struct;
  const columns = readSchema(structs(footer, 2), fail);
  const groups = structs(footer, 4).map((group) => readRowGroup(group, columns, { size: source.size, fail }));
  const metadata = structs(footer, 5).map((entry) => [text(entry, 1) ?? "", text(entry, 2) ?? ""] as const);
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  return { columns, groups, rows, metadata: new Map(metadata) };
}

/** Reads the schema, a tree in preorder, into its leaves. */
function readSchema(elements: readonly ThriftStruct[], fail: Fail): Map<string, ParquetColumn> {
  if (elements.length > MAX_SCHEMA) throw fail(`expected at most ${MAX_SCHEMA} columns, found ${elements.length}`);
  const columns = new Map<string, ParquetColumn>();
  let next = 1;
  readChildren(count(elements[0], 5) ?? 0, [], { definition: 0, repetition: 0 });
  return columns;

  function readChildren(
    children: number,
    names: readonly string[],
    levels: { readonly definition: number; readonly repetition: number },
  ): void {
    for (let i = 0; i < children; i++) {
      const element = elements[next++];
      const name = text(element, 4);
      if (name === undefined || names.length === MAX_DEPTH) {
        throw fail(`expected a schema of named columns, at most ${MAX_DEPTH} deep, found another`);
      }
      const path = [...names, name];
      const repetition = levels.repetition + Number(element.get(3) === REPEATED);
      const definition = levels.definition + Number(element.get(3) === REPEATED || element.get(3) === OPTIONAL);
      const inner = count(element, 5) ?? 0;
      if (inner > 0) readChildren(inner, path, { definition, repetition });
      else columns.set(path.join("."), columnOf(element, path.join("."), definition, repetition));
    }
  }
}

function columnOf(element: ThriftStruct, path: string, maxDefinition: number, maxRepetition: number): ParquetColumn {
  const [converted, logical] = [element.get(6), struct(element, 10)];
  return {
    path,
    type: TYPES[count(element, 1) ?? 0],
    isText: TEXT_TYPES.includes(converted) || logical?.has(1) || logical?.has(4) || logical?.has(12) || false,
    isUnsigned: UNSIGNED_TYPES.includes(converted),
    maxDefinition,
    maxRepetition,
  };
}

function readRowGroup(
  group: ThriftStruct,
  columns: ReadonlyMap<string, ParquetColumn>,
  { size, fail }: { size: number; fail: Fail },
): RowGroup {
  const chunks = new Map<string, ColumnChunk>();
  for (const entry of structs(group, 1)) {
    const path = texts(struct(entry, 3), 3).join(".");
    const column = columns.get(path);
    if (column) chunks.set(path, chunkOf(struct(entry, 3)!, column, { size, fail }));
  }
  const rows = count(group, 3);
  if (rows === undefined || rows > MAX_VALUES) {
    throw fail(`expected a row group of at most ${MAX_VALUES} rows, found ${show(group.get(3))}`);
  }
  return { rows, chunks };
}

function chunkOf(
  metadata: ThriftStruct,
  column: ParquetColumn,
  { size: fileSize, fail }: { size: number; fail: Fail },
): ColumnChunk {
  const [codec, values, size, dataStart] = [4, 5, 7, 9].map((field) => count(metadata, field));
  const start = Math.min(count(metadata, 11) || Infinity, dataStart ?? Infinity); // the dictionary comes first
  if (codec === undefined || values === undefined || size === undefined || start + size > fileSize) {
    throw fail(
      `expected column ${show(column.path)} within ${fileSize} bytes, found ${show(size)} bytes at ${show(start)}`,
    );
  }
  const limit = Math.min(MAX_VALUES, Math.max(MANY_VALUES, MAX_VALUES_PER_BYTE * size));
  if (size > MAX_CHUNK_BYTES || values > limit) {
    throw fail(
      `column ${
        show(column.path)
      } of a row group has ${values} values in ${size} bytes, expected at most ${limit} in ` +
        `${MAX_CHUNK_BYTES}; write it with smaller row groups`,
    );
  }
  return { column, codec, values, start, size };
}
