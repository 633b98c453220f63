/**
 * From quantized latents to picture.
 *
 * @module
 */

import type { Graph, Node } from "../../kernels/mod.ts";
import { blocksOf, groupNorm, level, midBlock, spatialNorm, upsample } from "./blocks.ts";
import { embedDim, type VQConfig } from "./config.ts";
import { type Context, WHOLE } from "./context.ts";
import { decoderLevels, midBlockOf } from "./levels.ts";
import type { Scope } from "./scope.ts";

/**
 * What follows quantization in upstream's `VQModel.decode`: `[n, vq_embed_dim, h, w]` → `[n, out_channels, H, W]`.
 *
 * @param zq modulates spatial norms. Default: `quantized`; another node where only the weights are of interest
 * @param context where norms and attentions get what they need of all pixels. Default: all pixels are there
 */
export function decode(
  g: Graph,
  w: Scope,
  config: VQConfig,
  quantized: Node,
  { zq = quantized, context = WHOLE }: { zq?: Node; context?: Context } = {},
): Node {
  const latents = g.conv2d(
    quantized,
    w.conv("post_quant_conv", { in: embedDim(config), out: config.latent_channels, kernel: 1 }),
  );
  return decoder(g, w.at("decoder"), config, latents, { zq, context });
}

function decoder(
  g: Graph,
  w: Scope,
  config: VQConfig,
  latents: Node,
  { zq, context }: { zq: Node; context: Context },
): Node {
  const levels = decoderLevels(config);
  const norm = config.norm_type === "spatial"
    ? spatialNorm(g, zq, context)
    : groupNorm(g, config.norm_num_groups, context);
  const blocks = blocksOf(g, norm, config, context);

  let h = g.conv2d(latents, w.conv("conv_in", { in: config.latent_channels, out: levels[0].channels }));
  h = midBlock(blocks, w.at("mid_block"), h, midBlockOf(config));
  for (const [i, size] of levels.entries()) {
    const block = w.at(`up_blocks.${i}`);
    h = level(blocks, block, h, size);
    if (i < levels.length - 1) h = upsample(blocks, block, h);
  }
  h = norm.apply(w, "conv_norm_out", h, "silu"); // SiLU whatever act_fn is
  return g.conv2d(h, w.conv("conv_out", { in: levels.at(-1)!.channels, out: config.out_channels }));
}
