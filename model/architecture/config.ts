/**
 * `config.json`: the parameters of upstream's `VQModel`, checked.
 *
 * @module
 */

import { show } from "../../hub/show.ts";
import type { Activation, PixelRange } from "../../kernels/mod.ts";
import { ConfigError } from "./errors.ts";

/** Kinds of encoder levels. */
export type DownBlockType = "DownEncoderBlock2D" | "AttnDownEncoderBlock2D";
/** Kinds of decoder levels. */
export type UpBlockType = "UpDecoderBlock2D" | "AttnUpDecoderBlock2D";

/** The parameters of Diffusers' `VQModel`, by the keys of `config.json`; missing ones have upstream's defaults. */
export interface VQConfig {
  /** Channels of the pictures that are encoded. Default 3. */
  readonly in_channels: number;
  /** Channels of the pictures that are decoded. Default 3. */
  readonly out_channels: number;
  /** One for each level of the encoder, finest first. Default one `DownEncoderBlock2D`. */
  readonly down_block_types: readonly DownBlockType[];
  /** One for each level of the decoder, coarsest first. Default one `UpDecoderBlock2D`. */
  readonly up_block_types: readonly UpBlockType[];
  /** Channels of each level, finest first. Default `[64]`. */
  readonly block_out_channels: readonly number[];
  /** Resnets in a level of the encoder; the decoder has one more. Default 1. */
  readonly layers_per_block: number;
  /** Activation of the resnets: `silu` (or `swish`), `mish`, `gelu`, `relu`, in any case. Default `silu`. */
  readonly act_fn: string;
  /** Channels of the latents between encoder and `quant_conv`. Default 3. */
  readonly latent_channels: number;
  /** Side of the pictures the model was trained on, or height and width; nothing is computed from it. Default 32. */
  readonly sample_size: number | readonly number[] | null;
  /** Rows of the codebook. Default 256. */
  readonly num_vq_embeddings: number;
  /** Groups of the group norms; spatial norms always have 32. Default 32. */
  readonly norm_num_groups: number;
  /** Channels of a code vector; `null` stands for `latent_channels`. Default `null`. */
  readonly vq_embed_dim: number | null;
  /** For pipelines; the model does not scale latents by it. Default 0.18215. */
  readonly scaling_factor: number | readonly number[] | null;
  /** Norms of the decoder: `group`, or `spatial` (MoVQ), which the quantized latents modulate. Default `group`. */
  readonly norm_type: "group" | "spatial";
  /** Whether both mid blocks have an attention. Default true. */
  readonly mid_block_add_attention: boolean;
  /** Whether `decode` with `forceNotQuantize` takes indices rather than latents. Default false. */
  readonly lookup_from_codebook: boolean;
  /** Whether upstream avoids float16 for this model; nothing is computed from it. Default false. */
  readonly force_upcast: boolean | number | null;
  /** What a model of another family has beyond these. Diffusers' own models have none. */
  readonly family?: FamilyConfig;
}

/** The families of checkpoints that are read beside Diffusers' own. */
export type FamilyName =
  | "taming"
  | "latent-diffusion"
  | "movqgan"
  | "llamagen"
  | "janus"
  | "ibq"
  | "emu3.5"
  | "magvit-v2"
  | "maskgit";

/** What a model of another family has beyond the parameters of Diffusers' `VQModel`. */
export interface FamilyConfig {
  /** Where the checkpoint is from. */
  readonly name: FamilyName;
  /**
   * Which code a latent gets: the `nearest`; the nearest by angle (`unit_vectors`: the codes have length 1); the one of
   * the greatest `inner_product`; or its `signs`, bit by bit.
   */
  readonly quantizer: "nearest" | "unit_vectors" | "inner_product" | "signs";
  /** Numbers that pixels are given as: `signed` is -1 to 1, `unit` is 0 to 1. */
  readonly pixel_range: PixelRange;
  /** Whether a resnet's 1×1 shortcut is applied to its input, as in Diffusers, or to its result. Default `input`. */
  readonly shortcut?: "input" | "result";
  /** Resnets in each level of the encoder, finest first. Default `layers_per_block`. */
  readonly encoder_layers?: readonly number[];
  /** Resnets in each level of the decoder, coarsest first. Default one more than `layers_per_block`. */
  readonly decoder_layers?: readonly number[];
  /** Channels of each level of the decoder, coarsest first. Default those of the encoder. */
  readonly decoder_out_channels?: readonly number[];
  /** Resnets between encoder and latents, and between latents and decoder. Default 2. */
  readonly mid_block_layers?: number;
  /** Channels that the encoder's first convolution makes of a picture. Default those of its first level. */
  readonly conv_in_channels?: number;
}

/** A configuration, and the other keys of its file. */
export interface ParsedConfig {
  readonly config: VQConfig;
  /** Unknown keys, such as `_diffusers_version`; kept for saving. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Groups of every spatial norm. */
export const SPATIAL_NORM_GROUPS = 32;

/** Far beyond any model: a damaged or hostile file must not make us build a billion layers. */
const MAX_LAYERS = 256;
const MAX_LEVELS = 24;

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

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  silu: "silu",
  swish: "silu",
  mish: "mish",
  gelu: "gelu",
  relu: "relu",
};

/**
 * Checks the parsed `config.json` and fills in defaults.
 *
 * @throws {ConfigError} that names the key, its value, and what is allowed
 */
export function parseConfig(json: unknown): ParsedConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ConfigError(`Cannot read the configuration: expected a JSON object, found ${show(json)}`);
  }
  const { _class_name, ...given } = json as Record<string, unknown>;
  if (_class_name !== undefined && _class_name !== "VQModel") {
    fail("_class_name", _class_name, '"VQModel"; this repository or folder holds another kind of model');
  }
  const known = Object.keys(DEFAULTS);
  const config = Object.fromEntries(
    known.map((key) => [key, given[key] === undefined ? DEFAULTS[key as keyof VQConfig] : given[key]]),
  ) as unknown as VQConfig;
  const extra = Object.fromEntries(Object.entries(given).filter(([key]) => !known.includes(key)));
  return { config: checkConfig(config), extra };
}

/**
 * Checks a configuration, and makes it read-only.
 *
 * @throws {ConfigError} that names the key, its value, and what is allowed
 */
export function checkConfig(config: VQConfig): VQConfig {
  checkTypes(config);
  checkLevels(config);
  if (config.family) checkFamily(config.family, config.block_out_channels.length);
  checkGroups(config);
  return freeze(config);
}

/** The text of `config.json`. */
export function formatConfig({ config, extra }: ParsedConfig): string {
  return JSON.stringify({ _class_name: "VQModel", ...extra, ...config }, null, 2) + "\n";
}

/** The activation of the resnets. */
export function activationOf({ act_fn }: VQConfig): Activation {
  return ACTIVATIONS[act_fn.toLowerCase()];
}

/** Channels of a code vector. */
export function embedDim({ vq_embed_dim, latent_channels }: VQConfig): number {
  return vq_embed_dim ?? latent_channels;
}

/** Channels that spatial norms have weights for: Diffusers counts those of the latents, though the codes are given. */
export function spatialNormChannels(config: VQConfig): number {
  return config.family ? embedDim(config) : config.latent_channels;
}

/** Pixels along each side of a picture for one token. */
export function downsamplingFactor({ block_out_channels }: VQConfig): number {
  return 2 ** (block_out_channels.length - 1);
}

/**
 * The range of pixels that a model takes and gives. Diffusers' configuration does not state it: of its models, only
 * aMUSEd's, for which `lookup_from_codebook` was added, take pixels from 0 to 1.
 */
export function pixelRangeOf({ family, lookup_from_codebook }: VQConfig): PixelRange {
  return family?.pixel_range ?? (lookup_from_codebook ? "unit" : "signed");
}

function checkTypes(config: VQConfig): void {
  const counts = [
    "in_channels",
    "out_channels",
    "latent_channels",
    "num_vq_embeddings",
    "norm_num_groups",
  ] as const;
  for (const key of counts) checkCount(key, config[key]);
  checkCount("layers_per_block", config.layers_per_block, MAX_LAYERS);
  if (config.vq_embed_dim !== null) checkCount("vq_embed_dim", config.vq_embed_dim);
  for (const key of ["mid_block_add_attention", "lookup_from_codebook"] as const) {
    if (typeof config[key] !== "boolean") fail(key, config[key], "true or false");
  }
  // Nothing is computed from the next three: whatever Python accepts is kept.
  for (const key of ["sample_size", "scaling_factor"] as const) {
    const value = config[key];
    if (value !== null && ![value].flat().every(Number.isFinite)) {
      fail(key, value, "a number, a list of numbers or null");
    }
  }
  const { force_upcast, act_fn, norm_type } = config;
  if (force_upcast !== null && typeof force_upcast !== "boolean" && !Number.isFinite(force_upcast)) {
    fail("force_upcast", force_upcast, "true, false, a number or null");
  }
  if (typeof act_fn !== "string" || !Object.hasOwn(ACTIVATIONS, act_fn.toLowerCase())) {
    fail("act_fn", act_fn, `one of ${Object.keys(ACTIVATIONS).join(", ")}`);
  }
  if (norm_type !== "group" && norm_type !== "spatial") fail("norm_type", norm_type, '"group" or "spatial"');
}

function checkLevels(config: VQConfig): void {
  const { block_out_channels, down_block_types, up_block_types } = config;
  if (!Array.isArray(block_out_channels) || block_out_channels.length === 0 || block_out_channels.length > MAX_LEVELS) {
    fail("block_out_channels", block_out_channels, `a list of channel counts, 1 to ${MAX_LEVELS} of them`);
  }
  checkBlockTypes("down_block_types", down_block_types, ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]);
  checkBlockTypes("up_block_types", up_block_types, ["UpDecoderBlock2D", "AttnUpDecoderBlock2D"]);
  for (const [key, types] of Object.entries({ down_block_types, up_block_types })) {
    if (types.length !== block_out_channels.length) {
      fail(key, types, `as many entries as block_out_channels, which has ${block_out_channels.length}`);
    }
  }
}

function checkBlockTypes(key: string, types: readonly string[], allowed: readonly string[]): void {
  if (!Array.isArray(types) || types.length === 0) fail(key, types, `a list of ${allowed.join(" or ")}`);
  types.forEach((type, i) => {
    if (!allowed.includes(type)) fail(`${key}[${i}]`, type, allowed.join(" or "));
  });
}

function checkFamily(family: FamilyConfig, levels: number): void {
  const { encoder_layers, decoder_layers, decoder_out_channels, mid_block_layers = 2 } = family;
  for (const [key, counts] of Object.entries({ encoder_layers, decoder_layers, decoder_out_channels })) {
    if (counts === undefined || counts.length === levels) continue;
    fail(`family.${key}`, counts, `as many entries as block_out_channels, which has ${levels}`);
  }
  encoder_layers?.forEach((layers, i) => checkCount(`family.encoder_layers[${i}]`, layers, MAX_LAYERS));
  decoder_layers?.forEach((layers, i) => checkCount(`family.decoder_layers[${i}]`, layers, MAX_LAYERS));
  checkCount("family.mid_block_layers", mid_block_layers, MAX_LAYERS);
}

function checkGroups({ block_out_channels, family, norm_num_groups, norm_type }: VQConfig): void {
  const listed = (key: string, counts: readonly number[]) => counts.map((count, i) => [`${key}[${i}]`, count] as const);
  const widths = [
    ...listed("block_out_channels", block_out_channels),
    ...listed("family.decoder_out_channels", family?.decoder_out_channels ?? []),
    ["family.conv_in_channels", family?.conv_in_channels ?? block_out_channels[0]] as const,
  ];
  for (const [key, channels] of widths) {
    checkCount(key, channels);
    if (channels % norm_num_groups !== 0) {
      fail(key, channels, `a multiple of norm_num_groups, which is ${norm_num_groups}`);
    }
    if (norm_type === "spatial" && channels % SPATIAL_NORM_GROUPS !== 0) {
      fail(
        key,
        channels,
        `a multiple of ${SPATIAL_NORM_GROUPS}, the groups of every spatial norm (norm_type "spatial")`,
      );
    }
  }
}

function checkCount(key: string, value: unknown, most?: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= (most ?? Infinity)) return;
  fail(key, value, `a whole number ≥ 1${most === undefined ? "" : ` and ≤ ${most}`}`);
}

function fail(key: string, value: unknown, allowed: string): never {
  throw new ConfigError(`Cannot use the configuration: ${key} is ${show(value)}; expected ${allowed}`);
}

function freeze(config: VQConfig): VQConfig {
  for (const value of Object.values({ ...config, ...config.family })) Object.freeze(value);
  return Object.freeze(config);
}
