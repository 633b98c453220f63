/** Other programs read what is written here: Python with numpy, and hyparquet. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { type DatasetFormat, encodeRecords, type TokenRecord, type TokenSetInfo } from "../../../datasets/mod.ts";
import { withFolder } from "../../support/folders.ts";
import { python } from "../python.ts";
import { bytesOfStream, streamOf } from "./streams.ts";

const INFO: TokenSetInfo = { dtype: "uint16", model: "owner/näme", codebook: "ab".repeat(32), codes: 16384 };
const LONG = `${"folder/".repeat(30)}ü`;
const RECORDS: TokenRecord[] = [LONG, "train/1", "train/1_hflip"].map((key, i) => ({
  key,
  indices: Int32Array.from({ length: 12 }, (_, j) => (i * 7919 + j * 5003) % 16384),
  shape: [3, 4],
  ...(i > 0 && { width: 32, height: 24, sha256: `${i}`.repeat(64) }),
  ...(i > 1 && { augment: "hflip" }),
}));
const KEYS = RECORDS.map(({ key }) => key);
const { model, codebook, codes } = INFO;

const write = (format: DatasetFormat, info = INFO) => bytesOfStream(encodeRecords(streamOf(RECORDS), format, info));

function rowsOf(record: TokenRecord): number[][] {
  return [0, 4, 8].map((begin) => Array.from(record.indices.subarray(begin, begin + 4)));
}

Deno.test("Python reads every format with numpy, tarfile, zipfile and json", async () => {
  await withFolder(async (folder) => {
    for (const format of ["tar", "jsonl", "npy", "npz", "safetensors"] as const) {
      await Deno.writeFile(join(folder, `tokens.${format}`), await write(format));
    }
    const array = { dtype: "uint16", shape: [3, 3, 4], indices: RECORDS.map(rowsOf) };
    const fields = RECORDS.map(({ indices: _, ...record }) => ({ ...record, model, codebook, codes }));
    assertEquals(JSON.parse(await python("read_formats.py", folder)), {
      tar: { ...array, keys: KEYS, fields },
      jsonl: { ...array, keys: KEYS, fields },
      npy: { ...array, keys: [null, null, null] },
      npz: { ...array, keys: KEYS, model, codebook },
      safetensors: { ...array, keys: KEYS, model, codebook },
    });
  });
});

Deno.test("hyparquet reads Parquet files: columns of plain types, and what all records share in the metadata", async () => {
  for (const dtype of ["uint16", "int32", "uint64"] as const) {
    const { buffer } = await write("parquet", { ...INFO, dtype });
    const expected = RECORDS.map(({ key, indices, shape, width, height, sha256, augment }) => ({
      key,
      shape: [...shape],
      indices: Array.from(indices, (index) => dtype === "uint64" ? BigInt(index) : index),
      width: width ?? null,
      height: height ?? null,
      sha256: sha256 ?? null,
      augment: augment ?? null,
    }));
    const rows = await parquetReadObjects({ file: buffer });
    assertEquals(rows.map((row) => ({ ...row, indices: Array.from(row.indices) })), expected);
    const { key_value_metadata, schema } = await parquetMetadataAsync(buffer);
    const metadata = Object.fromEntries(key_value_metadata!.map(({ key, value }) => [key, value]));
    assertEquals(metadata, { dtype, model, codebook, codes: "16384" });
    const element = schema.filter(({ name }) => name === "element").at(-1)!;
    assertEquals(element.converted_type, `${dtype[0] === "u" ? "UINT" : "INT"}_${dtype.match(/\d+/)}`);
  }
});
