/** Looking at, checking and merging the tokens of data sets. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openTokenSet, type TokenRecord } from "../../datasets/mod.ts";
import { decodePicture } from "../../mod.ts";
import { cli, fail, inFolder, MODEL, PICTURE, succeed } from "./command.ts";

/** Tokens of two pictures in two shards. */
async function tokenized(path: (name: string) => string, format = "tar"): Promise<string> {
  await Deno.mkdir(path("pictures"));
  for (const name of ["a.png", "b.png"]) await Deno.copyFile(PICTURE, join(path("pictures"), name));
  const tokens = path("tokens");
  const how = ["--size", "32", "--shard-size", "1", "--format", format, "--quiet", "--device", "wasm"];
  await succeed("tokenize", MODEL, path("pictures"), "-o", tokens, ...how);
  return tokens;
}

async function recordsOf(path: string): Promise<TokenRecord[]> {
  return await Array.fromAsync((await openTokenSet(path)).records());
}

Deno.test("stats measures the tokens of a folder, its manifest, or a file, and draws them", async () => {
  await inFolder(async (path) => {
    const tokens = await tokenized(path);
    const printed = await succeed("stats", tokens, "-o", path("plot.svg"));
    assertStringIncludes(printed, "pictures        2\ntokens          128\n");
    assertStringIncludes(printed, "perplexity ");
    assertStringIncludes(await Deno.readTextFile(path("plot.svg")), "<svg ");
    assertStringIncludes(await succeed("stats", tokens, "-o", path("plot.PNG")), `Wrote ${path("plot.PNG")}\n`);
    assertEquals((await decodePicture(await Deno.readFile(path("plot.PNG")))).width, 1680);
    const numbers = JSON.parse(await succeed("stats", join(tokens, "manifest.json"), "--json"));
    assertEquals([numbers.pictures, numbers.tokens], [2, 128]);
    assertEquals(numbers.counts.length, numbers.codes);
    assertEquals(numbers.entropy, JSON.parse(await succeed("stats", tokens, "--json")).entropy);
    assertStringIncludes(await succeed("stats", join(tokens, "000000.tar"), "--codes", "1024"), "pictures        1\n");
    await succeed("merge", tokens, "-o", path("all.npy"));
    assertStringIncludes(await fail(2, "stats", path("all.npy")), "--codes is needed");
    assertStringIncludes(await fail(2, "stats", tokens, "-o", path("plot.pdf")), "-o takes a .png or .svg");
    assertStringIncludes(await fail(1, "stats", path("nowhere")), "there is no such file or folder");
  });
});

Deno.test("verify finds changed, missing and impossible tokens", async () => {
  await inFolder(async (path) => {
    const tokens = await tokenized(path, "jsonl");
    assertEquals(await succeed("verify", tokens), "2 files, 2 pictures, 128 tokens\n");
    const shard = join(tokens, "000001.jsonl");
    const text = await Deno.readTextFile(shard);
    await Deno.writeTextFile(shard, text.replace(/"indices":\[\d+/, '"indices":[999999'));
    await Deno.remove(join(tokens, "000000.jsonl"));
    await fail(1, "verify", path("nowhere"));
    const missing = await cli(["verify", tokens]);
    assertStringIncludes(missing.stdout, "000000.jsonl: ");
    assertStringIncludes(missing.stdout, "found 999999");

    await Deno.copyFile(shard, join(tokens, "000000.jsonl"));
    const { code, stdout, stderr } = await cli(["verify", tokens]);
    assertEquals(code, 1);
    assertStringIncludes(stdout, "000001.jsonl: expected SHA-256");
    assertStringIncludes(stdout, "found 999999");
    assertStringIncludes(stdout, "000000.jsonl: expected");
    assertStringIncludes(stderr, "problems: remove these files, and make them again");
    const { problems } = JSON.parse((await cli(["verify", tokens, "--json"])).stdout);
    assert(problems.every(({ file }: { file: string }) => file.startsWith(tokens)));
  });
});

Deno.test("merge puts shards into one file of any format, with the same tokens", async () => {
  await inFolder(async (path) => {
    const tokens = await tokenized(path);
    const records = await recordsOf(tokens);
    assertEquals(records.map(({ key }) => key), ["a", "b"]);
    for (const name of ["all.parquet", "all.npz", "all.jsonl", "all.tar"]) {
      assertStringIncludes(await succeed("merge", tokens, "-o", path(name)), `Wrote ${path(name)}: 2 files, `);
      const merged = await recordsOf(path(name));
      assertEquals(
        merged.map(({ key, shape, indices }) => ({ key, shape: [...shape], indices })),
        records.map(({ key, shape, indices }) => ({ key, shape: [...shape], indices })),
        name,
      );
    }
    assertStringIncludes(await fail(2, "merge", tokens), "-o is needed");
    assertStringIncludes(await fail(2, "merge", tokens, "-o", path("all.json")), "-o takes a .tar");
    assertStringIncludes(await fail(1, "merge", tokens, PICTURE, "-o", path("none.tar")), "photo.png");
    assertEquals(await Deno.stat(path("none.tar")).catch(() => undefined), undefined);
  });
});
