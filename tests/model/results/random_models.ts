/** Random configurations of every kind that a model may have, with pictures so small that their reference is quick. */
import type { DownBlockType, UpBlockType, VQConfig } from "../../../model/architecture/config.ts";

/** A configuration, and the shape of a picture for it. */
export interface RandomModel {
  readonly config: Partial<VQConfig>;
  readonly shape: readonly number[];
}

/** Most pixels of the latents. */
const MAX_TOKENS = 24;
/** Most channels times pixels of the finest level: the reference is slow. */
const MAX_VALUES = 4096;

/** The model of this seed, the same everywhere. */
export function randomModel(seed: number): RandomModel {
  const random = mulberry32(seed);
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const pick = <T>(...values: T[]) => values[between(0, values.length - 1)];
  const levels = between(1, 5);
  const norm_type = pick("group", "group", "spatial");
  const norm_num_groups = norm_type === "spatial" ? pick(1, 2, 8, 16, 32) : pick(1, 2, 3, 4, 5, 8, 16, 32);
  const unit = norm_type === "spatial" ? 32 : norm_num_groups;
  const channels = () => unit * between(1, Math.max(1, Math.floor((norm_type === "spatial" ? 64 : 48) / unit)));
  const block_out_channels = Array.from({ length: levels }, channels);
  const latent_channels = between(1, 6);
  const types = <T>(plain: T, withAttention: T) =>
    Array.from({ length: levels }, () => pick(plain, plain, withAttention));
  const config: Partial<VQConfig> = {
    in_channels: pick(1, 3, 3),
    out_channels: pick(1, 3, 3),
    down_block_types: types<DownBlockType>("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    up_block_types: types<UpBlockType>("UpDecoderBlock2D", "AttnUpDecoderBlock2D"),
    block_out_channels,
    layers_per_block: pick(1, 1, 2),
    act_fn: pick("silu", "mish", "gelu", "relu"),
    latent_channels,
    num_vq_embeddings: between(2, 64),
    norm_num_groups,
    norm_type,
    vq_embed_dim: norm_type === "spatial" ? null : pick(null, between(1, 8)),
    mid_block_add_attention: pick(true, true, false),
  };
  const factor = 2 ** (levels - 1);
  const images = pick(1, 1, 2);
  const tokens = Math.max(
    1,
    Math.min(MAX_TOKENS, Math.floor(MAX_VALUES / (block_out_channels[0] * images * factor ** 2))),
  );
  const rows = between(1, Math.min(tokens, 6));
  const columns = between(1, Math.max(1, Math.floor(tokens / rows)));
  const side = (count: number) => count * factor + between(0, factor - 1);
  return { config, shape: [images, config.in_channels!, side(rows), side(columns)] };
}

/** Numbers in [0, 1): Tommy Ettinger's generator mulberry32. */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6D2B79F5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
