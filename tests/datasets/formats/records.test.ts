/** Tokens of many pictures in every format, written and read back. */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { gzipSync } from "node:zlib";
import {
  type DatasetFormat,
  decodeRecords,
  encodeRecords,
  mergeRecords,
  openRecords,
  readTar,
  type TokenRecord,
  type TokenSetInfo,
} from "../../../datasets/mod.ts";
import { encodeNpyHeader, sourceOfBytes } from "../../../hub/mod.ts";
import { encodeTokens } from "../../../mod.ts";
import { bytesOf } from "../../hub/files.ts";
import { withFolder } from "../../support/folders.ts";
import { fixture } from "../../support/paths.ts";
import { bytesOfStream, chunksOf, streamOf } from "./streams.ts";
import { tarFile } from "./tar_files.ts";

const HASH = "ab".repeat(32);
const INFO: TokenSetInfo = { dtype: "uint16", model: "owner/näme", codebook: HASH, codes: 1024 };
const STREAMED: DatasetFormat[] = ["tar", "parquet", "jsonl"];
const ARRAYS: DatasetFormat[] = ["npy", "npz", "safetensors"];

function recordsOf(count: number, [h, w]: readonly [number, number], prefix = "train/"): TokenRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `${prefix}${i}.ä`,
    indices: Int32Array.from({ length: h * w }, (_, j) => (i * 31 + j * 7) % 1024),
    shape: [h, w],
    width: 8 * w,
    height: 8 * h,
    sha256: `${i}`.padStart(64, "0"),
    ...(i % 3 === 1 && { augment: "hflip" }),
  }));
}

const RECORDS = recordsOf(1100, [3, 4]);
const MIXED = [...recordsOf(3, [3, 4]), ...recordsOf(2, [1, 5], "wide/"), ...recordsOf(2, [5, 1], "high/")];

const encode = (records: TokenRecord[], format: DatasetFormat, info = INFO) =>
  bytesOfStream(encodeRecords(streamOf(records), format, info));
const decode = (bytes: Uint8Array, options = {}) => Array.fromAsync(decodeRecords(bytes, options));
const onlyTokens = ({ key, indices, shape }: TokenRecord) => ({ key, indices, shape });
const onlyNumbered = ({ indices, shape }: TokenRecord, i: number) => ({
  key: `${i}`.padStart(6, "0"),
  indices,
  shape,
});

/** What a format gives back of records. */
function kept(records: TokenRecord[], format: DatasetFormat): TokenRecord[] {
  if (STREAMED.includes(format)) return records;
  return records.map(format === "npy" ? onlyNumbered : onlyTokens);
}

Deno.test("records are read back as they were written, whatever the source, and the same ones give the same bytes", async () => {
  await withFolder(async (folder) => {
    for (const format of [...STREAMED, ...ARRAYS]) {
      const bytes = await encode(RECORDS, format);
      assertEquals(await encode(RECORDS, format), bytes, format);
      const path = join(folder, `tokens.${format}`);
      await Deno.writeFile(path, bytes);
      const sources = [bytes, path, new URL(`file://${path}`), new Blob([bytes]), sourceOfBytes(bytes, "memory")];
      for (const source of [...sources, chunksOf(bytes, 777)]) {
        assertEquals(await Array.fromAsync(decodeRecords(source)), kept(RECORDS, format), format);
      }
    }
  });
});

Deno.test("records of several shapes are kept by the formats of single records, and refused by those of one array", async () => {
  for (const format of STREAMED) assertEquals(await decode(await encode(MIXED, format)), MIXED, format);
  const message =
    `expected 3×4 tokens of each picture, found 1×5 of "wide/0.ä". Write pictures of different sizes as tar`;
  for (const format of ARRAYS) await assertRejects(() => encode(MIXED, format), RangeError, message);
});

Deno.test("numbers are stored in their type, and refused if it cannot hold them", async () => {
  for (const format of [...STREAMED, ...ARRAYS]) {
    for (const dtype of ["uint8", "int16", "uint32", "int32", "uint64", "int64"] as const) {
      const large = recordsOf(1, [1, 2]).map((record) => ({ ...record, indices: Int32Array.of(0, 256) }));
      if (format === "jsonl") continue;
      if (dtype === "uint8") {
        await assertRejects(() => encode(large, format, { dtype }), RangeError, "uint8 does not hold");
      } else {assertEquals(
          (await decode(await encode(large, format, { dtype }), { grid: [1, 2] }))[0].indices,
          large[0].indices,
        );}
    }
  }
});

Deno.test("a file says what holds for all its records", async () => {
  const known = { model: INFO.model, codebook: HASH };
  const { codes } = INFO;
  const expected: Record<DatasetFormat, Partial<TokenSetInfo>> = {
    tar: INFO,
    parquet: INFO,
    jsonl: { ...known, codes },
    npy: { dtype: "uint16" },
    npz: { dtype: "uint16", ...known },
    safetensors: { dtype: "uint16", ...known },
  };
  for (const format of [...STREAMED, ...ARRAYS]) {
    const { info, count, hasKeys, close } = await openRecords(await encode(RECORDS, format));
    await close();
    assertEquals(info, expected[format], format);
    assertEquals(count, format === "tar" || format === "jsonl" ? undefined : RECORDS.length, format);
    assertEquals(hasKeys, format !== "npy");
  }
});

Deno.test("no records are a file without records", async () => {
  for (const format of [...STREAMED, ...ARRAYS]) assertEquals(await decode(await encode([], format), { format }), []);
});

Deno.test("files of one picture or many that Python or encodeTokens wrote are read", async () => {
  const indices = Int32Array.from({ length: 24 }, (_, i) => i * 5 % 128);
  const both: TokenRecord[] = [0, 1].map((i) => ({
    key: `00000${i}`,
    indices: indices.slice(12 * i, 12 * i + 12),
    shape: [3, 4],
  }));
  for (
    const name of ["i8.npy", "fortran.npy", "deflated.npz", "u2.safetensors", "tensor.pt", "strided.pt", "nested.json"]
  ) {
    assertEquals(await Array.fromAsync(decodeRecords(fixture(`tokens/${name}`))), both, name);
  }
  assertEquals(await Array.fromAsync(decodeRecords(fixture("tokens/rows.npy"), { grid: [3, 4] })), both);
  assertEquals(await decode(encodeTokens({ indices, shape: [2, 3, 4] }, "json")), both);
  for (const type of ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]) {
    const named = both.map((record, i) => ({ ...record, key: "ab"[i] }));
    assertEquals(await Array.fromAsync(decodeRecords(fixture(`parquet/tokens-${type}.parquet`))), named, type);
  }
  assertEquals(await Array.fromAsync(decodeRecords(fixture("parquet/tokens-nested.parquet"))), both);
  for (const name of ["flat", "deltas"]) {
    const path = fixture(`parquet/tokens-${name}.parquet`);
    assertEquals(await Array.fromAsync(decodeRecords(path, { grid: [3, 4] })), both, name);
    await assertRejects(() => Array.fromAsync(decodeRecords(path)), RangeError, "is ambiguous. Pass it: grid [h, w]");
    await assertRejects(() => Array.fromAsync(decodeRecords(path, { grid: [5, 4] })), RangeError, "takes 20 indices");
  }
});

Deno.test("names in archives lead out of no folder; the keys are as they were", async () => {
  const keys = ["../../etc/evil", "/abs/a", "a/./b//c", "..\\win", "..", "v1.2/a.b"];
  const records = keys.map((key) => ({ key, indices: Int32Array.of(1), shape: [1, 1] as const }));
  const bytes = await Array.fromAsync(encodeRecords(ReadableStream.from(records), "tar", { dtype: "uint16" }));
  const names = (await Array.fromAsync(readTar(ReadableStream.from(bytes), "t"))).map(({ name }) => name);
  const expected = ["__/__/etc/evil", "_/abs/a", "a/_/b/_/c", "___win", "__", "v1.2/a_b"];
  assertEquals(names.filter((name) => name.endsWith(".npy")), expected.map((name) => `${name}.npy`));
  const read = await Array.fromAsync(decodeRecords(ReadableStream.from(bytes)));
  assertEquals(read.map(({ key }) => key), keys);
});

Deno.test("two dimensions are the grid of a sample of WebDataset and of a line with a key, elsewhere only of a likely picture", async () => {
  const values = new Uint8Array(3 * 64).fill(7);
  const npy = Uint8Array.from([...encodeNpyHeader({ descr: "|u1", shape: [3, 64] }), ...values]);
  const rows = [0, 1, 2].map(() => Array(64).fill(7));
  const line = (fields: object) => new TextEncoder().encode(JSON.stringify(fields));
  for (const file of [tarFile({ name: "a.npy", data: npy }), line({ key: "a", indices: rows })]) {
    assertEquals((await decode(file)).map(({ key, shape }) => [key, [...shape]]), [["a", [3, 64]]]);
  }
  for (const file of [npy, line({ indices: rows })]) {
    await assertRejects(() => decode(file), RangeError, "3 flattened pictures of 64");
    assertEquals((await decode(file, { grid: [8, 8] })).map(({ shape }) => [...shape]), [[8, 8], [8, 8], [8, 8]]);
  }
});

Deno.test("tar archives of samples are read: with and without JSON, and with other files between", async () => {
  const npy = (values: number[], shape: [number, number, number]) =>
    encodeTokens({ indices: Int32Array.from(values), shape }, "npy");
  const archive = tarFile(
    { name: "./a/1.jpg", data: "a picture" },
    { name: "./a/1.npy", data: npy([1, 2, 3, 4], [1, 2, 2]) },
    { name: "./a/1.cls", data: "7" },
    { name: "2.json", data: `{"caption": "a leaf", "shape": [1, 4]}` },
    { name: "2.pt", data: encodeTokens({ indices: Int32Array.of(5, 6, 7, 8), shape: [1, 1, 4] }, "pt") },
    { name: "3.json", data: `{"indices": [[1, 2], [3, 4]], "width": 16}` },
    { name: "4.json", data: `{"caption": "no tokens"}` },
    { name: "5.npz", data: encodeTokens({ indices: Int32Array.of(9, 9), shape: [1, 2, 1] }, "npz") },
  );
  const expected: TokenRecord[] = [
    { key: "a/1", indices: Int32Array.of(1, 2, 3, 4), shape: [2, 2] },
    { key: "2", indices: Int32Array.of(5, 6, 7, 8), shape: [1, 4] },
    { key: "3", indices: Int32Array.of(1, 2, 3, 4), shape: [2, 2], width: 16 },
    { key: "5", indices: Int32Array.of(9, 9), shape: [2, 1] },
  ];
  assertEquals(await decode(archive), expected);
  assertEquals(await decode(gzipSync(archive)), expected);
});

Deno.test("lines of JSON are read with and without keys, nested or flat, with empty lines between", async () => {
  const lines = [
    '{"indices": [[1, 2], [3, 4]], "shape": [2, 2]}',
    "",
    '{"indices": [1, 2], "shape": [1, 2], "key": "x"}\r',
    '{"indices": [[5]]}',
  ];
  const read = await decode(bytesOf(lines.join("\n")));
  assertEquals(read.map(({ key, shape }) => [key, shape]), [["000000", [2, 2]], ["x", [1, 2]], ["000002", [1, 1]]]);
  assertEquals(await decode(gzipSync(bytesOf(lines.join("\n"))), { format: "jsonl" }), read);
});

Deno.test("what is not tokens, or not as it says, is an error that names the file and the place", async () => {
  const line = (text: string) => decode(bytesOf(text), { format: "jsonl", name: "a.jsonl" });
  const cases: [read: () => Promise<unknown>, Failure: typeof Error, message: string][] = [
    [
      () => line('{"indices": [[1]]}\n{"shape": [1, 1]}'),
      TypeError,
      "Cannot read tokens from a.jsonl, line 2: expected",
    ],
    [() => line('{"indices": [1, 2], "shape": [2, 2]}'), RangeError, "shape [2,2] takes 4 indices, found 2"],
    [() => line('{"indices": [[1]], "key": 7}'), TypeError, "line 1: expected a text as key, found 7"],
    [() => line('{"indices": [[1]], "shape": [0, 1]}'), TypeError, "whole numbers ≥ 1, found [0,1]"],
    [() => line('{"indices": [[3000000000]]}'), RangeError, "not an integer of 32 bits"],
    [() => line('{"indices": [[1]], "key": "a"}\n{"indices": [[2]], "key": "a"}'), TypeError, 'once, found "a" again'],
    [
      () => line(`{"indices": [[1]], "codebook": "${HASH}"}\n{"indices": [[2]], "key": "b"}`),
      TypeError,
      'those of "b" belong to undefined',
    ],
    [() => line("[1"), TypeError, "line 1: expected JSON"],
    [() => decode(tarFile({ name: "a.jpg" })), TypeError, "expected files KEY.npy"],
    [() => decode(tarFile({ name: "a.npy" }, { name: "a.npy" })), TypeError, 'the tokens of "a" once'],
    [() => decode(tarFile({ name: "a.npy", data: "x" })), TypeError, "Cannot read tokens from the file/a: expected"],
    [() => decode(bytesOf("anything")), TypeError, "found other bytes"],
    [
      () => decode(bytesOf("x"), { name: "a.parquet" }),
      TypeError,
      "Cannot read tokens from a.parquet: expected a Parquet",
    ],
    [() => decode(bytesOf("x"), { format: "csv" }), TypeError, "expected format tar, parquet, jsonl"],
    [() => decode(bytesOf("x"), { grid: [0, 4] }), RangeError, "grid must be [h, w]"],
    [
      () => Array.fromAsync(decodeRecords("/nowhere/a.npy")),
      TypeError,
      "Cannot read tokens from /nowhere/a.npy: Cannot open",
    ],
    [() => Array.fromAsync(decodeRecords(fixture("parquet/tokens-beyond.parquet"))), RangeError, "is beyond 32 bits"],
    [() => Array.fromAsync(decodeRecords(fixture("parquet/tokens-float.parquet"))), TypeError, "lists of integers"],
    [() => Array.fromAsync(decodeRecords(fixture("parquet/tokens-missing.parquet"))), TypeError, "a missing value"],
    [() => encode([], "csv" as DatasetFormat), TypeError, "expected format tar, parquet, jsonl, npy, npz, safetensors"],
  ];
  for (const [read, Failure, message] of cases) await assertRejects(read, Failure, message);
});

Deno.test("files are merged into one, in their order", async () => {
  await withFolder(async (folder) => {
    const parts = [recordsOf(5, [3, 4], "a/"), recordsOf(3, [3, 4], "b/")];
    for (const format of [...STREAMED, ...ARRAYS]) {
      const paths = parts.map((_, i) => join(folder, `${i}.${format}`));
      const small = { ...INFO, dtype: "uint32" as const };
      for (const [i, part] of parts.entries()) {
        await Deno.writeFile(paths[i], await encode(part, format, i ? small : INFO));
      }
      const merged = await bytesOfStream(mergeRecords(paths, format));
      assertEquals(await decode(merged), kept(parts.flat(), format), format);
      if (format !== "jsonl") assertEquals((await openRecords(merged)).info.dtype, "uint32");
    }
    const [one, other] = [join(folder, "1.tar"), join(folder, "other.npz")];
    await Deno.writeFile(other, await encode(parts[0], "npz", { ...INFO, codebook: "cd".repeat(32) }));
    await assertRejects(() => bytesOfStream(mergeRecords([one, other], "jsonl")), RangeError, "the codebook of");
    await assertRejects(() => bytesOfStream(mergeRecords([], "jsonl")), TypeError, "expected at least one file");
  });
});

Deno.test("reading stops the stream that it reads when it ends early", async () => {
  let isOpen = false;
  async function* stream(bytes: Uint8Array) {
    isOpen = true;
    try {
      yield* chunksOf(bytes, 4096);
    } finally {
      isOpen = false;
    }
  }
  for (const format of STREAMED) {
    for await (const _ of decodeRecords(stream(await encode(RECORDS, format)))) break;
    assertEquals(isOpen, false, format);
  }
});

Deno.test("arrays of more than 64 MiB are written by way of a temporary file, which is gone then", async () => {
  await withFolder(async (folder) => {
    Deno.env.set("TMPDIR", folder);
    async function* records() {
      const indices = new Int32Array(2 ** 20);
      for (let i = 0; i < 20; i++) yield await Promise.resolve({ key: `${i}`, indices, shape: [1024, 1024] as const });
    }
    let size = 0;
    let largest = 0;
    for await (const chunk of encodeRecords(records(), "npy", { dtype: "int32" })) {
      [size, largest] = [size + chunk.length, Math.max(largest, chunk.length)];
    }
    Deno.env.delete("TMPDIR");
    assertEquals(size, 128 + 20 * 2 ** 22);
    assertLess(largest, 2 ** 23);
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});
