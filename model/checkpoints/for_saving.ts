/**
 * Models of other families as Diffusers' own `VQModel`, for saving them.
 *
 * @module
 */

import { embedDim, type VQConfig } from "../architecture/config.ts";
import { ConfigError } from "../architecture/errors.ts";
import { convInChannels, decoderLevels, encoderLevels, type Level, midBlockOf } from "../architecture/levels.ts";
import { CODEBOOK } from "./family.ts";

type Values = Float32Array<ArrayBuffer>;

/** A model of Diffusers' own that computes the same. */
export interface Plain {
  /** Its configuration, which has no family. */
  readonly config: VQConfig;
  /** Makes its tensor of this name of the model's. */
  readonly convert: (name: string, values: Values) => Values;
}

/**
 * The model of Diffusers' own that computes the same; for one of Diffusers' it is the same.
 *
 * @throws {ConfigError} that says why there is none
 */
export function plainModel(model: VQConfig): Plain {
  const { family, ...config } = model;
  if (!family) return unchanged(config);
  const reasons = reasonsAgainst(model);
  if (reasons.length > 0) {
    throw new ConfigError(
      `Cannot save the model: no VQModel of Diffusers computes the same, as this one (${family.name}) has ` +
        `${reasons.join("; ")}. Use its original checkpoint instead`,
    );
  }
  return family.quantizer === "inner_product" ? withLengthChannel(config) : unchanged(config);
}

function unchanged(config: VQConfig): Plain {
  return { config, convert: (_, values) => values };
}

/** What Diffusers' configuration has no words for. */
function reasonsAgainst(config: VQConfig): string[] {
  const { block_out_channels, layers_per_block } = config;
  const [encoder, decoder, middle] = [encoderLevels(config), decoderLevels(config), midBlockOf(config)];
  const show = (levels: readonly Level[], key: "layers" | "channels") => levels.map((level) => level[key]).join(", ");
  const reasons = [];
  if (config.family?.shortcut === "result") {
    reasons.push("shortcuts that are applied to the results of resnets, not to their inputs");
  }
  const isRegular = encoder.every(({ layers }) => layers === layers_per_block) &&
    decoder.every(({ layers }) => layers === layers_per_block + 1);
  if (!isRegular) {
    const layers = `${show(encoder, "layers")} resnets in the encoder and ${show(decoder, "layers")} in the decoder`;
    reasons.push(`levels of ${layers}, not equally many and one more`);
  }
  if (decoder.some(({ channels }, i) => channels !== block_out_channels.at(-1 - i))) {
    reasons.push(`levels of ${show(decoder, "channels")} channels in the decoder, not the encoder's`);
  }
  if (convInChannels(config) !== block_out_channels[0]) {
    reasons.push(`a first convolution of ${convInChannels(config)} channels, not those of the first level`);
  }
  if (config.norm_type === "spatial" && embedDim(config) !== config.latent_channels) {
    reasons.push(`spatial norms of codes of ${embedDim(config)} channels, not as many as latents have`);
  }
  if (middle.layers !== 2) reasons.push(`a middle of ${middle.layers} resnets, not 2`);
  return reasons;
}

/**
 * The code of the greatest inner product as the nearest one: one more channel gives all codes the same length, and is 0 in
 * latents and after the codes were decoded.
 */
function withLengthChannel(config: VQConfig): Plain {
  const channels = embedDim(config);
  return {
    config: { ...config, vq_embed_dim: channels + 1 },
    convert(name, values) {
      switch (name) {
        case CODEBOOK:
          return appendColumn(values, channels, missingLengths(values, channels));
        case "quant_conv.weight":
          return appendZeros(values, config.latent_channels);
        case "quant_conv.bias":
          return appendZeros(values, 1);
        case "post_quant_conv.weight":
          return appendColumn(values, channels, new Float64Array(config.latent_channels));
        default:
          return values;
      }
    },
  };
}

/** √(max|e|² - |e|²) for each code e. */
function missingLengths(codes: Values, channels: number): Float64Array {
  const squares = new Float64Array(codes.length / channels);
  codes.forEach((value, i) => squares[Math.floor(i / channels)] += value ** 2);
  const greatest = squares.reduce((most, square) => Math.max(most, square), 0);
  return squares.map((square) => Math.sqrt(greatest - square));
}

function appendColumn(values: Values, columns: number, column: Float64Array): Values {
  const widened = new Float32Array(values.length + column.length);
  column.forEach((value, row) => {
    widened.set(values.subarray(row * columns, (row + 1) * columns), row * (columns + 1));
    widened[row * (columns + 1) + columns] = value;
  });
  return widened;
}

function appendZeros(values: Values, count: number): Values {
  const longer = new Float32Array(values.length + count);
  longer.set(values);
  return longer;
}
