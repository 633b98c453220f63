import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError, Tensor, type VQConfig, VQModel } from "../../../mod.ts";
import { checkConfig, type FamilyConfig, formatConfig, parseConfig } from "../../../model/architecture/config.ts";
import { makeModel, MemoryFiles, take, TINY } from "../models.ts";
import { ANY_DEVICE } from "../../support/engines.ts";

/** What upstream's constructor takes where `config.json` says nothing. */
const DEFAULTS: VQConfig = {
  in_channels: 3,
  out_channels: 3,
  down_block_types: ["DownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D"],
  block_out_channels: [64],
  layers_per_block: 1,
  act_fn: "silu",
  latent_channels: 3,
  sample_size: 32,
  num_vq_embeddings: 256,
  norm_num_groups: 32,
  vq_embed_dim: null,
  scaling_factor: 0.18215,
  norm_type: "group",
  mid_block_add_attention: true,
  lookup_from_codebook: false,
  force_upcast: false,
};

const TWO_LEVELS = {
  block_out_channels: [32, 64],
  down_block_types: ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
  up_block_types: ["AttnUpDecoderBlock2D", "UpDecoderBlock2D"],
};

/** Loads a model that has no weights: what is wrong with its configuration is found before they are looked at. */
async function refusal(config: unknown): Promise<string> {
  const files = new MemoryFiles({}, new Map());
  const open = async () => ({ ...await files.opener(), config });
  const { message } = await assertRejects(() => VQModel.fromFiles(open), ConfigError);
  assertEquals(files.open, 0, "sources left open");
  return message;
}

Deno.test("an empty configuration is upstream's default model", async () => {
  assertEquals(parseConfig({}), { config: DEFAULTS, extra: {} });
  using model = await makeModel({});
  assertEquals(model.config, DEFAULTS);
  assertEquals([model.downsamplingFactor, model.device, model.dtype], [1, ANY_DEVICE, "float32"]);
});

Deno.test("values that are given stand as they are, and the configuration is frozen", () => {
  const given: Partial<VQConfig> = { ...TINY, act_fn: "GELU", vq_embed_dim: 5, scaling_factor: 1, force_upcast: true };
  const { config } = parseConfig(given);
  assertEquals(config, { ...DEFAULTS, ...given });
  assertThrows(() => (config as { in_channels: number }).in_channels = 1, TypeError);
  assertThrows(() => (config.block_out_channels as number[]).push(1), TypeError);
});

Deno.test("values that nothing is computed from may be null, a list or any number, and are kept and saved unchanged", () => {
  const values = {
    sample_size: [null, [256, 256], [], 32.5, 0, -1],
    scaling_factor: [null, [0.18, 0.2], 0, 1e300],
    force_upcast: [null, 1.5, 0, true],
  };
  for (const [key, list] of Object.entries(values)) {
    for (const value of list) {
      const parsed = parseConfig({ ...TINY, [key]: value });
      assertEquals(parsed.config[key as keyof VQConfig], value);
      assertEquals(JSON.parse(formatConfig(parsed))[key], value);
      assert(Object.isFrozen(parsed.config[key as keyof VQConfig]));
    }
  }
});

const COUNTS = [
  "in_channels",
  "out_channels",
  "layers_per_block",
  "latent_channels",
  "num_vq_embeddings",
  "norm_num_groups",
  "vq_embed_dim",
];

const WRONG_VALUES: [key: string, values: unknown[], allowed: string][] = [
  ...COUNTS.map((key): [string, unknown[], string] => [key, [0, -1, 1.5, "3", true, [3], 1e300], "a whole number ≥ 1"]),
  ...COUNTS.filter((key) => key !== "vq_embed_dim").map((key): [string, unknown[], string] => [
    key,
    [null],
    "a whole number ≥ 1",
  ]),
  ["mid_block_add_attention", [null, 1, "true"], "true or false"],
  ["lookup_from_codebook", [null, 0, "false"], "true or false"],
  ["force_upcast", ["true", [], {}], "true, false, a number or null"],
  ["scaling_factor", ["0.18", true, ["1"], {}], "a number, a list of numbers or null"],
  ["sample_size", ["256", true, [null], {}], "a number, a list of numbers or null"],
  ["act_fn", ["softplus", "", "toString", "silu ", null, 3, ["silu"]], "one of silu, swish, mish, gelu, relu"],
  ["norm_type", ["layer", "Group", "", null, 1], '"group" or "spatial"'],
  ["block_out_channels", [[], 64, "64", null, { 0: 64 }], "a list of channel counts"],
  ["down_block_types", [[], "DownEncoderBlock2D", null], "a list of DownEncoderBlock2D or AttnDownEncoderBlock2D"],
  ["up_block_types", [[], {}, null], "a list of UpDecoderBlock2D or AttnUpDecoderBlock2D"],
  ["_class_name", ["AutoencoderKL", "vqmodel", null, 3], '"VQModel"'],
];

for (const [key, values, allowed] of WRONG_VALUES) {
  Deno.test(`${key} that is ${values.map((value) => JSON.stringify(value)).join(" or ")} is refused`, async () => {
    for (const value of values) {
      const message = await refusal({ [key]: value });
      assertStringIncludes(message, `Cannot use the configuration: ${key} is ${JSON.stringify(value)}; expected`);
      assertStringIncludes(message, allowed);
      assertStringIncludes(message, "memory/config.json");
    }
  });
}

Deno.test("a value in a list is named by its place", async () => {
  const refuses = async (config: object, message: string) => assertStringIncludes(await refusal(config), message);
  for (const value of [0, 2.5, "64", null]) {
    const text = `block_out_channels[1] is ${JSON.stringify(value)}; expected a whole number ≥ 1`;
    await refuses({ ...TWO_LEVELS, block_out_channels: [32, value] }, text);
  }
  for (const type of ["CrossAttnDownBlock2D", "UpDecoderBlock2D", "downencoderblock2d", null, 1]) {
    await refuses(
      { ...TWO_LEVELS, down_block_types: ["DownEncoderBlock2D", type] },
      `down_block_types[1] is ${JSON.stringify(type)}; expected DownEncoderBlock2D or AttnDownEncoderBlock2D`,
    );
  }
  for (const type of ["UpBlock2D", "DownEncoderBlock2D", null]) {
    await refuses(
      { ...TWO_LEVELS, up_block_types: [type, "UpDecoderBlock2D"] },
      `up_block_types[0] is ${JSON.stringify(type)}; expected UpDecoderBlock2D or AttnUpDecoderBlock2D`,
    );
  }
});

Deno.test("lists of levels of different lengths are refused", async () => {
  const cases: [config: object, key: string][] = [
    [{ ...TWO_LEVELS, down_block_types: ["DownEncoderBlock2D"] }, "down_block_types"],
    [{ ...TWO_LEVELS, up_block_types: Array(3).fill("UpDecoderBlock2D") }, "up_block_types"],
    [{ block_out_channels: [32, 64] }, "down_block_types"],
  ];
  for (const [config, key] of cases) {
    const message = await refusal(config);
    assertMatch(message, new RegExp(`: ${key} is \\[.*\\]; expected as many entries as block_out_channels`));
    assertStringIncludes(message, "which has 2");
  }
});

Deno.test("channels that do not form norm_num_groups equal groups are refused", async () => {
  const message = await refusal({ ...TWO_LEVELS, block_out_channels: [32, 40], norm_num_groups: 16 });
  assertStringIncludes(message, "block_out_channels[1] is 40; expected a multiple of norm_num_groups, which is 16");
});

Deno.test("channels that do not form the 32 groups of spatial norms are refused, whatever norm_num_groups is", async () => {
  const config = { ...TWO_LEVELS, block_out_channels: [48, 64], norm_num_groups: 16 };
  parseConfig(config);
  assertStringIncludes(
    await refusal({ ...config, norm_type: "spatial" }),
    "block_out_channels[0] is 48; expected a multiple of 32",
  );
});

Deno.test("what a family has beyond Diffusers' configuration is checked, and frozen", () => {
  const family: FamilyConfig = {
    name: "magvit-v2",
    quantizer: "signs",
    pixel_range: "signed",
    encoder_layers: [4, 3],
    decoder_layers: [3, 4],
    decoder_out_channels: [96, 32],
    mid_block_layers: 256,
    conv_in_channels: 32,
  };
  const { config } = parseConfig(TWO_LEVELS);
  const given = { ...config, family };
  const checked = checkConfig(given);
  assertEquals(checked, given);
  assertThrows(() => (checked.family as { name: string }).name = "taming", TypeError);
  assertThrows(() => (checked.family!.encoder_layers as number[]).push(1), TypeError);

  const wrong: [own: Partial<FamilyConfig>, message: string][] = [
    [
      { encoder_layers: [4] },
      "family.encoder_layers is [4]; expected as many entries as block_out_channels, which has 2",
    ],
    [{ decoder_layers: [1, 2, 3] }, "family.decoder_layers is [1,2,3]; expected as many entries"],
    [{ decoder_out_channels: [] }, "family.decoder_out_channels is []; expected as many entries"],
    [{ encoder_layers: [4, 0] }, "family.encoder_layers[1] is 0; expected a whole number ≥ 1"],
    [{ decoder_layers: [257, 1] }, "family.decoder_layers[0] is 257; expected a whole number ≥ 1 and ≤ 256"],
    [{ mid_block_layers: 0 }, "family.mid_block_layers is 0; expected a whole number ≥ 1"],
    [{ mid_block_layers: 1e9 }, "family.mid_block_layers is 1000000000; expected a whole number ≥ 1 and ≤ 256"],
    [
      { decoder_out_channels: [64, 40] },
      "family.decoder_out_channels[1] is 40; expected a multiple of norm_num_groups",
    ],
    [{ conv_in_channels: 33 }, "family.conv_in_channels is 33; expected a multiple of norm_num_groups"],
  ];
  for (const [own, message] of wrong) {
    const error = assertThrows(() => checkConfig({ ...config, family: { ...family, ...own } }), ConfigError);
    assertStringIncludes(error.message, message);
  }
});

Deno.test("a configuration that is no object is refused", async () => {
  for (const [value, found] of [[null, "null"], [[], "[]"], ["{}", '"{}"'], [3, "3"]]) {
    assertStringIncludes(await refusal(value), `expected a JSON object, found ${found}`);
  }
});

Deno.test("a long value is cut short in the message", async () => {
  assert((await refusal({ act_fn: "x".repeat(10_000) })).length < 500);
});

Deno.test("unknown keys and those that start with an underscore are kept for saving, in upstream's form", () => {
  const extra = { _diffusers_version: "0.30.0", _name_or_path: "/a", sane_index_shape: [1, { deep: null }] };
  const parsed = parseConfig({ _class_name: "VQModel", ...extra, in_channels: 1 });
  assertEquals(parsed.extra, extra);
  assertEquals(Object.keys(parsed.config), Object.keys(DEFAULTS));
  assertEquals(JSON.parse(formatConfig(parsed)), { _class_name: "VQModel", ...extra, ...DEFAULTS, in_channels: 1 });
});

Deno.test("act_fn is read in any case, and swish is silu", async () => {
  const latents = async (act_fn: string) => {
    using model = await makeModel({ ...TINY, act_fn });
    assertEquals(model.config.act_fn, act_fn);
    return await take(
      (await model.encode(new Tensor(new Float32Array(48).map((_, i) => i / 48), [1, 3, 4, 4]))).latents,
    );
  };
  const silu = await latents("silu");
  for (const name of ["SiLU", "swish", "SWISH"]) assertEquals(await latents(name), silu, name);
  const mish = await latents("Mish");
  assert(mish.some((value, i) => value !== silu[i]), "mish computes what silu does");
});

Deno.test("codes may be wider or narrower than the latents", async () => {
  for (const vq_embed_dim of [1, 5, 8]) {
    using model = await makeModel({ ...TINY, vq_embed_dim });
    using sample = new Tensor(new Float32Array(48), [1, 3, 4, 4]);
    const { latents } = await model.encode(sample);
    assertEquals(latents.shape, [1, vq_embed_dim, 2, 2]);
    assertEquals((await model.decode(latents)).sample.shape, [1, 3, 4, 4]);
  }
});

Deno.test("spatial norms whose latents are not as wide as the codes encode and quantize, and refuse to decode", async () => {
  using model = await makeModel({ ...TINY, block_out_channels: [32, 32], norm_type: "spatial", vq_embed_dim: 5 });
  using sample = new Tensor(new Float32Array(48).fill(0.5), [1, 3, 4, 4]);
  const { latents } = await model.encode(sample);
  assertEquals(latents.shape, [1, 5, 2, 2]);
  const { quantized, indices } = await model.quantize(latents);
  assertEquals([quantized.shape, indices.shape], [[1, 5, 2, 2], [1, 2, 2]]);
  const tokens = await model.tokenize(sample);
  assertEquals(tokens.indices.length, 4);

  const message = 'norm_type "spatial" needs vq_embed_dim (5) to equal latent_channels (3)';
  await assertRejects(() => model.decode(latents), ConfigError, message);
  await assertRejects(() => model.decode(latents, { forceNotQuantize: true }), ConfigError, message);
  await assertRejects(() => model.forward(sample), ConfigError, message);
  await assertRejects(() => model.detokenize(tokens), ConfigError, message);
});
