/**
 * The building blocks of encoder and decoder.
 *
 * @module
 */

import type { Activation, Graph, Node } from "../../kernels/mod.ts";
import { activationOf, SPATIAL_NORM_GROUPS, type VQConfig } from "./config.ts";
import { type Context, type KeysAndValues, WHOLE } from "./context.ts";
import type { Level } from "./levels.ts";
import type { Scope } from "./scope.ts";

/** Epsilon of every norm, upstream's. */
const EPSILON = 1e-6;

/** A normalization with the activation that follows it, if any. */
export interface Norm {
  /** The name in checkpoints of the norm inside an attention. */
  readonly attentionName: "group_norm" | "spatial_norm";
  /** Normalizes `x` with the weights under `name`. */
  apply(w: Scope, name: string, x: Node, activation?: Activation): Node;
}

/** What all blocks of the encoder, or of the decoder, share. */
export interface Blocks {
  readonly g: Graph;
  readonly norm: Norm;
  readonly context: Context;
  /** Activation inside the resnets. */
  readonly activation: Activation;
  /** What a resnet's 1×1 shortcut is applied to. */
  readonly shortcut: "input" | "result";
}

/** The blocks of one half. */
export function blocksOf(g: Graph, norm: Norm, config: VQConfig, context: Context = WHOLE): Blocks {
  return { g, norm, context, activation: activationOf(config), shortcut: config.family?.shortcut ?? "input" };
}

/** Group normalization. */
export function groupNorm(g: Graph, groups: number, context: Context = WHOLE): Norm {
  return {
    attentionName: "group_norm",
    apply: (w, name, x, activation) => {
      const weights = w.norm(name, channelsOf(x));
      const coefficients = context.coefficients(x, { weights, groups, epsilon: EPSILON });
      return g.groupNorm(x, weights, { groups, epsilon: EPSILON, activation, coefficients });
    },
  };
}

/** Upstream's `SpatialNorm` (MoVQ): a group norm that is scaled and shifted per pixel by the quantized latents `zq`. */
export function spatialNorm(g: Graph, zq: Node, context: Context = WHOLE): Norm {
  return {
    attentionName: "spatial_norm",
    apply: (w, name, x, activation) => {
      const out = channelsOf(x);
      // Resizing by nearest repeats pixels, so the 1×1 convolutions may come before it, at the latents' size.
      const map = (part: string) => g.conv2d(zq, w.at(name).conv(part, { in: channelsOf(zq), out, kernel: 1 }));
      const weights = w.at(name).norm("norm_layer", out);
      const options = { groups: SPATIAL_NORM_GROUPS, epsilon: EPSILON };
      return g.groupNorm(x, weights, {
        ...options,
        activation,
        modulation: { scale: map("conv_y"), shift: map("conv_b") },
        coefficients: context.coefficients(x, { weights, ...options }),
      });
    },
  };
}

/** Upstream's `ResnetBlock2D`. */
export function resnet({ g, norm, activation, shortcut }: Blocks, w: Scope, x: Node, out: number): Node {
  const channels = channelsOf(x);
  const widen = (value: Node) => w.conv("conv_shortcut", { in: channelsOf(value), out, kernel: 1 });
  // Before the norm, which then may overwrite `x`.
  let residual: Node | undefined = x;
  if (channels !== out) residual = shortcut === "input" ? g.conv2d(x, widen(x)) : undefined;
  let h = norm.apply(w, "norm1", x, activation);
  h = g.conv2d(h, w.conv("conv1", { in: channels, out }));
  h = norm.apply(w, "norm2", h, activation);
  h = g.conv2d(h, w.conv("conv2", { in: out, out }), { residual });
  return residual ? h : g.conv2d(h, widen(h), { residual: h });
}

/** Upstream's `Attention` as VQ models use it: over all pixels, one head as wide as the channels. */
export function attention({ g, norm, context }: Blocks, w: Scope, x: Node): Node {
  const size = { in: channelsOf(x), out: channelsOf(x) };
  const h = norm.apply(w, norm.attentionName, x);
  const linear = (name: string) => g.conv2d(h, w.linear(name, size));
  const q = linear("to_q");
  const [k, v] = context.keysAndValues((): KeysAndValues => [linear("to_k"), linear("to_v")]);
  return g.conv2d(g.attention(q, k, v), w.linear("to_out.0", size), { residual: x });
}

/** Upstream's `UNetMidBlock2D`: resnets, with an attention after the first. */
export function midBlock(blocks: Blocks, w: Scope, x: Node, { layers, attentions }: Omit<Level, "channels">): Node {
  const channels = channelsOf(x);
  let h = resnet(blocks, w.at("resnets.0"), x, channels);
  if (attentions) h = attention(blocks, w.at("attentions.0"), h);
  for (let i = 1; i < layers; i++) h = resnet(blocks, w.at(`resnets.${i}`), h, channels);
  return h;
}

/** The resnets of a level, each followed by an attention where the level has them. */
export function level(blocks: Blocks, w: Scope, x: Node, { channels, layers, attentions }: Level): Node {
  let h = x;
  for (let i = 0; i < layers; i++) {
    h = resnet(blocks, w.at(`resnets.${i}`), h, channels);
    if (attentions) h = attention(blocks, w.at(`attentions.${i}`), h);
  }
  return h;
}

/** Upstream's `Downsample2D`: a 3×3 convolution of stride 2, padded on the right and at the bottom. */
export function downsample({ g }: Blocks, w: Scope, x: Node): Node {
  return g.conv2d(x, w.conv("downsamplers.0.conv", { in: channelsOf(x), out: channelsOf(x), stride: 2 }));
}

/** Upstream's `Upsample2D`: each pixel repeated to 2×2, then a 3×3 convolution. */
export function upsample({ g }: Blocks, w: Scope, x: Node): Node {
  return g.conv2d(x, w.conv("upsamplers.0.conv", { in: channelsOf(x), out: channelsOf(x) }), { upsample: true });
}

function channelsOf(x: Node): number {
  return x.shape[1];
}
