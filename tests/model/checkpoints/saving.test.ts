/** Models of other families, saved as Diffusers' own `VQModel`. */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { ConfigError, type FamilyConfig, VQModel } from "../../../mod.ts";
import { plainModel, recognize } from "../../../model/checkpoints/mod.ts";
import { testOnEveryDevice } from "../../support/engines.ts";
import { withFolder } from "../../support/folders.ts";
import { assertClose, assertSameCodes } from "../../support/golden.ts";
import { type Checkpoint, generate, MemoryFiles, picture, take } from "../models.ts";
import { llamagenShapes, magvitShapes, movqganShapes, type Size, SMALL, tamingShapes } from "./upstream.ts";

/** What lies beside a checkpoint of IBQ. */
const IBQ = { model: { class_path: "src.IBQ.models.ibqgan.IBQ" } };

const CODES = 64;
const CHANNELS = 4;

/** Loads a checkpoint, saves it, and loads what was saved. */
async function withSaved(
  { checkpoint, configuration = {}, device }: {
    checkpoint: Checkpoint;
    configuration?: object;
    device: "webgpu" | "wasm";
  },
  test: (model: VQModel, saved: VQModel) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    using model = await VQModel.fromFiles(new MemoryFiles(configuration, checkpoint).opener, { device });
    await model.savePretrained(folder);
    const config = JSON.parse(await Deno.readTextFile(join(folder, "config.json")));
    assertEquals([config._class_name, "family" in config], ["VQModel", false]);
    using saved = await VQModel.fromPretrained(folder, { device });
    await test(model, saved);
  });
}

/** What a model makes of a picture: the decoded picture and the tokens. */
async function outputs(model: VQModel): Promise<[Float32Array, Int32Array]> {
  using sample = picture(1, 3, 32, 40);
  const { sample: decoded, commitLoss } = await model.forward(sample);
  commitLoss.dispose();
  const { indices } = await model.tokenize(sample);
  return [await take(decoded), indices];
}

const SIZE: Size = { ...SMALL, z_channels: CHANNELS, embed_dim: CHANNELS, n_embed: CODES };

const SAME = { taming: tamingShapes(SIZE), movqgan: movqganShapes(SIZE), llamagen: llamagenShapes(SIZE) };

for (const [family, shapes] of Object.entries(SAME)) {
  testOnEveryDevice(`${family} is saved with the same weights under Diffusers' names`, async (device) => {
    await withSaved({ checkpoint: generate(shapes), device }, async (model, saved) => {
      const { family: own, ...config } = model.config;
      assertEquals([own?.name, saved.config], [family, config]);
      assertEquals(await outputs(saved), await outputs(model));
      assertEquals((await saved.codebook()).hash, (await model.codebook()).hash);
    });
  });
}

testOnEveryDevice("ibq is saved with one more channel, which turns inner products into distances", async (device) => {
  const checkpoint = generate(tamingShapes({ ...SIZE, embed_dim: CHANNELS, z_channels: 6 }));
  await withSaved({ checkpoint, configuration: IBQ, device }, async (model, saved) => {
    const { family, ...config } = model.config;
    assertEquals([family?.quantizer, saved.config], ["inner_product", { ...config, vq_embed_dim: CHANNELS + 1 }]);

    using sample = picture(2, 3, 32, 40);
    const latents = await take((await model.encode(sample)).latents);
    const tokens = await saved.tokenize(sample);
    const { indices, margin } = greatestProducts(latents, checkpoint.get("quantize.embedding.weight")!.values());
    assertSameCodes(tokens.indices, indices, margin, "tokens");
    assert(new Set(indices).size > 8, "the picture has several codes");
    assertClose(
      await take(await saved.detokenize(tokens)),
      await take(await model.detokenize(tokens)),
      1e-5,
      "decoded",
    );
  });
});

/** For each latent of `[2, 4, 16, 20]` the code of the greatest inner product, and how far it is from the next. */
function greatestProducts(latents: Float32Array, codebook: Float32Array): { indices: number[]; margin: number[] } {
  const pixels = 16 * 20;
  const rms = Math.hypot(...latents) / Math.sqrt(latents.length);
  const codes = Array.from({ length: CODES }, (_, i) => codebook.subarray(i * CHANNELS, (i + 1) * CHANNELS));
  const found = Array.from({ length: latents.length / CHANNELS }, (_, i) => {
    const first = Math.floor(i / pixels) * CHANNELS * pixels + i % pixels;
    const products = codes.map((code) => code.reduce((sum, e, c) => sum + e * latents[first + c * pixels], 0));
    const [best, next] = codes.keys().toArray().sort((a, b) => products[b] - products[a]);
    const apart = Math.hypot(...codes[best].map((e, c) => e - codes[next][c]));
    return { index: best, margin: (products[best] - products[next]) / apart / rms };
  });
  return { indices: found.map(({ index }) => index), margin: found.map(({ margin }) => margin) };
}

/** MAGVIT-v2 with so many layers in each level of both halves. */
function magvit(encoder: number, decoder: number): Checkpoint {
  const levels = (layers: number) => ({ ch_mult: SIZE.ch_mult, num_res_blocks: SIZE.ch_mult.map(() => layers) });
  return generate(magvitShapes({ ...SIZE, attention: [] }, { encoder: levels(encoder), decoder: levels(decoder) }));
}

testOnEveryDevice("magvit-v2 is saved with its signs as codes if its levels are as in Diffusers", async (device) => {
  await withSaved({ checkpoint: magvit(1, 2), device }, async (model, saved) => {
    assertEquals([model.config.family?.quantizer, saved.config.num_vq_embeddings], ["signs", 2 ** CHANNELS]);
    assertEquals((await outputs(saved))[1], (await outputs(model))[1]);
  });
});

Deno.test("a model that Diffusers' VQModel cannot compute is not saved, and nothing is written", async () => {
  await withFolder(async (folder) => {
    using model = await VQModel.fromFiles(new MemoryFiles({}, magvit(1, 1)).opener, { device: "wasm" });
    const directory = join(folder, "saved");
    const { message } = await assertRejects(() => model.savePretrained(directory), ConfigError);
    assertMatch(message, /\(magvit-v2\) has levels of 1, 1 resnets in the encoder and 1, 1 in the decoder/);
    await assertRejects(() => Deno.stat(directory), Deno.errors.NotFound);
  });
});

Deno.test("the reasons why a model cannot be saved are those of its configuration", () => {
  const { config } = recognize(tamingShapes(SIZE))!;
  const cases: [own: Partial<FamilyConfig>, reason: RegExp][] = [
    [{ shortcut: "result" }, /has shortcuts that are applied to the results of resnets/],
    [{ encoder_layers: [1, 2] }, /has levels of 1, 2 resnets in the encoder and 2, 2 in the decoder/],
    [{ decoder_layers: [2, 3] }, /has levels of 1, 1 resnets in the encoder and 2, 3 in the decoder/],
    [{ decoder_out_channels: [64, 64] }, /has levels of 64, 64 channels in the decoder/],
    [{ conv_in_channels: 64 }, /has a first convolution of 64 channels/],
    [{ mid_block_layers: 3 }, /has a middle of 3 resnets/],
    [{ mid_block_layers: 1, shortcut: "result" }, /resnets, not to their inputs; a middle of 1 resnets/],
  ];
  for (const [own, reason] of cases) {
    const { message } = assertThrows(
      () => plainModel({ ...config, family: { ...config.family!, ...own } }),
      ConfigError,
    );
    assertMatch(message, reason);
  }
  const spatial = { ...config, norm_type: "spatial", latent_channels: 8 } as const;
  assertThrows(() => plainModel(spatial), ConfigError, "has spatial norms of codes of 4 channels");
  const { family, ...others } = config;
  assertEquals(plainModel({ ...config, family: { ...family!, encoder_layers: [1, 1] } }).config, others);
});
