/** What loading half of a model reads of files, and requests of servers. */
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { HubError, VQModel, WeightsError } from "../../../mod.ts";
import { preparePlace, REPO } from "../../hub/hub_fixture.ts";
import type { FakeHub, HubFile } from "../../hub/server.ts";
import { withFolder } from "../../support/folders.ts";
import { assertSameCodes, loadGolden } from "../../support/golden.ts";
import { fixture } from "../../support/paths.ts";
import { headerOf, readSafetensors } from "../../support/safetensors.ts";
import { outcomeOf } from "../pretrained/child.ts";
import { bytesSent, DEVICE, filesOf, optionsFor, placeWith, SAFETENSORS } from "../pretrained/place.ts";
import { take, tensorOf } from "../models.ts";
import { safetensorsFile } from "../../hub/files.ts";

const INDEX = `${SAFETENSORS}.index.json`;
const [FIRST, SECOND] = [1, 2].map((i) => `diffusion_pytorch_model-0000${i}-of-00002.safetensors`);
/** The tensors of the encoder alone. */
const ENCODER = /^(encoder|quant_conv)\./;

async function tokensOf(model: VQModel, name: string): Promise<Int32Array> {
  using sample = tensorOf(loadGolden(name).tensor("sample"));
  return (await model.tokenize(sample)).indices;
}

async function assertEncodes(model: VQModel, name: string): Promise<void> {
  const golden = loadGolden(name);
  assertSameCodes(
    await tokensOf(model, name),
    golden.integers("indices").data,
    golden.tensor("margin").data,
    "tokens",
  );
}

/** The files of a model whose tensors that match are in a first shard, and the others in a second. */
function shardsOf(name: string, first: RegExp): Record<string, HubFile> {
  const { [SAFETENSORS]: whole, ...others } = filesOf(name);
  const file = Uint8Array.from(whole.bytes);
  const { entries, end } = headerOf(file);
  const names = Object.keys(entries);
  const shard = (chosen: string[]) => {
    let at = 0;
    const parts = chosen.map((name) => file.slice(...entries[name].data_offsets.map((offset) => end + offset)));
    const header = chosen.map((name, i) => {
      return [name, { ...entries[name], data_offsets: [at, at += parts[i].length] }] as const;
    });
    return { bytes: safetensorsFile(Object.fromEntries(header), ...parts), lfs: true };
  };
  const map = Object.fromEntries(names.map((name) => [name, first.test(name) ? FIRST : SECOND]));
  return {
    ...others,
    [FIRST]: shard(names.filter((name) => first.test(name))),
    [SECOND]: shard(names.filter((name) => !first.test(name))),
    [INDEX]: { bytes: new TextEncoder().encode(JSON.stringify({ weight_map: map })) },
  };
}

function requested(hub: FakeHub): string {
  return hub.received.map(({ path }) => path).join("\n");
}

Deno.test("of shards on the Hub, those without tensors of the half are not downloaded; the others are cached", async () => {
  await using place = await placeWith(shardsOf("tiny-default", ENCODER));
  using decoder = await place.load({ only: "decoder" });
  assert(requested(place.hub).includes(SECOND));
  assert(!requested(place.hub).includes(FIRST));
  assertEquals(place.events.filter(({ status }) => status === "ignored"), []);
  using latents = tensorOf(loadGolden("tiny-default").tensor("latents"));
  const decoded = await take((await decoder.decode(latents)).sample);

  const before = place.hub.received.length;
  using again = await place.load({ only: "decoder", localFilesOnly: true });
  assertEquals(await take((await again.decode(latents)).sample), decoded);
  await assertRejects(() => place.load({ localFilesOnly: true }), HubError, "the cache does not hold all of it");
  assertEquals(place.hub.received.length, before);

  using whole = await place.load();
  await assertEncodes(whole, "tiny-default");
  const downloads = place.hub.received.slice(before).filter(({ method, server }) =>
    method === "GET" && server === "storage"
  );
  assertEquals(downloads.length, 1, "only the first shard is still to download");
});

Deno.test("a plain file of the Hub is cached as a whole, so that the other half needs no network", async () => {
  await using place = await placeWith(filesOf("tiny-default"));
  using encoder = await place.load({ only: "encoder" });
  await assertEncodes(encoder, "tiny-default");
  using decoder = await place.load({ only: "decoder", localFilesOnly: true });
  assertEquals(decoder.only, "decoder");
});

Deno.test("where no cache can be written, only the tensors of the half are requested", async () => {
  for (const name of ["tiny-default", "tiny-sharded"]) {
    await using place = await placeWith(filesOf(name));
    const { hub } = place;
    const net = `--allow-net=${[hub.url, hub.storageUrl].map((at) => new URL(at).host)}`;
    const run = async (options: { only?: "encoder" }) => {
      const before = bytesSent(hub);
      const outcome = await outcomeOf([net, "--deny-write", "--deny-read", "--deny-env", "--deny-ffi"], {
        ...{ source: REPO, options: { ...optionsFor(place), ...options }, shape: [1, 3, 32, 24] },
      });
      assertEquals(outcome.error, undefined);
      return { ...outcome, sent: bytesSent(hub) - before };
    };
    const [half, whole] = [await run({ only: "encoder" }), await run({})];
    assertEquals(half.tokens, whole.tokens);
    assertLess(half.sent, 0.6 * whole.sent, name);
    assertLess(half.held, whole.held);
  }
});

Deno.test("of a file on another server, only the tensors of the half are requested", async () => {
  await using place = await preparePlace(filesOf("tiny-default"));
  const { hub } = place;
  const { config } = loadGolden("tiny-default");
  const url = new URL(`owner/name/resolve/main/${SAFETENSORS}`, hub.url);
  const load = async (only?: "encoder") => {
    const before = hub.received.reduce((sum, { sent }) => sum + sent, 0);
    using model = await VQModel.fromSingleFile(url, { ...DEVICE, config, only, localFilesOnly: false });
    await assertEncodes(model, "tiny-default");
    return hub.received.reduce((sum, { sent }) => sum + sent, 0) - before;
  };
  const [half, whole] = [await load("encoder"), await load()];
  assertLess(half, 0.6 * whole);
});

Deno.test("a local model loads by half, though the files or tensors of the other half are gone", async () => {
  await withFolder(async (folder) => {
    const files = shardsOf("tiny-default", ENCODER);
    for (const [name, { bytes }] of Object.entries(files)) await Deno.writeFile(join(folder, name), bytes);
    await Deno.remove(join(folder, FIRST));
    const config = join(folder, "config.json");
    const decoderFile = join(folder, "decoder", SAFETENSORS);
    await Deno.mkdir(join(folder, "decoder"));
    await Deno.copyFile(join(folder, SECOND), decoderFile);
    await Deno.copyFile(config, join(folder, "decoder", "config.json"));
    using latents = tensorOf(loadGolden("tiny-default").tensor("latents"));
    using whole = await VQModel.fromPretrained(loadGolden("tiny-default").directory, DEVICE);
    const expected = await take((await whole.decode(latents)).sample);
    for (
      const load of [
        () => VQModel.fromPretrained(folder, { ...DEVICE, only: "decoder" }),
        () => VQModel.fromPretrained(folder, { ...DEVICE, only: "decoder", subfolder: "decoder" }),
        () => VQModel.fromSingleFile(decoderFile, { ...DEVICE, only: "decoder" }),
        () => VQModel.fromSingleFile(join(folder, SECOND), { ...DEVICE, only: "decoder", config }),
      ]
    ) {
      using model = await load();
      assertEquals(await take((await model.decode(latents)).sample), expected);
    }
    for (const only of ["encoder", undefined] as const) {
      await assertRejects(() => VQModel.fromPretrained(folder, { ...DEVICE, only }), WeightsError, FIRST);
      const load = () => VQModel.fromSingleFile(decoderFile, { ...DEVICE, only });
      await assertRejects(load, WeightsError, "missing: encoder.conv_in.weight");
    }
  });
});

/** Families with other names, with tensors that files lack, and with codes that are made. */
for (const name of ["taming", "llamagen", "magvitv2", "maskgit", "movqgan", "ibq"]) {
  Deno.test(`each half of ${name}'s checkpoint computes what the whole model does`, async () => {
    const directory = fixture(`families/${name}`);
    const stored = readSafetensors(join(directory, "io.safetensors"));
    using whole = await VQModel.fromPretrained(directory, DEVICE);
    using encoder = await VQModel.fromPretrained(directory, { ...DEVICE, only: "encoder" });
    using decoder = await VQModel.fromPretrained(directory, { ...DEVICE, only: "decoder" });
    using sample = tensorOf(stored.tensor("sample"));
    const tokens = await whole.tokenize(sample);
    assertEquals(await encoder.tokenize(sample), tokens);
    assertEquals(await take(await decoder.detokenize(tokens)), await take(await whole.detokenize(tokens)));
    for (const half of [encoder, decoder]) {
      assertEquals(half.config, whole.config);
      assertLess(half.numParameters(), whole.numParameters());
    }
  });
}
