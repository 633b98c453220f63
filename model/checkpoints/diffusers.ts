/**
 * Diffusers' own checkpoints, where no configuration is beside them.
 *
 * @module
 */

import type { Family } from "./family.ts";

/** What attentions' layers were called in Diffusers before 0.15, and are called now. */
const ATTENTION: Readonly<Record<string, string>> = {
  query: "to_q",
  key: "to_k",
  value: "to_v",
  proj_attn: "to_out.0",
};

/**
 * Diffusers' `VQModel`. What names and shapes do not tell is as in most of its models: 32 groups, SiLU, no lookup from the
 * codebook.
 */
export const DIFFUSERS: Family = {
  matches: (shapes, configuration) =>
    configuration === undefined && shapes.has("encoder.down_blocks.0.resnets.0.conv1.weight"),
  rename: (name) =>
    name.replace(/(\.attentions\.\d+)\.(query|key|value|proj_attn)\./, (_, place, layer) => {
      return `${place}.${ATTENTION[layer]}.`;
    }),
};
