/**
 * open-muse's MaskGIT VQGAN: fewer biases, and averages in place of downsampling convolutions.
 *
 * @module
 */

import type { Shape } from "../../kernels/mod.ts";
import type { Family, Origins } from "./family.ts";
import { hasTamingNames, renameTaming } from "./taming.ts";

/** open-muse's MaskGIT VQGAN. */
export const MASKGIT: Family = {
  config: { name: "maskgit", quantizer: "nearest", pixel_range: "unit", shortcut: "result" },
  matches: (shapes) => hasTamingNames(shapes) && shapes.has("encoder.mid.0.conv1.weight"),
  rename: (name, levels) =>
    renameTaming(name, levels)
      .replace(/\.mid\.(\d+)\./, ".mid_block.resnets.$1.")
      .replace(/\.upsample_conv\./, ".upsamplers.0.conv."),
  complete(tensors) {
    addAverages(tensors);
    widenKernel(tensors, "encoder.conv_out.weight");
    addIdentity(tensors, "quant_conv", "encoder.conv_out.weight");
    addIdentity(tensors, "post_quant_conv", "encoder.conv_out.weight");
    addBiases(tensors);
  },
};

/** The average of 2×2 pixels is a 3×3 convolution at stride 2 that looks at four of its nine. */
function addAverages(tensors: Origins): void {
  for (let level = 0; tensors.has(`encoder.down_blocks.${level + 1}.resnets.0.conv1.weight`); level++) {
    const block = `encoder.down_blocks.${level}`;
    const channels = tensors.get(`${block}.resnets.0.conv1.weight`)!.shape[0];
    tensors.set(`${block}.downsamplers.0.conv.weight`, {
      shape: [channels, channels, 3, 3],
      make() {
        const weight = new Float32Array(channels * channels * 9);
        for (let c = 0; c < channels; c++) {
          const kernel = (c * channels + c) * 9;
          for (const tap of [0, 1, 3, 4]) weight[kernel + tap] = 0.25;
        }
        return weight;
      },
    });
  }
}

/** A 1×1 kernel as the middle of a 3×3 one. */
function widenKernel(tensors: Origins, name: string): void {
  const origin = tensors.get(name);
  if (origin?.shape[2] !== 1) return;
  const [outs, ins] = origin.shape;
  tensors.set(name, {
    ...origin,
    shape: [outs, ins, 3, 3],
    make(values) {
      const weight = new Float32Array(values.length * 9);
      values.forEach((value, i) => weight[9 * i + 4] = value);
      return weight;
    },
  });
}

function addIdentity(tensors: Origins, name: string, before: string): void {
  const channels = tensors.get(before)?.shape[0];
  if (channels === undefined) return;
  tensors.set(`${name}.weight`, {
    shape: [channels, channels, 1, 1],
    make() {
      const weight = new Float32Array(channels * channels);
      for (let c = 0; c < channels; c++) weight[c * channels + c] = 1;
      return weight;
    },
  });
}

/** Zeros for each convolution that has no bias. */
function addBiases(tensors: Origins): void {
  const zeros = (length: number) => ({ shape: [length] as Shape, make: () => new Float32Array(length) });
  for (const [name, { shape }] of [...tensors]) {
    const bias = name.replace(/\.weight$/, ".bias");
    if (shape.length === 4 && !tensors.has(bias)) tensors.set(bias, zeros(shape[0]));
  }
}
