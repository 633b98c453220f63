/** From names and shapes of every family's checkpoints to configuration and tensors, without weights. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { FamilyConfig } from "../../../model/architecture/config.ts";
import { modelParameters } from "../../../model/architecture/passes.ts";
import { type Reading, recognize } from "../../../model/checkpoints/mod.ts";
import { tensorsOf } from "../../../model/engine/checkpoint.ts";
import { ConfigError, WeightsError } from "../../../mod.ts";
import {
  type Halves,
  llamagenShapes,
  magvitShapes,
  maskgitShapes,
  movqganShapes,
  type Shapes,
  type Size,
  SMALL,
  tamingShapes,
  under,
} from "./upstream.ts";

/** What a size has of its own, by what that is. */
const SIZES: Record<string, Partial<Size>> = {
  "the usual size": {},
  "one level": { ch_mult: [1], attention: [] },
  "one level of another width": { ch_mult: [3], attention: [0] },
  "six levels": { ch_mult: [1, 1, 2, 2, 4, 4], attention: [5], num_res_blocks: 2 },
  "levels of one width": { ch_mult: [1, 1, 1], attention: [2] },
  "a first level wider than conv_in": { ch_mult: [2, 2, 4], attention: [2] },
  "widths that fall and rise": { ch_mult: [2, 4, 1, 3], attention: [1, 3] },
  "four layers": { num_res_blocks: 4 },
  "attention at every level": { ch_mult: [1, 2, 2], attention: [0, 1, 2], num_res_blocks: 2 },
  "attention at the finest level": { ch_mult: [1, 2, 2], attention: [0] },
  "no attention in levels": { ch_mult: [1, 1, 2, 2, 4], attention: [] },
  "no attention at all": { attention: [], middleAttention: false },
  "attention in levels, none in the middle": { middleAttention: false },
  "codes narrower than the latents": { z_channels: 24, embed_dim: 4 },
  "codes wider than the latents": { z_channels: 4, embed_dim: 40 },
  "pictures of other channels": { in_channels: 1, out_ch: 4 },
  "one code of one channel": { n_embed: 1, embed_dim: 1 },
  "the published size": {
    ...{ ch: 128, ch_mult: [1, 1, 2, 2, 4], num_res_blocks: 2, attention: [4] },
    ...{ z_channels: 256, embed_dim: 256, n_embed: 16384 },
  },
};

/** A row of the table of families. */
interface Row {
  readonly expected: Pick<FamilyConfig, "name" | "quantizer" | "pixel_range">;
  readonly configuration?: unknown;
  readonly prefix?: string;
  readonly shapesOf: (size: Size) => Shapes;
}

const nearest = { quantizer: "nearest", pixel_range: "signed" } as const;
const unitVectors = { quantizer: "unit_vectors", pixel_range: "signed" } as const;
const innerProduct = { quantizer: "inner_product", pixel_range: "signed" } as const;

const ROWS: Record<string, Row> = {
  "taming-transformers": {
    expected: { name: "taming", ...nearest },
    configuration: { model: { target: "taming.models.vqgan.VQModel", params: { ddconfig: {} } } },
    shapesOf: tamingShapes,
  },
  "a checkpoint of taming-transformers' names alone": {
    expected: { name: "taming", ...nearest },
    shapesOf: tamingShapes,
  },
  Chameleon: {
    expected: { name: "taming", ...nearest },
    configuration: { model: { base_learning_rate: 4.5e-6, params: { embed_dim: 256, n_embed: 8192, ddconfig: {} } } },
    shapesOf: tamingShapes,
  },
  "latent diffusion's first stage": {
    expected: { name: "latent-diffusion", ...nearest },
    configuration: { model: { target: "ldm.models.autoencoder.VQModel" } },
    shapesOf: tamingShapes,
  },
  "a whole latent diffusion model": {
    expected: { name: "latent-diffusion", ...nearest },
    configuration: { model: { target: "ldm.models.diffusion.ddpm.LatentDiffusion" } },
    prefix: "first_stage_model.",
    shapesOf: tamingShapes,
  },
  MoVQGAN: {
    expected: { name: "movqgan", ...nearest },
    configuration: { model: { target: "movqgan.models.vqgan.MOVQ" } },
    shapesOf: movqganShapes,
  },
  LlamaGen: { expected: { name: "llamagen", ...unitVectors }, shapesOf: llamagenShapes },
  Janus: {
    expected: { name: "janus", ...unitVectors },
    configuration: { model_type: "multi_modality" },
    prefix: "gen_vision_model.",
    shapesOf: llamagenShapes,
  },
  IBQ: {
    expected: { name: "ibq", ...innerProduct },
    configuration: { seed_everything: true, model: { class_path: "src.IBQ.models.ibqgan.IBQ", init_args: {} } },
    shapesOf: tamingShapes,
  },
  "Emu3.5": {
    expected: { name: "emu3.5", ...innerProduct },
    configuration: { embed_dim: 256, n_embed: 131072, ddconfig: { ch: 128 } },
    shapesOf: tamingShapes,
  },
};

for (const [row, { expected, configuration, prefix = "", shapesOf }] of Object.entries(ROWS)) {
  for (const [variation, change] of Object.entries(SIZES)) {
    Deno.test(`${row} is recognized: ${variation}`, () => {
      const size = { ...SMALL, ...change };
      const shapes = shapesOf(size);
      const { config, tensors } = read(under(prefix, shapes), configuration);
      assertFamily(config.family, expected);
      assertWhole({ config, tensors }, under(prefix, shapes));
      const { in_channels, out_channels, latent_channels, vq_embed_dim, num_vq_embeddings } = config;
      assertEquals(
        [in_channels, out_channels, latent_channels, vq_embed_dim, num_vq_embeddings],
        [size.in_channels, size.out_ch, size.z_channels, size.embed_dim, size.n_embed],
      );
      assertEquals(config.block_out_channels, size.ch_mult.map((multiple) => multiple * size.ch));
      assertEquals(config.layers_per_block, size.num_res_blocks);
      assertEquals(config.norm_type, expected.name === "movqgan" ? "spatial" : "group");
      assertEquals(config.family?.conv_in_channels, size.ch_mult[0] === 1 ? undefined : size.ch);
    });
  }
}

const HALVES: Record<string, Halves> = {
  "the published layers": {
    encoder: { ch_mult: [1, 2, 2, 4, 4], num_res_blocks: [4, 3, 4, 3, 4] },
    decoder: { ch_mult: [1, 1, 2, 2, 4], num_res_blocks: [4, 4, 3, 4, 3] },
  },
  "two levels": {
    encoder: { ch_mult: [1, 2], num_res_blocks: [1, 3] },
    decoder: { ch_mult: [3, 1], num_res_blocks: [2, 1] },
  },
  "one level": {
    encoder: { ch_mult: [2], num_res_blocks: [2] },
    decoder: { ch_mult: [1], num_res_blocks: [1] },
  },
  "halves that would do for Diffusers": {
    encoder: { ch_mult: [1, 2], num_res_blocks: [2, 2] },
    decoder: { ch_mult: [1, 2], num_res_blocks: [3, 3] },
  },
};

for (const [variation, halves] of Object.entries(HALVES)) {
  for (const attention of [[], [0], [halves.encoder.ch_mult.length - 1]]) {
    Deno.test(`MAGVIT-v2 is recognized: ${variation}, attention at ${attention.join() || "no level"}`, () => {
      const bits = 3 + attention.length;
      const shapes = magvitShapes({ ...SMALL, z_channels: bits, attention, out_ch: 1 }, halves);
      const { config, tensors } = read(shapes, { _class_name: "MAGVITv2" });
      assertFamily(config.family, { name: "magvit-v2", quantizer: "signs", pixel_range: "signed" });
      assertWhole({ config, tensors }, shapes, ["quantize.embedding", "quantize.power_vals"]);
      assertEquals([config.num_vq_embeddings, config.vq_embed_dim, config.latent_channels], [2 ** bits, bits, bits]);
    });
  }
}

for (const [variation, change] of Object.entries(SIZES)) {
  Deno.test(`MaskGIT is recognized: ${variation}`, () => {
    const size = { ...SMALL, ...change };
    const shapes = maskgitShapes(size);
    const { config, tensors } = read(shapes, { _class_name: "MaskGitVQGAN", num_res_blocks: 99 });
    assertFamily(config.family, { name: "maskgit", quantizer: "nearest", pixel_range: "unit" });
    assertEquals(config.family?.shortcut, "result");
    assertWhole({ config, tensors }, shapes);
    assertEquals(config.mid_block_add_attention, false);
    assertEquals(config.family?.decoder_layers, size.ch_mult.map(() => size.num_res_blocks));
    assertEquals(config.family?.mid_block_layers, size.num_res_blocks);
  });
}

Deno.test("the coarsest level of the decoder is taming-transformers' last and LlamaGen's first", () => {
  const size = { ...SMALL, ch_mult: [1, 1, 1] };
  const origin = (shapes: Shapes) => read(shapes).tensors.get("decoder.up_blocks.0.resnets.0.conv1.weight")!.key;
  assertEquals(origin(tamingShapes(size)), "decoder.up.2.block.0.conv1.weight");
  assertEquals(origin(llamagenShapes(size)), "decoder.conv_blocks.0.res.0.conv1.weight");
});

for (const prefix of ["module.", "_orig_mod.", "model.", "module._orig_mod.", "state.vq.model."]) {
  Deno.test(`a model that training wrapped is recognized under ${prefix}`, () => {
    for (const shapes of [tamingShapes(SMALL), movqganShapes(SMALL), llamagenShapes(SMALL), maskgitShapes(SMALL)]) {
      assertWhole(read(under(prefix, shapes)), under(prefix, shapes));
    }
  });
}

Deno.test("what is beside the model keeps its name", () => {
  const shapes = tamingShapes(SMALL);
  const others: Shapes = new Map([
    ["loss.discriminator.main.0.weight", [4, 3, 4, 4]],
    ["model_ema.encoderconv_inweight", [32, 3, 3, 3]],
    ["ema_encoder.conv_inweight", [32, 3, 3, 3]],
    ["loss.logvar", []],
  ]);
  const { tensors } = read(new Map([...others, ...shapes]));
  for (const [name, shape] of others) assertEquals(tensors.get(name), { key: name, shape });
});

Deno.test("parts of a larger model that are called encoder and decoder, too, are none of the tokenizer's", () => {
  const prefix = "gen_vision_model.";
  const shapes = under(prefix, llamagenShapes(SMALL));
  const others: Shapes = new Map([
    ["encoder.layers.0.weight", [8, 8]],
    ["decoder.conv_in.bias", [7]],
    ["language_model.layers.0.weight", [8, 8]],
  ]);
  const reading = read(new Map([...shapes, ...others]));
  assertWhole(reading, shapes);
  assert(reading.tensors.has("language_model.layers.0.weight"));
  assert(!reading.tensors.has("encoder.layers.0.weight"));
});

Deno.test("of two tokenizers of one model the first stage is taken, and moving averages are not", () => {
  for (const [chosen, other] of [["first_stage_model.", "cond_stage_model."], ["", "ema."], ["model.", "model_ema."]]) {
    const [first, second] = [tamingShapes(SMALL), tamingShapes({ ...SMALL, in_channels: 5 })];
    const reading = read(new Map([...under(other, second), ...under(chosen, first)]));
    assertWhole(reading, under(chosen, first));
  }
});

Deno.test("of several tokenizers none is guessed at", () => {
  const shapes = new Map([...under("a.", tamingShapes(SMALL)), ...under("b.", llamagenShapes(SMALL))]);
  assertThrows(() => recognize(shapes), WeightsError, 'found several, under "a." and "b."');
});

Deno.test("checkpoints of Diffusers with a configuration, and those of other models, are of no family", () => {
  const others: Shapes[] = [
    new Map(),
    new Map([["encoder.conv_in.weight", [32, 3, 3, 3]]]),
    new Map([["encoder.conv_in.weight", [32, 3, 3, 3]], ["decoder.conv_in.weight", [32, 4, 3, 3]], [
      "encoder.down_blocks.0.resnets.0.conv1.weight",
      [32, 32, 3, 3],
    ]]),
    new Map([["encoder.down.0.block.0.conv1.weight", [32, 32, 3, 3]]]),
  ];
  for (const shapes of others) assertEquals(recognize(shapes, { _class_name: "VQModel" }), undefined);
});

Deno.test("a checkpoint with many places for a tokenizer is refused before they are searched", () => {
  const shapes: Shapes = new Map();
  for (let i = 0; i < 17; i++) {
    for (const half of ["encoder", "decoder"]) shapes.set(`${i}.${half}.conv_in.weight`, [32, 3, 3, 3]);
  }
  assertThrows(() => recognize(shapes), WeightsError, "expected one tokenizer, found 17 places");
});

Deno.test("a checkpoint without a codebook is refused by its name", () => {
  const shapes = tamingShapes(SMALL);
  shapes.delete("quantize.embedding.weight");
  assertThrows(() => recognize(shapes), WeightsError, "expected a tensor for quantize.embedding.weight");
});

Deno.test("a checkpoint whose signs would make gigabytes of codes is refused", () => {
  const shapes = magvitShapes({ ...SMALL, z_channels: 21 }, HALVES["two levels"]);
  assertThrows(() => recognize(shapes), WeightsError, "expected codes of at most 20 bits, found 21");
});

Deno.test("a checkpoint that no model can have is refused", () => {
  const changes: ((shapes: Shapes) => void)[] = [
    (shapes) => shapes.set("encoder.down.0.block.0.conv1.weight", [33, 32, 3, 3]),
    (shapes) => shapes.set("encoder.conv_in.weight", [33, 3, 3, 3]),
    (shapes) => shapes.set("decoder.up.0.block.0.conv1.weight", [33, 64, 3, 3]),
    (shapes) => shapes.set("quantize.embedding.weight", [0, 16]),
    (shapes) => shapes.set("quantize.embedding.weight", []),
    (shapes) => shapes.set("encoder.conv_in.weight", []),
    (shapes) => shapes.set("encoder.conv_out.weight", []),
    (shapes) => shapes.set("decoder.conv_out.weight", []),
    (shapes) => shapes.set("encoder.down.1.block.0.conv1.weight", []),
    (shapes) => shapes.delete("decoder.up.0.block.0.conv1.weight"),
    (shapes) => [...tamingShapes({ ...SMALL, ch_mult: Array(25).fill(1) })].forEach(([n, s]) => shapes.set(n, s)),
  ];
  for (const change of changes) {
    const shapes = tamingShapes(SMALL);
    change(shapes);
    const error = assertThrows(() => modelParameters(read(shapes).config));
    assert(error instanceof ConfigError || error instanceof WeightsError, String(error));
  }
});

function read(shapes: Shapes, configuration?: unknown): Reading {
  const reading = recognize(shapes, configuration);
  assert(reading, "not recognized");
  return reading;
}

function assertFamily(family: FamilyConfig | undefined, expected: Partial<FamilyConfig>): void {
  const { name, quantizer, pixel_range } = family!;
  assertEquals({ name, quantizer, pixel_range }, expected);
}

/** Asserts that every tensor of the model has its origin, and every tensor of the checkpoint its place. */
function assertWhole({ config, tensors }: Reading, shapes: Shapes, constants: string[] = []): void {
  const used = new Set<string | undefined>();
  for (const [name, shape] of modelParameters(config).flatMap(tensorsOf)) {
    assertEquals(tensors.get(name)?.shape, shape, name);
    used.add(tensors.get(name)?.key);
  }
  const training = [...shapes.keys()].filter((name) => name.endsWith("quantize.codebook_used"));
  const unused = [...shapes.keys()].filter((name) => !used.has(name));
  assertEquals(unused, [...training, ...constants]);
}
