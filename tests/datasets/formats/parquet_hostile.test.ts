/** Parquet files that are damaged, or made to take more time or memory than they have bytes. */
import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { decodeRecords, picturesOfParquet } from "../../../datasets/mod.ts";
import { sourceOfBytes } from "../../../hub/mod.ts";
import { bytesOf, u32 } from "../../hub/files.ts";
import { fixture } from "../../support/paths.ts";
import {
  dataPage,
  dictionaryPage,
  levels,
  parquetFile,
  type RawParquet,
  thrift,
  varint,
  zigzag,
} from "./parquet_files.ts";

const int32 = (...values: number[]) => new Uint8Array(Int32Array.from(values).buffer);
const read = (file: Uint8Array) => Array.fromAsync(decodeRecords(file, { format: "parquet", grid: [1, 2] }));
const refused = (file: RawParquet, message: string) => assertRejects(() => read(parquetFile(file)), TypeError, message);

/** A page of one list of two integers whose values are these bytes. */
const page = (encoding: number, ...body: Parameters<typeof bytesOf>) =>
  dataPage(bytesOf(levels([1, 0], [1, 1]), levels([2, 1]), ...body), { values: 2, encoding });

const VALUES = int32(7, 8);
const VALID: RawParquet = { pages: page(0, VALUES), values: 2 };
const SNAPPY = 1, GZIP = 2, BROTLI = 4, ZSTD = 6;

Deno.test("the files of these tests are read where they are valid", async () => {
  const dictionary = bytesOf(dictionaryPage(VALUES, 2), page(8, [1], varint(2 * 1), [0], varint(2 * 1), [1]));
  const packed = bytesOf(dictionaryPage(VALUES, 2), page(2, [1], varint(1 * 2 + 1), [0b10]));
  const deltas = page(5, varint(128), varint(4), varint(2), zigzag(7), zigzag(1), [0, 0, 0, 0]);
  for (const pages of [VALID.pages, dictionary, packed, deltas]) {
    const [{ indices }] = await read(parquetFile({ ...VALID, pages }));
    assertEquals(indices, Int32Array.of(7, 8));
  }
  const plain = bytesOf(levels([1, 0], [1, 1]), levels([2, 1]), VALUES);
  const snappy = bytesOf(varint(plain.length), [4 * (plain.length - 1)], plain);
  const packers = [[SNAPPY, snappy], [GZIP, gzipSync(plain)], [BROTLI, brotliCompressSync(plain)], [
    ZSTD,
    zstdCompressSync(plain),
  ]];
  for (const [codec, packed] of packers as [number, Uint8Array][]) {
    const [{ indices }] = await read(parquetFile({ ...VALID, codec, pages: dataPage(plain, { values: 2, packed }) }));
    assertEquals(indices, Int32Array.of(7, 8));
  }
});

Deno.test("footers that claim what the file does not have are refused", async () => {
  const many = "expected at most 4194304 in 2147483647; write it with smaller row groups";
  await refused({ ...VALID, footerLength: 2 ** 31 }, "expected a footer of at most");
  await refused({ ...VALID, footerLength: 3 }, "expected");
  await refused({ ...VALID, size: 2 ** 40 }, 'expected column "indices" within');
  await refused({ ...VALID, size: -1 }, 'expected column "indices" within');
  await refused({ ...VALID, values: 2 ** 40 }, many);
  await refused({ ...VALID, rows: 2 ** 40, values: 2 }, "expected a row group of at most");
  await refused({ ...VALID, rows: 3, values: 2 }, "expected 3 values of column");
  await refused({ ...VALID, footer: { 2: [{ 4: "schema", 5: 1e9 }] } }, "expected a schema of named columns");
  const deep = Array.from({ length: 100 }, () => ({ 4: "a", 5: 1 }));
  await refused({ ...VALID, footer: { 2: deep } }, "expected a schema of named columns, at most 16 deep");
  const wide = Array.from({ length: 10_001 }, () => ({ 4: "a" }));
  await refused({ ...VALID, footer: { 2: wide } }, "expected at most 10000 columns, found 10001");
  for (const file of [new Uint8Array(), bytesOf("PAR1"), bytesOf("PAR1PAR1"), bytesOf("PAR1", u32(0), "PAR1")]) {
    await assertRejects(() => read(file), TypeError, "Cannot read tokens from the file: expected");
  }
});

Deno.test("headers that are nested or long without end are refused", async () => {
  const footer = (bytes: Uint8Array) => bytesOf("PAR1", bytes, u32(bytes.length), "PAR1");
  const nested = footer(new Uint8Array(100_000).fill(0x1c)); // a struct in a struct in …
  await assertRejects(() => read(nested), TypeError, "nested at most 16 deep");
  const lists = footer(new Uint8Array(100_000).fill(0x19)); // a list of a list of …
  await assertRejects(() => read(lists), TypeError, "nested at most 16 deep");
  const list = footer(bytesOf([0x19, 0xf6], varint(2 ** 31), new Uint8Array(2_000_000)));
  await assertRejects(() => read(list), TypeError, "at most 1000000 values");
  const short = footer(bytesOf([0x19, 0xf6], varint(2 ** 31)));
  await assertRejects(() => read(short), TypeError, "expected 1 more bytes in a header, found 0");
  await assertRejects(() => read(footer(bytesOf([0x16], new Uint8Array(30).fill(0xff)))), TypeError, "64 bits");
  await assertRejects(() => read(footer(bytesOf([0x18], varint(2n ** 40n)))), TypeError, "more bytes in a header");
});

Deno.test("pages that claim more values than there are, or than fit, are refused", async () => {
  const one = (pages: Uint8Array<ArrayBuffer>, more: Partial<RawParquet> = {}) => ({ ...VALID, pages, ...more });
  const run = (count: number | bigint) => bytesOf(levels([count, 0]), levels([2, 1]), VALUES);
  await refused(one(dataPage(run(2 ** 30), { values: 2 })), "expected a run of 1 to 2 values, found 1073741824");
  await refused(one(dataPage(run(0), { values: 2 })), "expected a run of 1 to 2 values, found 0");
  await refused(one(dataPage(run(2n ** 62n), { values: 2 })), "expected a run of 1 to 2 values");
  await refused(one(dataPage(run(2), { values: 2 ** 30 })), "expected a page of at most 2 values");
  await refused(one(dataPage(run(2), { values: 1 })), "expected a run of 1 to 1 values");
  await refused(
    one(dataPage(bytesOf(u32(2 ** 31), VALUES), { values: 2 })),
    "expected 2147483648 more bytes in a page",
  );
  await refused(one(page(0, int32(7))), "expected 8 more bytes in a page, found 4");
  await refused(one(page(8, [1], varint(4), [0])), "expected a dictionary before the page");
  await refused(
    one(bytesOf(dictionaryPage(VALUES, 2), page(8, [2], varint(4), [3]))),
    "an entry of 2 in the dictionary",
  );
  await refused(one(bytesOf(dictionaryPage(VALUES, 2), page(8, [99], varint(4), [3]))), "at most 32 bits");
  await refused(
    one(bytesOf(dictionaryPage(VALUES, 2), page(8, [1], varint(2n ** 40n + 1n)))),
    "groups of eight values",
  );
  await refused(one(bytesOf(dictionaryPage(VALUES, 2 ** 31))), "expected a dictionary of at most 2 values");
  await refused(one(dataPage("", { values: 0 })), "expected 4 more bytes in a page, found 0");
  await refused(one(bytesOf(thrift({ 1: 0, 2: 4, 3: 2 ** 40 }))), "expected 1099511627776 more bytes");
  await refused(one(bytesOf(thrift({ 1: 0, 2: -4, 3: 4 }), u32(0))), "expected a page of at most");
  await refused(one(bytesOf(thrift({ 1: 0, 2: 2 ** 40, 3: 4 }), u32(0))), "expected a page of at most 67108864 bytes");
  const bytes = bytesOf(levels([1, 0], [1, 1]), levels([2, 1]), u32(2 ** 31), "x");
  const binary = parquetFile(one(dataPage(bytes, { values: 2 }), { type: 6 }));
  await assertRejects(() => read(binary), TypeError, "expected a column indices of lists of integers");
  for (const [block, parts] of [[0, 4], [128, 0], [128, -1], [128, 129], [100, 4]]) {
    const header = bytesOf(varint(block), varint(BigInt.asUintN(32, BigInt(parts))), varint(2), zigzag(7), zigzag(1));
    await refused(one(page(5, header, new Uint8Array(300))), "differences in blocks of multiples of 32");
  }
});

Deno.test("pages that unpack to something else than they claim are refused, and no more is unpacked", async () => {
  const body = bytesOf(levels([1, 0], [1, 1]), levels([2, 1]), VALUES);
  const packed = (codec: number, bytes: Uint8Array, size = body.length) =>
    refused({ ...VALID, codec, pages: dataPage(body, { values: 2, size, packed: bytes }) }, 'column "indices": ');
  const bomb = new Uint8Array(4e6);
  await packed(GZIP, gzipSync(bomb));
  await packed(ZSTD, zstdCompressSync(bomb));
  await packed(BROTLI, brotliCompressSync(bomb));
  for (const codec of [SNAPPY, GZIP, BROTLI, ZSTD]) {
    await packed(codec, bytesOf("anything"));
    await packed(codec, new Uint8Array(20));
  }
  await packed(ZSTD, zstdCompressSync(body), body.length + 1);
  const snappy: number[][] = [
    [24, 0xfc, 0xef, 0xff, 0xff, 0xff], // a literal of 2^32 - 16 bytes
    [24, 0xfc, 0xff, 0xff, 0xff, 0x7f],
    [24, 0, 1, 2, 0, 0], // a copy from 0 bytes before
    [24, 0, 1, 2, 9, 0], // from before the beginning
    [24, 0, 1, 3, 255, 255, 255, 255],
    [24, 0, 1, ...Array.from({ length: 1000 }, () => [254, 1, 0]).flat()], // 64 000 bytes
    [24],
    [],
  ];
  for (const bytes of snappy) await packed(SNAPPY, bytesOf(bytes));
});

Deno.test("whatever byte of a file is damaged, it is read or refused at once", async () => {
  const names = [
    "pictures-snappy",
    "pictures-gzip",
    "pictures-plain",
    "pictures-deltas",
    "tokens-uint16",
    "tokens-nested",
  ];
  for (const name of names) {
    const bytes = await Deno.readFile(fixture(`parquet/${name}.parquet`));
    for (let at = 0; at < bytes.length; at += 23) {
      for (const value of [0, 0xff, bytes[at] ^ 1]) {
        const damaged = bytes.with(at, value);
        const start = performance.now();
        try {
          if (name.startsWith("tokens")) await read(damaged);
          else for await (const { bytes } of picturesOfParquet(sourceOfBytes(damaged, "a.parquet"))) await bytes();
        } catch (error) {
          assert(error instanceof TypeError || error instanceof RangeError, `${name}, byte ${at}: ${error}`);
          assertMatch(error.message, /^Cannot read (tokens from the file|a\.parquet): /, `${name}, byte ${at}`);
        }
        assertLess(performance.now() - start, 5000, `${name}, byte ${at} as ${value}`);
      }
    }
  }
});
