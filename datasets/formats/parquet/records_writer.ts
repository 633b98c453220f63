/**
 * Writes tokens as Parquet files, with npm:hyparquet-writer.
 *
 * @module
 */

import type { ByteWriter, SchemaElement } from "hyparquet-writer";
import { INTEGER_TYPES, integersToBytes } from "../../../hub/mod.ts";
import type { TokenRecord, TokenSetInfo } from "../../types.ts";
import { infoFields } from "../record_fields.ts";

/** Most records, and about as many tokens, that are kept in memory until their row group is written. */
const MAX_GROUP_ROWS = 1000;
const MAX_GROUP_TOKENS = 2 ** 20;

/**
 * Writes records as a Parquet file with the columns `key`, `shape`, `indices`, `width`, `height`, `sha256` and `augment`, which
 * `datasets.load_dataset("parquet", …)` reads. Model, codebook, number of codes and type of the numbers are in the file's
 * metadata. Row groups are small, so that memory is bounded.
 *
 * @throws {RangeError} if the type of the numbers cannot hold an index
 */
export async function* encodeParquetRecords(
  records: AsyncIterable<TokenRecord>,
  info: TokenSetInfo,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
  const writer = new ByteWriter();
  const kvMetadata = Object.entries(infoFields(info)).map(([key, value]) => ({ key, value }));
  // Not compressed: packed indices and hashes hardly become smaller, and it would take three times as long.
  const file = new ParquetWriter({ writer, schema: schemaOf(info), kvMetadata, codec: "UNCOMPRESSED" });
  for await (const group of groupsOf(records)) {
    file.write({ columnData: columnsOf(group, info), rowGroupSize: group.length });
    yield takeBytes(writer);
  }
  file.finish();
  yield takeBytes(writer);
}

function schemaOf({ dtype }: TokenSetInfo): SchemaElement[] {
  const text = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const;
  const listOf = (name: string, element: Partial<SchemaElement>): SchemaElement[] => [
    { name, repetition_type: "REQUIRED", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { ...element, name: "element", repetition_type: "REQUIRED" },
  ];
  return [
    { name: "schema", num_children: 7 },
    { name: "key", ...text, repetition_type: "REQUIRED" },
    ...listOf("shape", { type: "INT32" }),
    ...listOf("indices", elementOf(dtype)),
    { name: "width", type: "INT32", repetition_type: "OPTIONAL" },
    { name: "height", type: "INT32", repetition_type: "OPTIONAL" },
    { name: "sha256", ...text, repetition_type: "OPTIONAL" },
    { name: "augment", ...text, repetition_type: "OPTIONAL" },
  ];
}

/** Parquet's type for integers: stored in 32 or 64 bits, with a note of the smaller type. */
function elementOf(dtype: TokenSetInfo["dtype"]): Partial<SchemaElement> {
  const { bytes } = INTEGER_TYPES[dtype];
  const converted = `${dtype.startsWith("u") ? "UINT" : "INT"}_${8 * bytes}` as SchemaElement["converted_type"];
  return { type: bytes === 8 ? "INT64" : "INT32", converted_type: converted };
}

async function* groupsOf(records: AsyncIterable<TokenRecord>): AsyncGenerator<TokenRecord[]> {
  let group: TokenRecord[] = [];
  let tokens = 0;
  for await (const record of records) {
    group.push(record);
    tokens += record.indices.length;
    if (group.length < MAX_GROUP_ROWS && tokens < MAX_GROUP_TOKENS) continue;
    yield group;
    [group, tokens] = [[], 0];
  }
  if (group.length > 0) yield group;
}

function columnsOf(group: readonly TokenRecord[], { dtype }: TokenSetInfo) {
  const indicesOf = ({ indices }: TokenRecord) => {
    integersToBytes(indices, dtype); // only to check that the type holds them
    return dtype.endsWith("64") ? Array.from(indices, BigInt) : Array.from(indices);
  };
  const names = ["key", "shape", "indices", "width", "height", "sha256", "augment"] as const;
  return names.map((name) => ({
    name,
    data: group.map((record) => name === "indices" ? indicesOf(record) : record[name]),
  }));
}

/** Takes what was written so far out of the writer. */
function takeBytes(writer: ByteWriter): Uint8Array<ArrayBuffer> {
  const bytes = writer.getBytes().slice();
  writer.index = 0;
  return bytes as Uint8Array<ArrayBuffer>;
}
