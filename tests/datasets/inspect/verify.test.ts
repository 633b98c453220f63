/** Data sets of tokens that are checked. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type DatasetFormat, encodeRecords, verifyTokenSet } from "../../../datasets/mod.ts";
import { encodeNpyHeader } from "../../../hub/mod.ts";
import { withFolder } from "../../support/folders.ts";

const CODEBOOK = "ab".repeat(32);

/** Writes a folder of two shards, with two pictures of 1×2 tokens each, and its manifest. */
async function writeSet(folder: string, format: DatasetFormat, change: (manifest: Manifest) => void = () => {}) {
  const shards: Manifest["shards"] = [];
  for (const name of ["a", "b"]) {
    const records = [0, 1].map((i) => ({ key: `${name}${i}`, indices: Int32Array.of(i, 7), shape: [1, 2] as const }));
    const info = { dtype: "uint8", codebook: CODEBOOK } as const;
    const bytes = await new Response(ReadableStream.from(encodeRecords(ReadableStream.from(records), format, info)))
      .bytes();
    await Deno.writeFile(join(folder, `${name}.${format}`), bytes);
    const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    const counts = { pictures: 2, tokens: 4, failures: 0, shape: [1, 2] };
    shards.push({ name: `${name}.${format}`, sha256, bytes: bytes.length, ...counts });
  }
  const manifest: Manifest = { model: { codebook: CODEBOOK, codes: 8 }, preprocessing: {}, format, shards };
  change(manifest);
  await Deno.writeTextFile(join(folder, "manifest.json"), JSON.stringify(manifest));
}

// deno-lint-ignore no-explicit-any -- tests change any of it
type Manifest = any;

async function problemsOf(change: (manifest: Manifest) => void, format: DatasetFormat = "jsonl"): Promise<string[]> {
  return await withFolder(async (folder) => {
    await writeSet(folder, format, change);
    const { problems } = await verifyTokenSet(folder);
    return problems.map(({ file, problem }) => `${file.slice(folder.length + 1)}: ${problem}`);
  });
}

Deno.test("a whole data set has no problems, in every format", async () => {
  for (const format of ["tar", "parquet", "jsonl", "npy", "npz", "safetensors"] as const) {
    await withFolder(async (folder) => {
      await writeSet(folder, format);
      assertEquals(await verifyTokenSet(folder), { files: 2, pictures: 4, tokens: 8, codes: 8, problems: [] }, format);
    });
  }
});

Deno.test("whatever differs from the manifest is a problem", async () => {
  const of = async (change: (manifest: Manifest) => void) => (await problemsOf(change)).join("\n");
  assertStringIncludes(await of(({ shards }) => shards[1].bytes++), "b.jsonl: expected bytes ");
  assertStringIncludes(await of(({ shards }) => shards[0].sha256 = "0".repeat(64)), "a.jsonl: expected SHA-256");
  assertEquals(await of(({ shards }) => shards[0].pictures = 3), "a.jsonl: expected pictures 3, found 2");
  assertEquals(await of(({ shards }) => shards[0].tokens = 5), "a.jsonl: expected tokens 5, found 4");
  assertStringIncludes(await of(({ shards }) => shards[0].shape = [2, 1]), 'grid of a0 "2,1", found "1,2"');
  assertStringIncludes(await of(({ model }) => model.codes = 7), 'expected indices of "a0" from 0 to 6, found 7');
  assertStringIncludes(await of(({ model }) => model.codebook = "cd".repeat(32)), "expected codebook");
  assertEquals(await of(({ shards }) => shards[1].failures = 2), "failures.jsonl: expected 2 failures, found 0");
  assertEquals(await of(({ shards }) => shards.pop()), "b.jsonl: it is not in the manifest");
  assertStringIncludes(await of(({ shards }) => shards.push({ ...shards[0], name: "c.jsonl" })), "c.jsonl: ");
});

Deno.test("records that cannot be read are problems, and the others are checked", async () => {
  await withFolder(async (folder) => {
    const lines = ['{"key":"a","shape":[1,2],"indices":[1,2]}', "oops", '{"key":"b","shape":[1,2],"indices":[1,-3]}'];
    await Deno.writeTextFile(join(folder, "t.jsonl"), lines.join("\n"));
    const { pictures, codes, problems } = await verifyTokenSet(join(folder, "t.jsonl"));
    assertEquals([pictures, codes, problems.length], [2, undefined, 2]);
    assertStringIncludes(problems[0].problem, "line 2: ");
    assertEquals(problems[1].problem, 'expected indices of "b" from 0 on, found -3');
    const many = Array.from({ length: 500 }, (_, i) => `{"key":"${i}","shape":[1,1],"indices":[9]}`);
    await Deno.writeTextFile(join(folder, "t.jsonl"), many.join("\n"));
    const listed = (await verifyTokenSet(join(folder, "t.jsonl"), { codes: 9 })).problems;
    assertEquals([listed.length, listed.at(-1)!.problem], [101, "and 400 more"]);
  });
});

Deno.test("flattened pictures are checked with a grid; tokens that are not finished are an error that says so", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "rows.npy");
    const header = encodeNpyHeader({ descr: "|u1", shape: [3, 64] });
    await Deno.writeFile(path, Uint8Array.from([...header, ...new Uint8Array(3 * 64)]));
    assertStringIncludes((await verifyTokenSet(path)).problems[0].problem, "--grid HxW");
    assertEquals((await verifyTokenSet(path, { grid: [8, 8] })).pictures, 3);
    await writeSet(folder, "tar", (manifest) => manifest.shards = []);
    await assertRejects(() => verifyTokenSet(folder), TypeError, "expected shards, found none");
    await Deno.mkdir(join(folder, ".unfinished"));
    await assertRejects(() => verifyTokenSet(folder), TypeError, "they are not finished");
    await Deno.mkdir(join(folder, "t.npy.parts"));
    await assertRejects(() => verifyTokenSet(join(folder, "t.npy")), TypeError, "it is not finished");
  });
});
