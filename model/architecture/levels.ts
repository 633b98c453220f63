/**
 * The widths, layers and attentions of both halves.
 *
 * @module
 */

import type { VQConfig } from "./config.ts";

/** The resnets of one half that run at one size of the picture. */
export interface Level {
  readonly channels: number;
  readonly layers: number;
  readonly attentions: boolean;
}

/** What is between the levels and the latents, the same in both halves. */
export function midBlockOf({ family, mid_block_add_attention }: VQConfig): Pick<Level, "layers" | "attentions"> {
  return { layers: family?.mid_block_layers ?? 2, attentions: mid_block_add_attention };
}

/** The encoder's levels, finest first. */
export function encoderLevels(config: VQConfig): Level[] {
  return config.down_block_types.map((type, i) => ({
    channels: config.block_out_channels[i],
    layers: config.family?.encoder_layers?.[i] ?? config.layers_per_block,
    attentions: type === "AttnDownEncoderBlock2D",
  }));
}

/** The decoder's levels, coarsest first. */
export function decoderLevels(config: VQConfig): Level[] {
  const channels = config.family?.decoder_out_channels ?? config.block_out_channels.toReversed();
  return config.up_block_types.map((type, i) => ({
    channels: channels[i],
    layers: config.family?.decoder_layers?.[i] ?? config.layers_per_block + 1,
    attentions: type === "AttnUpDecoderBlock2D",
  }));
}

/** Channels that the encoder's first convolution makes of a picture. */
export function convInChannels({ block_out_channels, family }: VQConfig): number {
  return family?.conv_in_channels ?? block_out_channels[0];
}
