/** Makes Parquet files byte by byte, valid and malicious ones. */
import { bytesOf, type Part, u32 } from "../../hub/files.ts";

/** A value of Thrift's compact protocol: an integer, a text, bytes, a list, or a struct of fields by number. */
export type Thrift = number | bigint | string | Uint8Array | Thrift[] | { [field: number]: Thrift };

/** An integer of seven bits a byte. */
export function varint(value: number | bigint): number[] {
  const rest = BigInt(value);
  return rest < 128n ? [Number(rest)] : [Number(rest & 127n) | 128, ...varint(rest >> 7n)];
}

export function zigzag(value: number | bigint): number[] {
  const wide = BigInt(value);
  return varint(wide < 0n ? -2n * wide - 1n : 2n * wide);
}

function typeOf(value: Thrift): number {
  if (typeof value === "number" || typeof value === "bigint") return 6;
  if (typeof value === "string" || value instanceof Uint8Array) return 8;
  return Array.isArray(value) ? 9 : 12;
}

/** A value without its type. */
export function thrift(value: Thrift): Uint8Array<ArrayBuffer> {
  if (typeof value === "number" || typeof value === "bigint") return bytesOf(zigzag(value));
  if (typeof value === "string" || value instanceof Uint8Array) {
    const bytes = bytesOf(value);
    return bytesOf(varint(bytes.length), bytes);
  }
  if (Array.isArray(value)) {
    const type = typeOf(value[0] ?? 0);
    return bytesOf([15 << 4 | type], varint(value.length), ...value.map(thrift));
  }
  const fields = Object.entries(value).map(([id, field]) =>
    bytesOf([typeOf(field)], zigzag(Number(id)), thrift(field))
  );
  return bytesOf(...fields, [0]);
}

/** A file of one row group with one column. */
export interface RawParquet {
  /** The bytes of its pages. */
  pages: Uint8Array<ArrayBuffer>;
  rows?: number;
  values?: number;
  /** 1: INT32, 2: INT64, 6: BYTE_ARRAY. */
  type?: number;
  /** 0: required, 1: optional, 2: repeated. */
  repetition?: number;
  codec?: number;
  name?: string;
  /** What the footer has instead of the size of the pages. */
  size?: number;
  /** What the file has instead of the length of the footer. */
  footerLength?: number;
  /** Fields of the footer instead of those made here. */
  footer?: { [field: number]: Thrift };
}

export function parquetFile(file: RawParquet): Uint8Array<ArrayBuffer> {
  const { pages, rows = 1, values = rows, type = 1, repetition = 2, codec = 0, name = "indices" } = file;
  const column = {
    1: type,
    2: [0],
    3: [name],
    4: codec,
    5: values,
    6: pages.length,
    7: file.size ?? pages.length,
    9: 4,
  };
  const footer = thrift({
    1: 2,
    2: [{ 4: "schema", 5: 1 }, { 1: type, 3: repetition, 4: name }],
    3: rows,
    4: [{ 1: [{ 2: 4, 3: column }], 2: pages.length, 3: rows }],
    ...file.footer,
  });
  return bytesOf("PAR1", pages, footer, u32(file.footerLength ?? footer.length), "PAR1");
}

/** A page of the first version. */
export function dataPage(
  body: Part,
  { values, encoding = 0, size, packed = body }: { values: number; encoding?: number; size?: number; packed?: Part },
): Uint8Array<ArrayBuffer> {
  const content = bytesOf(packed);
  const header = {
    1: 0,
    2: size ?? bytesOf(body).length,
    3: content.length,
    5: { 1: values, 2: encoding, 3: 3, 4: 3 },
  };
  return bytesOf(thrift(header), content);
}

/** A page with a dictionary. */
export function dictionaryPage(body: Part, values: number): Uint8Array<ArrayBuffer> {
  const { length } = bytesOf(body);
  return bytesOf(thrift({ 1: 2, 2: length, 3: length, 7: { 1: values, 2: 0 } }), body);
}

/** Levels of a page: their length, then runs, each of a number of equal levels. */
export function levels(...runs: [count: number | bigint, level: number][]): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(...runs.map(([count, level]) => [...varint(BigInt(count) * 2n), level]));
  return bytesOf(u32(bytes.length), bytes);
}
