/** How many records are to be decoded, as far as headers and manifests tell. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type DatasetFormat, type DatasetProgress, detokenizeFiles, pictureFolder } from "../../../datasets/mod.ts";
import { encodeRecords, folderSink, openSource, tokenizeDataset } from "../../../datasets/mod.ts";
import { countRecords } from "../../../datasets/detokenize/record_count.ts";
import { VQModel } from "../../../mod.ts";
import { withFolder } from "../../support/folders.ts";
import { LEAVES, writePictures } from "../pictures.ts";

const WASM = { device: "wasm", threads: 1 } as const;

async function writeTokens(path: string, format: DatasetFormat): Promise<string> {
  const records = Array.from({ length: 3 }, (_, i) => {
    return { key: `${i}`, indices: Int32Array.of(1, 2, 3, 4), shape: [2, 2] as const };
  });
  const bytes = encodeRecords(ReadableStream.from(records), format, { dtype: "uint16" });
  await Deno.writeFile(path, ReadableStream.from(bytes));
  return path;
}

Deno.test("headers of arrays and Parquet files say how many pictures there will be, archives and lines do not", async () => {
  await withFolder(async (folder) => {
    const write = (format: DatasetFormat) => writeTokens(join(folder, `t.${format}`), format);
    const known = await Promise.all((["npy", "npz", "safetensors", "parquet"] as const).map(write));
    assertEquals(await countRecords(known, {}), 12);
    for (const format of ["tar", "jsonl"] as const) {
      assertEquals(await countRecords([...known, await write(format)], {}), undefined);
    }
    const damaged = join(folder, "damaged.npy");
    await Deno.writeTextFile(damaged, "this is no array");
    assertEquals(await countRecords([...known, damaged], {}), 13); // a failure counts as a picture

    using model = await VQModel.fromPretrained(LEAVES, { ...WASM, only: "decoder" });
    const seen: DatasetProgress[] = [];
    const onProgress = (progress: DatasetProgress) => seen.push(progress);
    await detokenizeFiles(model, [...known, damaged], pictureFolder(join(folder, "out")), { onProgress });
    assertEquals(new Set(seen.map(({ totalPictures }) => totalPictures)), new Set([13]));
    assertEquals(seen.at(-1)!.pictures, 13);
  });
});

Deno.test("manifests say how many pictures are in shards, mirrored ones included, unless a file was changed since", async () => {
  using model = await VQModel.fromPretrained(LEAVES, { ...WASM, only: "encoder" });
  await withFolder(async (folder) => {
    const [pictures, out] = [join(folder, "in"), join(folder, "out")];
    await writePictures(pictures, 5, { corrupt: [1], side: 16 });
    await tokenizeDataset(model, await openSource([pictures], { shardSize: 3 }), folderSink(out), { augment: "hflip" });
    const shards = ["000000.tar", "000001.tar"].map((name) => join(out, name));
    assertEquals(await countRecords(shards, {}), 8);
    await Deno.writeFile(shards[1], new Uint8Array(512), { append: true });
    assertEquals(await countRecords(shards, {}), undefined);
  });
});
