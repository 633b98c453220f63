/** `vqmodel detokenize` on whole data sets, as processes with their files and exit codes. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  encodeRecords,
  folderSink,
  openSource,
  picturesOfTar,
  tokenizeDataset,
  type TokenRecord,
} from "../../datasets/mod.ts";
import { decodePicture, ImageProcessor, VQModel } from "../../mod.ts";
import { cli, fail, MODEL, succeed } from "../cli/command.ts";
import { withFolder } from "../support/folders.ts";
import { contentOf, LEAVES, numbered, writePictures } from "./pictures.ts";

const detokenize = (...args: string[]) => succeed("detokenize", LEAVES, "--device=wasm", "--threads=1", ...args);

Deno.test("a folder of shards becomes pictures named by their keys, those of single calls", async () => {
  using model = await VQModel.fromPretrained(LEAVES, { device: "wasm" });
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await writePictures(at("in/sub"), 2);
    await Deno.writeFile(at("in/wide.png"), numbered(7, 48));
    await tokenizeDataset(model, await openSource([at("in")], { shardSize: 2 }), folderSink(at("tokens")));
    assertEquals(await detokenize(at("tokens"), "-o", at("out")), `Wrote ${at("out")}: 3 pictures\n`);
    const made = await contentOf(at("out"));
    assertEquals(Object.keys(made), ["manifest.json", "sub/000.png", "sub/001.png", "wide.png"]);
    const processor = ImageProcessor.for(model);
    for (const name of Object.keys(made).slice(1)) {
      using sample = await processor.preprocess(at(`in/${name}`));
      using decoded = await model.detokenize(await model.tokenize(sample));
      const [expected] = await processor.postprocess(decoded);
      assertEquals((await decodePicture(await Deno.readFile(at(`out/${name}`)))).data, expected.data);
    }

    await detokenize(at("tokens/000000.tar"), at("tokens/000001.tar"), "-o", at("out.tar"), "--batch=2");
    const { readable } = await Deno.open(at("out.tar"));
    const archived: Record<string, string> = {};
    for await (const { key, bytes } of picturesOfTar(readable, "out.tar")) archived[key] = (await bytes()).toHex();
    assertEquals(Object.keys(archived), ["sub/000", "sub/001", "wide"]);

    const refused = await fail(1, "detokenize", MODEL, at("tokens"), "-o", at("other"));
    assertStringIncludes(refused, "they belong to the model");
  });
});

/** Records of grids of 8×8 codes. */
function records(...keys: string[]): AsyncIterable<TokenRecord> {
  return ReadableStream.from(keys.map((key, i) => {
    return { key, indices: new Int32Array(64).fill(i), shape: [8, 8] as const };
  }));
}

async function encoded(format: "jsonl" | "npy", ...keys: string[]): Promise<Uint8Array> {
  return await new Response(ReadableStream.from(encodeRecords(records(...keys), format, { dtype: "uint16" }))).bytes();
}

Deno.test("tokens without keys are named by their file, those of standard input by their keys or %d", async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await Deno.writeFile(at("one.npy"), await encoded("npy", "a"));
    await Deno.writeFile(at("two.npy"), await encoded("npy", "a", "b"));
    await detokenize(at("one.npy"), at("two.npy"), "-o", at("out"));
    const made = Object.keys(await contentOf(at("out")));
    assertEquals(made, ["manifest.json", "one.png", "two-000000.png", "two-000001.png"]);

    const lines = new TextDecoder().decode(await encoded("jsonl", "x/y", "z"));
    const args = ["detokenize", LEAVES, "--device=wasm", "--threads=1", "-"];
    assertEquals((await cli([...args, "-o", at("piped")], {}, lines)).code, 0);
    assertEquals(Object.keys(await contentOf(at("piped"))), ["manifest.json", "x/y.png", "z.png"]);
    await Deno.writeTextFile(at("lines.jsonl"), lines);
    await detokenize(at("lines.jsonl"), "-o", at("n-%d.png"));
    assertEquals((await decodePicture(await Deno.readFile(at("n-1.png")))).width, 32);
    assertStringIncludes(await fail(1, "detokenize", LEAVES, at("lines.jsonl"), "-o", at("n.png")), "put %d where");
  });
});

Deno.test("what is not there, or holds no tokens, is refused", async () => {
  await withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    await Deno.mkdir(at("empty"));
    const none = at("no model");
    assertStringIncludes(await fail(1, "detokenize", none, at("gone.tar"), "-o", at("out")), "gone.tar");
    assertStringIncludes(await fail(1, "detokenize", none, at("empty"), "-o", at("out")), "expected files of tokens");
    assertStringIncludes(await fail(2, "detokenize", none, at("empty")), "-o is needed");
  });
});
