/** Pictures in Parquet files. Those of Python are made by fixtures/parquet/make.py. */
import { assertEquals, assertRejects } from "@std/assert";
import { type ByteSource, openFile, sourceOfBytes } from "../../../hub/mod.ts";
import { countParquetRows, openSource, type ParquetPicturesOptions, picturesOfParquet } from "../../../datasets/mod.ts";
import { withFolder } from "../../support/folders.ts";
import { fixture } from "../../support/paths.ts";

async function withFixture<T>(name: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const source = await openFile(fixture(`parquet/${name}.parquet`));
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

function keysAndSizes(name: string, options?: ParquetPicturesOptions) {
  return withFixture(name, async (source) => {
    const found: [key: string, size: number | string][] = [];
    for await (const { key, bytes } of picturesOfParquet(source, options)) {
      found.push([
        key,
        await bytes().then(({ length }) => length, ({ message }) => message.replace(source.name, "NAME")),
      ]);
    }
    return found;
  });
}

Deno.test("pictures that pyarrow wrote are read, in every compression and encoding that it uses for them", async () => {
  const missing = "Cannot read NAME: expected the bytes of a picture in row 6, found none";
  const sizes: (number | string)[] = [1, 51, 101, 151, 201, 251, missing];
  const keys = ["train/a", "b.c", "2", "d", "d_4", "e", "f"];
  for (const name of ["snappy", "gzip", "brotli", "zstd", "plain", "deltas"]) {
    assertEquals(await keysAndSizes(`pictures-${name}`), keys.map((key, i) => [key, sizes[i]]), name);
    assertEquals(await withFixture(`pictures-${name}`, countParquetRows), 7);
  }
  assertEquals(await keysAndSizes("empty"), []);
});

Deno.test("shards of Parquet files on a disk say how many pictures they have, unless they are damaged", async () => {
  const { shards } = await openSource([fixture("parquet/pictures-snappy.parquet"), fixture("parquet/empty.parquet")]);
  assertEquals(shards.map(({ pictures }) => pictures), [7, 0]);
  await withFolder(async (folder) => {
    const damaged = `${folder}/damaged.parquet`;
    await Deno.writeTextFile(damaged, "PAR1 this is none PAR1");
    assertEquals((await openSource([damaged])).shards[0].pictures, undefined);
  });
});

Deno.test("a picture has the bytes that are in its row, and a name for messages", async () => {
  await withFixture("pictures-snappy", async (source) => {
    const pictures = await Array.fromAsync(picturesOfParquet(source));
    assertEquals(await pictures[1].bytes(), new Uint8Array(51).fill(1));
    assertEquals(pictures[1].name, `${source.name}/b.c.png`);
    assertEquals(pictures[2].name, `${source.name}/2`);
  });
});

Deno.test("pictures in a column of bytes have the keys of another column", async () => {
  assertEquals(await keysAndSizes("binary"), [["x/1", 3], ["x/2", 3]]);
  assertEquals(await keysAndSizes("ambiguous", { column: "right" }), [["0", 3]]);
});

Deno.test("an error says which columns there are if none is clearly that of the pictures", async () => {
  const message = 'expected a column "image" of pictures, {bytes, path} or bytes, found ["left","right"]';
  await assertRejects(() => keysAndSizes("ambiguous"), TypeError, message);
  await assertRejects(() => keysAndSizes("no-pictures"), TypeError, 'found ["label"]; name the column');
  await assertRejects(() => keysAndSizes("pictures-gzip", { column: "label" }), TypeError, 'expected a column "label"');
});

Deno.test("compressions and encodings that are not read are named", async () => {
  await assertRejects(() => keysAndSizes("lz4"), TypeError, "GZIP, BROTLI, ZSTD, found LZ4_RAW");
  await assertRejects(() => keysAndSizes("delta-bytes"), TypeError, "found BYTE_ARRAY in DELTA_BYTE_ARRAY");
});

Deno.test("one row group is read at a time, and only its columns of pictures and paths", async () => {
  const bytes = await Deno.readFile(fixture("parquet/pictures-plain.parquet"));
  const whole = sourceOfBytes(bytes, "a.parquet");
  const reads: number[] = [];
  const source: ByteSource = {
    ...whole,
    read(offset, length) {
      reads.push(length);
      return whole.read(offset, length);
    },
  };
  const pictures = picturesOfParquet(source);
  await pictures.next();
  assertEquals(reads.length, 4); // the end, the footer, and two columns
  await pictures.return(undefined);
  assertEquals(reads.length, 4);
});
