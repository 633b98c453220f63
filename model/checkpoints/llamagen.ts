/**
 * LlamaGen's tokenizer, and Janus's: the codes are unit vectors.
 *
 * @module
 */

import type { FamilyConfig } from "../architecture/config.ts";
import { CODEBOOK, type Family, type Origins } from "./family.ts";
import { renameParts } from "./names.ts";

/** The middle is a list of resnet, attention, resnet. */
const MIDDLE = ["resnets.0", "attentions.0", "resnets.1"];

const CONFIG: FamilyConfig = { name: "llamagen", quantizer: "unit_vectors", pixel_range: "signed" };

/** LlamaGen. */
export const LLAMAGEN: Family = {
  config: CONFIG,
  matches: (shapes) => shapes.has("encoder.conv_blocks.0.res.0.conv1.weight"),
  rename: (name) =>
    renameParts(
      name
        .replace(/^encoder\.conv_blocks\./, "encoder.down_blocks.")
        .replace(/^decoder\.conv_blocks\./, "decoder.up_blocks.") // both count in the order in which levels run
        .replace(/\.res\.(\d+)\./, ".resnets.$1.")
        .replace(/\.mid\.([012])\./, (_, i) => `.mid_block.${MIDDLE[Number(i)]}.`),
    ),
  complete: normalizeCodes,
};

/** Janus: LlamaGen's tokenizer as a part of a language model. */
export const JANUS: Family = {
  ...LLAMAGEN,
  config: { ...CONFIG, name: "janus" },
  matches: (shapes, configuration, prefix) => {
    return prefix.endsWith("gen_vision_model.") && LLAMAGEN.matches(shapes, configuration, prefix);
  },
};

/**
 * Upstream normalizes latents and codes before it compares them. Among codes of one length the nearest to a latent is the
 * same, whatever the latent's length.
 */
function normalizeCodes(tensors: Origins): void {
  const codebook = tensors.get(CODEBOOK);
  if (!codebook) return;
  const [, channels] = codebook.shape;
  tensors.set(CODEBOOK, {
    ...codebook,
    make(values) {
      for (let at = 0; at < values.length; at += channels) {
        const code = values.subarray(at, at + channels);
        const squares = code.reduce((sum, value) => sum + value ** 2, 0);
        const length = Math.max(Math.sqrt(squares), 1e-12); // as torch's normalize
        for (let i = 0; i < channels; i++) code[i] /= length;
      }
      return values;
    },
  });
}
