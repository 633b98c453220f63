/** A tokenizer as a part of a language model, whose shards are on the Hub. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { openFile, openSafetensors } from "../../../hub/mod.ts";
import { bytesOf, safetensorsFile } from "../../hub/files.ts";
import type { HubFile } from "../../hub/server.ts";
import { loadGolden } from "../../support/golden.ts";
import { withFolder } from "../../support/folders.ts";
import { assertComputes, bytesSent, placeWith, SAFETENSORS } from "./place.ts";

const PREFIX = "gen_vision_model.";
const MB = 2 ** 20;

type Tensors = Record<string, { shape: readonly number[]; bytes: Uint8Array<ArrayBuffer> }>;

function shard(tensors: Tensors): HubFile {
  let end = 0;
  const header = Object.entries(tensors).map(([name, { shape, bytes }]) => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }];
  });
  const data = Object.values(tensors).map(({ bytes }) => bytes);
  return { bytes: safetensorsFile(Object.fromEntries(header), ...data), lfs: true };
}

/** The golden model under a prefix, in two shards of three, between tensors of a language model. */
async function repository(name: string): Promise<{ files: Record<string, HubFile>; wanted: number }> {
  const source = await openSafetensors(await openFile(join(loadGolden(name).directory, SAFETENSORS)));
  const language = (size: number) => ({ shape: [size / 4], bytes: new Uint8Array(size) });
  const shards: Tensors[] = [{ "lm.a": language(MB) }, { "lm.b": language(MB) }, { "lm.c": language(MB) }];
  let wanted = 0;
  for (const [i, [name, { shape }]] of [...source.tensors].entries()) {
    const { buffer } = await source.read(name);
    wanted += buffer.byteLength;
    shards[i % 2][PREFIX + name] = { shape, bytes: new Uint8Array(buffer) };
  }
  shards[1]["lm.d"] = language(MB);
  const fileOf = (i: number) => `model-0000${i + 1}-of-00003.safetensors`;
  const map = shards.flatMap((tensors, i) => Object.keys(tensors).map((tensor) => [tensor, fileOf(i)]));
  const index = { bytes: bytesOf(JSON.stringify({ weight_map: Object.fromEntries(map) })) };
  const files = Object.fromEntries(shards.map((tensors, i) => [fileOf(i), shard(tensors)]));
  return { files: { ...files, "model.safetensors.index.json": index }, wanted };
}

Deno.test("of a language model only the tokenizer is downloaded, and all the rest is reported", async () => {
  const golden = loadGolden("tiny-default");
  const { files, wanted } = await repository("tiny-default");
  await using place = await placeWith(files);
  using model = await place.load();
  await assertComputes(model, golden);

  const sent = bytesSent(place.hub);
  assert(sent < wanted + 400_000, `${sent} bytes of ${wanted}`);
  const ignored = place.events.filter(({ status }) => status === "ignored");
  assertEquals(ignored.map(({ tensors }) => tensors?.toSorted()), [["lm.a", "lm.b", "lm.c", "lm.d"]]);

  const before = bytesSent(place.hub);
  using decoder = await place.load({ only: "decoder" });
  assertEquals(decoder.config, model.config);
  const half = bytesSent(place.hub) - before;
  assert(half < 0.7 * sent, `${half} bytes of ${sent}`);

  await withFolder(async (folder) => {
    await model.savePretrained(folder);
    assert((await Deno.stat(join(folder, SAFETENSORS))).size < wanted + 100_000);
  });
});
