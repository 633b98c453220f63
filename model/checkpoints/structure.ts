/**
 * The configuration of a model, as the names and shapes of its tensors tell it.
 *
 * @module
 */

import { WeightsError } from "../../hub/mod.ts";
import type { Shape } from "../../kernels/mod.ts";
import type { FamilyConfig, VQConfig } from "../architecture/config.ts";

/** The tensors of a model by Diffusers' names. */
type Tensors = ReadonlyMap<string, { readonly shape: Shape }>;

/** The resnets of one half that run at one size. */
interface Level {
  readonly channels: number;
  readonly layers: number;
  readonly hasAttention: boolean;
}

/**
 * The configuration of a model with these tensors.
 *
 * @throws {WeightsError} if one is missing that every model has
 */
export function configOf(tensors: Tensors, family?: FamilyConfig): VQConfig {
  const encoder = levelsOf(tensors, "encoder.down_blocks");
  const decoder = levelsOf(tensors, "decoder.up_blocks");
  const [codes, codeChannels] = shapeOf(tensors, "quantize.embedding.weight");
  const extension = { ...convInConfig(tensors, encoder), ...levelConfig(tensors, encoder, decoder) };
  return {
    in_channels: shapeOf(tensors, "encoder.conv_in.weight")[1],
    out_channels: shapeOf(tensors, "decoder.conv_out.weight")[0],
    down_block_types: encoder.map((level) => level.hasAttention ? "AttnDownEncoderBlock2D" : "DownEncoderBlock2D"),
    up_block_types: decoder.map((level) => level.hasAttention ? "AttnUpDecoderBlock2D" : "UpDecoderBlock2D"),
    block_out_channels: encoder.map(({ channels }) => channels),
    layers_per_block: encoder[0].layers,
    act_fn: "silu",
    latent_channels: shapeOf(tensors, "encoder.conv_out.weight")[0],
    sample_size: null,
    num_vq_embeddings: codes,
    norm_num_groups: 32,
    vq_embed_dim: codeChannels,
    scaling_factor: 0.18215,
    norm_type: tensors.has("decoder.conv_norm_out.conv_y.weight") ? "spatial" : "group",
    mid_block_add_attention: tensors.has("encoder.mid_block.attentions.0.to_q.weight"),
    lookup_from_codebook: false,
    force_upcast: false,
    ...(family && { family: { ...family, ...extension } }),
  };
}

/** Upstream's first convolution is as wide as `ch`, the first level `ch_mult[0]` times that. */
function convInConfig(tensors: Tensors, [{ channels }]: readonly Level[]): Partial<FamilyConfig> {
  const [conv_in_channels] = shapeOf(tensors, "encoder.conv_in.weight");
  return conv_in_channels === channels ? {} : { conv_in_channels };
}

/** What Diffusers' configuration cannot say: levels that differ by more than their width. */
function levelConfig(tensors: Tensors, encoder: readonly Level[], decoder: readonly Level[]): Partial<FamilyConfig> {
  const levels = {
    encoder_layers: encoder.map(({ layers }) => layers),
    decoder_layers: decoder.map(({ layers }) => layers),
    decoder_out_channels: decoder.map(({ channels }) => channels),
    mid_block_layers: count((i) => tensors.has(`encoder.mid_block.resnets.${i}.conv1.weight`)),
  };
  const [{ layers }] = encoder;
  const isDiffusers = encoder.every((level) => level.layers === layers) &&
    decoder.every((level, i) => level.layers === layers + 1 && level.channels === encoder.at(-1 - i)?.channels) &&
    levels.mid_block_layers === 2;
  return isDiffusers ? {} : levels;
}

/** The levels of one half, in the order in which they run. */
function levelsOf(tensors: Tensors, half: string): Level[] {
  const levels = count((i) => tensors.has(`${half}.${i}.resnets.0.conv1.weight`));
  if (levels === 0) throw missing(`${half}.0.resnets.0.conv1.weight`);
  return Array.from({ length: levels }, (_, i) => ({
    channels: shapeOf(tensors, `${half}.${i}.resnets.0.conv1.weight`)[0],
    layers: count((j) => tensors.has(`${half}.${i}.resnets.${j}.conv1.weight`)),
    hasAttention: tensors.has(`${half}.${i}.attentions.0.to_q.weight`),
  }));
}

/** How many of 0, 1, 2, … there are in a row. */
function count(isThere: (i: number) => boolean): number {
  let i = 0;
  while (isThere(i)) i++;
  return i;
}

function shapeOf(tensors: Tensors, name: string): Shape {
  const tensor = tensors.get(name);
  if (!tensor) throw missing(name);
  return tensor.shape;
}

function missing(name: string): WeightsError {
  return new WeightsError(
    `Cannot tell the architecture from the checkpoint: expected a tensor for ${name}, found none`,
  );
}
