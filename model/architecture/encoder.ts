/**
 * From picture to latents.
 *
 * @module
 */

import type { Graph, Node } from "../../kernels/mod.ts";
import { blocksOf, downsample, groupNorm, level, midBlock } from "./blocks.ts";
import { embedDim, type VQConfig } from "./config.ts";
import { convInChannels, encoderLevels, midBlockOf } from "./levels.ts";
import type { Scope } from "./scope.ts";

/**
 * Upstream's `VQModel.encode`: `[n, in_channels, H, W]` → `[n, vq_embed_dim, h, w]`, each side halved and floored at
 * every level but the last.
 */
export function encode(g: Graph, w: Scope, config: VQConfig, sample: Node): Node {
  const latents = encoder(g, w.at("encoder"), config, sample);
  return g.conv2d(latents, w.conv("quant_conv", { in: config.latent_channels, out: embedDim(config), kernel: 1 }));
}

function encoder(g: Graph, w: Scope, config: VQConfig, sample: Node): Node {
  const levels = encoderLevels(config);
  const norm = groupNorm(g, config.norm_num_groups);
  const blocks = blocksOf(g, norm, config);

  let h = g.conv2d(sample, w.conv("conv_in", { in: config.in_channels, out: convInChannels(config) }));
  for (const [i, size] of levels.entries()) {
    const block = w.at(`down_blocks.${i}`);
    h = level(blocks, block, h, size);
    if (i < levels.length - 1) h = downsample(blocks, block, h);
  }
  h = midBlock(blocks, w.at("mid_block"), h, midBlockOf(config));
  h = norm.apply(w, "conv_norm_out", h, "silu"); // SiLU whatever act_fn is
  return g.conv2d(h, w.conv("conv_out", { in: levels.at(-1)!.channels, out: config.latent_channels }));
}
