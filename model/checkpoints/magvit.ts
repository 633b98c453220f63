/**
 * Show-o's MAGVIT-v2: the code of a latent is its signs.
 *
 * @module
 */

import { WeightsError } from "../../hub/mod.ts";
import { CODEBOOK, type Family, type Origins } from "./family.ts";
import { renameTaming } from "./taming.ts";

/** MAGVIT-v2 as in Show-o. */
export const MAGVIT: Family = {
  config: { name: "magvit-v2", quantizer: "signs", pixel_range: "signed" },
  matches: (shapes) => shapes.has("encoder.quant_conv.weight") && shapes.has("decoder.post_quant_conv.weight"),
  rename: (name, levels) =>
    renameTaming(name, levels)
      .replace(/^encoder\.quant_conv\./, "quant_conv.")
      .replace(/^decoder\.post_quant_conv\./, "post_quant_conv."),
  complete: addSigns,
};

/** More would be gigabytes of codes for a file of a few bytes; the largest published have 18. */
const MAX_BITS = 20;

/** All corners of the cube, of which a latent's signs say the nearest. The first channel is the highest bit. */
function addSigns(tensors: Origins): void {
  const bits = tensors.get("quant_conv.weight")?.shape[0];
  if (bits === undefined) return;
  if (bits > MAX_BITS) {
    throw new WeightsError(`Cannot read the checkpoint: expected codes of at most ${MAX_BITS} bits, found ${bits}`);
  }
  tensors.delete("quantize.embedding"); // the same, where a file holds it
  tensors.delete("quantize.power_vals");
  tensors.set(CODEBOOK, { shape: [2 ** bits, bits], make: () => signs(bits) });
}

function signs(bits: number): Float32Array<ArrayBuffer> {
  const codes = new Float32Array(2 ** bits * bits);
  for (let i = 0; i < codes.length; i++) {
    const [code, channel] = [Math.floor(i / bits), i % bits];
    codes[i] = (code >> (bits - 1 - channel)) & 1 ? 1 : -1;
  }
  return codes;
}
