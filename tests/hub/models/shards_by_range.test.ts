/** A tokenizer inside a large model, of whose shards only the parts that hold it may be downloaded. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { HubError } from "../../../hub/mod.ts";
import { bytesOf, pickleOf, push, safetensorsFile, zipFile } from "../files.ts";
import { bytesSent, preparePlace, tree } from "../hub_fixture.ts";
import type { HubFile } from "../server.ts";

const MB = 2 ** 18; // elements
const PREFIX = "gen_vision_model.";

/** The tokenizer's tensors, in two parts; the rest of the shard is the language model's. */
const TOKENIZER: Tensors = {
  "encoder.conv_in.weight": Float32Array.from({ length: 1000 }, (_, i) => i),
  "encoder.large": Float32Array.from({ length: MB / 2 }, (_, i) => Math.sin(i)),
  "decoder.conv_in.weight": Float32Array.from({ length: 1000 }, (_, i) => -i),
};
const WANTED = 4 * (2000 + MB / 2);

type Tensors = Record<string, Float32Array<ArrayBuffer>>;

function toBytes({ buffer }: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

function safetensors(tensors: Tensors): Uint8Array<ArrayBuffer> {
  let end = 0;
  const header = Object.entries(tensors).map(([name, { length }]) => {
    const begin = end;
    end += 4 * length;
    return [name, { dtype: "F32", shape: [length], data_offsets: [begin, end] }];
  });
  return safetensorsFile(Object.fromEntries(header), ...Object.values(tensors).map(toBytes));
}

async function torch(tensors: Tensors): Promise<Uint8Array<ArrayBuffer>> {
  const all = Object.entries(tensors);
  const state = all.map(([name, { length }], i) => {
    return [name, push.tensor(push.storage("FloatStorage", `${i}`, length), 0, [length], [1])] as const;
  });
  return await zipFile([
    { name: "archive/data.pkl", data: pickleOf(push.stateDict(Object.fromEntries(state))) },
    ...all.map(([, values], i) => ({ name: `archive/data/${i}`, data: toBytes(values) })),
  ]);
}

/** A repository with two shards, the first of which holds the tokenizer between two large tensors. */
async function repository(write: (tensors: Tensors) => unknown, ending: string): Promise<Record<string, HubFile>> {
  const inner = Object.entries(TOKENIZER).map(([name, values]) => [PREFIX + name, values]);
  const shards: Tensors[] = [
    { "lm.a": new Float32Array(2 * MB), ...Object.fromEntries(inner), "lm.b": new Float32Array(2 * MB) },
    { "lm.c": new Float32Array(MB) },
  ];
  const files: Record<string, HubFile> = {};
  const map: Record<string, string> = {};
  for (const [i, tensors] of shards.entries()) {
    const name = `model-0000${i + 1}-of-00002.${ending}`;
    files[name] = { bytes: await write(tensors) as Uint8Array, lfs: true };
    for (const tensor of Object.keys(tensors)) map[tensor] = name;
  }
  files[`model.${ending}.index.json`] = { bytes: bytesOf(JSON.stringify({ weight_map: map })) };
  files["config.json"] = { bytes: bytesOf('{"model_type":"multi_modality"}') };
  return files;
}

for (const [ending, write] of [["safetensors", safetensors], ["bin", torch]] as const) {
  Deno.test(`of sharded .${ending} weights, only the tokenizer's tensors are downloaded`, async () => {
    await using place = await preparePlace(await repository(write, ending));
    const { config, weights } = await place.open();
    assertEquals(config, { model_type: "multi_modality" });
    assertEquals(weights.unopened, ["lm.c"]);
    weights.expect?.(Object.keys(TOKENIZER).map((name) => PREFIX + name));
    for (const [name, values] of Object.entries(TOKENIZER).reverse()) {
      assertEquals(await weights.read(PREFIX + name), values, name);
    }
    await weights.close();

    const sent = bytesSent(place);
    assert(sent < WANTED + 400_000, `${sent} bytes of ${WANTED}`);
    assert(place.hub.received.length < 30, `${place.hub.received.length} requests`);
    assertEquals(tree(place.blobs).length, 2, "configuration and index alone are in the cache");
    assert(place.events.some(({ status, file }) => status === "progress" && file.startsWith("model-00001")));
  });
}

Deno.test("a range whose connection breaks is continued", async () => {
  await using place = await preparePlace(await repository(safetensors, "safetensors"));
  let cuts = 0;
  place.hub.fault = ({ server }) => server === "storage" && cuts++ % 2 === 0 ? { cutAfter: 20_000 } : undefined;
  const { weights } = await place.open();
  for (const [name, values] of Object.entries(TOKENIZER)) assertEquals(await weights.read(PREFIX + name), values);
  await weights.close();
});

Deno.test("a server that sends whole files only is an error instead of gigabytes", async () => {
  await using place = await preparePlace(await repository(safetensors, "safetensors"));
  place.hub.fault = ({ server }) => server === "storage" ? { status: 200, body: new Uint8Array(100) } : undefined;
  await assertRejects(() => place.open(), HubError, "sends whole files only");
});

Deno.test("shards in the cache are read there", async () => {
  const files = await repository(safetensors, "safetensors");
  await using place = await preparePlace(files);
  const name = "model-00001-of-00002.safetensors";
  const { weights } = await place.open({ file: name });
  await weights.close();
  const sent = bytesSent(place);
  const inCache = await place.open({ file: "model.safetensors.index.json" });
  for (const [name, values] of Object.entries(TOKENIZER)) {
    assertEquals(await inCache.weights.read(PREFIX + name), values);
  }
  await inCache.weights.close();
  assertEquals(bytesSent(place), sent);
});
