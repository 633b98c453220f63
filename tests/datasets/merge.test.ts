/** Files of tokens that are merged. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { decodeRecords, encodeRecords, mergeRecords, type TokenRecord } from "../../datasets/mod.ts";
import { fail, succeed } from "../cli/command.ts";
import { withFolder } from "../support/folders.ts";

const INFO = { dtype: "uint8", codebook: "ab".repeat(32) } as const;

function recordOf(key: string, ...indices: number[]): TokenRecord {
  return { key, indices: Int32Array.from(indices), shape: [1, indices.length] };
}

async function write(path: string, records: TokenRecord[], format: "jsonl" | "npy" = "jsonl"): Promise<string> {
  await Deno.writeFile(path, ReadableStream.from(encodeRecords(ReadableStream.from(records), format, INFO)));
  return path;
}

Deno.test("the same record is merged once, and keys that clash get numbers, also those that are there already", async () => {
  await withFolder(async (folder) => {
    const one = await write(join(folder, "1.jsonl"), [recordOf("a", 1, 2), recordOf("b", 3), recordOf("a-2", 9)]);
    const two = await write(join(folder, "2.jsonl"), [recordOf("a", 1, 3), recordOf("b", 3), recordOf("c", 4)]);
    const [duplicates, renamed]: string[][] = [[], []];
    const merged = mergeRecords([one, two, one], "jsonl", {
      onDuplicate: (key) => duplicates.push(key),
      onRenamed: (key, now) => renamed.push(`${key} ${now}`),
    });
    const found = (await Array.fromAsync(decodeRecords(merged))).map(({ key, indices }) => [key, ...indices]);
    assertEquals(found, [["a", 1, 2], ["b", 3], ["a-2", 9], ["a-3", 1, 3], ["c", 4]]);
    assertEquals([duplicates, renamed], [["b", "a", "b", "a-2"], ["a a-3"]]);
    const printed = await succeed("merge", one, two, "-o", join(folder, "all.tar"));
    assertStringIncludes(printed, ": 2 files, ");
    assertStringIncludes(printed, "1 duplicate left out, 1 key that another picture has got a number\n");
  });
});

Deno.test("tokens of different models are refused, also if only the manifests beside the files say so", async () => {
  await withFolder(async (folder) => {
    const set = async (name: string, model: object, format: "npy" | "jsonl" = "npy") => {
      await Deno.mkdir(join(folder, name));
      const path = await write(join(folder, name, `0.${format}`), [recordOf(name, 1, 2)], format);
      const entry = { name: `0.${format}`, sha256: "0".repeat(64), bytes: 1, pictures: 1, tokens: 2, failures: 0 };
      const manifest = { model, preprocessing: {}, format, shards: [entry] };
      await Deno.writeTextFile(join(folder, name, "manifest.json"), JSON.stringify(manifest));
      return path;
    };
    const ours = { codebook: INFO.codebook, codes: 1024, configuration: "c" };
    const [a, b] = [await set("a", ours), await set("b", ours)];
    const c = await set("c", { ...ours, codebook: "cd".repeat(32) });
    const d = await set("d", { ...ours, configuration: "d" });
    const e = await set("e", ours, "jsonl");
    const merge = (...files: string[]) => Array.fromAsync(decodeRecords(mergeRecords(files, "npz")));
    assertEquals((await merge(a, b, e)).map(({ key }) => key), ["000000", "000001", "e"]);
    await assertRejects(() => merge(a, c), RangeError, `the codebook of ${a} is "abab`);
    await assertRejects(() => merge(e, c), RangeError, `that of ${c} is "cdcd`);
    await assertRejects(() => merge(a, d), RangeError, `the configuration of ${a} is "c", that of ${d} is "d"`);
    const unknown = await write(join(folder, "x.npy"), [recordOf("x", 1, 2)], "npy");
    await assertRejects(() => merge(a, unknown), RangeError, "is an unknown one");
    await assertRejects(() => merge(join(folder, "gone.npy")), Error, "gone.npy");
  });
});

Deno.test("merge writes into no file that tokenize made", async () => {
  await withFolder(async (folder) => {
    const one = await write(join(folder, "1.jsonl"), [recordOf("a", 1, 2)]);
    await Deno.writeTextFile(join(folder, "out.tar.manifest.json"), "{}");
    assertStringIncludes(await fail(1, "merge", one, "-o", join(folder, "out.tar")), "Choose another name");
  });
});
