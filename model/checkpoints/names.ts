/**
 * What taming-transformers and its descendants call the parts of a block, and what Diffusers calls them.
 *
 * @module
 */

const PARTS: readonly (readonly [taming: RegExp, diffusers: string])[] = [
  [/\.mid\.block_1\./, ".mid_block.resnets.0."],
  [/\.mid\.attn_1\./, ".mid_block.attentions.0."],
  [/\.mid\.block_2\./, ".mid_block.resnets.1."],
  [/\.block\.(\d+)\./, ".resnets.$1."],
  [/\.attn\.(\d+)\./, ".attentions.$1."],
  [/\.downsample\.conv\./, ".downsamplers.0.conv."],
  [/\.upsample\.conv\./, ".upsamplers.0.conv."],
  [/\.nin_shortcut\./, ".conv_shortcut."],
  [/\.norm_out\./, ".conv_norm_out."],
  [/(\.attentions\.\d+)\.norm\.(norm_layer|conv_y|conv_b)\./, "$1.spatial_norm.$2."],
  [/(\.attentions\.\d+)\.norm\./, "$1.group_norm."],
  [/(\.attentions\.\d+)\.([qkv])\./, "$1.to_$2."],
  [/(\.attentions\.\d+)\.proj_out\./, "$1.to_out.0."],
];

/** Renames the parts that a name consists of. */
export function renameParts(name: string): string {
  return PARTS.reduce((renamed, [part, replacement]) => renamed.replace(part, replacement), name);
}
